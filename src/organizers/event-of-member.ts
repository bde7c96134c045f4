import { type Request } from 'express';
import { type Knex } from 'knex';
import { NotFound } from '../errors';
import { isUuid } from '../lib/ids';

export interface EventOfMember {
  id: string;
  slug: string;
  organizer_id: string;
  title: string;
  status: 'draft' | 'published' | 'cancelled';
  starts_at: Date;
  ends_at: Date;
  time_zone: string;
  currency: string;
  livemode: boolean;
}

/**
 * An event of an organizer that the person is a member of, whichever of their desks they look at; another's is not
 * found. The desk becomes that organizer's. For handlers behind `loadOrganizer`.
 */
export async function eventOfMember(db: Knex, req: Request): Promise<EventOfMember> {
  return thingOfMember<EventOfMember>(db, req, 'events', 'event');
}

/** The same for a row of any table that names its organizer. */
export async function thingOfMember<Row extends { id: string; organizer_id: string }>(
  db: Knex,
  req: Request,
  table: 'events' | 'orders',
  what: string,
  id: unknown = req.params['id'],
): Promise<Row> {
  const row = (isUuid(id) ? await db(table).where({ id }).first() : undefined) as Row | undefined;
  const membership = row && req.memberships?.find((candidate) => candidate.id === row.organizer_id);
  if (!row || !membership) throw new NotFound(what);
  req.organizer = membership;
  req.session.organizerId = membership.id;
  return row;
}
