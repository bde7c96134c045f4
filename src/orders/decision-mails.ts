/** How a person's decision reaches the buyer: charged or not, what follows, and the order's reference. */
import { type Knex } from 'knex';
import { type NewMail } from '../mail/outbox';
import { formatMoney } from '../lib/money';
import { type Decision } from './decision';
import { type Order } from './order';
import { footerFor, type MailDependencies, readOrderForMail } from './order-mails';

/** Null where another mail says it (the tickets), or where nobody's address is known. */
export async function decisionMail(
  db: Knex,
  dependencies: MailDependencies,
  order: Order,
  to: Decision,
): Promise<NewMail | null> {
  if (to === 'paid' || !order.buyerEmail) return null;
  const { event, organizer, url } = await readOrderForMail(db, dependencies, order);
  const words = to === 'refund_pending' ? REFUNDED : RELEASED[order.statusDetail ?? ''];
  if (!words) return null;
  return {
    dedupeKey: `order-decision:${order.id}:${to}`,
    template: 'order-decision',
    recipient: order.buyerEmail,
    orderId: order.id,
    content: {
      subject: `${words.subject}: ${event.title}`,
      heading: words.heading,
      paragraphs: [`Hello ${order.buyerName}, a person has looked at your order.`, ...words.paragraphs],
      rows: [
        { label: 'Order', value: order.reference },
        { label: 'Its sum', value: formatMoney(order.totalAmount, order.currency) },
      ],
      action: { label: 'See your order', url },
      footer: `${footerFor(order, event.title)} Questions: ${organizer.contact_email}`,
    },
  };
}

const REFUNDED = {
  subject: 'Your payment goes back',
  heading: 'You get your money back',
  paragraphs: [
    'Something about the payment did not fit the order, so it could not stand. All that you paid goes back to the way you paid with, and you have no tickets.',
    'You need not do anything. Banks usually take 5 to 10 days to show it.',
  ],
};

const RELEASED: Record<string, { subject: string; heading: string; paragraphs: string[] }> = {
  released_by_hand: {
    subject: 'Your order was ended',
    heading: 'You were not charged',
    paragraphs: [
      'Stripe has no payment of yours for it, so you were not charged, and the tickets are no longer held.',
    ],
  },
  released_unverified: {
    subject: 'Your order was ended',
    heading: 'Your order was ended',
    paragraphs: [
      'Foyer can no longer ask Stripe about this payment; a person has looked there and found none of yours to keep. The tickets are no longer held.',
      'Should your bank show a charge for this order, write to the organizer and name the order: they give it back.',
    ],
  },
};
