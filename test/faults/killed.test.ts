/** Processes are killed where it hurts; whatever was begun ends as if nothing had happened. */
import {
  buy,
  choose,
  endHere,
  giveDetails,
  hold,
  type GuestOrder,
  payAtStripe,
  untilStatus,
} from './rig/guests';
import { findings } from './rig/invariants';
import { commitOf, stripe, when } from './rig/points';
import { signIn } from './rig/people';
import { type Sale } from './rig/sales';
import { unguarded, useWorld } from './rig/scenario';
import { until, type World } from './rig/world';

const world = useWorld();
const MAKES_SESSION = /^POST \/v1\/checkout\/sessions /;

test('P1: killed after the hold was committed, before Stripe was asked: the buyer reloads and goes on', async () => {
  const first = await world().start();
  const sale = await world().sales.open();
  const order = await hold(world(), sale);
  const { reached } = when(first, stripe(MAKES_SESSION, 'asks'), first.kill);
  await expect(giveDetails(order)).rejects.toThrow();
  await reached;
  expect(await world().sessionsOf(sale.account)).toEqual([]);

  await world().passTime(1);
  await world().start();
  await untilStatus(world(), order.id, 'awaiting_payment');
  await payAtStripe(world(), order.id);
  await untilStatus(world(), order.id, 'paid');
  expect(await world().sessionsOf(sale.account)).toHaveLength(1);
});

test('P1: killed as the hold is committed: the buyer has an order or nothing at all, and no place is lost', async () => {
  const sale = await world().sales.open({ places: [2] });
  for (const side of ['asks', 'hears'] as const) {
    const process = await world().start();
    const { reached } = when(process, commitOf(/hold-write/, side), process.kill);
    await expect(choose(world(), sale)).rejects.toThrow();
    await reached;
    await until(
      async () => (await heldOf(sale)) === (side === 'asks' ? 0 : 1),
      `the ${side} of COMMIT is decided`,
    );
  }
});

describe('P2: killed between the answer of Stripe and our commit, with 200 orders under way', () => {
  test('each order finds the session it had', async () => {
    const sale = await world().sales.open();
    const orders = await killInRounds(world(), sale, { rounds: 5, perRound: 40 });
    const sessions = await world().sessionsOf(sale.account);
    expect(new Set(sessions.map((session) => session.client_reference_id))).toEqual(
      new Set(orders.map(({ id }) => id)),
    );
    expect(sessions).toHaveLength(200);
    expect(
      await world()
        .db('payment_attempts')
        .whereIn(
          'order_id',
          orders.map(({ id }) => id),
        )
        .where({ n: 1, status: 'open' }),
    ).toHaveLength(200);
  }, 90_000);

  test('twin: with a key of chance for each send, sessions are left that nobody knows', async () => {
    const chance = {
      file: 'src/checkout/send-attempt.ts',
      find: 'idempotencyKey: attempt.idempotencyKey,',
      replace: 'idempotencyKey: attempt.idempotencyKey + Math.random(),',
    };
    await unguarded([chance], async (unsafe) => {
      const sale = await unsafe.sales.open();
      await killInRounds(unsafe, sale, { rounds: 1, perRound: 10 });
      expect((await findings(unsafe)).orphanSessions.length).toBeGreaterThan(0);
    });
  });
});

test('P3: killed between the refund at Stripe and our commit: the money goes back once', async () => {
  const first = await world().start();
  const sale = await world().sales.open({ places: [1] });
  const late = await hold(world(), sale);
  await giveDetails(late);
  await endHere(world(), late.id);
  const quick = await hold(world(), sale);
  await giveDetails(quick);
  const { reached } = when(first, stripe(/^POST \/v1\/refunds /, 'hears'), first.kill);
  await payAtStripe(world(), late.id);
  await reached;
  const { charges, refunds } = (await world().ledger()).accounts[sale.account]!;
  expect(refunds).toHaveLength(1);
  expect(await world().db('refunds').where({ order_id: late.id })).toMatchObject([{ status: 'sent' }]);

  await world().passTime(2);
  await world().start();
  await untilStatus(world(), late.id, 'refunded');
  expect((await world().ledger()).accounts[sale.account]!.refunds).toHaveLength(1);
  expect(charges).toHaveLength(1);
  expect(await world().db('orders').where({ id: quick.id }).first()).toMatchObject({ inventory: 'held' });
});

test('P3: killed between a refund at the desk and our commit: the money and the place go back once', async () => {
  const first = await world().start();
  const sale = await world().sales.open({ places: [1] });
  const { id } = await buy(world(), sale);
  const organizer = await signIn(world(), sale.organizerId);
  const preview = await organizer.open(`${world().url}/organizer/orders/${id}/refunds/preview?scope=order`);
  const { reached } = when(first, stripe(/^POST \/v1\/refunds /, 'hears'), first.kill);
  await expect(organizer.submit(preview, {}, { action: /\/refunds$/ })).rejects.toThrow();
  await reached;
  const refunds = async () => (await world().ledger()).accounts[sale.account]!.refunds;
  expect(await refunds()).toHaveLength(1);
  expect(await world().db('refunds').where({ order_id: id })).toMatchObject([{ status: 'sent' }]);
  expect((await world().db('orders').where({ id }).first()).status).toBe('paid');

  await world().passTime(2);
  await world().start();
  await untilStatus(world(), id, 'refunded');
  expect(await refunds()).toHaveLength(1);
  expect((await choose(world(), sale)).status).toBe(303);
});

test('P3: killed as the paid order is committed, then before its mail: the mail comes', async () => {
  const sale = await world().sales.open();
  const first = await world().start();
  const order = await hold(world(), sale);
  await giveDetails(order);
  const { reached } = when(first, commitOf(/insert into "tickets"/, 'hears'), first.kill);
  await payAtStripe(world(), order.id);
  await reached;
  expect(await world().db('orders').where({ id: order.id }).first()).toMatchObject({ status: 'paid' });
  expect(mailsTo(order)).toEqual([]);

  await world().start();
  await until(() => mailsTo(order).length === 1, 'the mail is delivered');
});

test('P3: killed when the mail server has the mail and we have not noted it: it comes again, as the same mail', async () => {
  const sale = await world().sales.open();
  const first = await world().start();
  const order = await hold(world(), sale);
  await giveDetails(order);
  const taken = new Promise<void>((done) => {
    world().smtp.whenTaken(() => {
      world().smtp.whenTaken(null);
      void first.kill().then(done);
    });
  });
  await payAtStripe(world(), order.id);
  await taken;
  await world().passTime(3);
  await world().start();
  await until(() => mailsTo(order).length === 2, 'the mail is delivered again');
  expect(new Set(mailsTo(order).map(({ messageId }) => messageId)).size).toBe(1);
});

/** Again and again: orders are paid for all at once, Stripe makes their sessions and holds its answers back, SIGKILL. */
async function killInRounds(
  at: World,
  sale: Sale,
  { rounds, perRound }: { rounds: number; perRound: number },
): Promise<GuestOrder[]> {
  const orders: GuestOrder[] = [];
  const quick = { settings: { STRIPE_REQUESTS_PER_SECOND: '200' } };
  for (let round = 1; round <= rounds; round += 1) {
    const process = await at.start(quick);
    await at.faults({
      fault: 'hang_after',
      match: { method: 'POST', path: '/^\\/v1\\/checkout\\/sessions$/' },
      times: -1,
    });
    const news = await Promise.all(Array.from({ length: perRound }, () => hold(at, sale)));
    orders.push(...news);
    // Who waits for Stripe's answer is cut off; who was sent to the queue meanwhile has their own.
    const answers = news.map((order) =>
      giveDetails(order).then(
        ({ status }) => status,
        () => 'cut',
      ),
    );
    const giveUpAt = Date.now() + 6000;
    await until(async () => {
      const known = new Set(
        (await at.sessionsOf(sale.account)).map((session) => session.client_reference_id),
      );
      const made = news.filter(({ id }) => known.has(id)).length;
      return made === perRound || (made > 0 && Date.now() > giveUpAt);
    }, 'Stripe has made sessions that nobody knows');
    await process.kill();
    for (const answer of await Promise.all(answers)) expect(['cut', 303]).toContain(answer);
    expect(
      await at
        .db('payment_attempts')
        .where({ status: 'open' })
        .whereIn(
          'order_id',
          news.map(({ id }) => id),
        ),
    ).toEqual([]);
    await at.control('DELETE', '/faults');
    await at.passTime(1);
  }
  const last = await at.start(quick);
  await until(
    async () => {
      const open = await at.db('orders').where({ event_id: sale.id, status: 'awaiting_payment' });
      return open.length === orders.length;
    },
    'all sessions are found again',
    last.app,
    40,
  );
  return orders;
}

async function heldOf(sale: Sale): Promise<number> {
  return (await world().db('events').where({ id: sale.id }).first('held')).held;
}

function mailsTo(order: GuestOrder) {
  return world()
    .smtp.taken()
    .filter(({ recipient }) => recipient === order.guest.email);
}
