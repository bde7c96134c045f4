/** What needs a person today, in the order of what it costs them to overlook it: pure words, no SQL. */
import { accountName, type Connection, stateOf, whyNoPaidSales } from '../connect/connection';
import { howItEnded } from '../connect/status-card';
import { formatDateTime, zoneName } from '../lib/dates';
import { formatMoney } from '../lib/money';
import { paths } from '../paths';
import { type RefundMatter } from '../payments/refund-matters';
import { type Overview } from './overview';

export interface PaymentsBanner {
  kind: 'warning' | 'error';
  title: string;
  text: string;
}

export interface Task {
  iconName: string;
  urgent: boolean;
  title: string;
  text: string;
  href: string;
}

/** The default account, where it no longer serves: said above everything else. Null when there is nothing to say. */
export function paymentsBanner(
  overview: Pick<Overview, 'sellsPaidTickets'>,
  standard: Connection | null,
): PaymentsBanner | null {
  const text = whyNoPaidSales(standard);
  switch (stateOf(standard)) {
    case 'restricted':
      return { kind: 'error', title: 'Your Stripe account takes no payments right now', text: text! };
    case 'paused':
      return { kind: 'warning', title: 'Your paid sales are paused', text: text! };
    case 'disconnecting':
      return { kind: 'warning', title: 'Your Stripe account is being disconnected', text: text! };
    case 'disconnected':
      return overview.sellsPaidTickets
        ? {
            kind: 'error',
            title: 'Your Stripe account is disconnected',
            text: `${howItEnded(standard!)} Paid tickets are not on sale; free tickets go on. Connect it again, or choose another account: no other one takes its place by itself.`,
          }
        : null;
    default:
      return null;
  }
}

export function deskTasks(overview: Overview, standard: Connection | null): Task[] {
  const payments: Task[] =
    overview.sellsPaidTickets && ['none', 'disconnected'].includes(stateOf(standard))
      ? [
          {
            iconName: 'warning',
            urgent: true,
            title: 'Connect a Stripe account',
            text: 'You have tickets that cost something. They go on sale when your Stripe account is connected; buyers then pay you directly.',
            href: paths.payments(),
          },
        ]
      : [];
  // Of the default account the banner tells.
  const stopped = overview.stoppedEvents.map((event) => ({
    iconName: 'warning',
    urgent: true,
    title: `Paid tickets of “${event.title}” are off sale`,
    text: `Its money goes to ${accountName(event.account)}, which can’t take payments now. Look after the account, or choose another one in the event.`,
    href: paths.editEvent(event.id),
  }));
  const soon = overview.comingEvents
    .filter((event) => event.soon)
    .map((event) => ({
      iconName: 'calendar',
      urgent: false,
      title: event.title,
      text: `Begins ${formatDateTime(event.startsAt, event.timeZone)}, ${zoneName(event.timeZone)}. ${event.sold} of ${event.capacity} sold.${event.today ? ' Open its door here, on the phone that scans.' : ''}`,
      href: event.today ? paths.checkIn(event.id) : paths.manageEvent(event.id),
    }));
  const nearlySoldOut = overview.comingEvents
    .filter((event) => !event.soon && isNearlySoldOut(event))
    .map((event) => ({
      iconName: 'ticket',
      urgent: false,
      title: `“${event.title}” is nearly sold out`,
      text: `${event.capacity - event.sold - event.held} of ${event.capacity} tickets are left. Raise their number, if the house has room.`,
      href: paths.editEvent(event.id),
    }));
  const unfinished = overview.unfinishedForms.map((form) => ({
    iconName: 'clock',
    urgent: false,
    title: form.title ? `Finish “${form.title}”` : 'Finish your new event',
    text: form.eventId
      ? 'You began to change this event. Nothing is lost, and nothing is changed yet.'
      : 'You began this event and have not saved it. What you typed is here.',
    href: form.eventId ? paths.editEvent(form.eventId, form.draftId) : paths.newEvent(form.draftId),
  }));
  const drafts = overview.draftEvents.map((event) => ({
    iconName: 'ticket',
    urgent: false,
    title: `Publish “${event.title}”`,
    text: 'It is a draft: nobody can see it or get tickets yet.',
    href: paths.manageEvent(event.id),
  }));
  const disputes = overview.disputes.map((dispute) => ({
    iconName: 'error',
    urgent: true,
    title: `Answer the dispute of order ${dispute.reference}`,
    text: `A buyer’s bank asks for ${formatMoney(dispute.amount, dispute.currency)} back. ${
      dispute.dueAt
        ? `Answer in your Stripe Dashboard before ${formatDateTime(dispute.dueAt, 'UTC')} UTC.`
        : 'Answer in your Stripe Dashboard.'
    }`,
    href: paths.deskOrder(dispute.orderId),
  }));
  const undecided = overview.undecided.map((order) => ({
    iconName: 'error',
    urgent: true,
    title: `Decide about order ${order.reference}`,
    text: `Its payment of ${formatMoney(order.total, order.currency)} contradicts the order, or could not be given back. Compare it with Stripe, then accept, refund or release it.`,
    href: paths.deskDecision(order.id),
  }));
  return [
    ...disputes,
    ...undecided,
    ...overview.refundMatters.map(refundTask),
    ...payments,
    ...stopped,
    ...soon,
    ...nearlySoldOut,
    ...unfinished,
    ...drafts,
  ];
}

/** A tenth or less is left, but something. */
function isNearlySoldOut({ sold, held, capacity }: Overview['comingEvents'][number]): boolean {
  const left = capacity - sold - held;
  return left > 0 && left * 10 <= capacity;
}

function refundTask(matter: RefundMatter): Task {
  const money = formatMoney(matter.amount, matter.currency);
  switch (matter.kind) {
    case 'stopped':
      return {
        iconName: 'error',
        urgent: true,
        title: `A refund of order ${matter.reference} was not made`,
        text: `${money} is not with its buyer. The order’s page says why, and lets you try again.`,
        href: paths.deskOrder(matter.orderId),
      };
    case 'event_stopped':
      return {
        iconName: 'error',
        urgent: true,
        title: `Refunds of “${matter.title}” were not made`,
        text: `${money} is not with its buyers. The page of the refunds says why, and lets you try again.`,
        href: paths.eventRefunds(matter.eventId),
      };
    case 'tickets':
      return {
        iconName: 'ticket',
        urgent: true,
        title: `Say which tickets of order ${matter.reference} were refunded`,
        text: `${money} was given back at Stripe. Until you say, all tickets of the order stay valid.`,
        href: paths.refundTickets(matter.refundId),
      };
    case 'cancelled':
      return {
        iconName: 'money',
        urgent: true,
        title: `Decide about the money of “${matter.title}”`,
        text: `The event is cancelled, and its buyers have paid you ${money}. You can refund everybody at once.`,
        href: paths.eventRefunds(matter.eventId),
      };
  }
}
