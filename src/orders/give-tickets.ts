/**
 * Complimentary tickets: a member gives some of a type to a person, without money. Invariant (promise 1): they are counted
 * under the event's lock like a hold, and only if they fit; the form that was sent twice gives once.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { newId, newReference } from '../lib/ids';
import { fulfilOrder } from './fulfil-order';
import { lockInventory } from './inventory';
import { moveOrder } from './move-order';
import { createOrdersStore } from './orders-store';

export interface Gift {
  eventId: string;
  organizerId: string;
  userId: string;
  ticketTypeId: string;
  quantity: number;
  name: string;
  email: string;
  /** for the organizer's own records; the guest does not see it */
  reason: string;
  formKey: string;
}

export type GiftOutcome =
  | { state: 'given'; orderId: string }
  | { state: 'refused'; field: 'type' | 'quantity' | 'form'; message: string };

export async function giveTickets(
  dependencies: Pick<Dependencies, 'db' | 'config' | 'orderTokens' | 'ticketCodes'>,
  gift: Gift,
): Promise<GiftOutcome> {
  return inTransaction(dependencies.db, async (trx) => {
    await lockInventory(trx, gift.eventId);
    // under the lock: the same form of before has committed by now
    const given = await trx('complimentary_orders').where({ form_key: gift.formKey }).first('order_id');
    if (given) return { state: 'given', orderId: given.order_id };
    const fitting = await checkGift(trx, gift);
    if ('state' in fitting) return fitting;

    const id = await insertHeld(trx, gift, fitting);
    const order = await createOrdersStore(trx).lock(id);
    await fulfilOrder(trx, dependencies, order);
    await moveOrder(trx, order, 'paid', {
      actor: 'organizer',
      actorUserId: gift.userId,
      reason: `complimentary tickets given: ${gift.reason}`,
    });
    await writeAudit(trx, {
      actor: 'organizer',
      actorUserId: gift.userId,
      action: 'order.complimentary_given',
      organizerId: gift.organizerId,
      subjectType: 'order',
      subjectId: id,
      reason: gift.reason,
      details: { tickets: gift.quantity, type: fitting.typeName },
    });
    return { state: 'given', orderId: id };
  });
}

interface Fitting {
  typeName: string;
  currency: string;
  livemode: boolean;
  selfCancellation: string | null;
}

async function checkGift(
  trx: Knex.Transaction,
  gift: Gift,
): Promise<Fitting | Extract<GiftOutcome, { state: 'refused' }>> {
  const refuse = (field: 'type' | 'quantity' | 'form', message: string) => ({
    state: 'refused' as const,
    field,
    message,
  });
  const event = await trx('events').where({ id: gift.eventId }).first();
  const closed = whyNoGifts(event);
  if (closed) return refuse('form', closed);
  const type = await trx('ticket_types')
    .where({ id: gift.ticketTypeId, event_id: gift.eventId })
    .whereNull('removed_at')
    .first();
  if (!type) return refuse('type', 'Choose a ticket type of this event');
  const ofType = type.capacity - type.held - type.sold;
  const left = event.capacity === null ? ofType : Math.min(ofType, event.capacity - event.held - event.sold);
  if (gift.quantity > left)
    return refuse(
      'quantity',
      left > 0
        ? `Only ${left} of ${type.name} ${left === 1 ? 'is' : 'are'} left. Give fewer`
        : `All ${type.name} tickets are sold or held. Raise their number in the event first`,
    );
  return {
    typeName: type.name,
    currency: event.currency,
    livemode: event.livemode,
    selfCancellation: event.self_cancellation,
  };
}

/** Why tickets of an event can't be given away now; null when they can. */
export function whyNoGifts(event: {
  status: string;
  suspended_at?: Date | null;
  organizer_suspended?: boolean;
  ends_at: Date;
}): string | null {
  if (event.status === 'cancelled') return 'This event is cancelled, so there is nothing to give.';
  if (event.status === 'draft') return 'This event is a draft. Publish it first, then give tickets.';
  if (event.suspended_at || event.organizer_suspended)
    return 'This event is suspended by Foyer, so no tickets can be given.';
  if (event.ends_at <= new Date()) return 'This event is over.';
  return null;
}

async function insertHeld(trx: Knex.Transaction, gift: Gift, { typeName, ...of }: Fitting): Promise<string> {
  const id = newId();
  await trx('orders').insert({
    id,
    event_id: gift.eventId,
    organizer_id: gift.organizerId,
    reference: newReference(),
    currency: of.currency,
    total_amount: 0,
    livemode: of.livemode,
    self_cancellation: of.selfCancellation,
    buyer_name: gift.name,
    buyer_email: gift.email,
    hold_expires_at: trx.fn.now(),
    opened_at: trx.fn.now(),
  });
  await trx('order_lines').insert({
    order_id: id,
    ticket_type_id: gift.ticketTypeId,
    ticket_type_name: typeName,
    quantity: gift.quantity,
    unit_price: 0,
  });
  await trx('complimentary_orders').insert({
    order_id: id,
    form_key: gift.formKey,
    reason: gift.reason,
    given_by: gift.userId,
  });
  await trx('ticket_types').where({ id: gift.ticketTypeId }).increment('held', gift.quantity);
  await trx('events').where({ id: gift.eventId }).increment('held', gift.quantity);
  return id;
}
