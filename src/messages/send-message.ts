/**
 * Sending a message to attendees. Invariant: whom it goes to is written with it, in one transaction; each of these orders
 * gets one mail, however often the form is sent and wherever a process stops.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { addJob } from '../jobs/jobs';
import { newId } from '../lib/ids';
import { queueMails } from '../mail/outbox';
import { lockInventory } from '../orders/inventory';
import { noteOnOrders } from '../orders/move-order';
import { isFulfilled } from '../orders/order';
import { toOrder } from '../orders/orders-store';
import { markedTitle } from '../events/event-mode';
import { paths } from '../paths';
import { type Audience, messageMail, type MessageText } from './message';
import { createMessagesStore } from './messages-store';

/** Of one event: those who came for music did not ask for a newsletter. */
export const MOST_A_DAY = 10;
const ORDERS_IN_A_TRANSACTION = 100;

export type SendOutcome = { state: 'begun'; messageId: string } | { state: 'too_many' } | { state: 'nobody' };

export async function beginMessage(
  { db }: Pick<Dependencies, 'db'>,
  request: MessageText & {
    event: { id: string; livemode: boolean; organizer_id: string };
    audience: Audience;
    userId: string;
    formKey: string;
  },
): Promise<SendOutcome> {
  return inTransaction(db, async (trx) => {
    await lockInventory(trx, request.event.id);
    // under the lock: the same form of before has committed by now
    const known = await trx('attendee_messages').where({ form_key: request.formKey }).first('id');
    if (known) return { state: 'begun', messageId: known.id };
    const today = await trx('attendee_messages')
      .where({ event_id: request.event.id })
      .where('created_at', '>', trx.raw("now() - interval '1 day'"))
      .first(trx.raw('count(*)::int AS count'));
    if (today.count >= MOST_A_DAY) return { state: 'too_many' };
    const id = newId();
    await trx('attendee_messages').insert({
      id,
      event_id: request.event.id,
      form_key: request.formKey,
      subject: request.subject,
      body: request.body,
      audience: request.audience.of,
      ticket_type_id: request.audience.of === 'type' ? request.audience.ticketTypeId : null,
      sent_by: request.userId,
    });
    const orders: string[] = await createMessagesStore(trx)
      .audience(request.event, request.audience)
      .pluck('id');
    if (orders.length === 0) {
      await trx('attendee_messages').where({ id }).delete();
      return { state: 'nobody' };
    }
    await trx.batchInsert(
      'attendee_message_orders',
      orders.map((orderId) => ({ message_id: id, order_id: orderId })),
      1000,
    );
    await writeAudit(trx, {
      actor: 'organizer',
      actorUserId: request.userId,
      action: 'event.message_sent',
      organizerId: request.event.organizer_id,
      subjectType: 'event',
      subjectId: request.event.id,
      details: { message: id, orders: orders.length },
    });
    await addJob(trx, 'send_message', { messageId: id }, { key: `send-message-${id}` });
    return { state: 'begun', messageId: id };
  });
}

/** Puts the mails that are missing into the outbox, some at a time. Whoever stops in between leaves the rest to the next. */
export async function continueMessage(
  dependencies: Pick<Dependencies, 'db' | 'config' | 'orderTokens'>,
  messageId: string,
): Promise<void> {
  while (await inTransaction(dependencies.db, (trx) => queueSome(trx, dependencies, messageId)));
}

async function queueSome(
  trx: Knex.Transaction,
  { config, orderTokens }: Pick<Dependencies, 'config' | 'orderTokens'>,
  messageId: string,
): Promise<boolean> {
  const message = await trx('attendee_messages')
    .where({ id: messageId, queued_at: null })
    .forUpdate()
    .first();
  if (!message) return false;
  const waiting: string[] = await trx('attendee_message_orders')
    .where({ message_id: messageId, queued_at: null })
    .orderBy('order_id')
    .limit(ORDERS_IN_A_TRANSACTION)
    .pluck('order_id');
  if (waiting.length === 0) {
    await trx('attendee_messages').where({ id: messageId }).update({ queued_at: trx.fn.now() });
    return false;
  }
  const orders = (await trx('orders').whereIn('id', waiting).orderBy('id')).map(toOrder);
  const event = await trx('events').where({ id: message.event_id }).first();
  const about = {
    event: { title: markedTitle(config, event) },
    organizer: await trx('organizers').where({ id: event.organizer_id }).first('name', 'contact_email'),
  };
  // who has given the tickets back meanwhile has nothing to be told
  const told = orders.filter((order) => isFulfilled(order.status) && order.buyerEmail);
  const left = orders.filter((order) => !told.includes(order)).map(({ id }) => id);
  await queueMails(
    trx,
    told.map((order) => ({
      dedupeKey: `message:${messageId}:${order.id}`,
      template: 'attendee-message',
      recipient: order.buyerEmail!,
      orderId: order.id,
      content: messageMail(message, about, {
        reference: order.reference,
        buyerName: order.buyerName,
        url: config.baseUrl + paths.order(orderTokens.sign(order.id)),
      }),
    })),
  );
  await noteOnOrders(trx, told, {
    actor: 'organizer',
    actorUserId: message.sent_by,
    reason: `a message was sent: ${message.subject}`,
  });
  const rows = () => trx('attendee_message_orders').where({ message_id: messageId });
  await rows()
    .whereIn(
      'order_id',
      told.map(({ id }) => id),
    )
    .update({ queued_at: trx.fn.now() });
  await rows().whereIn('order_id', left).delete();
  return true;
}
