/** Postgres restarts, is slow, is locked, gives up on transactions, or is out of reach. */
import { rmSync } from 'node:fs';
import { startEmbeddedServer } from '../../src/db/embedded-server';
import { migrateToLatest } from '../../src/db/migrations';
import { ask } from './rig/ask';
import { choose, giveDetails, hold, payAtStripe, untilStatus } from './rig/guests';
import { brokenPromises } from './rig/invariants';
import { comeToRest } from './rig/rest';
import { useWorld } from './rig/scenario';
import { buildForFaults, openWorld, until } from './rig/world';
import { throwAwayFolder } from '../support/throw-away-folder';

const world = useWorld();

test('P5: Postgres restarts, while idle and in the middle of a transaction: the processes live and go on within seconds', async () => {
  const dataDir = throwAwayFolder();
  let server = await startEmbeddedServer({ dataDir, fast: true });
  await migrateToLatest(server.url);
  const build = await buildForFaults();
  const own = await openWorld(build, { database: { url: server.url, drop: async () => {} } });
  const restart = async () => {
    await server.stop();
    server = await startEmbeddedServer({ dataDir, fast: true });
    own.movePostgres(server.url);
  };
  try {
    const web = await own.start();
    const worker = await own.start({ role: 'worker' });
    const sale = await own.sales.open({ places: [500] });
    const order = await hold(own, sale);
    await giveDetails(order);

    await restart();
    const began = Date.now();
    await until(async () => (await ask('GET', order.url)).status === 200, 'the page is back', web.app, 5);
    expect(Date.now() - began).toBeLessThan(5000);

    const statuses: number[] = [];
    let over = false;
    const buyers = Array.from({ length: 8 }, async () => {
      while (!over) {
        const answer = await choose(own, sale);
        statuses.push(answer.status);
        if (answer.status === 503) expect(answer.text).toMatch(/try again/i);
      }
    });
    await until(() => statuses.length > 20, 'buyers are buying');
    await restart();
    const seen = statuses.length;
    await until(
      () => statuses.slice(seen).filter((status) => status === 303).length > 20,
      'they go on',
      web.app,
      8,
    );
    over = true;
    await Promise.all(buyers);
    expect([...new Set(statuses)].filter((status) => ![303, 503].includes(status))).toEqual([]);

    await payAtStripe(own, order.id);
    await untilStatus(own, order.id, 'paid');
    expect([web.alive(), worker.alive()]).toEqual([true, true]);
    await comeToRest(own);
    expect(await brokenPromises(own)).toEqual([]);
  } finally {
    await own.close();
    await server.stop();
    build.remove();
    rmSync(dataDir, { recursive: true, force: true });
  }
}, 90_000);

test('P7: all connections wait for a database that is silent: 503 after two seconds, or when theirs is given up', async () => {
  const web = await world().start({ settings: { DATABASE_POOL_SIZE: '2' } });
  const sale = await world().sales.open();
  const order = await hold(world(), sale);
  web.database.setMode('silent');
  const times: number[] = [];
  const began = Date.now();
  const answers = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const answer = await ask('GET', order.url, { timeoutMs: 30_000 });
      times.push(Date.now() - began);
      return answer;
    }),
  );
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 503));
  expect(answers[0]!.text).toMatch(/try again/i);
  // Two had a connection; the others had none to wait for.
  expect(times.filter((ms) => ms < 5000).length).toBeGreaterThanOrEqual(6);
  expect(Math.max(...times)).toBeLessThan(15_000);
  web.database.setMode('open');
  await until(async () => (await ask('GET', order.url)).status === 200, 'the page is back', web.app, 5);
}, 60_000);

test('P8: somebody keeps a row locked: a clear 503 instead of waiting, and no half-made order', async () => {
  await world().start();
  const sale = await world().sales.open();
  const before = await hold(world(), sale);
  await world().db.transaction(async (trx) => {
    await trx('events').where({ id: sale.id }).forUpdate().first();
    await trx('orders').where({ id: before.id }).forUpdate().first();
    const began = Date.now();
    const [chosen, details] = await Promise.all([choose(world(), sale), giveDetails(before)]);
    expect([chosen.status, details.status]).toEqual([503, 503]);
    expect(chosen.text).toMatch(/try again/i);
    expect(Date.now() - began).toBeLessThan(6000);
  });
  expect(await world().db('orders').where({ event_id: sale.id })).toHaveLength(1);
  expect((await choose(world(), sale)).status).toBe(303);
  expect((await giveDetails(before)).status).toBe(303);
});

test.each([
  ['a deadlock', '40P01'],
  ['a serialization failure', '40001'],
])('P9: %s is tried again, three times in all; one that never ends is a 503', async (_name, code) => {
  await world().start();
  const sale = await world().sales.open();
  const { db } = world();
  const failFirst = async (times: number) => {
    await db.raw('DROP TABLE IF EXISTS give_up_plan');
    await db.raw('DROP SEQUENCE IF EXISTS give_up_count');
    await db.raw('CREATE TABLE give_up_plan (code text, times integer)');
    await db.raw('CREATE SEQUENCE give_up_count');
    await db('give_up_plan').insert({ code, times });
    await db.raw(
      `CREATE OR REPLACE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS $$
       DECLARE plan give_up_plan;
       BEGIN
         SELECT * INTO plan FROM give_up_plan;
         IF nextval('give_up_count') <= plan.times THEN RAISE EXCEPTION 'given up' USING ERRCODE = plan.code; END IF;
         RETURN NEW;
       END $$`,
    );
    await db.raw('DROP TRIGGER IF EXISTS give_up ON order_timeline');
    await db.raw(
      'CREATE TRIGGER give_up BEFORE INSERT ON order_timeline FOR EACH ROW EXECUTE FUNCTION give_up()',
    );
  };
  try {
    await failFirst(2);
    const order = await hold(world(), sale);
    await failFirst(2);
    expect((await giveDetails(order)).status).toBe(303);
    await failFirst(1000);
    expect((await choose(world(), sale)).status).toBe(503);
    expect((await giveDetails(await heldElsewhere(sale))).status).toBe(503);
  } finally {
    await db.raw('DROP FUNCTION IF EXISTS give_up CASCADE');
    await db.raw('DROP TABLE IF EXISTS give_up_plan');
  }
  expect(await world().db('payment_attempts').whereNot({ n: 1 })).toEqual([]);

  async function heldElsewhere(from: typeof sale) {
    await db.raw('ALTER TABLE order_timeline DISABLE TRIGGER give_up');
    const order = await hold(world(), from);
    await db.raw('ALTER TABLE order_timeline ENABLE TRIGGER give_up');
    return order;
  }
});

test('W4: an event that can’t be stored is refused with a 5xx, and Stripe sends it again', async () => {
  const web = await world().start();
  const sale = await world().sales.open();
  const order = await hold(world(), sale);
  await giveDetails(order);
  const stored = await storedEvents();
  web.database.setMode('refusing');
  web.database.cut();
  await payAtStripe(world(), order.id);
  await until(
    async () => (await pendingWebhooks()).some(({ lastResult }) => lastResult === '503'),
    'a refusal is seen',
  );
  expect(await storedEvents()).toBe(stored);
  web.database.setMode('open');
  await untilStatus(world(), order.id, 'paid');
});

async function storedEvents(): Promise<number> {
  return (await world().db('stripe_events')).length;
}

async function pendingWebhooks() {
  const { pending } = (await world().control('GET', '/webhooks')) as {
    pending: { lastResult: string | null }[];
  };
  return pending;
}
