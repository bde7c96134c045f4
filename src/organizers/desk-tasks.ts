/** What needs a person today, in the order of what it costs them to overlook it: pure words, no SQL. */
import { accountName, type Connection, stateOf, whyNoPaidSales } from '../connect/connection';
import { formatDate, formatDateTime, zoneName } from '../lib/dates';
import { formatMoney } from '../lib/money';
import { paths } from '../paths';
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

/** The account that was connected, and no longer serves: said above everything else. Null when there is nothing to say. */
export function paymentsBanner(
  overview: Pick<Overview, 'sellsPaidTickets'>,
  connections: { current: Connection | null; lastEnded: Connection | null },
): PaymentsBanner | null {
  const { current, lastEnded } = connections;
  const why = whyNoPaidSales(current);
  if (why === null) return null;
  if (stateOf(current) === 'restricted')
    return { kind: 'error', title: 'Your Stripe account takes no payments right now', text: why };
  if (stateOf(current) === 'disconnecting')
    return { kind: 'warning', title: 'Your Stripe account is being disconnected', text: why };
  if (lastEnded && overview.sellsPaidTickets)
    return {
      kind: 'error',
      title: 'Your Stripe account is disconnected',
      text: `${howItEnded(lastEnded)} Paid tickets are not on sale; free tickets go on. ${why}`,
    };
  return null;
}

function howItEnded(connection: Connection): string {
  const account = accountName(connection);
  const day = connection.endedAt ? ` on ${formatDate(connection.endedAt, 'UTC')}` : '';
  switch (connection.endedBy) {
    case 'admin':
      return `Foyer's administration ended the connection to ${account}${day}${
        connection.endReason ? ` (reason: ${connection.endReason})` : ''
      }.`;
    case 'stripe':
      return `The connection to ${account} was ended at Stripe${day}.`;
    default:
      return `The connection to ${account} was ended${day}.`;
  }
}

export function deskTasks(overview: Overview, connections: { current: Connection | null }): Task[] {
  const payments: Task[] =
    overview.sellsPaidTickets && stateOf(connections.current) === 'none'
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
  const soon = overview.comingEvents
    .filter((event) => event.soon)
    .map((event) => ({
      iconName: 'calendar',
      urgent: false,
      title: event.title,
      text: `Begins ${formatDateTime(event.startsAt, event.timeZone)}, ${zoneName(event.timeZone)}. ${event.sold} of ${event.capacity} sold.`,
      href: paths.manageEvent(event.id),
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
  return [...disputes, ...payments, ...soon, ...unfinished, ...drafts];
}
