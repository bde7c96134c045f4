/** What an event is and what it lacks: pure rules, no SQL. */
import { whyNotInCurrency } from '../connect/account-currency';
import { canTakeCharges, type Connection, whyNoPaidSales } from '../connect/connection';
import { type TicketType } from '../ticket-types/ticket-type';
import { type EventForSale, isOffered, needsPayment } from './event-availability';

/** An event as it is stored. */
export interface EventDetails extends EventForSale {
  organizerId: string;
  slug: string;
  title: string;
  /** Markdown */
  description: string;
  timeZone: string;
  locationKind: 'venue' | 'online';
  venueName: string | null;
  venueAddress: string | null;
  /** for the people who have tickets; never on a public page */
  onlineUrl: string | null;
  livemode: boolean;
  /** null = the organizer's default connection */
  stripeConnectionId: string | null;
  /** what buyers may cancel by themselves (`cancellations/policy`) */
  selfCancellation?: string | null;
  publishedAt: Date | null;
  cancelledAt: Date | null;
  cancellationReason: string | null;
  updatedAt: Date;
  /** names the pictures of the cover; null: there is a poster */
  coverHash: string | null;
  coverAlt: string | null;
  /** an admin has taken the event, or its organizer, off Foyer */
  suspended: boolean;
}

/**
 * What keeps an event from being published, as sentences that say what to do; empty when nothing does. `connection` is
 * the one that the event's paid orders would use.
 */
export function whatIsMissing(
  event: Pick<EventDetails, 'status' | 'startsAt' | 'currency'>,
  ticketTypes: TicketType[],
  connection: Connection | null,
  now: Date,
): string[] {
  if (event.status === 'cancelled')
    return ['This event was cancelled, and a cancelled event stays cancelled. Make a new event instead.'];
  const missing: string[] = [];
  if (event.startsAt <= now) missing.push('The event starts in the past. Change when it starts.');
  const offered = ticketTypes.filter(isOffered);
  if (ticketTypes.length === 0) missing.push('The event has no ticket type. Add at least one.');
  else if (offered.length === 0)
    missing.push('Every ticket type is hidden, so nobody could get a ticket. Make at least one public.');
  else if (offered.every((type) => type.salesEnd !== null && type.salesEnd <= now))
    missing.push('Sales of every ticket type have ended. Change when sales end.');
  if (lacksConnection(ticketTypes, connection)) missing.push(whyNoPaidSales(connection)!);
  else if (ticketTypes.some((type) => type.removedAt === null && needsPayment(type))) {
    const why = whyNotInCurrency(connection, event.currency);
    if (why) missing.push(`${why}.`);
  }
  return missing;
}

/** Are there tickets that cost money, and no account to pay them to? */
export function lacksConnection(ticketTypes: TicketType[], connection: Connection | null): boolean {
  return (
    ticketTypes.some((type) => type.removedAt === null && needsPayment(type)) && !canTakeCharges(connection)
  );
}

export type EventState = 'draft' | 'on_sale' | 'sold_out' | 'running' | 'past' | 'cancelled';

/** The state that people see beside the title. */
export function stateOfEvent(event: EventForSale, ticketTypes: TicketType[], now: Date): EventState {
  if (event.status === 'cancelled') return 'cancelled';
  if (now >= event.endsAt) return event.status === 'published' ? 'past' : 'draft';
  if (event.status === 'draft') return 'draft';
  if (now >= event.startsAt) return 'running';
  return isSoldOut(event, ticketTypes) ? 'sold_out' : 'on_sale';
}

/** Bought to the last ticket; what is only held may come back. */
export function isSoldOut(event: EventForSale, ticketTypes: TicketType[]): boolean {
  const offered = ticketTypes.filter(isOffered);
  return (
    (event.capacity !== null && event.sold >= event.capacity) ||
    (offered.length > 0 && offered.every((type) => type.sold >= type.capacity))
  );
}

const BADGES: Record<EventState, { kind: 'green' | 'amber' | 'red' | 'neutral' | 'accent'; label: string }> =
  {
    draft: { kind: 'neutral', label: 'Not published' },
    on_sale: { kind: 'green', label: 'Published' },
    sold_out: { kind: 'accent', label: 'Sold out' },
    running: { kind: 'green', label: 'Happening now' },
    past: { kind: 'neutral', label: 'Over' },
    cancelled: { kind: 'red', label: 'Cancelled' },
  };

export function badgeOf(state: EventState): { kind: string; label: string } {
  return BADGES[state];
}

/** How many tickets there are in all: what the event admits, at most what its types add up to. */
export function totalCapacity(
  event: Pick<EventForSale, 'capacity'>,
  ticketTypes: Pick<TicketType, 'capacity' | 'removedAt'>[],
): number {
  const ofTypes = ticketTypes
    .filter((type) => type.removedAt === null)
    .reduce((sum, type) => sum + type.capacity, 0);
  return event.capacity === null ? ofTypes : Math.min(event.capacity, ofTypes);
}

/** "Ada House, 12 Mill Lane, Cambridge" or "Online". */
export function placeInWords(
  event: Pick<EventDetails, 'locationKind' | 'venueName' | 'venueAddress'>,
): string {
  if (event.locationKind === 'online') return 'Online';
  return [event.venueName, event.venueAddress?.replaceAll('\n', ', ')].filter(Boolean).join(', ');
}
