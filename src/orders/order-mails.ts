/** The mails about an order, in the words of its page. */
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { markedTitle } from '../events/event-mode';
import { toldInWords } from '../events/worth-telling';
import { eventCalendar } from '../lib/calendar';
import { formatTimeRange } from '../lib/dates';
import { formatMoney } from '../lib/money';
import { type NewMail } from '../mail/outbox';
import { whatIsAgreed } from '../organizers/organizer-terms';
import { paths } from '../paths';
import { isComplimentary } from './complimentary-orders-store';
import { type Order } from './order';
import { type OrderContext, readOrderContext } from './order-context';

export type MailDependencies = Pick<Dependencies, 'config' | 'orderTokens'>;

/** "Your tickets": the link to them, what was paid and to whom, and the calendar entry. `known`: where it was read already. */
export async function orderPaidMail(
  db: Knex,
  dependencies: MailDependencies,
  order: Order,
  dedupeKey: string,
  known?: OrderContext,
): Promise<NewMail> {
  const { event, organizer, lines, change, terms, code, url } = await readOrderForMail(
    db,
    dependencies,
    order,
    known,
  );
  const agreed = whatIsAgreed(terms, organizer.name);
  const tickets = lines.reduce((sum, line) => sum + line.quantity, 0);
  return {
    dedupeKey,
    template: 'order-paid',
    recipient: order.buyerEmail!,
    orderId: order.id,
    content: {
      subject: `Your ${tickets === 1 ? 'ticket' : 'tickets'} for ${event.title}`,
      heading: `You are in: ${event.title}`,
      paragraphs: [
        `Hello ${order.buyerName}, ${tickets === 1 ? 'your ticket is' : `your ${tickets} tickets are`} ready. Open ${tickets === 1 ? 'it' : 'them'} with the link below and show the code at the door, on your phone or on paper.`,
        order.totalAmount > 0n
          ? `You paid ${formatMoney(order.totalAmount, order.currency)} to ${organizer.name}, through Stripe.`
          : (await isComplimentary(db, order.id))
            ? `${organizer.name} gives you ${tickets === 1 ? 'this ticket' : 'these tickets'}. They are complimentary: nothing was charged.`
            : 'These tickets were free. Nothing was charged.',
        ...(agreed ? [`You agreed to ${agreed}. Your order keeps them as they were.`] : []),
        ...(change
          ? [`Since you chose them, the organizer has changed the event. ${toldInWords(change)}`]
          : []),
      ],
      rows: [
        { label: 'When', value: formatTimeRange(event.starts_at, event.ends_at, event.time_zone) },
        {
          label: 'Where',
          value:
            event.location_kind === 'online'
              ? `Online: ${event.online_url}`
              : [event.venue_name, event.venue_address?.replaceAll('\n', ', ')].filter(Boolean).join(', '),
        },
        ...lines.map((line) => ({
          label: line.ticketTypeName,
          value: `${line.quantity} × ${formatMoney(line.unitPrice, order.currency)}`,
        })),
        ...(code === null ? [] : [{ label: 'Code', value: code }]),
        { label: 'Order', value: order.reference },
      ],
      action: { label: 'Open your tickets', url },
      footer: `${footerFor(order, event.title)} Keep the link to yourself: whoever has it has your tickets. Questions: ${organizer.contact_email}`,
    },
    attachments: [
      {
        filename: 'event.ics',
        contentType: 'text/calendar; method=PUBLISH',
        content: Buffer.from(
          eventCalendar({
            ...event,
            url: dependencies.config.baseUrl + paths.event(event.slug),
            organizerName: organizer.name,
          }),
        ).toString('base64'),
      },
    ],
  };
}

/** A payment that came after the tickets were gone (or the event cancelled): what happens with the money. */
export async function lateRefundMail(
  db: Knex,
  dependencies: MailDependencies,
  order: Order,
  reason: 'sold_out' | 'code_used_up' | 'event_cancelled',
): Promise<NewMail> {
  const { event, organizer, url } = await readOrderForMail(db, dependencies, order);
  const amount = formatMoney(order.totalAmount, order.currency);
  return {
    dedupeKey: `late-refund:${order.id}`,
    template: 'late-refund',
    recipient: order.buyerEmail!,
    orderId: order.id,
    content: {
      subject: `We are giving back your payment for ${event.title}`,
      heading: `Your ${amount} is on its way back`,
      paragraphs: [
        `Hello ${order.buyerName}, your payment reached us after ${LATE[reason]}`,
        `You have no tickets, and you get all of your ${amount} back. You need not do anything. Banks usually take 5 to 10 days to show it.`,
      ],
      rows: [{ label: 'Order', value: order.reference }],
      action: { label: 'See the state of your refund', url },
      footer: `${footerFor(order, event.title)} Questions: ${organizer.contact_email}`,
    },
  };
}

const LATE = {
  sold_out: 'your tickets were no longer held for you, and meanwhile they went to somebody else.',
  code_used_up:
    'your tickets were no longer held for you, and meanwhile the last use of your code went to somebody else. The price that you paid needs the code.',
  event_cancelled: 'the event was cancelled.',
};

/** A slow method: said at once, because the next news can take days. */
export async function paymentProcessingMail(
  db: Knex,
  dependencies: MailDependencies,
  order: Order,
): Promise<NewMail> {
  const { event, organizer, url } = await readOrderForMail(db, dependencies, order);
  const amount = formatMoney(order.totalAmount, order.currency);
  return {
    dedupeKey: `payment-processing:${order.id}`,
    template: 'payment-processing',
    recipient: order.buyerEmail!,
    orderId: order.id,
    content: {
      subject: `Your payment for ${event.title} is on its way`,
      heading: 'Your bank is working on your payment',
      paragraphs: [
        `Hello ${order.buyerName}, your payment of ${amount} to ${organizer.name} was begun and is not confirmed yet. Do not pay again.`,
        'Your tickets stay held. We mail them as soon as your bank has confirmed the payment, which can take some days. If it does not, we tell you, and you are not charged.',
      ],
      rows: [{ label: 'Order', value: order.reference }],
      action: { label: 'See the state of your order', url },
      footer: `${footerFor(order, event.title)} Questions: ${organizer.contact_email}`,
    },
  };
}

/** A slow payment that did not succeed: not charged, and nothing is held any more. */
export async function paymentFailedMail(
  db: Knex,
  dependencies: MailDependencies,
  order: Order,
): Promise<NewMail> {
  const { event, organizer, url } = await readOrderForMail(db, dependencies, order);
  return {
    dedupeKey: `payment-failed:${order.id}`,
    template: 'payment-failed',
    recipient: order.buyerEmail!,
    orderId: order.id,
    content: {
      subject: `Your payment for ${event.title} did not succeed`,
      heading: 'Your bank did not confirm the payment',
      paragraphs: [
        `Hello ${order.buyerName}, your payment of ${formatMoney(order.totalAmount, order.currency)} did not succeed. You were not charged, and the tickets are no longer held for you.`,
        'If you still want to come, open the page of the event and choose again.',
      ],
      rows: [{ label: 'Order', value: order.reference }],
      action: { label: 'See your order', url },
      footer: `${footerFor(order, event.title)} Questions: ${organizer.contact_email}`,
    },
  };
}

/** Free tickets that the organizer took back, with a word of theirs that may be empty. */
export async function takenBackMail(
  db: Knex,
  dependencies: MailDependencies,
  order: Order,
  message: string,
): Promise<NewMail> {
  const { event, organizer, url } = await readOrderForMail(db, dependencies, order);
  return {
    dedupeKey: `order-cancelled:${order.id}`,
    template: 'order-cancelled',
    recipient: order.buyerEmail!,
    orderId: order.id,
    content: {
      subject: `Your tickets for ${event.title} are no longer valid`,
      heading: 'Your tickets were taken back',
      paragraphs: [
        `Hello ${order.buyerName}, ${organizer.name} has taken back your tickets for ${event.title}. They let nobody in any more. They were free, so there is no money to give back.`,
        ...(message ? [`They write: ${message}`] : []),
      ],
      rows: [{ label: 'Order', value: order.reference }],
      action: { label: 'See your order', url },
      footer: `${footerFor(order, event.title)} Questions: ${organizer.contact_email}`,
    },
  };
}

export function footerFor(order: Order, title: string): string {
  return `You get this mail because of order ${order.reference} for ${title}.`;
}

/** What every mail about an order names. `known`: where it was read already. */
export async function readOrderForMail(
  db: Knex,
  { config, orderTokens }: MailDependencies,
  order: Order,
  known?: OrderContext,
) {
  const context = known ?? (await readOrderContext(db, order, { agreed: true }));
  const event = { ...context.event, title: markedTitle(config, context.event) };
  return { ...context, event, url: config.baseUrl + paths.order(orderTokens.sign(order.id)) };
}
