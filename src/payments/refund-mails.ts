/** The mails about refunds, in the words of the pages. */
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { formatMoney } from '../lib/money';
import { type NewMail } from '../mail/outbox';
import { footerFor, readOrderForMail } from '../orders/order-mails';
import { type Order } from '../orders/order';
import { paths } from '../paths';
import { type Refund } from './refund';
import { refundProblem } from './refund-words';

type MailDependencies = Pick<Dependencies, 'config' | 'orderTokens'>;

/** "€20.00 was given back to you": sent when it is true. Null for an order that never had a buyer. */
export async function refundedMail(
  db: Knex,
  dependencies: MailDependencies,
  order: Order,
  refund: Refund,
): Promise<NewMail | null> {
  if (!order.buyerEmail) return null;
  const { event, organizer, url } = await readOrderForMail(db, dependencies, order);
  const amount = formatMoney(refund.amount, refund.currency);
  const note = refund.origin === 'request' && refund.requestedAs === 'organizer' ? refund.reason : '';
  return {
    dedupeKey: `refunded:${refund.id}:${refund.sendNumber}`,
    template: 'order-refunded',
    recipient: order.buyerEmail,
    orderId: order.id,
    content: {
      subject: `${amount} given back: ${event.title}`,
      heading: `${amount} was given back to you`,
      paragraphs: [
        `Hello ${order.buyerName}, ${organizer.name} has refunded ${amount} of your order for ${event.title}. Stripe has sent it back to the way you paid with; banks usually take 5 to 10 days to show it.`,
        ...(note === '' ? [] : [`${organizer.name} writes:`, note]),
        await ticketsSentence(db, order, refund),
      ],
      rows: [
        { label: 'Given back', value: amount },
        { label: 'Order', value: order.reference },
      ],
      action: { label: 'See your order', url },
      footer: `${footerFor(order, event.title)} Questions: ${organizer.contact_email}`,
    },
  };
}

async function ticketsSentence(db: Knex, order: Order, refund: Refund): Promise<string> {
  if (order.status === 'refunded') return 'Your whole order is refunded: its tickets are no longer valid.';
  const row = await db('tickets')
    .where({ order_id: order.id })
    .first(
      db.raw("count(*) FILTER (WHERE status = 'valid')::int AS valid"),
      db.raw("count(*) FILTER (WHERE refund_id = ? AND status = 'void')::int AS void", [refund.id]),
    );
  const still = row.valid === 1 ? '1 ticket of this order is' : `${row.valid} tickets of this order are`;
  if (row.void === 0) return `Your tickets stay valid: ${still} good.`;
  return `${row.void === 1 ? '1 ticket is' : `${row.void} tickets are`} no longer valid; ${still} still good.`;
}

/** To the organizer: a refund has stopped, why, and what to do. */
export async function refundProblemMail(
  db: Knex,
  dependencies: MailDependencies,
  order: Order,
  refund: Refund,
): Promise<NewMail> {
  const { event, organizer } = await readOrderForMail(db, dependencies, order);
  const amount = formatMoney(refund.amount, refund.currency);
  return {
    dedupeKey: `refund-problem:${refund.id}:${refund.sendNumber}:${refund.succeededAt ? 'returned' : 'refused'}`,
    template: 'refund-problem',
    recipient: organizer.contact_email,
    content: {
      subject: `A refund of ${amount} was not made: order ${order.reference}`,
      heading: `A refund of ${amount} was not made`,
      paragraphs: [
        refundProblem(refund, order.stripeAccountId) ?? '',
        'The buyer has not got this money. The order’s page at your desk says what you can do.',
      ],
      rows: [
        { label: 'Event', value: event.title },
        { label: 'Order', value: order.reference },
      ],
      action: { label: 'Open the order', url: dependencies.config.baseUrl + paths.deskOrder(order.id) },
      footer: `You get this mail because this is the contact address of ${organizer.name}.`,
    },
  };
}
