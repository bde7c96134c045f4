/** What the admin's lists have in common: a search that stands in the address, and pages that stay cheap. */
import { type Knex } from 'knex';

export interface ListSearch<Filter extends string = string> {
  q: string;
  filter: Filter;
  page: number;
}

export interface ListPage<Row> {
  rows: Row[];
  total: number;
  /** there are more than `total`, which nobody counted */
  more: boolean;
  page: number;
  pages: number;
}

const PAGE_SIZE = 25;
/** Nobody pages this far; counting further would read whole tables. */
const MOST_COUNTED = 10_000;

/** What makes no sense in an address is left out. The first filter is the default. */
export function readListSearch<Filter extends string>(
  query: Record<string, unknown>,
  filters: readonly [Filter, ...Filter[]],
): ListSearch<Filter> {
  const filter = filters.find((known) => known === textOf(query['status'])) ?? filters[0];
  const page = /^[1-9]\d{0,5}$/.test(textOf(query['page'])) ? Number(query['page']) : 1;
  return { q: searchText(query['q']), filter, page };
}

/** One line of search, as Postgres can take it. */
export function searchText(value: unknown): string {
  return textOf(value).replaceAll('\0', '').toWellFormed().trim().slice(0, 100);
}

/** The pattern of ILIKE for "contains": what was typed means itself. */
export function contains(q: string): string {
  return `%${q.replace(/[\\%_]/g, '\\$&')}%`;
}

/** `matching` makes the same query anew each time: once to count it, once to read a page of it. */
export async function readPage<Row>(
  db: Knex,
  matching: () => Knex.QueryBuilder,
  wanted: number,
  rowsOf: (query: Knex.QueryBuilder) => Knex.QueryBuilder,
): Promise<ListPage<Row>> {
  const found = matching()
    .select(db.raw('1'))
    .limit(MOST_COUNTED + 1)
    .as('found');
  const counted = Number((await db.from(found).count('* as count').first())?.count ?? 0);
  const total = Math.min(counted, MOST_COUNTED);
  const pages = Math.max(1, Math.ceil(total / PAGE_SIZE));
  const page = Math.min(wanted, pages);
  const rows = (await rowsOf(matching())
    .limit(PAGE_SIZE)
    .offset((page - 1) * PAGE_SIZE)) as Row[];
  return { rows, total, more: counted > MOST_COUNTED, page, pages };
}

/** The address of another page of the same search. */
export function pageAddress(path: string, search: ListSearch) {
  return (page: number) =>
    `${path}?${new URLSearchParams({ q: search.q, status: search.filter, page: String(page) })}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
