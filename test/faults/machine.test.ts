/** Memory, the mail server, and the night's backup. */
import { createTestDatabase } from '../support/test-database';
import { runOn } from '../support/test-server';
import { buy, giveDetails, hold, payAtStripe, untilStatus } from './rig/guests';
import { findings } from './rig/invariants';
import { ask } from './rig/ask';
import { signIn } from './rig/people';
import { comeToRest } from './rig/rest';
import { useWorld } from './rig/scenario';
import { buildForFaults, openWorld, until } from './rig/world';

const world = useWorld();

test('P14: 100,000 orders are exported in little memory, and health answers within a second meanwhile', async () => {
  const sale = await world().sales.open({ places: [200_000] });
  await writeOrders(sale, 100_000);
  const web = await world().start({ settings: { NODE_OPTIONS: '--max-old-space-size=96' } });
  const browser = await signIn(world(), sale.organizerId);
  const times: number[] = [];
  let over = false;
  const looking = (async () => {
    while (!over) {
      const began = Date.now();
      const { status } = await ask('GET', `${web.url}/healthz`);
      times.push(status === 200 ? Date.now() - began : Infinity);
    }
  })();
  const csv = await browser.open(`${world().url}/organizer/events/${sale.id}/orders.csv`);
  over = true;
  await looking;
  expect(csv.status).toBe(200);
  expect(csv.html.trimEnd().split('\r\n')).toHaveLength(100_001);
  expect(Math.max(...times)).toBeLessThan(1000);
  expect(web.alive()).toBe(true);
  await world().db.raw('TRUNCATE orders CASCADE');
  await world().db('ticket_types').where({ event_id: sale.id }).update({ sold: 0 });
  await world().db('events').where({ id: sale.id }).update({ sold: 0 });
}, 90_000);

test('P17: the mail server is away: orders are not touched by it, mails wait, an admin sees them, and they come', async () => {
  await world().start();
  world().smtp.setAway(true);
  const sale = await world().sales.open();
  const order = await hold(world(), sale);
  await giveDetails(order);
  await payAtStripe(world(), order.id);
  await untilStatus(world(), order.id, 'paid');
  expect((await ask('GET', order.url)).text).toMatch(/Yes, 1 ticket/);
  await until(async () => {
    const mail = await world().db('mails').where({ order_id: order.id }).first();
    return mail?.attempts > 0 && mail.status === 'queued';
  }, 'it was tried');
  const admin = await signIn(world(), null);
  expect((await admin.open(`${world().url}/admin/mails`)).text).toContain(order.guest.email);

  world().smtp.setAway(false);
  await world().passTime(61);
  const worker = await world().start({ role: 'worker' });
  await worker.sweep();
  await until(
    () =>
      world()
        .smtp.taken()
        .some(({ recipient }) => recipient === order.guest.email),
    'it is delivered',
  );
});

test('P18: last night’s backup is put back: what was paid since is found at Stripe, and what no order of ours explains is named', async () => {
  const database = await createTestDatabase();
  const build = await buildForFaults();
  const own = await openWorld(build, { database });
  const name = new URL(database.url).pathname.slice(1);
  const copy = async (from: string, to: string) => {
    await runOn(
      process.env['FOYER_TEST_MAINTENANCE_URL']!,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${from}'`,
    );
    await runOn(process.env['FOYER_TEST_MAINTENANCE_URL']!, `CREATE DATABASE ${to} TEMPLATE ${from}`);
  };
  try {
    const sale = await own.sales.open();
    await own.start();
    const before = await buy(own, sale);
    const atStripe = await hold(own, sale);
    await giveDetails(atStripe);
    await untilStatus(own, atStripe.id, 'awaiting_payment');
    await own.endProcesses();
    await copy(name, `${name}_backup`);

    await own.start();
    await payAtStripe(own, atStripe.id);
    await untilStatus(own, atStripe.id, 'paid');
    const since = await buy(own, sale);
    await own.endProcesses();

    await runOn(process.env['FOYER_TEST_MAINTENANCE_URL']!, `DROP DATABASE ${name} WITH (FORCE)`);
    await copy(`${name}_backup`, name);
    await own.start();
    expect(await own.db('orders').select('id')).toHaveLength(2);
    await comeToRest(own);
    for (const { id } of [before, atStripe])
      expect(await own.db('orders').where({ id }).first()).toMatchObject({ status: 'paid' });
    expect(await own.db('orders').where({ id: since.id })).toEqual([]);
    // The buyer whose payment is found a second time gets the tickets a second time.
    const { unmatchedPayments, ledgerDrift, duplicateMails: _again, ...others } = await findings(own);
    expect(unmatchedPayments).toEqual([expect.stringContaining('names no order of ours')]);
    expect(ledgerDrift).toHaveLength(1);
    expect(Object.values(others).flat()).toEqual([]);
  } finally {
    await own.close();
    await runOn(
      process.env['FOYER_TEST_MAINTENANCE_URL']!,
      `DROP DATABASE IF EXISTS ${name}_backup WITH (FORCE)`,
    );
    build.remove();
  }
}, 60_000);

async function writeOrders(
  sale: { id: string; organizerId: string; typeIds: string[] },
  count: number,
): Promise<void> {
  for (let from = 1; from <= count; from += 10_000)
    await world().db.raw(
      `WITH made AS (
       INSERT INTO orders (id, event_id, organizer_id, reference, status, inventory, currency, total_amount, buyer_name,
                           buyer_email, livemode, hold_expires_at, paid_at)
       SELECT gen_random_uuid(), :eventId, :organizerId, upper(substr(md5(n::text), 1, 12)), 'paid', 'sold', 'eur', 2000,
              'Buyer ' || n, 'buyer' || n || '@example.com', false, now(), now()
         FROM generate_series(:from::integer, :to::integer) n
       RETURNING id
     )
     INSERT INTO order_lines (order_id, ticket_type_id, ticket_type_name, quantity, unit_price)
     SELECT id, :typeId, 'Row 1', 1, 2000 FROM made`,
      { eventId: sale.id, organizerId: sale.organizerId, typeId: sale.typeIds[0]!, from, to: from + 9_999 },
    );
  await world().db('ticket_types').where({ id: sale.typeIds[0]! }).update({ sold: count });
  await world().db('events').where({ id: sale.id }).update({ sold: count });
}
