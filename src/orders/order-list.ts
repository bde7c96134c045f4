/** The organizer's list of an event's orders: search, filters and sorting in the address, pages by key, so that none jumps. */
import { type Knex } from 'knex';
import { ORDER_STATUSES_IN_ORDER, type OrderStatus } from './order';
import { findRows, inOrder } from './find-orders';
import { type Cursor, ORDER_FILTERS, ORDER_SORTS, type OrderSearch, type SortKey } from './order-search';

export interface ListedOrder {
  id: string;
  reference: string;
  buyerName: string | null;
  buyerEmail: string | null;
  status: OrderStatus;
  total: bigint;
  currency: string;
  tickets: number;
  createdAt: Date;
  livemode: boolean;
  /** the discount or access code it was placed with */
  code: string | null;
  /** given away by a member */
  complimentary: boolean;
}

const PAGE_SIZE = 50;

/** One page in the order that was asked for, and the cursor of the next one. */
export async function listOrders(
  db: Knex,
  eventId: string,
  search: OrderSearch,
  size = PAGE_SIZE,
): Promise<{ orders: ListedOrder[]; next: Cursor | null }> {
  const { by, descending } = ORDER_SORTS[search.sort];
  const sorting = { ...SORTINGS[by], direction: descending ? ('desc' as const) : ('asc' as const) };
  const list = (after: Cursor | null) => {
    const query = listed(db, eventId, search);
    if (after) void query.whereRaw(descending ? sorting.before : sorting.behind, [after.at, after.id]);
    return query;
  };
  const rows = search.q
    ? await findRows(db, list, sorting, search, size + 1)
    : await inOrder(db, list(search.after), sorting, size + 1);
  const page = rows.slice(0, size);
  const last = page.at(-1);
  return {
    orders: page.map((row) => ({
      id: row.id,
      reference: row.reference,
      buyerName: row.buyer_name,
      buyerEmail: row.buyer_email,
      status: row.status,
      total: row.total_amount,
      currency: row.currency,
      tickets: row.tickets,
      createdAt: row.created_at,
      livemode: row.livemode,
      code: row.code,
      complimentary: row.complimentary,
    })),
    next: rows.length > size && last ? { at: last.cursor_at, id: last.id } : null,
  };
}

function listed(db: Knex, eventId: string, search: OrderSearch): Knex.QueryBuilder {
  const query = db('orders').where({ event_id: eventId });
  const statuses = ORDER_FILTERS[search.filter];
  if (statuses.length > 0) void query.whereIn('status', [...statuses]);
  if (search.mode) void query.where({ livemode: search.mode === 'live' });
  if (search.code === 'any') void query.whereNotNull('discount_code_id');
  else if (search.code) void query.where({ discount_code_id: search.code });
  if (search.type)
    void query.whereIn('id', db('order_lines').where({ ticket_type_id: search.type }).select('order_id'));
  if (search.door === 'in') void query.whereIn('id', admitted(db, eventId));
  if (search.door === 'out')
    void query
      .whereIn('id', db('tickets').where({ event_id: eventId, status: 'valid' }).select('order_id'))
      .whereNotIn('id', admitted(db, eventId));
  if (search.from) void query.whereRaw(FROM_DAY, [search.from, eventId]);
  if (search.until) void query.whereRaw(UNTIL_DAY, [search.until, eventId]);
  return query;
}

function admitted(db: Knex, eventId: string): Knex.QueryBuilder {
  return db('tickets').where({ event_id: eventId }).whereNotNull('checked_in_at').select('order_id');
}

/** Days begin and end where the event is. */
const ZONE = '(SELECT time_zone FROM events WHERE events.id = ?)';
const FROM_DAY = `created_at >= ?::date::timestamp AT TIME ZONE ${ZONE}`;
const UNTIL_DAY = `created_at < (?::date + 1)::timestamp AT TIME ZONE ${ZONE}`;

export interface Sorting {
  by: SortKey;
  direction: 'asc' | 'desc';
  /** what is sorted by, and the same as the text of a cursor */
  key: string;
  cursor: string;
}

/** The columns a list can be sorted by. Who has given no name yet stands behind those who have. */
const SORTINGS: Record<SortKey, Omit<Sorting, 'direction'> & { before: string; behind: string }> = {
  date: sortingBy(
    'date',
    'created_at',
    '(extract(epoch FROM created_at) * 1000000)::bigint::text',
    "to_timestamp(0) + ?::bigint * interval '1 microsecond'",
  ),
  name: sortingBy(
    'name',
    "coalesce('1' || lower(buyer_name), '2')",
    "coalesce('1' || lower(buyer_name), '2')",
    '?::text',
  ),
  sum: sortingBy('sum', 'total_amount', 'total_amount::text', '?::bigint'),
  state: sortingBy('state', placeOfStatus(), `${placeOfStatus()}::text`, '?::integer'),
};

function sortingBy(by: SortKey, key: string, cursor: string, bound: string) {
  return {
    by,
    key,
    cursor,
    before: `(${key}, id) < (${bound}, ?::uuid)`,
    behind: `(${key}, id) > (${bound}, ?::uuid)`,
  };
}

function placeOfStatus(): string {
  return `array_position(ARRAY['${ORDER_STATUSES_IN_ORDER.join("', '")}'], status)`;
}
