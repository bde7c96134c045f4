/** Mails the links of all orders with tickets that a mail address has, for events that are not long over. */
import { type Dependencies } from '../dependencies';
import { formatDateTime } from '../lib/dates';
import { newId } from '../lib/ids';
import { queueMail } from '../mail/outbox';
import { paths } from '../paths';

const MOST_ORDERS = 30;

/** An address that has no orders gets no mail: nobody is told of a stranger's curiosity. */
export async function mailTicketsOfBuyer(
  { config, db, orderTokens }: Pick<Dependencies, 'config' | 'db' | 'orderTokens'>,
  email: string,
): Promise<void> {
  const orders = await db('orders')
    .join('events', 'events.id', 'orders.event_id')
    .where({ 'orders.buyer_email': email })
    .whereNotNull('orders.paid_at')
    .where('events.ends_at', '>', db.raw("now() - interval '90 days'"))
    .orderBy('events.starts_at', 'desc')
    .limit(MOST_ORDERS)
    .select('orders.id', 'orders.reference', 'events.title', 'events.starts_at', 'events.time_zone');
  if (orders.length === 0) return;
  await queueMail(db, {
    dedupeKey: `find-tickets:${newId()}`,
    template: 'find-tickets',
    recipient: email,
    content: {
      subject: orders.length === 1 ? `Your tickets for ${orders[0].title}` : 'Your tickets',
      heading: 'Here are your tickets',
      paragraphs: [
        'Somebody, probably you, asked on Foyer for the tickets of this address. Each link opens an order with its tickets.',
      ],
      links: orders.map((order) => ({
        label: order.title,
        url: config.baseUrl + paths.order(orderTokens.sign(order.id)),
        note: `${formatDateTime(order.starts_at, order.time_zone)} · order ${order.reference}`,
      })),
      footer:
        'You get this mail because your tickets were asked for. If it was not you, ignore it: nobody else has the links. Keep them to yourself, whoever has one has the tickets.',
    },
  });
}
