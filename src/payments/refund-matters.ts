/** What of an organizer's refunds waits for a person: the desk's first page and the admins' queue list it. */
import { type Knex } from 'knex';

export type RefundMatter =
  | { kind: 'stopped'; orderId: string; reference: string; amount: bigint; currency: string }
  | { kind: 'event_stopped'; eventId: string; title: string; amount: bigint; currency: string }
  | { kind: 'tickets'; refundId: string; reference: string; amount: bigint; currency: string }
  | { kind: 'cancelled'; eventId: string; title: string; amount: bigint; currency: string };

const MOST_LISTED = 5;

/** Refunds that wait for a person: those that stopped, and those on their way on an account that nobody can ask any more. */
export function refundsThatWait(db: Knex): Knex.QueryBuilder {
  return db('refunds').where((either) =>
    either.where({ 'refunds.status': 'needs_attention' }).orWhere((unseen) =>
      unseen.where({ 'refunds.status': 'pending' }).whereNotExists(
        db('payment_attempts')
          .join('stripe_connections', {
            'stripe_connections.stripe_user_id': 'payment_attempts.stripe_account_id',
            'stripe_connections.livemode': 'payment_attempts.livemode',
          })
          .whereRaw('payment_attempts.id = refunds.payment_attempt_id')
          .whereIn('stripe_connections.status', ['active', 'disconnecting'])
          .select(db.raw('1')),
      ),
    ),
  );
}

export async function listRefundMatters(
  db: Knex,
  of: { organizerId: string; livemode: boolean },
): Promise<RefundMatter[]> {
  const refunds = () =>
    db('refunds')
      .join('orders', 'orders.id', 'refunds.order_id')
      .where({ 'orders.organizer_id': of.organizerId, 'orders.livemode': of.livemode })
      .limit(MOST_LISTED);
  const stopped = await refunds()
    .where({ 'refunds.status': 'needs_attention' })
    .whereNull('event_refund_id')
    .orderBy('refunds.updated_at')
    .select('orders.id', 'orders.reference', 'refunds.amount', 'refunds.currency');
  const ofEvents = await refunds()
    .join('events', 'events.id', 'orders.event_id')
    .where({ 'refunds.status': 'needs_attention' })
    .whereNotNull('event_refund_id')
    .groupBy('events.id', 'events.title', 'refunds.currency')
    .select('events.id', 'events.title', 'refunds.currency', db.raw('sum(refunds.amount)::bigint AS amount'));
  const undecided = await refunds()
    .where({ origin: 'dashboard', 'refunds.status': 'succeeded' })
    .whereNull('tickets_decided_at')
    .whereIn('orders.status', ['paid', 'partially_refunded'])
    .orderBy('refunds.created_at')
    .select('refunds.id', 'orders.reference', 'refunds.amount', 'refunds.currency');
  const cancelled = await db('events')
    .join('orders', 'orders.event_id', 'events.id')
    .where({
      'events.organizer_id': of.organizerId,
      'events.livemode': of.livemode,
      'events.status': 'cancelled',
    })
    .where('events.ends_at', '>', db.raw("now() - interval '60 days'"))
    .whereIn('orders.status', ['paid', 'partially_refunded'])
    .where('orders.total_amount', '>', 0)
    .whereNotExists(db('event_refunds').whereRaw('event_refunds.event_id = events.id'))
    .groupBy('events.id')
    .orderBy('events.starts_at')
    .limit(MOST_LISTED)
    .select(
      'events.id',
      'events.title',
      'events.currency',
      db.raw('sum(orders.total_amount)::bigint AS amount'),
    );
  return [
    ...stopped.map((row) => ({
      ...pick(row),
      kind: 'stopped' as const,
      orderId: row.id,
      reference: row.reference,
    })),
    ...ofEvents.map((row) => ({
      ...pick(row),
      kind: 'event_stopped' as const,
      eventId: row.id,
      title: row.title,
    })),
    ...undecided.map((row) => ({
      ...pick(row),
      kind: 'tickets' as const,
      refundId: row.id,
      reference: row.reference,
    })),
    ...cancelled.map((row) => ({
      ...pick(row),
      kind: 'cancelled' as const,
      eventId: row.id,
      title: row.title,
    })),
  ];
}

function pick({ amount, currency }: { amount: bigint; currency: string }) {
  return { amount, currency };
}
