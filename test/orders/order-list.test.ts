/** What the organizer's search finds, and that it is found by indexes however many orders there are. */
import { type Knex } from 'knex';
import { newId } from '../../src/lib/ids';
import { csvField, ordersAsCsv } from '../../src/orders/order-csv';
import { listOrders, type OrderSearch, readOrderSearch } from '../../src/orders/order-list';
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
      const page = await listOrders(db, many, { q, filter: 'paid', after }, size);
      references.push(...page.orders.map((order) => order.reference));
      if (!page.next) return references;
      after = readOrderSearch({ after: page.next }).after;
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
    expect(lines[0]).toBe('\ufeffOrder,State,Name,Mail,Tickets,Amount,Currency,Begun (UTC),Mode,Code');
    expect(lines.at(-1)).toBe('');
    expect(new Set(lines).size).toBe(1 + 1112 + 1);
    expect(lines[1]).toMatch(/^R\d+,held,,,0,12\.50,EUR,\d{4}-.*Z,test,$/);
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
