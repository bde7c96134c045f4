/** The organizer's list of an event's orders: search and filter in the address, pages by key, so that none jumps. */
import { type Knex } from 'knex';
import { isUuid } from '../lib/ids';
import { type OrderStatus } from './order';

export const ORDER_FILTERS = {
  all: [],
  paid: ['paid', 'partially_refunded'],
  open: ['held', 'creating_session', 'awaiting_payment', 'processing', 'expiring'],
  refunded: ['refunded', 'refund_pending'],
  ended: ['expired', 'failed'],
  attention: ['needs_attention'],
} as const satisfies Record<string, readonly OrderStatus[]>;

export type OrderFilter = keyof typeof ORDER_FILTERS;

export interface OrderSearch {
  q: string;
  filter: OrderFilter;
  /** the last order of the page before: its creation in microseconds of the epoch, and its id */
  after: { at: string; id: string } | null;
}

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
}

const PAGE_SIZE = 50;
/** Orders that a search reads one by one before it asks the index. */
const LOOKED_THROUGH = 2000;

const NEWEST_FIRST = [
  { column: 'created_at', order: 'desc' },
  { column: 'id', order: 'desc' },
];

/** The expression of the index `orders_search`: the words of name and address, in small letters. */
const SEARCHED_WORDS =
  "to_tsvector('simple', translate(coalesce(buyer_name, '') || ' ' || buyer_email, '@._+-’', '      '))";

/** One page, newest first, and the cursor of the next one. */
export async function listOrders(
  db: Knex,
  eventId: string,
  search: OrderSearch,
  size = PAGE_SIZE,
): Promise<{ orders: ListedOrder[]; next: string | null }> {
  const rows = search.q
    ? await findRows(db, eventId, search, size + 1)
    : await inOrder(db, listed(db, eventId, search), size + 1);
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
    })),
    next: rows.length > size && last ? `${last.cursor_at}.${last.id}` : null,
  };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Row = any;

function listed(db: Knex, eventId: string, search: OrderSearch): Knex.QueryBuilder {
  const query = db('orders').where({ event_id: eventId });
  const statuses = ORDER_FILTERS[search.filter];
  if (statuses.length > 0) void query.whereIn('status', [...statuses]);
  if (search.after)
    void query.whereRaw(
      "(created_at, id) < (to_timestamp(0) + ?::bigint * interval '1 microsecond', ?::uuid)",
      [search.after.at, search.after.id],
    );
  return query;
}

function inOrder(db: Knex, query: Knex.QueryBuilder, limit: number): Promise<Row[]> {
  return query
    .orderBy(NEWEST_FIRST)
    .limit(limit)
    .select(
      'orders.*',
      db.raw(
        '(SELECT coalesce(sum(quantity), 0)::int FROM order_lines WHERE order_lines.order_id = orders.id) AS tickets',
      ),
      db.raw('(extract(epoch FROM created_at) * 1000000)::bigint::text AS cursor_at'),
    );
}

/**
 * What is frequent stands among the newest orders, and what is rare is found by the index. Postgres can't tell the one
 * from the other by the beginning of a word, and would read a million orders in search of the rare.
 */
async function findRows(db: Knex, eventId: string, search: OrderSearch, limit: number): Promise<Row[]> {
  const newest = listed(db, eventId, search).orderBy(NEWEST_FIRST).limit(LOOKED_THROUGH).select('orders.*');
  const frequent = await inOrder(db, matching(db.from(newest.as('orders')), search.q), limit);
  if (frequent.length >= limit) return frequent;
  const found = matching(listed(db, eventId, search), search.q).select('orders.*');
  return inOrder(db, db.withMaterialized('found', found).from('found as orders'), limit);
}

function matching(query: Knex.QueryBuilder, q: string): Knex.QueryBuilder {
  return query.where((either) => {
    void either.where({ reference: q.toUpperCase().replaceAll(/[\s-]/g, '') });
    const words = searchWords(q);
    // as the index has it, to the letter
    if (words)
      void either.orWhereRaw(`buyer_email IS NOT NULL AND ${SEARCHED_WORDS} @@ to_tsquery('simple', ?)`, [
        words,
      ]);
  });
}

/** "Ada Love" → each word is the beginning of one of theirs. Null without a letter or digit to look for. */
function searchWords(q: string): string | null {
  const words = q.match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.length > 0 ? words.map((word) => `'${word}':*`).join(' & ') : null;
}

/** The search that stands in an address; what makes no sense there is left out. */
export function readOrderSearch(query: Record<string, unknown>): OrderSearch {
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  const filter = text(query['status']);
  const [at = '', id = ''] = text(query['after']).split('.');
  return {
    q: text(query['q']).replaceAll('\0', '').toWellFormed().trim().slice(0, 100),
    filter: Object.hasOwn(ORDER_FILTERS, filter) ? (filter as OrderFilter) : 'all',
    after: /^\d{1,16}$/.test(at) && isUuid(id) ? { at, id } : null,
  };
}
