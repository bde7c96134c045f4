/**
 * What can be bought of an event right now: pure rules, in one place for the page that offers tickets, for the lock
 * under which they are held, and for the desk. Tickets that somebody holds are not available (promise 1).
 */

export interface EventForSale {
  id: string;
  status: 'draft' | 'published' | 'cancelled';
  startsAt: Date;
  endsAt: Date;
  /** over all ticket types; null = only the types have capacities */
  capacity: number | null;
  held: number;
  sold: number;
  currency: string;
}

export interface TicketTypeForSale {
  id: string;
  name: string;
  kind: 'paid' | 'free' | 'donation';
  /** minor units; the least amount of a donation */
  price: bigint;
  /** the platform's fee within the price, where the buyer pays it; null = the organizer does */
  passedOnFee: bigint | null;
  capacity: number;
  held: number;
  sold: number;
  minPerOrder: number;
  maxPerOrder: number;
  salesStart: Date | null;
  salesEnd: Date | null;
  visibility: 'public' | 'hidden';
  removedAt: Date | null;
}

export type AvailabilityState =
  | 'on_sale'
  /** sales begin later: `TicketTypeForSale.salesStart` */
  | 'not_yet'
  /** the sales window has passed */
  | 'ended'
  | 'sold_out'
  /** nothing is left at this moment, but some of it is only held by other buyers */
  | 'all_held'
  /** needs a payment, and the organizer can't take one now */
  | 'unavailable'
  /** the event has ended */
  | 'over'
  | 'cancelled'
  /** the event is not published, or the ticket type was removed */
  | 'not_offered';

export interface TicketAvailability {
  state: AvailabilityState;
  /** how many nobody has bought or holds, by the type's and the event's capacity, whatever the state */
  left: number;
  /** the fewest and the most that one order can take now; both 0 unless on sale */
  least: number;
  most: number;
}

/**
 * Whether a ticket type can be bought, and how many. `connectionReady` = the organizer's connection can take charges
 * (`canTakeCharges`). Visibility is not looked at here: what is hidden is left out of lists and refused by `isOffered`.
 */
export function ticketAvailability(
  type: TicketTypeForSale,
  event: EventForSale,
  connectionReady: boolean,
  now: Date,
): TicketAvailability {
  const left = ticketsLeft(type, event);
  const state = stateOfSale(type, event, left, connectionReady, now);
  if (state !== 'on_sale') return { state, left, least: 0, most: 0 };
  return { state, left, least: type.minPerOrder, most: Math.min(type.maxPerOrder, left) };
}

/** May anybody be offered this type on the event's public page? Hidden and removed types are bought by nobody there. */
export function isOffered(type: TicketTypeForSale): boolean {
  return type.visibility === 'public' && type.removedAt === null;
}

/** A ticket that may cost money, so that it can be sold only with a connection. */
export function needsPayment(type: Pick<TicketTypeForSale, 'kind'>): boolean {
  return type.kind !== 'free';
}

/** min(type, event capacity) less what is held or sold; never negative. */
export function ticketsLeft(
  type: Pick<TicketTypeForSale, 'capacity' | 'held' | 'sold'>,
  event: Pick<EventForSale, 'capacity' | 'held' | 'sold'>,
): number {
  return Math.max(0, Math.min(room(type), room(event)));
}

function room(counted: { capacity: number | null; held: number; sold: number }): number {
  return counted.capacity === null ? Infinity : counted.capacity - counted.held - counted.sold;
}

function stateOfSale(
  type: TicketTypeForSale,
  event: EventForSale,
  left: number,
  connectionReady: boolean,
  now: Date,
): AvailabilityState {
  if (event.status === 'cancelled') return 'cancelled';
  if (event.status !== 'published' || type.removedAt !== null) return 'not_offered';
  if (now >= event.endsAt) return 'over';
  if (type.salesEnd !== null && now >= type.salesEnd) return 'ended';
  // An order must be able to take the least that it may: 1 left of a type sold in pairs is sold out.
  if (left < type.minPerOrder) {
    const unsold = ticketsLeft({ ...type, held: 0 }, { ...event, held: 0 });
    return unsold < type.minPerOrder ? 'sold_out' : 'all_held';
  }
  if (type.salesStart !== null && now < type.salesStart) return 'not_yet';
  if (needsPayment(type) && !connectionReady) return 'unavailable';
  return 'on_sale';
}
