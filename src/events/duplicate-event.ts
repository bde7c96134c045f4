/**
 * Duplicating. Invariant: a copy is a new event like one that was typed anew: not published, nothing held or sold, with
 * an address of its own, in the mode of today. Its questions come along; its codes too, switched off, so that nothing is
 * given away before its organizer has looked at them.
 */
import { type Knex } from 'knex';
import { connectionForEvent } from '../connect/connection-for-event';
import { newId } from '../lib/ids';
import { createDiscountCodesStore } from '../discounts/discount-codes-store';
import { createQuestionsStore } from '../questions/questions-store';
import { moveByWeeks, weeksUntilAfter } from '../lib/dates';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { type TicketType } from '../ticket-types/ticket-type';
import { type EventDetails } from './event';
import { type EventInput } from './event-forms';
import { createEventsStore } from './events-store';
import { createEvent } from './save-event';

const LONGEST_TITLE = 150;
const MS_OF_A_WEEK = 7 * 24 * 3600 * 1000;
const PREFIX = 'Copy of ';

/** Stores the copy. Answers its id, and how many codes came along. Throws NotFound for an event of another organizer. */
export async function duplicateEvent(
  db: Knex,
  eventId: unknown,
  owner: { organizerId: string; livemode: boolean },
  now: Date,
): Promise<{ id: string; codes: number }> {
  const event = await createEventsStore(db).getOfOrganizer(eventId, owner.organizerId);
  const ticketTypes = await createTicketTypesStore(db).listOfEvent(event.id);
  const copy = copyOf(event, ticketTypes, now);
  // an account that takes only tests can't be a live event's
  const named = await connectionForEvent(db, { ...event, livemode: owner.livemode });
  if (copy.stripeConnectionId && !named) copy.stripeConnectionId = null;
  let codes = 0;
  const id = await createEvent(db, copy, owner, async (trx, copyId) => {
    await trx('events')
      .where({ id: copyId })
      .update({ self_cancellation: trx('events').where({ id: event.id }).select('self_cancellation') });
    const toCopied = await copiedTypes(trx, ticketTypes, copyId);
    await copyQuestions(trx, event.id, copyId, toCopied);
    codes = await copyCodes(trx, event, { id: copyId, startsAt: copy.event.startsAt }, toCopied);
  });
  return { id, codes };
}

/** The copies of these ticket types: what was for some of them is for their copies, and for none where all are gone. */
type ToCopied = (ids: string[] | null) => string[] | null;

async function copiedTypes(trx: Knex, originals: TicketType[], copyId: string): Promise<ToCopied> {
  const copies = await createTicketTypesStore(trx).listOfEvent(copyId);
  const copyOfType = new Map(originals.map((type, index) => [type.id, copies[index]!.id]));
  return (ids) => ids && ids.flatMap((id) => copyOfType.get(id) ?? []);
}

async function copyQuestions(trx: Knex, from: string, to: string, toCopied: ToCopied): Promise<void> {
  const store = createQuestionsStore(trx);
  for (const question of await store.listOfEvent(from)) {
    const ticketTypeIds = toCopied(question.ticketTypeIds);
    if (ticketTypeIds?.length !== 0)
      await store.create({ ...question, id: newId(), eventId: to, ticketTypeIds });
  }
}

/** Valid as long before the copy as they were before the original. An amount of another currency means nothing there. */
async function copyCodes(
  trx: Knex,
  from: Pick<EventDetails, 'id' | 'startsAt' | 'timeZone' | 'currency'>,
  to: { id: string; startsAt: Date },
  toCopied: ToCopied,
): Promise<number> {
  const store = createDiscountCodesStore(trx);
  const weeks = Math.round((to.startsAt.getTime() - from.startsAt.getTime()) / MS_OF_A_WEEK);
  const moved = (instant: Date | null) => instant && moveByWeeks(instant, weeks, from.timeZone);
  const codes = (await store.listOfEvent(from.id))
    .map((code) => ({ ...code, ticketTypeIds: toCopied(code.ticketTypeIds) }))
    .filter(({ currency, ticketTypeIds }) => currency === from.currency && ticketTypeIds?.length !== 0);
  // the newest is listed first
  for (const code of codes.reverse()) {
    const id = newId();
    const window = { validFrom: moved(code.validFrom), validUntil: moved(code.validUntil) };
    await store.create({ ...code, ...window, id, eventId: to.id });
    await store.markSwitched(id, to.id, 'off');
  }
  return codes.length;
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
