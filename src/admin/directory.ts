/** Everybody and everything that admins look up: people, organizers, events. */
import { type Knex } from 'knex';
import { isUuid } from '../lib/ids';
import { contains, type ListPage, type ListSearch, readPage } from './list-page';

export const USER_FILTERS = ['all', 'admins', 'disabled'] as const;
export const ORGANIZER_FILTERS = ['all', 'suspended'] as const;
export const EVENT_FILTERS = ['all', 'draft', 'published', 'cancelled', 'suspended'] as const;

export interface ListedUser {
  id: string;
  name: string;
  email: string;
  isAdmin: boolean;
  disabledAt: Date | null;
  createdAt: Date;
}

export interface ListedOrganizer {
  id: string;
  name: string;
  slug: string;
  contactEmail: string;
  website: string | null;
  suspendedAt: Date | null;
  createdAt: Date;
}

export interface ListedEvent {
  id: string;
  title: string;
  slug: string;
  organizer: { id: string; name: string };
  status: 'draft' | 'published' | 'cancelled';
  suspendedAt: Date | null;
  organizerSuspended: boolean;
  startsAt: Date;
  endsAt: Date;
  timeZone: string;
  place: string;
  livemode: boolean;
  sold: number;
  held: number;
  createdAt: Date;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Row = any;

export async function listUsers(
  db: Knex,
  search: ListSearch<(typeof USER_FILTERS)[number]>,
): Promise<ListPage<ListedUser>> {
  const matching = () => {
    const query = db('users');
    if (search.q) {
      const like = contains(search.q);
      void query.where((either) => either.whereILike('email', like).orWhereILike('name', like));
    }
    if (search.filter === 'admins') void query.where({ is_admin: true });
    if (search.filter === 'disabled') void query.whereNotNull('disabled_at');
    return query;
  };
  const page = await readPage<Row>(db, matching, search.page, (query) => newestFirst(query, 'users'));
  return { ...page, rows: page.rows.map(toUser) };
}

export async function listOrganizers(
  db: Knex,
  search: ListSearch<(typeof ORGANIZER_FILTERS)[number]>,
): Promise<ListPage<ListedOrganizer>> {
  const matching = () => {
    const query = db('organizers');
    if (search.q) {
      const like = contains(search.q);
      void query.where((either) =>
        either.whereILike('name', like).orWhereILike('slug', like).orWhereILike('contact_email', like),
      );
    }
    if (search.filter === 'suspended') void query.whereNotNull('suspended_at');
    return query;
  };
  const page = await readPage<Row>(db, matching, search.page, (query) => newestFirst(query, 'organizers'));
  return { ...page, rows: page.rows.map(toOrganizer) };
}

export async function listEvents(
  db: Knex,
  search: ListSearch<(typeof EVENT_FILTERS)[number]>,
): Promise<ListPage<ListedEvent>> {
  const matching = () => {
    const query = eventsWithOrganizer(db);
    if (search.q) {
      const like = contains(search.q);
      void query.where((either) =>
        either
          .whereILike('events.title', like)
          .orWhereILike('events.slug', like)
          .orWhereILike('organizers.name', like),
      );
    }
    if (search.filter === 'suspended')
      void query.where((either) =>
        either.whereNotNull('events.suspended_at').orWhere('events.organizer_suspended', true),
      );
    else if (search.filter !== 'all') void query.where('events.status', search.filter);
    return query;
  };
  const page = await readPage<Row>(db, matching, search.page, (query) =>
    newestFirst(query, 'events').select('events.*', 'organizers.name as organizer_name'),
  );
  return { ...page, rows: page.rows.map(toEvent) };
}

/** A person with the organizers they belong to, or null. */
export async function findUser(db: Knex, id: unknown) {
  if (!isUuid(id)) return null;
  const row = await db('users').where({ id }).first();
  if (!row) return null;
  const organizers: { id: string; name: string; role: string }[] = await db('memberships')
    .join('organizers', 'organizers.id', 'memberships.organizer_id')
    .where({ user_id: id })
    .orderBy('organizers.name')
    .select('organizers.id', 'organizers.name', 'memberships.role');
  const sessions = await db('sessions')
    .where({ user_id: id })
    .where('expires_at', '>', db.fn.now())
    .count('* as count')
    .first();
  return { user: toUser(row), organizers, sessions: Number(sessions?.count ?? 0) };
}

/** An organizer with its people and what it has, in numbers, or null. */
export async function findOrganizer(db: Knex, id: unknown) {
  if (!isUuid(id)) return null;
  const row = await db('organizers').where({ id }).first();
  if (!row) return null;
  const members: { id: string; name: string; email: string; role: string }[] = await db('memberships')
    .join('users', 'users.id', 'memberships.user_id')
    .where({ organizer_id: id })
    .orderBy('users.name')
    .select('users.id', 'users.name', 'users.email', 'memberships.role');
  const events: Row[] = await eventsWithOrganizer(db)
    .where('events.organizer_id', id)
    .orderBy('events.starts_at', 'desc')
    .limit(10)
    .select('events.*', 'organizers.name as organizer_name');
  const onSale = await db('events')
    .where({ organizer_id: id, status: 'published' })
    .where('ends_at', '>', db.fn.now())
    .count('* as count')
    .first();
  return {
    organizer: {
      ...toOrganizer(row),
      paidSalesPausedAt: row.paid_sales_paused_at as Date | null,
      paidSalesPauseReason: row.paid_sales_pause_reason as string | null,
    },
    members,
    events: events.map(toEvent),
    onSale: Number(onSale?.count ?? 0),
    orders: await countOrders(db, { organizer_id: id }),
  };
}

/** An event as admins see it, or null. */
export async function findEvent(db: Knex, id: unknown) {
  if (!isUuid(id)) return null;
  const row: Row = await eventsWithOrganizer(db)
    .where('events.id', id)
    .first('events.*', 'organizers.name as organizer_name');
  if (!row) return null;
  return { event: toEvent(row), orders: await countOrders(db, { event_id: id }) };
}

export interface OrderCounts {
  paid: number;
  open: number;
}

async function countOrders(db: Knex, of: Record<string, string>): Promise<OrderCounts> {
  const row: { paid: bigint; open: bigint } | undefined = await db('orders')
    .where(of)
    .first(
      db.raw("count(*) FILTER (WHERE inventory = 'sold') AS paid"),
      db.raw("count(*) FILTER (WHERE inventory = 'held') AS open"),
    );
  return { paid: Number(row?.paid ?? 0), open: Number(row?.open ?? 0) };
}

function eventsWithOrganizer(db: Knex): Knex.QueryBuilder {
  return db('events').join('organizers', 'organizers.id', 'events.organizer_id');
}

function newestFirst(query: Knex.QueryBuilder, table: string): Knex.QueryBuilder {
  return query.orderBy([
    { column: `${table}.created_at`, order: 'desc' },
    { column: `${table}.id`, order: 'asc' },
  ]);
}

function toUser(row: Row): ListedUser {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    isAdmin: row.is_admin,
    disabledAt: row.disabled_at,
    createdAt: row.created_at,
  };
}

function toOrganizer(row: Row): ListedOrganizer {
  return {
    id: row.id,
    name: row.name,
    slug: row.slug,
    contactEmail: row.contact_email,
    website: row.website,
    suspendedAt: row.suspended_at,
    createdAt: row.created_at,
  };
}

function toEvent(row: Row): ListedEvent {
  return {
    id: row.id,
    title: row.title,
    slug: row.slug,
    organizer: { id: row.organizer_id, name: row.organizer_name },
    status: row.status,
    suspendedAt: row.suspended_at,
    organizerSuspended: row.organizer_suspended,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    timeZone: row.time_zone,
    place: row.location_kind === 'online' ? 'Online' : row.venue_name,
    livemode: row.livemode,
    sold: row.sold,
    held: row.held,
    createdAt: row.created_at,
  };
}
