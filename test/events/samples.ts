/** An event and its tickets as the rules see them, and a form as a browser sends it; each test changes what it is about. */
import { type Connection } from '../../src/connect/connection';
import { type EventDetails } from '../../src/events/event';
import { type FormValues } from '../../src/events/event-fields';
import { type TicketType } from '../../src/ticket-types/ticket-type';

export const NOW = new Date('2027-03-01T12:00:00Z');
const DAY = 24 * 3_600_000;

export const daysFromNow = (days: number): Date => new Date(NOW.getTime() + days * DAY);

export function anEvent(changes: Partial<EventDetails> = {}): EventDetails {
  return {
    id: '01920000-0000-7000-8000-00000000e0e0',
    organizerId: '01920000-0000-7000-8000-00000000a0a0',
    slug: 'ada-speaks',
    title: 'Ada speaks',
    description: '',
    startsAt: daysFromNow(10),
    endsAt: daysFromNow(10.1),
    timeZone: 'Europe/Berlin',
    locationKind: 'venue',
    venueName: 'Mint Hall',
    venueAddress: null,
    onlineUrl: null,
    currency: 'eur',
    capacity: null,
    held: 0,
    sold: 0,
    livemode: false,
    status: 'published',
    stripeConnectionId: null,
    publishedAt: NOW,
    cancelledAt: null,
    cancellationReason: null,
    updatedAt: NOW,
    coverHash: null,
    coverAlt: null,
    suspended: false,
    ...changes,
  };
}

export function aTicketType(changes: Partial<TicketType> = {}): TicketType {
  return {
    id: '01920000-0000-7000-8000-00000000b0b0',
    eventId: '01920000-0000-7000-8000-00000000e0e0',
    position: 0,
    name: 'Standard',
    description: '',
    kind: 'paid',
    price: 2000n,
    passedOnFee: null,
    capacity: 100,
    held: 0,
    sold: 0,
    minPerOrder: 1,
    maxPerOrder: 10,
    salesStart: null,
    salesEnd: null,
    visibility: 'public',
    removedAt: null,
    ...changes,
  };
}

export function aConnection(changes: Partial<Connection> = {}): Connection {
  return {
    id: '01920000-0000-7000-8000-00000000c0c0',
    organizerId: '01920000-0000-7000-8000-00000000a0a0',
    stripeUserId: 'acct_1',
    livemode: false,
    scope: 'read_write',
    displayName: 'Analytical Society',
    country: 'DE',
    defaultCurrency: 'eur',
    chargeCurrencies: ['eur', 'usd', 'gbp', 'jpy'],
    chargesEnabled: true,
    payoutsEnabled: true,
    requirements: {
      currentlyDue: [],
      pastDue: [],
      pendingVerification: [],
      errors: [],
      disabledReason: null,
      currentDeadline: null,
    },
    status: 'active',
    statusDetail: null,
    platformAccountId: null,
    connectedAt: NOW,
    checkedAt: NOW,
    healthChangedAt: null,
    lastEventAt: null,
    pausedAt: null,
    forcedAt: null,
    disconnectRequestedAt: null,
    disconnectRequestedBy: null,
    endedAt: null,
    endedBy: null,
    endReason: null,
    ...changes,
  };
}

/** The form of one event with one free ticket type, far in the future, right in every field. */
export function formValues(changes: FormValues = {}): FormValues {
  return {
    title: 'Ada speaks',
    description: '',
    starts_at: '2199-06-12T19:30',
    ends_at: '2199-06-12T22:00',
    time_zone: 'Europe/Berlin',
    location_kind: 'venue',
    venue_name: 'Mint Hall',
    venue_address: '',
    online_url: '',
    currency: 'eur',
    capacity: '',
    ...ticketValues(0),
    ...changes,
  };
}

export function ticketValues(row: number, changes: FormValues = {}): FormValues {
  const values = {
    name: 'Standard',
    description: '',
    kind: 'free',
    price: '',
    capacity: '100',
    min_per_order: '1',
    max_per_order: '10',
    sales_start: '',
    sales_end: '',
    visibility: 'public',
    ...changes,
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`tickets.${row}.${name}`, value]));
}
