/** The organizer's list of an event's orders: search and filter in the address, pages by key, so that none jumps. */
import { type Knex } from 'knex';
import { isUuid } from '../lib/ids';
import { type OrderStatus } from './order';
import { findRows, inOrder } from './find-orders';

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
  livemode: boolean;
  /** the discount or access code it was placed with */
  code: string | null;
}

const PAGE_SIZE = 50;

/** One page, newest first, and the cursor of the next one. */
export async function listOrders(
  db: Knex,
  eventId: string,
  search: OrderSearch,
  size = PAGE_SIZE,
): Promise<{ orders: ListedOrder[]; next: string | null }> {
  const list = (after: OrderSearch['after']) => listed(db, eventId, { ...search, after });
  const rows = search.q
    ? await findRows(db, list, search, size + 1)
    : await inOrder(db, list(search.after), size + 1);
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
    })),
    next: rows.length > size && last ? `${last.cursor_at}.${last.id}` : null,
  };
}

function listed(db: Knex, eventId: string, search: Pick<OrderSearch, 'filter' | 'after'>): Knex.QueryBuilder {
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
