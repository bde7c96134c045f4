import { type Knex } from 'knex';
import { type ToldChange } from './worth-telling';

export interface EventChange {
  changes: ToldChange[];
  message: string;
  ordersTold: number;
  at: Date;
}

/** What ticket holders were told of an event, the latest first. */
export function createEventChangesStore(db: Knex) {
  return {
    async list(eventId: string, limit: number): Promise<EventChange[]> {
      const rows = await db('event_changes')
        .where({ event_id: eventId })
        .orderBy('created_at', 'desc')
        .limit(limit);
      return rows.map((row) => ({
        changes: row.changes,
        message: row.message,
        ordersTold: row.orders_told,
        at: row.created_at,
      }));
    },
  };
}
