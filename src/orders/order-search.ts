/** The search that stands in the address of the organizer's list of orders, and in that of its CSV. Pure. */
import { isUuid } from '../lib/ids';
import { type OrderStatus } from './order';

export const ORDER_FILTERS = {
  all: [],
  paid: ['paid', 'partially_refunded'],
  open: ['held', 'creating_session', 'awaiting_payment', 'processing', 'expiring'],
  refunded: ['partially_refunded', 'refunded', 'refund_pending'],
  ended: ['expired', 'failed', 'cancelled'],
  attention: ['needs_attention'],
} as const satisfies Record<string, readonly OrderStatus[]>;

export type OrderFilter = keyof typeof ORDER_FILTERS;

/** What a list is sorted by; orders that are alike in it stand by their ids. */
export type SortKey = 'date' | 'name' | 'sum' | 'state';

export const ORDER_SORTS = {
  newest: { by: 'date', descending: true },
  oldest: { by: 'date', descending: false },
  name: { by: 'name', descending: false },
  'name-desc': { by: 'name', descending: true },
  sum: { by: 'sum', descending: true },
  'sum-asc': { by: 'sum', descending: false },
  state: { by: 'state', descending: false },
  'state-desc': { by: 'state', descending: true },
} as const satisfies Record<string, { by: SortKey; descending: boolean }>;

export type OrderSort = keyof typeof ORDER_SORTS;

/** The last order of the page before: what the list is sorted by, as text, and its id. */
export interface Cursor {
  at: string;
  id: string;
}

export interface OrderSearch {
  q: string;
  filter: OrderFilter;
  sort: OrderSort;
  /** orders with a ticket of this type */
  type: string | null;
  /** orders placed with this code, or with any */
  code: string | 'any' | null;
  /** in: one of its tickets was admitted · out: it has valid tickets, and none was */
  door: 'in' | 'out' | null;
  mode: 'live' | 'test' | null;
  /** days in the event's zone on which an order was begun, both included; "2027-03-12" */
  from: string | null;
  until: string | null;
  after: Cursor | null;
}

/** What makes no sense in an address is left out. */
export function readOrderSearch(query: Record<string, unknown>): OrderSearch {
  const text = (name: string) => {
    const value = query[name];
    return typeof value === 'string' ? value : '';
  };
  const oneOf = <T extends string>(name: string, known: readonly T[]) =>
    known.find((value) => value === text(name)) ?? null;
  const sort = oneOf('sort', Object.keys(ORDER_SORTS) as OrderSort[]) ?? 'newest';
  return {
    q: text('q').replaceAll('\0', '').toWellFormed().trim().slice(0, 100),
    filter: oneOf('status', Object.keys(ORDER_FILTERS) as OrderFilter[]) ?? 'all',
    sort,
    type: isUuid(text('type')) ? text('type') : null,
    code: text('code') === 'any' || isUuid(text('code')) ? text('code') : null,
    door: oneOf('door', ['in', 'out']),
    mode: oneOf('mode', ['live', 'test']),
    from: readDay(text('from')),
    until: readDay(text('until')),
    after: readCursor(text('after'), ORDER_SORTS[sort].by),
  };
}

/** The same search as an address has it, without what is not asked for. */
export function searchParams(search: Partial<OrderSearch>): URLSearchParams {
  const { after, filter, sort, ...rest } = search;
  const given = {
    ...rest,
    status: filter === 'all' ? null : filter,
    sort: sort === 'newest' ? null : sort,
    after: after && writeCursor(after, ORDER_SORTS[sort ?? 'newest'].by),
  };
  return new URLSearchParams(
    Object.entries(given).flatMap(([name, value]): [string, string][] => (value ? [[name, value]] : [])),
  );
}

const CURSOR_VALUES: Record<SortKey, RegExp> = {
  date: /^\d{1,16}$/,
  sum: /^\d{1,15}$/,
  state: /^\d{1,2}$/,
  name: /^[\w-]{1,2000}$/,
};

function readCursor(text: string, by: SortKey): Cursor | null {
  const [value = '', id = ''] = text.split('.');
  if (!CURSOR_VALUES[by].test(value) || !isUuid(id)) return null;
  return { at: by === 'name' ? fromBase64(value) : value, id };
}

function writeCursor({ at, id }: Cursor, by: SortKey): string {
  return `${by === 'name' ? Buffer.from(at).toString('base64url') : at}.${id}`;
}

/** Whatever was put there, it is text that a database takes. */
function fromBase64(value: string): string {
  return Buffer.from(value, 'base64url').toString('utf8').replaceAll('\0', '');
}

function readDay(text: string): string | null {
  if (!/^(19[7-9]\d|2[01]\d\d)-\d\d-\d\d$/.test(text)) return null;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text) ? text : null;
}
