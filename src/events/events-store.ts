import { type Knex } from 'knex';
import { NotFound } from '../errors';
import { isUuid } from '../lib/ids';
import { type EventDetails } from './event';

export interface EventRow {
  id: string;
  organizer_id: string;
  slug: string;
  title: string;
  description: string;
  starts_at: Date;
  ends_at: Date;
  time_zone: string;
  location_kind: EventDetails['locationKind'];
  venue_name: string | null;
  venue_address: string | null;
  online_url: string | null;
  currency: string;
  capacity: number | null;
  held: number;
  sold: number;
  livemode: boolean;
  status: EventDetails['status'];
  stripe_connection_id: string | null;
  self_cancellation: string | null;
  published_at: Date | null;
  cancelled_at: Date | null;
  cancellation_reason: string | null;
  updated_at: Date;
  cover_hash: string | null;
  cover_alt: string | null;
  suspended_at: Date | null;
  organizer_suspended: boolean;
}

/** What the form decides of an event. */
export type EventFields = Pick<
  EventDetails,
  | 'title'
  | 'description'
  | 'startsAt'
  | 'endsAt'
  | 'timeZone'
  | 'locationKind'
  | 'venueName'
  | 'venueAddress'
  | 'onlineUrl'
  | 'currency'
  | 'capacity'
>;

/** SQL of events. Give it a transaction to work inside one. */
export function createEventsStore(db: Knex) {
  const events = () => db<EventRow>('events');
  const now = () => db.fn.now() as unknown as Date;

  return {
    /** The event if it is this organizer's; another's is not found. */
    async getOfOrganizer(id: unknown, organizerId: string): Promise<EventDetails> {
      const row = isUuid(id) ? await events().where({ id, organizer_id: organizerId }).first() : undefined;
      if (!row) throw new NotFound('event');
      return toEvent(row);
    },

    /**
     * The same under its row lock: THE lock of an event's inventory, taken before anything of its ticket types or orders
     * is read or changed. NO KEY UPDATE, so that foreign keys to the event are not held up.
     */
    async lockOfOrganizer(id: unknown, organizerId: string): Promise<EventDetails> {
      const row = isUuid(id)
        ? await events().where({ id, organizer_id: organizerId }).forNoKeyUpdate().first()
        : undefined;
      if (!row) throw new NotFound('event');
      return toEvent(row);
    },

    async isSlugTaken(slug: string, exceptId: string | null): Promise<boolean> {
      const query = events().where({ slug });
      if (exceptId) void query.whereNot({ id: exceptId });
      return (await query.first('id')) !== undefined;
    },

    async hasOrders(id: string): Promise<boolean> {
      return (await db('orders').where({ event_id: id }).first('id')) !== undefined;
    },

    async create(
      event: {
        id: string;
        organizerId: string;
        slug: string;
        livemode: boolean;
        stripeConnectionId?: string | null;
      } & EventFields,
    ): Promise<void> {
      await events().insert({
        id: event.id,
        organizer_id: event.organizerId,
        slug: event.slug,
        livemode: event.livemode,
        stripe_connection_id: event.stripeConnectionId ?? null,
        // under the organizer's lock, so that a suspension at this moment is not missed
        organizer_suspended: db.raw(
          '(SELECT suspended_at IS NOT NULL FROM organizers WHERE id = ? FOR SHARE)',
          [event.organizerId],
        ) as unknown as boolean,
        ...toColumns(event),
      });
    },

    async update(id: string, fields: EventFields & { slug: string }): Promise<void> {
      await events()
        .where({ id })
        .update({ slug: fields.slug, updated_at: now(), ...toColumns(fields) });
    },

    /** New orders go to another account; null: the default one. */
    async markAccount(id: string, stripeConnectionId: string | null): Promise<void> {
      await events().where({ id }).update({ stripe_connection_id: stripeConnectionId, updated_at: now() });
    },

    async markPublished(id: string): Promise<void> {
      await events()
        .where({ id })
        .update({
          status: 'published',
          published_at: db.raw('coalesce(published_at, now())') as unknown as Date,
          updated_at: now(),
        });
    },

    async markUnpublished(id: string): Promise<void> {
      await events().where({ id }).update({ status: 'draft', updated_at: now() });
    },

    async markCancelled(id: string, reason: string): Promise<void> {
      await events().where({ id }).update({
        status: 'cancelled',
        cancelled_at: now(),
        cancellation_reason: reason,
        updated_at: now(),
      });
    },
  };
}

export function toEvent(row: EventRow): EventDetails {
  return {
    id: row.id,
    organizerId: row.organizer_id,
    slug: row.slug,
    title: row.title,
    description: row.description,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    timeZone: row.time_zone,
    locationKind: row.location_kind,
    venueName: row.venue_name,
    venueAddress: row.venue_address,
    onlineUrl: row.online_url,
    currency: row.currency,
    capacity: row.capacity,
    held: row.held,
    sold: row.sold,
    livemode: row.livemode,
    status: row.status,
    stripeConnectionId: row.stripe_connection_id,
    selfCancellation: row.self_cancellation,
    publishedAt: row.published_at,
    cancelledAt: row.cancelled_at,
    cancellationReason: row.cancellation_reason,
    updatedAt: row.updated_at,
    coverHash: row.cover_hash,
    coverAlt: row.cover_alt,
    suspended: row.suspended_at !== null || row.organizer_suspended,
  };
}

function toColumns(fields: EventFields) {
  return {
    title: fields.title,
    description: fields.description,
    starts_at: fields.startsAt,
    ends_at: fields.endsAt,
    time_zone: fields.timeZone,
    location_kind: fields.locationKind,
    venue_name: fields.venueName,
    venue_address: fields.venueAddress,
    online_url: fields.onlineUrl,
    currency: fields.currency,
    capacity: fields.capacity,
  };
}
