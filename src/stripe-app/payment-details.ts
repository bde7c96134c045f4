/**
 * The order of a payment, for somebody who looks at that payment in Stripe's Dashboard. Invariant: shown only where account
 * and mode are the payment's own and the person is a member of the order's organizer; all else is not there.
 */
import { type Knex } from 'knex';
import { formatDateTime, zoneName } from '../lib/dates';
import { formatMoney } from '../lib/money';
import { type Order, paidOf } from '../orders/order';
import { ORDER_STATUS_BADGES } from '../orders/order-words';
import { createOrdersStore } from '../orders/orders-store';
import { createOrganizersStore } from '../organizers/organizers-store';
import { paths } from '../paths';
import { createRefundsStore } from '../payments/refunds-store';
import { type MoneyText, type PaymentDetails } from './contract';
import { type DashboardUser } from './extension-request';

export async function readPaymentDetails(
  { db, baseUrl }: { db: Knex; baseUrl: string },
  { account, livemode }: Pick<DashboardUser, 'account' | 'livemode'>,
  asked: { userId: string; paymentIntentId: string },
): Promise<PaymentDetails | null> {
  if (!/^pi_[A-Za-z0-9_]{1,100}$/.test(asked.paymentIntentId)) return null;
  const orders = createOrdersStore(db);
  const payment = await orders.findAttemptByStripe({ account, paymentIntentId: asked.paymentIntentId });
  if (!payment || payment.livemode !== livemode) return null;
  const order = await orders.get(payment.orderId);
  if (!(await createOrganizersStore(db).isMember(asked.userId, order.organizerId))) return null;

  const event = await db('events')
    .where({ id: order.eventId })
    .first('id', 'title', 'starts_at', 'time_zone');
  const inWords = (at: Date) => `${formatDateTime(at, event.time_zone)}, ${zoneName(event.time_zone)}`;
  const { amount, currency } = paidOf(payment);
  const refunded = await createRefundsStore(db).sumGivenBack(payment.id);
  return {
    order: {
      reference: order.reference,
      status: statusOf(order),
      url: baseUrl + paths.deskOrder(order.id),
      placedAt: order.createdAt.toISOString(),
    },
    buyer: order.buyerEmail === null ? null : { name: order.buyerName ?? '', email: order.buyerEmail },
    event: {
      title: event.title,
      startsText: inWords(event.starts_at),
      url: baseUrl + paths.manageEvent(event.id),
    },
    tickets: await listTickets(db, order.id, inWords),
    money: {
      paid: money(amount, currency),
      refunded: refunded === 0n ? null : money(refunded, currency),
      platformFee: money(order.applicationFeeAmount, order.currency),
    },
  };
}

async function listTickets(
  db: Knex,
  orderId: string,
  inWords: (at: Date) => string,
): Promise<PaymentDetails['tickets']> {
  const rows: { name: string; status: 'valid' | 'void'; checked_in_at: Date | null }[] = await db('tickets')
    .join('ticket_types', 'ticket_types.id', 'tickets.ticket_type_id')
    .where({ order_id: orderId })
    .orderBy('seq')
    .select('ticket_types.name', 'tickets.status', 'tickets.checked_in_at');
  return rows.map((row) => ({
    type: row.name,
    status: row.status,
    checkedInText: row.checked_in_at && inWords(row.checked_in_at),
  }));
}

function statusOf({ status }: Order): PaymentDetails['order']['status'] {
  const { label, kind } = ORDER_STATUS_BADGES[status];
  return { label, tone: kind };
}

function money(minor: bigint, currency: string): MoneyText {
  return { minor: String(minor), currency, text: formatMoney(minor, currency) };
}
