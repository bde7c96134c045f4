import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { type Cover } from '../lib/pictures';

export type CoverSize = 'wide' | 'small' | 'share';

/** SQL of covers. The event's row carries the name of its picture, so that pages need no join. */
export function createEventCoversStore(db: Knex) {
  return {
    /** Sets an event's picture and its words in place of what was there. */
    async keep(eventId: string, cover: Cover, fields: { alt: string; userId: string }): Promise<void> {
      const { hash, ...pictures } = cover;
      await inTransaction(db, async (trx) => {
        await trx('event_covers')
          .insert({ event_id: eventId, content_hash: hash, ...pictures, uploaded_by: fields.userId })
          .onConflict('event_id')
          .merge();
        await trx('events').where({ id: eventId }).update({ cover_hash: hash, cover_alt: fields.alt });
      });
    },

    async setAlt(eventId: string, alt: string): Promise<void> {
      await db('events').where({ id: eventId }).whereNotNull('cover_hash').update({ cover_alt: alt });
    },

    async remove(eventId: string): Promise<void> {
      await inTransaction(db, async (trx) => {
        await trx('events').where({ id: eventId }).update({ cover_hash: null, cover_alt: null });
        await trx('event_covers').where({ event_id: eventId }).delete();
      });
    },

    async findPicture(hash: string, size: CoverSize): Promise<Buffer | null> {
      const row = await db('event_covers').where({ content_hash: hash }).first(size);
      return row ? row[size] : null;
    },
  };
}
