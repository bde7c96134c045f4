/** The payments of an event and what stands in the way of giving them back: read models for its refund. */
import { type Knex } from 'knex';
import { feeShare, type RefundStatus } from './refund';
import { refundProblem } from './refund-words';

interface EventPayment {
  orderId: string;
  reference: string;
  buyerName: string | null;
  status: string;
  currency: string;
  amount: bigint;
  fee: bigint;
  /** what has gone back, is on its way, or waits */
  refunded: bigint;
  feeRefunded: bigint;
  account: string;
  connected: boolean;
}

/** Paid orders of an event of which money is left; with `toAskFor`, only those that its refund can still ask for. */
export async function listPaymentsOfEvent(
  db: Knex,
  eventId: string,
  options: { toAskFor?: string } = {},
): Promise<EventPayment[]> {
  const { rows } = await db.raw(
    `SELECT orders.id AS "orderId", orders.reference, orders.buyer_name AS "buyerName", orders.status, orders.currency,
            coalesce(payment.paid_amount, payment.amount) AS amount, orders.application_fee_amount AS fee, given.amount AS refunded, given.fee AS "feeRefunded",
            payment.stripe_account_id AS account,
            EXISTS (SELECT 1 FROM stripe_connections
                     WHERE stripe_user_id = payment.stripe_account_id AND livemode = payment.livemode
                       AND status IN ('active', 'disconnecting') AND status_detail IS DISTINCT FROM 'access_lost') AS connected
       FROM orders
       JOIN LATERAL (
         SELECT * FROM payment_attempts
          WHERE order_id = orders.id AND status = 'paid'
            AND NOT EXISTS (SELECT 1 FROM refunds WHERE payment_attempt_id = payment_attempts.id AND origin = 'duplicate_payment')
          ORDER BY paid_at, n LIMIT 1) payment ON true
       JOIN LATERAL (
         SELECT coalesce(sum(amount), 0)::bigint AS amount, coalesce(sum(fee_amount), 0)::bigint AS fee
           FROM refunds WHERE payment_attempt_id = payment.id AND status <> 'failed') given ON true
      WHERE orders.event_id = :eventId AND orders.status IN ('paid', 'partially_refunded', 'needs_attention')
        AND given.amount < coalesce(payment.paid_amount, payment.amount)
        AND (:asked::uuid IS NULL OR (orders.status <> 'needs_attention'
          AND NOT EXISTS (SELECT 1 FROM refunds WHERE event_refund_id = :asked::uuid AND payment_attempt_id = payment.id)
          AND EXISTS (SELECT 1 FROM stripe_connections
                       WHERE stripe_user_id = payment.stripe_account_id AND livemode = payment.livemode
                         AND status IN ('active', 'disconnecting') AND status_detail IS DISTINCT FROM 'access_lost')))
      ORDER BY orders.created_at, orders.id`,
    { eventId, asked: options.toAskFor ?? null },
  );
  return rows;
}

export interface EventRefundPreview {
  orders: number;
  amount: bigint;
  feeReturned: bigint;
  feeKept: bigint;
  cannot: { orderId: string; reference: string; buyerName: string | null; amount: bigint; why: string }[];
}

/** What refunding everybody would mean, order by order. */
export async function previewEventRefund(
  db: Knex,
  eventId: string,
  policy: 'keep' | 'proportional',
): Promise<EventRefundPreview> {
  const preview: EventRefundPreview = { orders: 0, amount: 0n, feeReturned: 0n, feeKept: 0n, cannot: [] };
  for (const payment of await listPaymentsOfEvent(db, eventId)) {
    const left = payment.amount - payment.refunded;
    const why = whyNot(payment);
    if (why) {
      preview.cannot.push({ ...payment, amount: left, why });
      continue;
    }
    const share = feeShare(payment, payment.refunded, left);
    const feeLeft = payment.fee - payment.feeRefunded;
    const returned = policy === 'keep' ? 0n : share < feeLeft ? share : feeLeft;
    preview.orders += 1;
    preview.amount += left;
    preview.feeReturned += returned;
    preview.feeKept += share - returned;
  }
  return preview;
}

function whyNot(payment: EventPayment): string | null {
  if (payment.status === 'needs_attention')
    return 'Its payment waits for a person at Foyer. Foyer’s administration settles it.';
  if (!payment.connected)
    return `It was paid to the Stripe account ${payment.account}, which is no longer connected. Refund it in the Stripe Dashboard of that account.`;
  return null;
}

export interface EventRefundProgress {
  /** refunds and their sums, by how far they are */
  waiting: { count: number; amount: bigint };
  onTheirWay: { count: number; amount: bigint };
  done: { count: number; amount: bigint };
  stopped: { count: number; amount: bigint };
  total: number;
  failures: {
    refundId: string;
    orderId: string;
    reference: string;
    buyerName: string | null;
    amount: bigint;
    problem: string;
  }[];
}

const FAILURES_SHOWN = 100;

export async function readEventRefundProgress(db: Knex, eventRefundId: string): Promise<EventRefundProgress> {
  const none = () => ({ count: 0, amount: 0n });
  const progress: EventRefundProgress = {
    waiting: none(),
    onTheirWay: none(),
    done: none(),
    stopped: none(),
    total: 0,
    failures: await listFailures(db, eventRefundId),
  };
  const rows: { status: RefundStatus; count: number; amount: bigint }[] = await db('refunds')
    .where({ event_refund_id: eventRefundId })
    .groupBy('status')
    .select('status', db.raw('count(*)::int AS count'), db.raw('sum(amount)::bigint AS amount'));
  for (const row of rows) {
    const part = progress[PART_OF[row.status]];
    part.count += row.count;
    part.amount += row.amount;
    progress.total += row.count;
  }
  return progress;
}

const PART_OF: Record<RefundStatus, 'waiting' | 'onTheirWay' | 'done' | 'stopped'> = {
  requested: 'waiting',
  sent: 'waiting',
  pending: 'onTheirWay',
  succeeded: 'done',
  failed: 'stopped',
  needs_attention: 'stopped',
};

async function listFailures(db: Knex, eventRefundId: string): Promise<EventRefundProgress['failures']> {
  const rows = await db('refunds')
    .join('orders', 'orders.id', 'refunds.order_id')
    .where({ event_refund_id: eventRefundId })
    .whereIn('refunds.status', ['needs_attention', 'failed'])
    .orderBy('refunds.updated_at')
    .limit(FAILURES_SHOWN)
    .select(
      'refunds.id',
      'refunds.order_id',
      'refunds.amount',
      'refunds.status',
      'refunds.last_error',
      'refunds.succeeded_at',
      'refunds.origin',
      'orders.reference',
      'orders.buyer_name',
      'orders.stripe_account_id',
    );
  return rows.map((row) => ({
    refundId: row.id,
    orderId: row.order_id,
    reference: row.reference,
    buyerName: row.buyer_name,
    amount: row.amount,
    problem:
      refundProblem(
        { status: row.status, lastError: row.last_error, succeededAt: row.succeeded_at, origin: row.origin },
        row.stripe_account_id,
      ) ?? '',
  }));
}

/** Refunds of events with orders that nobody asked for yet: it stopped half-way, or an order could not be refunded before. */
export async function listEventRefundsToContinue(db: Knex): Promise<string[]> {
  const begun = await db('event_refunds')
    .where('created_at', '>', db.raw("now() - interval '30 days'"))
    .orderBy('created_at', 'desc')
    .select('id', 'event_id');
  const unfinished: string[] = [];
  for (const { id, event_id: eventId } of begun)
    if ((await listPaymentsOfEvent(db, eventId, { toAskFor: id })).length > 0) unfinished.push(id);
  return unfinished;
}
