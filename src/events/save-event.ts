/**
 * Creating and changing an event. Invariant (promise 1): a capacity is compared and written under the event's row lock,
 * so it never falls below what is held and sold.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { canTakeCharges } from '../connect/connection';
import { connectionForEvent } from '../connect/connection-for-event';
import { inTransaction, violatedConstraint } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { Conflict } from '../errors';
import { newId } from '../lib/ids';
import { slugFrom, slugWithTail } from '../lib/slugs';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { type EventDetails } from './event';
import { accountProblems } from './event-account';
import { problemsOfChange } from './event-change';
import { type EventInput } from './event-forms';
import { createEventsStore } from './events-store';
import { type Announcement, countHolders, lockHolders, tellHolders } from './tell-holders';
import { changesWorthTelling, fingerprintOf, type ToldChange } from './worth-telling';

/** Stores a new event, not published; `and` what else belongs to it, in the same transaction. Answers its id. */
export async function createEvent(
  db: Knex,
  input: EventInput,
  owner: { organizerId: string; livemode: boolean },
  and: (trx: Knex.Transaction, eventId: string) => Promise<void> = async () => {},
): Promise<string> {
  return withFreeSlug(() =>
    inTransaction(db, async (trx) => {
      const id = newId();
      await createEventsStore(trx).create({
        id,
        organizerId: owner.organizerId,
        livemode: owner.livemode,
        stripeConnectionId: input.stripeConnectionId,
        slug: await freeSlug(trx, input.event.title, id),
        ...input.event,
      });
      const ticketTypes = createTicketTypesStore(trx);
      for (const [position, { fields }] of input.ticketTypes.entries())
        await ticketTypes.create(newId(), id, position, fields);
      await and(trx, id);
      return id;
    }),
  );
}

export type ChangedEvent =
  | { outcome: 'changed'; told: number }
  /** messages by form field */
  | { outcome: 'refused'; errors: Record<string, string> }
  /** people hold tickets, and the organizer has not seen yet what they will be told */
  | { outcome: 'must_tell'; changes: ToldChange[] };

/**
 * Changes an event as far as its orders allow, and tells its ticket holders of a new time or place; else changes
 * nothing. Without an announcement nothing that they must hear of is changed.
 */
export async function changeEvent(
  dependencies: Pick<Dependencies, 'db' | 'config' | 'orderTokens'>,
  eventId: string,
  organizerId: string,
  input: EventInput,
  by: { userId: string },
  announcement: Announcement | null = null,
): Promise<ChangedEvent> {
  return withFreeSlug(() =>
    inTransaction(dependencies.db, async (trx): Promise<ChangedEvent> => {
      const events = createEventsStore(trx);
      const ticketTypes = createTicketTypesStore(trx);
      // orders before their event, as everywhere that both are locked
      if (announcement) await lockHolders(trx, eventId);
      const event = await events.lockOfOrganizer(eventId, organizerId);
      refuseCancelled(event);
      const account =
        input.stripeConnectionId === undefined ? event.stripeConnectionId : input.stripeConnectionId;
      const before = {
        event,
        ticketTypes: await ticketTypes.listOfEvent(event.id),
        hasOrders: await events.hasOrders(event.id),
        typesWithOrders: await ticketTypes.listIdsWithOrders(event.id),
        canTakeCharges: canTakeCharges(
          await connectionForEvent(trx, { ...event, stripeConnectionId: account }),
        ),
      };
      const errors = {
        ...problemsOfChange(before, input),
        ...(await accountProblems(trx, { ...event, before: event }, input)),
      };
      if (Object.keys(errors).length > 0) return { outcome: 'refused', errors };

      const changes = changesWorthTelling(event, input.event, new Date());
      const mustTell = changes.length > 0 && (await countHolders(trx, event.id)) > 0;
      if (mustTell && event.suspended) return { outcome: 'refused', errors: { form: SUSPENDED } };
      if (mustTell && announcement?.seen !== fingerprintOf(changes)) return { outcome: 'must_tell', changes };

      // Ids that are not this event's change nothing: only those of `before` are written to.
      const known = new Set(before.ticketTypes.map((type) => type.id));
      const removed = input.removed.filter(({ id }) => known.has(id));
      for (const { id } of removed) await ticketTypes.markRemoved(id);
      for (const [position, { id, fields }] of input.ticketTypes.entries()) {
        if (id === null) await ticketTypes.create(newId(), event.id, position, fields);
        else await ticketTypes.update(id, position, fields);
      }
      await events.update(event.id, { ...input.event, slug: await slugAfterChange(trx, event, input) });
      if (account !== event.stripeConnectionId) await changeAccount(trx, event, account, by);
      if (!mustTell || !announcement) return { outcome: 'changed', told: 0 };
      const told = await lockHolders(trx, event.id);
      await tellHolders(trx, dependencies, event.id, told, changes, announcement);
      return { outcome: 'changed', told: told.length };
    }),
  );
}

/** What Foyer has suspended mails nobody in the organizer's words. */
const SUSPENDED =
  'Foyer has suspended this event, so its time and place stay as people with tickets know them. Ask whom the mail about it names';

/** Only new orders follow: each order keeps the account that its payment was begun on (promise 5). */
async function changeAccount(
  trx: Knex,
  event: EventDetails,
  to: string | null,
  by: { userId: string },
): Promise<void> {
  const accountOf = async (stripeConnectionId: string | null) =>
    (await connectionForEvent(trx, { ...event, stripeConnectionId }))?.stripeUserId ?? null;
  await createEventsStore(trx).markAccount(event.id, to);
  await writeAudit(trx, {
    actor: 'organizer',
    actorUserId: by.userId,
    action: 'event.account_changed',
    organizerId: event.organizerId,
    subjectType: 'event',
    subjectId: event.id,
    details: { before: await accountOf(event.stripeConnectionId), account: await accountOf(to) },
  });
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
