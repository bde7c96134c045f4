/**
 * Asking for money back. Invariant: under the order's lock, what is asked for and what has gone back already never add up
 * to more than was paid; a ticket is in one refund at most. The row is committed before Stripe hears of it.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { createConnectionsStore } from '../connect/connections-store';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { addJob } from '../jobs/jobs';
import { newId } from '../lib/ids';
import { formatMoney } from '../lib/money';
import { noteOnOrder } from '../orders/move-order';
import { isFulfilled, type Order, paidOf, type PaymentAttempt } from '../orders/order';
import { createOrdersStore } from '../orders/orders-store';
import {
  idempotencyKeyOf,
  type QuoteProblem,
  quoteRefund,
  type RefundChoice,
  type RefundQuote,
} from './refund';
import { createRefundsStore } from './refunds-store';

/** The person who asked waits for the answer: the worker only goes on where that did not come to an end. */
export const SECONDS_TO_BE_SENT_BY_WHO_ASKED = 15;

export interface RefundRequest {
  orderId: string;
  choice: RefundChoice;
  by: { as: 'organizer' | 'admin'; userId: string };
  /** an admin's reason, or the organizer's word to the buyer; may be empty */
  reason: string;
  /** names the form that was sent: the same form sent twice is one refund */
  formKey: string;
  /** what the person was shown (`markOf`); what differs by now is shown again instead of done */
  seen: string;
}

export type RefundOutcome =
  | { state: 'requested'; refundId: string; quote: RefundQuote | null }
  | { state: 'changed' }
  | { state: 'refused'; problem: QuoteProblem };

export async function requestRefund(
  { db, config }: Pick<Dependencies, 'db' | 'config'>,
  request: RefundRequest,
): Promise<RefundOutcome> {
  return inTransaction(db, async (trx) => {
    const order = await createOrdersStore(trx).lock(request.orderId);
    const refunds = createRefundsStore(trx);
    const known = await refunds.findByFormKey(request.formKey);
    if (known?.orderId === order.id) return { state: 'requested', refundId: known.id, quote: null };
    const payment = await refunds.findPayment(order.id);
    const obstacle = await whyNotRefundable(trx, order, payment);
    if (obstacle || !payment)
      return { state: 'refused', problem: { field: 'form', message: obstacle?.text ?? NOTHING_PAID.text } };
    const quoted = quoteRefund(
      await refunds.readRefundable(order, payment),
      request.choice,
      config.platformFeeRefund,
    );
    if ('problem' in quoted) return { state: 'refused', problem: quoted.problem };
    if (known || markOf(quoted.quote) !== request.seen) return { state: 'changed' };
    const refundId = await insertRefund(trx, order, payment, quoted.quote, {
      as: request.by.as,
      userId: request.by.userId,
      reason: request.reason,
      formKey: request.formKey,
      jobIn: SECONDS_TO_BE_SENT_BY_WHO_ASKED,
    });
    await writeAudit(trx, {
      actor: request.by.as,
      actorUserId: request.by.userId,
      action: 'refund.requested',
      organizerId: order.organizerId,
      subjectType: 'order',
      subjectId: order.id,
      reason: request.reason || null,
      details: {
        refund: refundId,
        scope: quoted.quote.scope,
        amount: `${quoted.quote.amount} ${paidOf(payment).currency}`,
        fee: String(quoted.quote.feeReturned),
        account: payment.stripeAccountId,
      },
    });
    return { state: 'requested', refundId, quote: quoted.quote };
  });
}

/** What a quote was, in one word: a form carries what was shown, and is compared with what would be done now. */
export function markOf(quote: RefundQuote): string {
  return [
    quote.scope,
    quote.amount,
    quote.feeReturned,
    quote.left,
    ...quote.tickets.map(({ seq }) => seq),
  ].join('.');
}

/** Writes the refund, claims its tickets and sees that it is sent. Needs the order's lock and a quote made under it. */
export async function insertRefund(
  trx: Knex.Transaction,
  order: Order,
  payment: PaymentAttempt,
  quote: RefundQuote,
  by: {
    as: 'organizer' | 'admin' | 'system' | 'buyer';
    userId: string | null;
    reason: string;
    formKey?: string;
    eventRefundId?: string;
    /** seconds until it may be sent: many at once would use up what Stripe allows */
    sendIn?: number;
    /** seconds until the worker sends it: later, where whoever asked sends it at once */
    jobIn?: number;
  },
): Promise<string> {
  const id = newId();
  const refunds = createRefundsStore(trx);
  await refunds.insert({
    id,
    order_id: order.id,
    payment_attempt_id: payment.id,
    origin: 'request',
    scope: quote.scope,
    amount: quote.amount,
    fee_amount: quote.feeReturned,
    currency: paidOf(payment).currency,
    reason: by.reason,
    requested_as: by.as,
    requested_by: by.userId,
    form_key: by.formKey ?? null,
    event_refund_id: by.eventRefundId ?? null,
    idempotency_key: idempotencyKeyOf(id, 1),
    send_after: trx.raw('now() + make_interval(secs => ?)', [by.sendIn ?? 0]),
  });
  const claimed = await refunds.claimTickets(
    id,
    quote.tickets.map((ticket) => ticket.id),
  );
  if (claimed !== quote.tickets.length) throw new Error('A ticket of this refund is in another one');
  await noteOnOrder(trx, order, {
    actor: by.as,
    actorUserId: by.userId,
    reason: `a refund of ${formatMoney(quote.amount, paidOf(payment).currency)} was asked for`,
    details: { account: payment.stripeAccountId },
  });
  await addJob(
    trx,
    'send_refund',
    { refundId: id },
    { key: `send-refund-${id}`, inSeconds: by.jobIn ?? by.sendIn ?? 0 },
  );
  return id;
}

/**
 * Asks for all of a payment back that we can't honour, the whole fee with it: nobody got anything for it. One row for
 * each payment, however often it is asked for. Answers false when all of it has gone back at Stripe already.
 */
export async function requestAutomaticRefund(
  trx: Knex.Transaction,
  order: Order,
  attempt: PaymentAttempt,
  origin: 'late_payment' | 'duplicate_payment',
): Promise<boolean> {
  const refunds = createRefundsStore(trx);
  const before = await refunds.listOfPayment(attempt.id);
  if (before.some((refund) => refund.origin === origin)) return true;
  // what somebody asked for and has stopped is part of this one: it would hold its amount back for ever
  await withdrawStopped(trx, attempt.id);
  const { amount, currency, refunded, feeRefunded } = await refunds.readRefundable(order, attempt);
  if (refunded >= amount) return false;
  const id = newId();
  await refunds.insert({
    id,
    order_id: order.id,
    payment_attempt_id: attempt.id,
    origin,
    amount: amount - refunded,
    fee_amount: order.applicationFeeAmount - feeRefunded,
    currency,
    reason: origin === 'late_payment' ? 'paid too late' : 'paid twice',
    requested_as: 'system',
    idempotency_key: idempotencyKeyOf(id, 1),
  });
  await addJob(trx, 'send_refund', { refundId: id }, { key: `send-refund-${id}` });
  return true;
}

/** Refunds of a payment that have stopped will not be tried again: something else was decided about its money. */
export async function withdrawStopped(trx: Knex.Transaction, attemptId: string): Promise<void> {
  const refunds = createRefundsStore(trx);
  for (const { id, status } of await refunds.listOfPayment(attemptId)) {
    if (status !== 'needs_attention') continue;
    await refunds.update(id, { status: 'failed', last_error: 'withdrawn' });
    await refunds.releaseTickets(id);
  }
}

export interface Obstacle {
  title: string;
  text: string;
}

const NOTHING_PAID: Obstacle = {
  title: 'There is nothing to refund',
  text: 'Nothing was paid for this order, so there is no money to give back.',
};

/** Why no money of this order can go back by Foyer now; null when it can. */
export async function whyNotRefundable(
  db: Knex,
  order: Order,
  payment: PaymentAttempt | null,
): Promise<Obstacle | null> {
  if (!payment) return NOTHING_PAID;
  if (order.status === 'needs_attention')
    return {
      title: 'This order waits for a person at Foyer',
      text: 'Its payment contradicts the order, or a refund of it has failed. Foyer’s administration settles it first; nothing is refunded beside that.',
    };
  if (!isFulfilled(order.status))
    return {
      title: 'There is nothing to refund',
      text: 'This order has no payment that stands: it was refunded, is being refunded, or never became paid.',
    };
  return whyUnreachable(db, payment);
}

/** Why Foyer can't move money on the account that a payment was made to; null when it can (promise 5). */
export async function whyUnreachable(db: Knex, payment: PaymentAttempt): Promise<Obstacle | null> {
  const connection = await createConnectionsStore(db).findByAccount(
    payment.stripeAccountId,
    payment.livemode,
  );
  if (connection && connection.statusDetail !== 'access_lost') return null;
  return {
    title: 'Foyer can’t refund this order',
    text: `It was paid to the Stripe account ${payment.stripeAccountId}, which is no longer connected to Foyer. Refund the payment ${payment.paymentIntentId} in the Stripe Dashboard of that account, or connect the same account again. Foyer has changed nothing.`,
  };
}
