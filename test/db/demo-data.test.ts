import { type Knex } from 'knex';
import { demoSignIns, hasPeople, insertDemoData } from '../../src/db/demo-data';
import { createTestApp, type TestApp } from '../support/test-app';
import { signIn, textOf } from '../support/people';

let testApp: TestApp;
let db: Knex;

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
});
afterAll(() => testApp.close());

test('an empty Foyer gets a cast and events once, and nothing where people are', async () => {
  expect(await hasPeople(db)).toBe(false);
  expect(await insertDemoData(testApp.dependencies)).toEqual({ signIns: demoSignIns });
  expect(await hasPeople(db)).toBe(true);
  const counts = () => Promise.all(['users', 'events', 'orders'].map((table) => db(table).count()));
  const before = await counts();
  expect(await insertDemoData(testApp.dependencies)).toBeNull();
  expect(await counts()).toEqual(before);
});

test('everybody of the cast can sign in with what is printed, and is marked as demo', async () => {
  for (const person of demoSignIns) {
    const agent = await signIn(testApp, person);
    expect((await agent.get('/organizer')).status).toBeLessThan(400);
  }
  const names: string[] = await db('users').pluck('name');
  expect(names.filter((name) => !/demo/.test(name))).toEqual([]);
  expect(await db('users').where({ is_admin: true }).pluck('email')).toEqual(['grace@demo.example']);
});

test('the counters say what the orders and tickets add up to', async () => {
  const { rows } = await db.raw(`
    SELECT ticket_types.name, ticket_types.sold,
      (SELECT coalesce(sum(quantity), 0)::int FROM order_lines WHERE ticket_type_id = ticket_types.id) AS ordered,
      (SELECT count(*)::int FROM tickets WHERE ticket_type_id = ticket_types.id) AS tickets
    FROM ticket_types`);
  expect(rows.length).toBeGreaterThan(6);
  for (const row of rows) expect(row).toEqual({ ...row, ordered: row.sold, tickets: row.sold });
  const events = await db.raw(`
    SELECT events.sold, (SELECT coalesce(sum(sold), 0)::int FROM ticket_types WHERE event_id = events.id) AS of_types
    FROM events`);
  for (const row of events.rows) expect(row.of_types).toBe(row.sold);
});

test('the front page looks alive, and what costs money waits for a connection', async () => {
  const front = textOf(await testApp.agent().get('/'));
  expect(front).toContain('An evening with the Difference Engine');
  expect(front).toContain('Sold out');
  const drafts = await db('events').where({ status: 'draft' }).pluck('id');
  const withPrice = await db('ticket_types')
    .whereNot({ kind: 'free' })
    .distinct('event_id')
    .pluck('event_id');
  expect(withPrice.sort()).toEqual(drafts.sort());
  for (const slug of await db('events').where({ status: 'published' }).pluck('slug'))
    expect((await testApp.agent().get(`/events/${slug}`)).status).toBe(200);
});
