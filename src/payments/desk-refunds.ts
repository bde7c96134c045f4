/** What an order's page at the desk, and the admins' one, shows of its refunds. */
import { type Knex } from 'knex';
import { type Order } from '../orders/order';
import { paths } from '../paths';
import { asksForTickets } from './choose-tickets';
import { type Refund } from './refund';
import { refundBadge, type RefundBadge, refundProblem } from './refund-words';
import { createRefundsStore } from './refunds-store';
import { isWithdrawable } from './retry-refund';

export interface ShownRefund {
  amount: bigint;
  currency: string;
  feeAmount: bigint;
  what: string;
  by: string;
  at: Date;
  badge: RefundBadge;
  stripeRefundId: string | null;
  problem: string | null;
  reason: string;
  retryPath: string | null;
  withdrawPath: string | null;
  ticketsPath: string | null;
}

export async function readDeskRefunds(db: Knex, order: Order, as: 'organizer' | 'admin') {
  const store = createRefundsStore(db);
  const payment = await store.findPayment(order.id);
  const refunds = await store.listOfOrder(order.id);
  const tickets = await ticketsByRefund(db, order.id);
  const refundable = payment ? await store.readRefundable(order, payment) : null;
  return {
    refunds: refunds.map((refund) => show(refund, order, as, tickets.get(refund.id) ?? [])),
    /** is there anything to offer: money that is left, or a reason why it can't go back by Foyer */
    refundHref:
      refundable && refundable.refunded < refundable.amount && mayBeOffered(order)
        ? as === 'admin'
          ? paths.adminOrderRefund(order.id)
          : paths.orderRefund(order.id)
        : null,
    /** what Stripe says of the platform's fee; null where nothing was given back or nothing is known */
    feeGivenBack: await readFeeGivenBack(db, payment?.id ?? null),
  };
}

function mayBeOffered(order: Order): boolean {
  return order.status === 'paid' || order.status === 'partially_refunded';
}

function show(refund: Refund, order: Order, as: 'organizer' | 'admin', seqs: number[]): ShownRefund {
  const stopped = refund.status === 'needs_attention';
  return {
    amount: refund.amount,
    currency: refund.currency,
    feeAmount: refund.feeAmount,
    what: whatOf(refund, seqs),
    by: byOf(refund),
    at: refund.createdAt,
    badge: refundBadge(refund),
    stripeRefundId: refund.stripeRefundId,
    problem: refundProblem(refund, order.stripeAccountId),
    reason: refund.origin === 'request' ? refund.reason : '',
    retryPath: stopped
      ? as === 'admin'
        ? paths.adminRefundAttempts(refund.id)
        : paths.refundAttempts(refund.id)
      : null,
    withdrawPath: isWithdrawable(refund)
      ? as === 'admin'
        ? paths.adminRefundWithdrawal(refund.id)
        : paths.refundWithdrawal(refund.id)
      : null,
    ticketsPath: as === 'organizer' && asksForTickets(refund, order) ? paths.refundTickets(refund.id) : null,
  };
}

function whatOf(refund: Refund, seqs: number[]): string {
  if (refund.origin === 'duplicate_payment') return 'a second payment';
  if (refund.origin === 'late_payment') return 'a payment that came too late';
  if (refund.scope === 'order') return 'everything that was left';
  if (seqs.length > 0) return `ticket ${seqs.join(', ')}`;
  return 'an amount, tickets stay valid';
}

function byOf(refund: Refund): string {
  if (refund.origin === 'dashboard') return 'At Stripe';
  return {
    organizer: 'Organizer',
    admin: 'Foyer',
    system: 'Foyer, by itself',
    buyer: 'Buyer, by your policy',
  }[refund.requestedAs ?? 'system'];
}

async function ticketsByRefund(db: Knex, orderId: string): Promise<Map<string, number[]>> {
  const rows = await db('tickets')
    .where({ order_id: orderId })
    .whereNotNull('refund_id')
    .orderBy('seq')
    .select('refund_id', 'seq');
  const found = new Map<string, number[]>();
  for (const row of rows) found.set(row.refund_id, [...(found.get(row.refund_id) ?? []), row.seq]);
  return found;
}

async function readFeeGivenBack(db: Knex, attemptId: string | null): Promise<bigint | null> {
  if (!attemptId) return null;
  const row = await db('payment_attempts').where({ id: attemptId }).first('application_fee_refunded');
  return row?.application_fee_refunded ?? null;
}
