/**
 * Publishing and taking back. Invariant: an event that can't be sold as it stands is never published; both moves are
 * made and written to the audit log in one transaction, under the event's lock.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { connectionForEvent } from '../connect/connection-for-event';
import { inTransaction } from '../db/connection';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { whatIsMissing } from './event';
import { createEventsStore } from './events-store';
import { refuseCancelled } from './save-event';

interface Deed {
  eventId: string;
  organizerId: string;
  userId: string;
}

/** Said to a person who may draft and not publish. */
export const CONFIRM_EMAIL_FIRST =
  'Confirm your email address: open the link in the mail that came when you signed up.';

/** Publishes the event, or answers what is missing. Publishing twice changes nothing. */
export async function publishEvent(db: Knex, deed: Deed): Promise<{ missing: string[] }> {
  return inTransaction(db, async (trx) => {
    const events = createEventsStore(trx);
    const event = await events.lockOfOrganizer(deed.eventId, deed.organizerId);
    if (event.status === 'published') return { missing: [] };
    const missing = whatIsMissing(
      event,
      await createTicketTypesStore(trx).listOfEvent(event.id),
      await connectionForEvent(trx, event),
      new Date(),
    );
    const person = await trx('users').where({ id: deed.userId }).first('email_verified_at');
    if (!person?.email_verified_at) missing.push(CONFIRM_EMAIL_FIRST);
    if (missing.length > 0) return { missing };
    await events.markPublished(event.id);
    await audit(trx, deed, 'event.published');
    return { missing: [] };
  });
}

/** Takes the public page away. Orders and tickets stay as they are, and so does the address. */
export async function unpublishEvent(db: Knex, deed: Deed): Promise<void> {
  await inTransaction(db, async (trx) => {
    const events = createEventsStore(trx);
    const event = await events.lockOfOrganizer(deed.eventId, deed.organizerId);
    refuseCancelled(event);
    if (event.status !== 'published') return;
    await events.markUnpublished(event.id);
    await audit(trx, deed, 'event.unpublished');
  });
}

async function audit(trx: Knex, deed: Deed, action: string): Promise<void> {
  await writeAudit(trx, {
    actor: 'organizer',
    actorUserId: deed.userId,
    action,
    organizerId: deed.organizerId,
    subjectType: 'event',
    subjectId: deed.eventId,
  });
}
