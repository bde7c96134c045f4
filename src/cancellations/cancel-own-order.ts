/**
 * A buyer cancels their own order by the policy that it keeps. Invariant: under the order's lock and those of its tickets,
 * nothing that was used at the door is cancelled; money goes back by the one way that refunds go (decision 0018), places
 * of free tickets are free at once, and each once.
 */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { formatMoney } from '../lib/money';
import { queueMails } from '../mail/outbox';
import { cancelFreeOrder } from '../orders/cancel-free-order';
import { type Order } from '../orders/order';
import { createOrdersStore } from '../orders/orders-store';
import { isOrderDisputed } from '../payments/disputes-store';
import { type RefundQuote } from '../payments/refund';
import { createRefundsStore } from '../payments/refunds-store';
import {
  insertRefund,
  markOf,
  SECONDS_TO_BE_SENT_BY_WHO_ASKED,
  whyNotRefundable,
} from '../payments/request-refund';
import { cancellationMails } from './cancellation-mails';
import { quoteCancellation, readPolicy, whyNotCancellable } from './policy';

/** What would happen: no quote where the order cost nothing. */
export type OwnCancellation =
  | { state: 'possible'; quote: RefundQuote | null; tickets: number; seen: string }
  | { state: 'refused'; message: string };

/** Looks at an order; with a transaction that holds its lock the answer stays true until the commit. */
export async function readOwnCancellation(
  db: Knex,
  { config }: Pick<Dependencies, 'config'>,
  order: Order,
  options: { lock?: boolean } = {},
): Promise<OwnCancellation> {
  const kept = await db('orders').where({ id: order.id }).first('self_cancellation');
  const policy = readPolicy(kept?.self_cancellation);
  const tickets = await db('tickets')
    .where({ order_id: order.id, status: 'valid' })
    .orderBy('id')
    .modify((query) => options.lock && void query.forUpdate())
    .select('checked_in_at', 'refund_id');
  const obstacle = whyNotCancellable({
    order,
    policy,
    event: await db('events').where({ id: order.eventId }).first('status', 'starts_at'),
    tickets,
    disputed: await isOrderDisputed(db, order.id),
    now: new Date(),
  });
  if (obstacle || !policy) return { state: 'refused', message: obstacle ?? '' };
  if (order.totalAmount === 0n)
    return { state: 'possible', quote: null, tickets: tickets.length, seen: 'free' };
  const refunds = createRefundsStore(db);
  const payment = await refunds.findPayment(order.id);
  if (!payment || (await whyNotRefundable(db, order, payment)))
    return {
      state: 'refused',
      message: 'This payment can’t be given back by itself. Write to the organizer instead.',
    };
  const quoted = quoteCancellation(
    await refunds.readRefundable(order, payment),
    policy,
    config.platformFeeRefund,
  );
  if ('problem' in quoted) return { state: 'refused', message: quoted.problem.message };
  return { state: 'possible', quote: quoted.quote, tickets: tickets.length, seen: markOf(quoted.quote) };
}

export type CancelOutcome =
  { state: 'done'; refundId: string | null } | { state: 'changed' } | { state: 'refused'; message: string };

export async function cancelOwnOrder(
  dependencies: Pick<Dependencies, 'db' | 'config' | 'orderTokens'>,
  request: { orderId: string; formKey: string; seen: string },
): Promise<CancelOutcome> {
  return inTransaction(dependencies.db, async (trx) => {
    const order = await createOrdersStore(trx).lock(request.orderId);
    const refunds = createRefundsStore(trx);
    const known = await refunds.findByFormKey(request.formKey);
    if (known?.orderId === order.id) return { state: 'done', refundId: known.id };
    if (order.status === 'cancelled') return { state: 'done', refundId: null };
    const asked = await readOwnCancellation(trx, dependencies, order, { lock: true });
    if (asked.state === 'refused') return asked;
    if (known || asked.seen !== request.seen) return { state: 'changed' };
    const refundId = await giveUp(trx, order, asked.quote, request.formKey);
    const amount = asked.quote && formatMoney(asked.quote.amount, order.currency);
    await queueMails(trx, await cancellationMails(trx, dependencies, order, { amount, refundId }));
    return { state: 'done', refundId };
  });
}

async function giveUp(
  trx: Knex.Transaction,
  order: Order,
  quote: RefundQuote | null,
  formKey: string,
): Promise<string | null> {
  const reason = 'cancelled by the buyer, by the organizer’s policy';
  if (!quote) {
    await cancelFreeOrder(trx, order, { actor: 'buyer', reason }, 'by_buyer');
    return null;
  }
  const payment = (await createRefundsStore(trx).findPayment(order.id))!;
  return insertRefund(trx, order, payment, quote, {
    as: 'buyer',
    userId: null,
    reason,
    formKey,
    jobIn: SECONDS_TO_BE_SENT_BY_WHO_ASKED,
  });
}
