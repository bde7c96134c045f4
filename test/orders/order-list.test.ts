/** What the organizer's search finds, and that it is found by indexes however many orders there are. */
import { type Knex } from 'knex';
import { newId } from '../../src/lib/ids';
import { csvField, ordersAsCsv } from '../../src/orders/order-csv';
import { listOrders } from '../../src/orders/order-list';
import { type OrderSearch, readOrderSearch, searchParams } from '../../src/orders/order-search';
import { createTestDatabase } from '../support/test-database';
import { createDatabase } from '../../src/db/connection';

let db: Knex;
let drop: () => Promise<void>;
const [organizerId, eventId, otherEventId, longListId] = [newId(), newId(), newId(), newId()];

beforeAll(async () => {
  const database = await createTestDatabase();
  db = createDatabase({ url: database.url, poolSize: 2 });
  drop = database.drop;
  await db('organizers').insert({
    id: organizerId,
    slug: 'house',
    name: 'House',
    contact_email: 'house@example.com',
  });
  for (const id of [eventId, otherEventId])
    await db('events').insert({
      id,
      organizer_id: organizerId,
      slug: id,
      title: 'Full House',
      starts_at: new Date('2030-01-01'),
      ends_at: new Date('2030-01-02'),
      time_zone: 'UTC',
      location_kind: 'venue',
      venue_name: 'Hall',
      currency: 'eur',
      livemode: false,
    });
  await addOrder('AAAA2222', 'Ada Lovelace', 'ada.lovelace@engine.example');
  await addOrder('BBBB2222', 'Anna-Maria O’Brien', 'am_obrien+tickets@example.com');
  await addOrder('CCCC2222', 'ÅSA Öst', 'asa@sjö.example');
  await addOrder('DDDD2222', null, null);
  await addOrder('EEEE2222', 'Ada Elsewhere', 'ada@example.com', otherEventId);
});
afterAll(async () => {
  await db.destroy();
  await drop();
});

async function addOrder(reference: string, name: string | null, email: string | null, event = eventId) {
  await db('orders').insert({
    id: newId(),
    event_id: event,
    organizer_id: organizerId,
    reference,
    status: name ? 'paid' : 'held',
    inventory: name ? 'sold' : 'held',
    currency: 'eur',
    total_amount: 0,
    buyer_name: name,
    buyer_email: email,
    livemode: false,
    hold_expires_at: new Date(),
    paid_at: name ? new Date() : null,
  });
}

const found = async (q: string) =>
  (await listOrders(db, eventId, readOrderSearch({ q }))).orders.map((order) => order.reference[0]).join('');

test.each([
  ['ada', 'A'],
  ['ADA love', 'A'],
  ['love ada', 'A'],
  ['lovelace@engine.example', 'A'],
  ['ada.lovelace@engine.example', 'A'],
  ['engine', 'A'],
  ['ada bab', ''],
  ['maria', 'B'],
  ['Anna-Maria', 'B'],
  ['O’Brien', 'B'],
  ["o'brien", 'B'],
  ['tickets', 'B'],
  ['åsa', 'C'],
  ['öst', 'C'],
  ['dddd2222', 'D'],
  ['DDDD 2222', 'D'],
  ['EEEE2222', ''],
  ["'; DROP TABLE orders; --", ''],
  ["ada' & !b:*", ''],
  ['!!!', ''],
  ['a\\', 'CBA'],
  ['', 'DCBA'],
])('%p finds %p', async (q, references) => {
  expect(await found(q)).toBe(references);
});

test('however rare, and however many orders are newer, what is looked for is found in its order and once', async () => {
  const many = longListId;
  await db('events').insert({ ...(await db('events').where({ id: eventId }).first()), id: many, slug: many });
  // of 4,000 orders: one word that all have, one that every 100th has, one that only the oldest 60 have, and a single one
  await db.raw(
    `INSERT INTO orders (id, event_id, organizer_id, reference, status, inventory, currency, total_amount, buyer_name,
                         buyer_email, livemode, hold_expires_at, paid_at, created_at)
     SELECT gen_random_uuid(), :many, :organizerId, 'MANY' || lpad(n::text, 4, '0'), 'paid', 'sold', 'eur', 0,
            concat_ws(' ', 'Guest', CASE WHEN n % 100 = 0 THEN 'Hundredth' END, CASE WHEN n > 3940 THEN 'Early' END,
                      CASE WHEN n = 3000 THEN 'Unique' END),
            'guest' || n || '@common.example', false, now(), now(), now() - make_interval(secs => n)
       FROM generate_series(1, 4000) n`,
    { many, organizerId },
  );
  const pages = async (q: string, size = 15) => {
    const references: string[] = [];
    for (let after: OrderSearch['after'] = null; ;) {
      const page = await listOrders(db, many, { ...readOrderSearch({ q, status: 'paid' }), after }, size);
      references.push(...page.orders.map((order) => order.reference));
      if (!page.next) return references;
      after = page.next;
    }
  };
  const numbered = (from: number, to: number, step = 1) =>
    Array.from(
      { length: Math.floor((to - from) / step) + 1 },
      (_, n) => `MANY${String(from + n * step).padStart(4, '0')}`,
    );
  expect(await pages('hundredth')).toEqual(numbered(100, 4000, 100));
  expect(await pages('early')).toEqual(numbered(3941, 4000));
  expect(await pages('early common')).toEqual(numbered(3941, 4000));
  expect(await pages('early hundredth guest')).toEqual(['MANY4000']);
  expect(await pages('unique')).toEqual(['MANY3000']);
  expect(await pages('MANY3999')).toEqual(['MANY3999']);
  expect(await pages('nobody common')).toEqual([]);
  expect(await pages('common', 900)).toEqual(numbered(1, 4000));
  // a whole address is meant as a whole; the beginning of one finds all that go on from there
  expect(await pages('guest39@common.example')).toEqual(['MANY0039']);
  expect(await pages('Guest390@COMMON.example')).toEqual(['MANY0390']);
  expect((await pages('guest39@common')).length).toBe(111);
});

test('the search is the index’s own expression, and a rare state has its index', async () => {
  const plans: string[] = [];
  const explain = async (event: string, search: Record<string, string>, without: string) => {
    const queries: { sql: string; bindings: readonly unknown[] }[] = [];
    const listen = (query: { sql: string; bindings: readonly unknown[] }) => queries.push(query);
    db.on('query', listen);
    await listOrders(db, event, readOrderSearch(search));
    db.removeListener('query', listen);
    const { sql, bindings } = queries.at(-1)!;
    await db
      .transaction(async (trx) => {
        await trx.raw('SET LOCAL enable_seqscan = off');
        await trx.raw('DROP INDEX ' + without);
        const bound = sql.replaceAll(/\$\d+/g, '?');
        const { rows } = await trx.raw('EXPLAIN ' + bound, bindings as never);
        plans.push(JSON.stringify(rows));
        await trx.rollback();
      })
      .catch(() => {});
    return plans.at(-1);
  };
  const byEvent = 'orders_event_id, orders_event_id_status';
  expect(await explain(longListId, { q: 'nobody' }, `${byEvent}, orders_event_id_buyer_email`)).toContain(
    'orders_search',
  );
  expect(await explain(eventId, { q: 'ada.lovelace@engine.example' }, byEvent)).toContain(
    'orders_event_id_buyer_email',
  );
  expect(await explain(eventId, { status: 'ended' }, 'orders_event_id')).toContain('orders_event_id_status');
});

describe('sorted and filtered', () => {
  const many = newId();
  const types = [newId(), newId()];
  beforeAll(async () => {
    await db('events').insert({
      ...(await db('events').where({ id: eventId }).first()),
      id: many,
      slug: many,
      time_zone: 'Pacific/Auckland',
    });
    for (const [index, id] of types.entries())
      await db('ticket_types').insert({
        id,
        event_id: many,
        name: `Type ${index}`,
        kind: 'free',
        price: 0,
        capacity: 100,
        position: index,
      });
    // names and sums that many share; every third has no name; begun an hour apart, the first at noon UTC
    await db.raw(
      `INSERT INTO orders (id, event_id, organizer_id, reference, status, inventory, currency, total_amount, buyer_name,
                           buyer_email, livemode, hold_expires_at, paid_at, created_at)
       SELECT gen_random_uuid(), :many, :organizerId, 'SORT' || lpad(n::text, 4, '0'),
              CASE WHEN n % 3 = 0 THEN 'held' ELSE 'paid' END, CASE WHEN n % 3 = 0 THEN 'held' ELSE 'sold' END, 'eur',
              (n % 4) * 100, CASE WHEN n % 3 > 0 THEN (ARRAY['ada', 'Mål', 'Zoe'])[1 + n / 3 % 3] END,
              CASE WHEN n % 3 > 0 THEN 'a@b.example' END, n % 2 = 0, now(), CASE WHEN n % 3 > 0 THEN now() END,
              timestamptz '2029-06-01 12:00Z' + make_interval(hours => n)
         FROM generate_series(0, 35) n`,
      { many, organizerId },
    );
    const orders = await db('orders').where({ event_id: many }).orderBy('reference').select('id');
    for (const [index, { id }] of orders.entries())
      await db('order_lines').insert({
        order_id: id,
        ticket_type_id: types[index < 5 ? 0 : 1],
        ticket_type_name: 'x',
        quantity: 1,
        unit_price: 0,
      });
    for (const [n, valid] of [1, 2, 4].entries())
      await db('tickets').insert({
        id: `00000000-0000-7000-8000-00000${n}abcde${n}`,
        order_id: orders[valid].id,
        event_id: many,
        ticket_type_id: types[0],
        seq: 1,
        checked_in_at: n === 0 ? new Date() : null,
      });
  });

  const numbers = async (given: Record<string, string>, size = 7) => {
    const found: number[] = [];
    const search = readOrderSearch(given);
    for (let next: OrderSearch['after'] = null; ;) {
      // as the address of the next page has it
      const read = readOrderSearch(Object.fromEntries(searchParams({ ...search, after: next })));
      const page = await listOrders(db, many, read, size);
      found.push(...page.orders.map((order) => Number(order.reference.slice(4))));
      if (!page.next) return found;
      next = page.next;
    }
  };

  test.each([
    ['newest', (n: number) => -n],
    ['oldest', (n: number) => n],
    ['name', (n: number) => (n % 3 === 0 ? 9 : Math.floor(n / 3) % 3)],
    ['name-desc', (n: number) => -(n % 3 === 0 ? 9 : Math.floor(n / 3) % 3)],
    ['sum', (n: number) => -(n % 4)],
    ['sum-asc', (n: number) => n % 4],
    ['state', (n: number) => (n % 3 === 0 ? 0 : 1)],
    ['state-desc', (n: number) => (n % 3 === 0 ? 1 : 0)],
  ])('by %s, in pages: in order, each once, with a search and without', async (sort, rank) => {
    const all = await numbers({ sort });
    expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: 36 }, (_, n) => n));
    expect(all.map(rank)).toEqual(all.map(rank).sort((a, b) => a - b));
    const named = await numbers({ sort, q: 'mål b.exa' });
    expect(named).toEqual(all.filter((n) => n % 3 > 0 && Math.floor(n / 3) % 3 === 1));
    const chunks: string[] = [];
    for await (const chunk of ordersAsCsv(db, many, readOrderSearch({ sort }))) chunks.push(chunk);
    expect([...chunks.join('').matchAll(/^SORT(\d+)/gm)].map((line) => Number(line[1]))).toEqual(all);
  });

  test.each<[Record<string, string>, (n: number) => boolean]>([
    [{ type: types[0]! }, (n) => n < 5],
    [{ door: 'in' }, (n) => n === 1],
    [{ door: 'out' }, (n) => n === 2 || n === 4],
    [{ mode: 'test' }, (n) => n % 2 === 1],
    [{ code: 'any' }, () => false],
    // 12:00 UTC is midnight in Auckland: the second of June is hours 0 to 23 there
    [{ from: '2029-06-02', until: '2029-06-02' }, (n) => n < 24],
    [{ from: '2029-06-03', mode: 'live', status: 'paid' }, (n) => n >= 24 && n % 2 === 0 && n % 3 > 0],
    [{ q: '2abc-de2 ' }, () => false],
    [{ q: '01AB-CDE1' }, (n) => n === 2],
    [{ type: 'x', door: 'y', mode: '1', from: '2029-02-30', sort: '__proto__', after: '1.2' }, () => true],
  ])('%p', async (given, expected) => {
    expect((await numbers({ sort: 'oldest', ...given })).filter((n) => !expected(n))).toEqual([]);
    expect(await numbers({ sort: 'oldest', ...given })).toHaveLength(
      Array.from({ length: 36 }, (_, n) => n).filter(expected).length,
    );
  });
});

describe('the CSV', () => {
  test('has every order once, newest first, in more pages than one', async () => {
    const many = newId();
    await db('events').insert({
      ...(await db('events').where({ id: eventId }).first()),
      id: many,
      slug: many,
    });
    for (let n = 0; n < 12; n += 1)
      await addOrder(`ZZZZ22${n + 10}`, `=Guest ${n}`, `g${n}@example.com`, many);
    await db.raw(
      `INSERT INTO orders (id, event_id, organizer_id, reference, currency, total_amount, livemode, hold_expires_at)
       SELECT gen_random_uuid(), ?, ?, 'R' || n, 'eur', 1250, false, now() FROM generate_series(1, 1100) n`,
      [many, organizerId],
    );
    const whole = async (search: Record<string, string>) => {
      const chunks: string[] = [];
      for await (const chunk of ordersAsCsv(db, many, readOrderSearch(search))) chunks.push(chunk);
      return chunks;
    };
    const chunks = await whole({});
    expect(chunks.length).toBe(4);
    const lines = chunks.join('').split('\r\n');
    expect(lines[0]).toBe(
      '\ufeffOrder,State,Name,Mail,Tickets,Amount,Currency,Begun (UTC),Mode,Code,Complimentary',
    );
    expect(lines.at(-1)).toBe('');
    expect(new Set(lines).size).toBe(1 + 1112 + 1);
    expect(lines[1]).toMatch(/^R\d+,held,,,0,12\.50,EUR,\d{4}-.*Z,test,,$/);
    expect((await whole({ q: 'guest' })).join('').split('\r\n')).toHaveLength(14);
    expect((await whole({ q: 'guest', status: 'paid' })).join('')).toContain(`,"'=Guest 3",g3@example.com,`);
  });

  test.each([
    ['plain', 'plain'],
    ['with, comma', '"with, comma"'],
    ['a "word"', '"a ""word"""'],
    ['two\nlines', '"two\nlines"'],
    ['=1+1', `"'=1+1"`],
    ['+49 30', `"'+49 30"`],
    ['-1', `"'-1"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['  =1', `"'  =1"`],
    ['\t=1', `"'\t=1"`],
    ['\r=1', `"'\r=1"`],
    ['＝1+1', `"'＝1+1"`],
    ['a=b', 'a=b'],
    ['', ''],
  ])('%j is written as %j', (text, written) => {
    expect(csvField(text)).toBe(written);
  });
});
