/**
 * Creating and changing an event. Invariant (promise 1): a capacity is compared and written under the event's row lock,
 * so it never falls below what is held and sold.
 */
import { type Knex } from 'knex';
import { canTakeCharges } from '../connect/connection';
import { connectionForEvent } from '../connect/connection-for-event';
import { inTransaction, violatedConstraint } from '../db/connection';
import { Conflict } from '../errors';
import { newId } from '../lib/ids';
import { slugFrom, slugWithTail } from '../lib/slugs';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { type EventDetails } from './event';
import { problemsOfChange } from './event-change';
import { type EventInput } from './event-forms';
import { createEventsStore } from './events-store';

/** Stores a new event, not published. Answers its id. */
export async function createEvent(
  db: Knex,
  input: EventInput,
  owner: { organizerId: string; livemode: boolean },
): Promise<string> {
  return withFreeSlug(() =>
    inTransaction(db, async (trx) => {
      const id = newId();
      await createEventsStore(trx).create({
        id,
        organizerId: owner.organizerId,
        livemode: owner.livemode,
        slug: await freeSlug(trx, input.event.title, id),
        ...input.event,
      });
      const ticketTypes = createTicketTypesStore(trx);
      for (const [position, { fields }] of input.ticketTypes.entries())
        await ticketTypes.create(newId(), id, position, fields);
      return id;
    }),
  );
}

/** Changes an event as far as its orders allow; else answers messages by form field and changes nothing. */
export async function changeEvent(
  db: Knex,
  eventId: string,
  organizerId: string,
  input: EventInput,
): Promise<{ ok: true } | { ok: false; errors: Record<string, string> }> {
  return withFreeSlug(() =>
    inTransaction(db, async (trx) => {
      const events = createEventsStore(trx);
      const ticketTypes = createTicketTypesStore(trx);
      const event = await events.lockOfOrganizer(eventId, organizerId);
      refuseCancelled(event);
      const before = {
        event,
        ticketTypes: await ticketTypes.listOfEvent(event.id),
        hasOrders: await events.hasOrders(event.id),
        typesWithOrders: await ticketTypes.listIdsWithOrders(event.id),
        canTakeCharges: canTakeCharges(await connectionForEvent(trx, event)),
      };
      const errors = problemsOfChange(before, input);
      if (Object.keys(errors).length > 0) return { ok: false, errors };

      // Ids that are not this event's change nothing: only those of `before` are written to.
      const known = new Set(before.ticketTypes.map((type) => type.id));
      const removed = input.removed.filter(({ id }) => known.has(id));
      for (const { id } of removed) await ticketTypes.markRemoved(id);
      for (const [position, { id, fields }] of input.ticketTypes.entries()) {
        if (id === null) await ticketTypes.create(newId(), event.id, position, fields);
        else await ticketTypes.update(id, position, fields);
      }
      await events.update(event.id, { ...input.event, slug: await slugAfterChange(trx, event, input) });
      return { ok: true };
    }),
  );
}

/** A cancelled event stays as its ticket holders were told. */
export function refuseCancelled(event: Pick<EventDetails, 'status'>): void {
  if (event.status === 'cancelled')
    throw new Conflict(
      'This event is cancelled, so it cannot be changed any more. Make a new event instead.',
      'The event is cancelled',
    );
}

/** An address that was ever public stays; before that it follows the title. */
async function slugAfterChange(trx: Knex, event: EventDetails, input: EventInput): Promise<string> {
  if (event.publishedAt !== null || input.event.title === event.title) return event.slug;
  return freeSlug(trx, input.event.title, event.id);
}

async function freeSlug(trx: Knex, title: string, eventId: string): Promise<string> {
  const plain = slugFrom(title);
  const taken = await createEventsStore(trx).isSlugTaken(plain, eventId);
  return taken ? slugWithTail(title) : plain;
}

/** Again, where somebody took the slug between our look and our write. */
async function withFreeSlug<T>(save: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await save();
    } catch (error) {
      if (violatedConstraint(error) !== 'events_slug_unique' || attempt >= 3) throw error;
    }
  }
}
