/** Read models for programs: newest first, by pages. Only what belongs to organizers that the person is a member of now. */
import OAuth2Server from '@node-oauth/oauth2-server';
import { type Knex } from 'knex';
import { isUuid } from '../lib/ids';
import { paths } from '../paths';

export interface PageRequest {
  limit: number;
  /** the last id of the page before */
  after: string | null;
  /** of this event alone (orders) */
  event: string | null;
}

interface Page<T> {
  data: T[];
  /** what `after` is for the next page; null on the last */
  next: string | null;
}

/** `limit` 1 to 100 (default 50), `after` and `event` ids. Throws `invalid_request` for anything else. */
export function readPageRequest(query: Record<string, unknown>): PageRequest {
  const { limit = '50', after = null, event = null } = query;
  if (typeof limit !== 'string' || !/^([1-9]\d?|100)$/.test(limit))
    throw new OAuth2Server.InvalidRequestError('Invalid parameter: `limit` is a number from 1 to 100');
  for (const [name, id] of Object.entries({ after, event }))
    if (id !== null && !isUuid(id))
      throw new OAuth2Server.InvalidRequestError(`Invalid parameter: \`${name}\` is an id`);
  return { limit: Number(limit), after: after as string | null, event: event as string | null };
}

export async function listEvents(
  db: Knex,
  userId: string,
  { limit, after, baseUrl }: PageRequest & { baseUrl: string },
): Promise<Page<object>> {
  const rows = await db('events')
    .join('organizers', 'organizers.id', 'events.organizer_id')
    .whereIn('events.organizer_id', organizersOf(db, userId))
    .modify((query) => after && query.where('events.id', '<', after))
    .orderBy('events.id', 'desc')
    .limit(limit + 1)
    .select('events.*', 'organizers.name as organizer_name');
  return pageOf(rows, limit, (row) => ({
    id: row.id,
    organizer: { id: row.organizer_id, name: row.organizer_name },
    title: row.title,
    status: row.status,
    livemode: row.livemode,
    starts_at: row.starts_at,
    ends_at: row.ends_at,
    time_zone: row.time_zone,
    venue_name: row.venue_name,
    currency: row.currency,
    capacity: row.capacity,
    tickets_sold: row.sold,
    url: row.status === 'draft' ? null : baseUrl + paths.event(row.slug),
  }));
}

/** Amounts are whole numbers of the currency's minor unit. */
export async function listOrders(
  db: Knex,
  userId: string,
  { limit, after, event }: PageRequest,
): Promise<Page<object>> {
  const rows = await db('orders')
    .join('events', 'events.id', 'orders.event_id')
    .whereIn('orders.organizer_id', organizersOf(db, userId))
    .modify((query) => {
      if (after) void query.where('orders.id', '<', after);
      if (event) void query.where('orders.event_id', event);
    })
    .orderBy('orders.id', 'desc')
    .limit(limit + 1)
    .select('orders.*', 'events.title as event_title');
  const tickets = await ticketsOf(
    db,
    rows.map((row: { id: string }) => row.id),
  );
  return pageOf(rows, limit, (row) => ({
    id: row.id,
    reference: row.reference,
    event: { id: row.event_id, title: row.event_title },
    organizer_id: row.organizer_id,
    status: row.status,
    livemode: row.livemode,
    currency: row.currency,
    total_amount: Number(row.total_amount),
    buyer: { name: row.buyer_name, email: row.buyer_email },
    created_at: row.created_at,
    paid_at: row.paid_at,
    tickets: tickets.get(row.id) ?? [],
  }));
}

function organizersOf(db: Knex, userId: string): Knex.QueryBuilder {
  return db('memberships').where({ user_id: userId }).select('organizer_id');
}

async function ticketsOf(db: Knex, orderIds: string[]): Promise<Map<string, object[]>> {
  const rows = await db('tickets')
    .join('ticket_types', 'ticket_types.id', 'tickets.ticket_type_id')
    .whereIn('order_id', orderIds)
    .orderBy('seq')
    .select('tickets.id', 'order_id', 'ticket_types.name', 'tickets.status', 'checked_in_at');
  const byOrder = new Map<string, object[]>();
  for (const { id, order_id, name, status, checked_in_at } of rows)
    byOrder.set(order_id, [...(byOrder.get(order_id) ?? []), { id, type: name, status, checked_in_at }]);
  return byOrder;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
function pageOf<T>(rows: any[], limit: number, toItem: (row: any) => T): Page<T> {
  const page = rows.slice(0, limit);
  return { data: page.map(toItem), next: rows.length > limit ? page.at(-1).id : null };
}
