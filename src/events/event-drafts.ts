/**
 * Unfinished forms. What was typed survives an error, a trip to Stripe and a closed window; it is kept raw, since a
 * draft need not be valid. A draft is reached only by the person who typed it, inside the same organizer.
 */
import { type Knex } from 'knex';
import { NotFound } from '../errors';
import { isUuid, newId } from '../lib/ids';
import { type FormValues, pickEventValues } from './event-fields';

export interface EventDraft {
  id: string;
  /** the event whose changes these are; null for a new event */
  eventId: string | null;
  values: FormValues;
  updatedAt: Date;
}

interface DraftRow {
  id: string;
  user_id: string;
  organizer_id: string;
  event_id: string | null;
  form_values: FormValues;
  updated_at: Date;
}

/** The oldest drafts beyond this many go. */
const MOST_DRAFTS_OF_A_PERSON = 50;

export function createEventDraftsStore(db: Knex) {
  const drafts = () => db<DraftRow>('event_drafts');

  return {
    /**
     * Keeps the form's values: in the given draft where it is this person's (and about the same event), else in a new
     * one. Fields that are not the event form's are left out. Throws NotFound for an event of another organizer.
     */
    async saveDraft(draft: {
      userId: string;
      organizerId: string;
      eventId: string | null;
      draftId: string | null;
      values: FormValues;
    }): Promise<{ id: string }> {
      const { userId, organizerId } = draft;
      const eventId = draft.eventId || null;
      if (eventId !== null) await getEventOfOrganizer(db, eventId, organizerId);
      const values = JSON.stringify(pickEventValues(draft.values));
      if (isUuid(draft.draftId)) {
        const [updated] = await drafts()
          .where({ id: draft.draftId, user_id: userId, organizer_id: organizerId })
          .whereRaw('event_id IS NOT DISTINCT FROM ?::uuid', [eventId])
          .update({
            form_values: values as unknown as FormValues,
            updated_at: db.fn.now() as unknown as Date,
          })
          .returning('id');
        if (updated) return { id: updated.id };
      }
      const id = newId();
      await drafts().insert({
        id,
        user_id: userId,
        organizer_id: organizerId,
        event_id: eventId,
        form_values: values as unknown as FormValues,
      });
      await forgetOldest(db, userId);
      return { id };
    },

    async findDraft(id: unknown, owner: { userId: string; organizerId: string }): Promise<EventDraft | null> {
      if (!isUuid(id)) return null;
      const row = await drafts()
        .where({ id, user_id: owner.userId, organizer_id: owner.organizerId })
        .first();
      return row ? toDraft(row) : null;
    },

    /** The person's drafts, the latest first. */
    async listDrafts(userId: string, organizerId: string): Promise<EventDraft[]> {
      const rows = await drafts()
        .where({ user_id: userId, organizer_id: organizerId })
        .orderBy('updated_at', 'desc')
        .limit(MOST_DRAFTS_OF_A_PERSON);
      return rows.map(toDraft);
    },

    /** Answers false when there was no such draft of this person. */
    async deleteDraft(id: unknown, owner: { userId: string; organizerId: string }): Promise<boolean> {
      if (!isUuid(id)) return false;
      const deleted = await drafts()
        .where({ id, user_id: owner.userId, organizer_id: owner.organizerId })
        .delete();
      return deleted > 0;
    },
  };
}

async function getEventOfOrganizer(db: Knex, eventId: string, organizerId: string): Promise<void> {
  const row = isUuid(eventId)
    ? await db('events').where({ id: eventId, organizer_id: organizerId }).first('id')
    : undefined;
  if (!row) throw new NotFound('event');
}

async function forgetOldest(db: Knex, userId: string): Promise<void> {
  await db('event_drafts')
    .where({ user_id: userId })
    .whereNotIn(
      'id',
      db('event_drafts')
        .where({ user_id: userId })
        .orderBy('updated_at', 'desc')
        .limit(MOST_DRAFTS_OF_A_PERSON)
        .select('id'),
    )
    .delete();
}

function toDraft(row: DraftRow): EventDraft {
  return { id: row.id, eventId: row.event_id, values: row.form_values, updatedAt: row.updated_at };
}
