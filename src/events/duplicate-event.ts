/**
 * Duplicating. Invariant: a copy is a new event like one that was typed anew: not published, nothing held or sold, with
 * an address of its own, in the mode of today.
 */
import { type Knex } from 'knex';
import { connectionForEvent } from '../connect/connection-for-event';
import { moveByWeeks, weeksUntilAfter } from '../lib/dates';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { type TicketType } from '../ticket-types/ticket-type';
import { type EventDetails } from './event';
import { type EventInput } from './event-forms';
import { createEventsStore } from './events-store';
import { createEvent } from './save-event';

const LONGEST_TITLE = 150;
const PREFIX = 'Copy of ';

/** Stores the copy. Answers its id. Throws NotFound for an event of another organizer. */
export async function duplicateEvent(
  db: Knex,
  eventId: unknown,
  owner: { organizerId: string; livemode: boolean },
  now: Date,
): Promise<string> {
  const event = await createEventsStore(db).getOfOrganizer(eventId, owner.organizerId);
  const ticketTypes = await createTicketTypesStore(db).listOfEvent(event.id);
  const copy = copyOf(event, ticketTypes, now);
  // an account that takes only tests can't be a live event's
  const named = await connectionForEvent(db, { ...event, livemode: owner.livemode });
  if (copy.stripeConnectionId && !named) copy.stripeConnectionId = null;
  return createEvent(db, copy, owner);
}

/**
 * All that the form decides, on the same weekday and at the same time of day: in the week after the original's, or in
 * the first week that is still to come. Sales begin and end as long before it as they did.
 */
export function copyOf(event: EventDetails, ticketTypes: TicketType[], now: Date): EventInput {
  const zone = event.timeZone;
  const weeks = weeksUntilAfter(event.startsAt, now, zone);
  const moved = (instant: Date) => moveByWeeks(instant, weeks, zone);
  const startsAt = moved(event.startsAt);
  const length = event.endsAt.getTime() - event.startsAt.getTime();
  // where the clocks change in between, an evening must still end after it began
  const endsAt = moved(event.endsAt) > startsAt ? moved(event.endsAt) : new Date(startsAt.getTime() + length);
  return {
    event: {
      title: titleOfCopy(event.title),
      description: event.description,
      startsAt,
      endsAt,
      timeZone: zone,
      locationKind: event.locationKind,
      venueName: event.venueName,
      venueAddress: event.venueAddress,
      onlineUrl: event.onlineUrl,
      currency: event.currency,
      capacity: event.capacity,
    },
    ticketTypes: ticketTypes.map((type, row) => ({
      row,
      id: null,
      fields: {
        name: type.name,
        description: type.description,
        kind: type.kind,
        price: type.price,
        passedOnFee: type.passedOnFee,
        capacity: type.capacity,
        minPerOrder: type.minPerOrder,
        maxPerOrder: type.maxPerOrder,
        salesStart: type.salesStart && moved(type.salesStart),
        salesEnd: type.salesEnd && moved(type.salesEnd),
        visibility: type.visibility,
      },
    })),
    removed: [],
    // money goes where the original's goes, or waits until the organizer has chosen; never elsewhere by itself
    stripeConnectionId: event.stripeConnectionId,
  };
}

/** A copy of a copy is called after the original. */
function titleOfCopy(title: string): string {
  const whole = title.startsWith(PREFIX) ? title : PREFIX + title;
  return [...whole].slice(0, LONGEST_TITLE).join('').trimEnd();
}
