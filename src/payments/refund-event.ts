/**
 * Refunding everybody of a cancelled event. Invariant: each payment is asked for once, however often this runs or stops:
 * what is still to do is read from the orders themselves, and one refund for each payment is the database's rule. Sent at
 * a pace that leaves most of what Stripe allows to everybody else.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { Conflict } from '../errors';
import { createEventsStore } from '../events/events-store';
import { addJob } from '../jobs/jobs';
import { newId } from '../lib/ids';
import { createOrdersStore } from '../orders/orders-store';
import { listPaymentsOfEvent } from './event-payments';
import { quoteRefund } from './refund';
import { createRefundsStore } from './refunds-store';
import { insertRefund, whyNotRefundable } from './request-refund';
import { retryRefund } from './retry-refund';

type RefundEventDependencies = Pick<Dependencies, 'db' | 'config' | 'logger'>;

/** The share of Stripe's limit for one endpoint that giving back an event may use. */
const SHARE_OF_LIMIT = 0.2;

/** Begins it, once for an event; pressed again it goes on. The work is the worker's. */
export async function beginEventRefund(
  { db }: RefundEventDependencies,
  deed: { eventId: string; organizerId: string; userId: string },
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const event = await createEventsStore(trx).lockOfOrganizer(deed.eventId, deed.organizerId);
    if (event.status !== 'cancelled')
      throw new Conflict(
        'Only the orders of a cancelled event can be refunded all at once. Cancel it first.',
      );
    const id = newId();
    const begun = await trx('event_refunds')
      .insert({ id, event_id: event.id, requested_by: deed.userId })
      .onConflict('event_id')
      .ignore()
      .returning('id');
    if (begun.length > 0)
      await writeAudit(trx, {
        actor: 'organizer',
        actorUserId: deed.userId,
        action: 'event.refund_requested',
        organizerId: deed.organizerId,
        subjectType: 'event',
        subjectId: event.id,
      });
    const row = await trx('event_refunds').where({ event_id: event.id }).first('id');
    await addJob(trx, 'refund_event', { eventRefundId: row.id }, { key: `refund-event-${row.id}` });
  });
}

/** Asks for all that is not asked for yet. A process that is killed in between leaves the rest to the next run. */
export async function continueEventRefund(
  dependencies: RefundEventDependencies,
  eventRefundId: string,
): Promise<void> {
  const { db, logger } = dependencies;
  const begun = await db('event_refunds').where({ id: eventRefundId }).first();
  if (!begun) return;
  for (const { orderId } of await listPaymentsOfEvent(db, begun.event_id, { toAskFor: eventRefundId })) {
    await refundOrder(dependencies, { id: eventRefundId, requestedBy: begun.requested_by }, orderId).catch(
      (error: unknown) => {
        // one order must not keep the others from their money; the sweep comes back to it
        logger.error(
          { orderId, eventRefundId, err: error },
          'an order of a cancelled event could not be refunded',
        );
      },
    );
  }
}

async function refundOrder(
  { db, config }: RefundEventDependencies,
  eventRefund: { id: string; requestedBy: string | null },
  orderId: string,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const order = await createOrdersStore(trx).lock(orderId);
    const refunds = createRefundsStore(trx);
    const payment = await refunds.findPayment(orderId);
    if (!payment || (await whyNotRefundable(trx, order, payment))) return;
    const asked = await trx('refunds')
      .where({ event_refund_id: eventRefund.id, payment_attempt_id: payment.id })
      .first('id');
    if (asked) return;
    const quoted = quoteRefund(
      await refunds.readRefundable(order, payment),
      { scope: 'order' },
      config.platformFeeRefund,
    );
    if ('problem' in quoted) return;
    await insertRefund(trx, order, payment, quoted.quote, {
      as: 'organizer',
      userId: eventRefund.requestedBy,
      reason: 'The event was cancelled.',
      eventRefundId: eventRefund.id,
      sendIn: await secondsUntilNextTurn(trx, eventRefund.id, config.stripe.requestsPerSecond),
    });
  });
}

/** Each one's turn comes a little after the last one's. */
async function secondsUntilNextTurn(
  trx: Knex,
  eventRefundId: string,
  requestsPerSecond: number,
): Promise<number> {
  const perSecond = Math.max(1, requestsPerSecond * SHARE_OF_LIMIT);
  const { rows } = await trx.raw(
    `SELECT greatest(0, extract(epoch FROM max(send_after) - now()) + ?)::float8 AS seconds
       FROM refunds WHERE event_refund_id = ?`,
    [1 / perSecond, eventRefundId],
  );
  return rows[0]?.seconds ?? 0;
}

/** Tries all again that have stopped. Answers how many. */
export async function retryEventRefunds(
  dependencies: RefundEventDependencies,
  eventId: string,
  userId: string,
): Promise<number> {
  const stopped = await dependencies
    .db('refunds')
    .join('event_refunds', 'event_refunds.id', 'refunds.event_refund_id')
    .where({ 'event_refunds.event_id': eventId, 'refunds.status': 'needs_attention' })
    .orderBy('refunds.created_at')
    .select('refunds.id');
  const perSecond = Math.max(1, dependencies.config.stripe.requestsPerSecond * SHARE_OF_LIMIT);
  let begun = 0;
  for (const { id } of stopped) {
    const retried = await retryRefund(
      dependencies,
      id,
      { as: 'organizer', userId },
      { sendIn: begun / perSecond },
    ).catch((error: unknown) => {
      // its account is out of reach: it stays listed with the reason
      if (error instanceof Conflict) return false;
      throw error;
    });
    if (retried) begun += 1;
  }
  return begun;
}
