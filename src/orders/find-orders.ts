/**
 * Which orders a search finds: by reference, by the code of a ticket, or by the beginnings of words of name and address. What
 * is frequent stands among the newest orders and is found by reading them; what is rare is found by the index, of which a
 * page's worth of the frequent can't be had without all of it. Postgres can't tell the one from the other by the beginning of
 * a word. Sorted by anything but the newest there is nothing to read first: the index is asked at once.
 */
import { type Knex } from 'knex';
import { type Sorting } from './order-list';
import { type Cursor, type OrderSearch } from './order-search';

/** The orders to look among, from a cursor on. */
type ListFrom = (after: Cursor | null) => Knex.QueryBuilder;

/** Orders that are read one by one before the index is asked. */
const FIRST_LOOK = 1_000;
/** So many more where the first look has found some, so that a page of them can't be far. */
const LONG_LOOK = 20_000;
const WORTH_A_LONG_LOOK = 5;

const NEWEST_FIRST = [
  { column: 'created_at', order: 'desc' },
  { column: 'id', order: 'desc' },
];

/** The expression of the index `orders_search`: the words of name and address, in small letters. */
const SEARCHED_WORDS =
  "to_tsvector('simple', translate(coalesce(buyer_name, '') || ' ' || buyer_email, '@._+-’', '      '))";
/** Where this does not contain the letters of a word, no word begins with them; much cheaper to ask. */
const SEARCHED_LETTERS = "lower(coalesce(buyer_name, '') || ' ' || buyer_email)";

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Row = any;

export function inOrder(db: Knex, query: Knex.QueryBuilder, sorting: Sorting, limit: number): Promise<Row[]> {
  return query
    .orderBy([
      { column: db.raw(sorting.key) as unknown as string, order: sorting.direction },
      { column: 'id', order: sorting.direction },
    ])
    .limit(limit)
    .select(
      'orders.*',
      db.raw(
        // those that were refunded or lost are not the buyer's any more
        '(SELECT coalesce(sum(quantity - refunded_quantity), 0)::int FROM order_lines WHERE order_lines.order_id = orders.id) AS tickets',
      ),
      db.raw('(SELECT code FROM discount_codes WHERE discount_codes.id = orders.discount_code_id) AS code'),
      db.raw('EXISTS (SELECT FROM complimentary_orders WHERE order_id = orders.id) AS complimentary'),
      cursorOf(db, sorting),
    );
}

function cursorOf(db: Knex, sorting: Sorting): Knex.Raw {
  return db.raw(sorting.cursor + ' AS cursor_at');
}

/** The first `limit` that match, in their order. */
export async function findRows(
  db: Knex,
  list: ListFrom,
  sorting: Sorting,
  search: Pick<OrderSearch, 'q' | 'after'>,
  limit: number,
): Promise<Row[]> {
  const meant = await findWhatIsMeant(db, list(search.after), sorting, search.q, limit);
  if (meant.length > 0) return meant;
  const words = wordsOf(search.q);
  if (sorting.by !== 'date' || sorting.direction !== 'desc')
    return findByIndex(db, list(search.after), sorting, search.q, words, limit);
  const look = (after: Cursor | null, depth: number, most: number) => {
    const newest = list(after).orderBy(NEWEST_FIRST).limit(depth).select('orders.*');
    return inOrder(db, matching(db.from(newest.as('orders')), search.q, words), sorting, most);
  };

  const found = await look(search.after, FIRST_LOOK, limit);
  if (found.length >= limit) return found;
  const last = await list(search.after)
    .orderBy(NEWEST_FIRST)
    .offset(FIRST_LOOK - 1)
    .first('id', cursorOf(db, sorting));
  if (!last) return found; // these were all there are
  if (found.length >= WORTH_A_LONG_LOOK) {
    found.push(...(await look({ at: last.cursor_at, id: last.id }, LONG_LOOK, limit - found.length)));
    if (found.length >= limit) return found;
  }
  return findByIndex(db, list(search.after), sorting, search.q, words, limit);
}

/**
 * Who asks with a whole address means that one, and not those that only begin like it; who asks with the code of a ticket
 * means its order.
 */
async function findWhatIsMeant(
  db: Knex,
  listed: Knex.QueryBuilder,
  sorting: Sorting,
  q: string,
  limit: number,
): Promise<Row[]> {
  if (q.includes('@'))
    return inOrder(db, listed.whereRaw('lower(buyer_email) = lower(?)', [q]), sorting, limit);
  const code = /^([0-9a-f]{4})[- ]?([0-9a-f]{4})$/.exec(q.toLowerCase());
  if (!code) return [];
  const ofTicket = db('tickets')
    .whereRaw('tickets.event_id = orders.event_id AND right(tickets.id::text, 8) = ?', [code[1]! + code[2]!])
    .select('order_id');
  return inOrder(db, listed.whereIn('orders.id', ofTicket), sorting, limit);
}

async function findByIndex(
  db: Knex,
  listed: Knex.QueryBuilder,
  sorting: Sorting,
  q: string,
  words: string[],
  limit: number,
): Promise<Row[]> {
  const telling = await tellingWords(db, listed.clone(), words);
  // as the index has it, to the letter
  const candidates = listed
    .where((either) => byReferenceOr(either, q, telling, SEARCHED_WORDS_MATCH))
    .select('orders.*');
  const rows = db.withMaterialized('found', candidates).from('found as orders');
  return inOrder(db, telling.length < words.length ? matching(rows, q, words) : rows, sorting, limit);
}

/**
 * The words to ask the index for: not those that every second order has ("example", "com"), which it would bring a
 * million of. They are compared afterwards. Told by the newest orders.
 */
async function tellingWords(db: Knex, listed: Knex.QueryBuilder, words: string[]): Promise<string[]> {
  if (words.length < 2) return words;
  const newest = listed.orderBy(NEWEST_FIRST).limit(FIRST_LOOK).select('buyer_name', 'buyer_email');
  const counts = words.map((word, index) => db.raw(COUNT_OF_WORD, [`%${word}%`, String(index)]));
  const counted = await db
    .from(newest.as('newest'))
    .first(db.raw('count(buyer_email)::int AS "all"'), ...counts);
  const countOf = (word: string) => counted[String(words.indexOf(word))] as number;
  const telling = words.filter((word) => countOf(word) * 2 <= counted.all);
  return telling.length > 0 ? telling : [words.reduce((a, b) => (countOf(b) < countOf(a) ? b : a))];
}

const COUNT_OF_WORD = `count(*) FILTER (WHERE ${SEARCHED_LETTERS} LIKE lower(?))::int AS ??`;
const SEARCHED_WORDS_MATCH = `buyer_email IS NOT NULL AND ${SEARCHED_WORDS} @@ to_tsquery('simple', ?)`;

function matching(query: Knex.QueryBuilder, q: string, words: string[]): Knex.QueryBuilder {
  const letters = words.map(() => `${SEARCHED_LETTERS} LIKE lower(?)`).join(' AND ');
  return query.where((either) =>
    byReferenceOr(
      either,
      q,
      words,
      `${letters} AND ${SEARCHED_WORDS_MATCH}`,
      words.map((word) => `%${word}%`),
    ),
  );
}

function byReferenceOr(
  either: Knex.QueryBuilder,
  q: string,
  words: string[],
  condition: string,
  values: string[] = [],
): void {
  void either.where({ reference: q.toUpperCase().replaceAll(/[\s-]/g, '') });
  if (words.length > 0)
    void either.orWhereRaw(condition, [...values, words.map((word) => `'${word}':*`).join(' & ')]);
}

/** "Ada Love" → each word is the beginning of one of theirs. None without a letter or digit to look for. */
function wordsOf(q: string): string[] {
  return [...new Set(q.match(/[\p{L}\p{N}]+/gu) ?? [])];
}
