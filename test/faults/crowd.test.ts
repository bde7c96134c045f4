/** Many buyers at once, in several processes. */
import { giveDetails, hold, payAtStripe, choose, untilStatus } from './rig/guests';
import { ask } from './rig/ask';
import { findings } from './rig/invariants';
import { stripe, when } from './rig/points';
import { type Sale } from './rig/sales';
import { unguarded, useWorld } from './rig/scenario';
import { type AppProcess, until, type World } from './rig/world';

/** `FAULTS_FULL=1`: the numbers that docs/promises.md speaks of; else a tenth of them. */
const FULL = process.env['FAULTS_FULL'] === '1';

const world = useWorld();

test('C1: two buyers, one ticket, the same instant, two processes: one of them gets it', async () => {
  await world().start();
  await world().start();
  for (let round = 0; round < 5; round += 1) {
    const statuses = await atTheSameInstant(world(), await world().sales.open({ places: [1] }), 2);
    expect(statuses.sort()).toEqual([303, 409]);
  }
});

test('C1, twin: without the lock and without the CHECK the place is sold twice', async () => {
  await unguarded(WITHOUT_LOCK, async (unsafe) => {
    await dropChecks(unsafe);
    for (const process of [await unsafe.start(), await unsafe.start()]) process.database.setDelay(25);
    const sale = await unsafe.sales.open({ places: [1] });
    const answers = await Promise.all(webOf(unsafe).map(({ url }) => choose(unsafe, sale, { at: url })));
    expect(answers.map(({ status }) => status)).toEqual([303, 303]);
    expect((await findings(unsafe)).oversold).not.toEqual([]);
  });
});

test(`C2: ${FULL ? '10,000' : '1,000'} attempts on 100 places by 100 connections: none is sold twice, none stays empty`, async () => {
  const processes = [await world().start(), await world().start()];
  const sale = await world().sales.open({ places: [100] });
  const refusedWith = new Set<number>();
  let left = FULL ? 10_000 : 1_000;
  await Promise.all(
    Array.from({ length: 100 }, async (_, connection) => {
      while (left > 0) {
        left -= 1;
        const quantity = 1 + (left % 4);
        const at = processes[connection % 2]!.url;
        const { status } = await choose(world(), sale, { quantities: [quantity], at });
        if (status !== 303) refusedWith.add(status);
      }
    }),
  );
  expect([...refusedWith]).toEqual([409]);
  expect(await world().db('events').where({ id: sale.id }).first()).toMatchObject({ held: 100, sold: 0 });
}, 120_000);

test('C3: carts in opposite order in two processes never deadlock', async () => {
  const processes = [await world().start(), await world().start()];
  const deadlocks = countDeadlocks(processes);
  for (let round = 0; round < 3; round += 1)
    expect(await oppositeCarts(world(), processes)).toEqual([303, 303]);
  expect(deadlocks()).toBe(0);
});

test('C3, twin: without the event’s row before all others, and with lines in the buyer’s order, they deadlock', async () => {
  const unsorted = {
    file: 'src/checkout/allocate.ts',
    find: 'return [...merged.values()].sort((a, b) => (a.ticketTypeId < b.ticketTypeId ? -1 : 1));',
    replace: 'return [...merged.values()];',
  };
  // the statement that writes changes the event's counter first: that is a lock, too
  const uncounted = {
    file: 'src/checkout/place-orders.ts',
    find: 'UPDATE events SET held = held + counted.quantity\n      FROM unnest($18',
    replace: 'SELECT counted.id\n      FROM events, unnest($18',
  };
  await unguarded([...WITHOUT_LOCK, unsorted, uncounted], async (unsafe) => {
    const processes = [await unsafe.start(), await unsafe.start()];
    const deadlocks = countDeadlocks(processes);
    await oppositeCarts(unsafe, processes);
    expect(deadlocks()).toBeGreaterThan(0);
  });
});

describe('C7: the hold runs out at the very moment the buyer pays', () => {
  test('each order is paid, or ended and not charged; never both', async () => {
    await world().start();
    const sale = await world().sales.open({ places: [10_000] });
    const outcomes: Record<string, number> = {};
    for (let round = 0; round < (FULL ? 20 : 2); round += 1) {
      for (const status of await payWhileItRunsOut(world(), sale, 50))
        outcomes[status] = (outcomes[status] ?? 0) + 1;
    }
    expect(Object.keys(outcomes).sort()).toEqual(['expired', 'paid']);
  }, 180_000);

  test('twin: if Stripe’s answer to the end of a session did not count, money would be kept for nothing', async () => {
    const deaf = {
      file: 'src/orders/release-order.ts',
      find: 'await applySession(dependencies, attempt.id, session);',
      replace: "await applySession(dependencies, attempt.id, { ...session, status: 'expired' });",
    };
    await unguarded([deaf], async (unsafe) => {
      await unsafe.start();
      const sale = await unsafe.sales.open();
      await payWhileItRunsOut(unsafe, sale, 20, 'everybody pays first');
      expect((await findings(unsafe)).unmatchedPayments.length).toBeGreaterThan(0);
    });
  });
});

describe('C10, W6: webhook, return page and sweep complete one order at once', () => {
  test('one transition, one set of tickets, one mail; the return page says paid', async () => {
    await world().start();
    await world().start();
    const { order, page } = await completeAtOnce(world());
    expect(page.text).toMatch(/Yes, 2 tickets/);
    expect(await countsOf(world(), order.id)).toEqual({ moves: 1, tickets: 2, mails: 1 });
  });
});

test('P10: two web processes and two workers do each thing once', async () => {
  await Promise.all([
    world().start(),
    world().start(),
    world().start({ role: 'worker' }),
    world().start({ role: 'worker' }),
  ]);
  const sale = await world().sales.open();
  const orders = await Promise.all(Array.from({ length: 30 }, () => hold(world(), sale)));
  await Promise.all(orders.map(giveDetails));
  await Promise.all(orders.map(({ id }) => payAtStripe(world(), id)));
  for (const { id } of orders) await untilStatus(world(), id, 'paid');
  const mails = () =>
    world()
      .smtp.taken()
      .filter(({ recipient }) => orders.some(({ guest }) => guest.email === recipient));
  await until(() => mails().length >= 30, 'all mails are sent');
  const sends = (await world().requests()).filter(({ method, path, params }) => {
    return (
      method === 'POST' &&
      path === '/v1/checkout/sessions' &&
      orders.some(({ id }) => id === params['client_reference_id'])
    );
  });
  expect(sends).toHaveLength(30);
  expect(mails()).toHaveLength(30);
});

const WITHOUT_LOCK = [
  {
    file: 'src/checkout/sales.ts',
    find: "WHERE id = ANY($1::uuid[]) FOR NO KEY UPDATE',",
    replace: "WHERE id = ANY($1::uuid[])',",
  },
  {
    file: 'src/checkout/sales.ts',
    find: ' FOR NO KEY UPDATE SKIP LOCKED',
    replace: '',
  },
];

async function dropChecks({ db }: World): Promise<void> {
  await db.raw('ALTER TABLE ticket_types DROP CONSTRAINT ticket_types_counters_fit');
  await db.raw('ALTER TABLE events DROP CONSTRAINT events_counters_fit');
}

function webOf(at: World) {
  return at.started.filter(({ role, alive }) => role === 'web' && alive());
}

/** All of them wait for the event's lock, which somebody has until all of them are there. */
async function atTheSameInstant(at: World, sale: Sale, buyers: number): Promise<number[]> {
  const web = webOf(at);
  let answers: Promise<number[]> = Promise.resolve([]);
  await at.db.transaction(async (trx) => {
    await trx('events').where({ id: sale.id }).forUpdate().first();
    answers = Promise.all(
      Array.from({ length: buyers }, async (_, index) => {
        return (await choose(at, sale, { at: web[index % web.length]!.url })).status;
      }),
    );
    await untilWaiting(at, Math.min(buyers, web.length));
  });
  return answers;
}

async function untilWaiting(at: World, count: number): Promise<void> {
  await until(async () => {
    const { rows } = await at.db.raw(
      `SELECT count(*)::integer AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return rows[0].n >= count;
  }, 'every process waits for a lock');
}

/** Two carts of three lines, forwards and backwards, meet at the line in the middle, which somebody has until both are there. */
async function oppositeCarts(at: World, processes: AppProcess[]): Promise<number[]> {
  await manyTicketTypes(at);
  const sale = await at.sales.open({ places: [500, 500, 500] });
  const backwards = { ...sale, typeIds: [...sale.typeIds].reverse() };
  let answers: Promise<number[]> = Promise.resolve([]);
  await at.db.transaction(async (trx) => {
    await trx('ticket_types').where({ id: sale.typeIds[1]! }).forUpdate().first();
    answers = Promise.all(
      [sale, backwards].map(async (cart, index) => {
        return (await choose(at, cart, { quantities: [1, 1, 1], at: processes[index]!.url })).status;
      }),
    );
    await untilWaiting(at, 2);
  });
  return answers;
}

/** As many as a market has: Postgres goes to the rows of a cart by their index then, one after the other. */
async function manyTicketTypes(at: World): Promise<void> {
  const other = await at.sales.open();
  await at.db.raw(
    `INSERT INTO ticket_types (id, event_id, position, name, kind, price, capacity)
     SELECT gen_random_uuid(), ?, n, 'Row ' || n, 'paid', 2000, 10 FROM generate_series(2, 5000) n`,
    [other.id],
  );
  await at.db.raw('ANALYZE ticket_types');
}

/** As Postgres reports them on the wire; its statistics come seconds later. */
function countDeadlocks(processes: AppProcess[]): () => number {
  let seen = 0;
  for (const { database } of processes)
    database.watch((chunk, direction) => {
      if (direction === 'back' && chunk.includes('40P01')) seen += 1;
    });
  return () => seen;
}

/** Some pay a little before their session is ended, some a little after: Stripe decides. Answers how each ended. */
async function payWhileItRunsOut(
  at: World,
  sale: Sale,
  count: number,
  mode?: 'everybody pays first',
): Promise<string[]> {
  const worker =
    at.started.find(({ role, alive }) => role === 'worker' && alive()) ??
    (await at.start({ role: 'worker' }));
  const orders = await Promise.all(Array.from({ length: count }, () => hold(at, sale)));
  await Promise.all(orders.map(giveDetails));
  await at.control('POST', '/webhooks', { mode: 'muted' });
  const ids = orders.map(({ id }) => id);
  for (const id of ids) await untilStatus(at, id, 'awaiting_payment');
  const attempts = await at.db('payment_attempts').whereIn('order_id', ids);
  const age = () =>
    at
      .db('orders')
      .whereIn('id', ids)
      .update({ hold_expires_at: at.db.raw("now() - interval '1 second'") });
  const payAll = async () => {
    for (const { checkout_session_id: session } of attempts)
      await at.control('POST', `/sessions/${session}/pay`).catch(() => 'it was over');
  };
  if (mode) await payAll();
  await age();
  const sweeping = worker.sweep();
  // The sweep works them off one after the other: the payments come from the other end at once.
  attempts.reverse();
  if (!mode) await payAll();
  await sweeping;
  await worker.sweep();
  return (await at.db('orders').whereIn('id', ids)).map(({ status }) => status);
}

async function completeAtOnce(at: World) {
  const web = webOf(at);
  const worker = await at.start({ role: 'worker' });
  const sale = await at.sales.open();
  const order = await hold(at, sale, { quantities: [2] });
  await giveDetails(order);
  await at.control('POST', '/webhooks', { mode: 'hold' });
  await payAtStripe(at, order.id);
  await at
    .db('payment_attempts')
    .where({ order_id: order.id })
    .update({ checked_at: at.db.raw("now() - interval '9 minutes'") });
  const path = new URL(order.url).pathname;
  // Both processes hear from Stripe that it is paid before one of them has written anything.
  const meeting = createMeeting(2);
  for (const process of web) when(process, stripe(/^GET \/v1\/checkout\/sessions\/cs_/, 'hears'), meeting);
  const [page] = await Promise.all([
    ask('GET', `${web[0]!.url}${path}?returned=1`),
    ask('GET', `${web[1]!.url}${path}?returned=1`),
    ask('GET', `${web[0]!.url}${path}/payment`),
    at.control('POST', '/webhooks/release', {}),
    worker.sweep(),
  ]);
  await untilStatus(at, order.id, 'paid');
  await until(
    async () => (await at.db('mails').where({ order_id: order.id, status: 'queued' })).length === 0,
    'the mail is sent',
  );
  return { order, page };
}

/** Who comes waits until all are there. */
function createMeeting(size: number): () => Promise<'pass'> {
  let open: () => void;
  const all = new Promise<void>((done) => (open = done));
  let there = 0;
  return async () => {
    there += 1;
    if (there === size) open();
    await all;
    return 'pass';
  };
}

async function countsOf({ db, smtp }: World, orderId: string) {
  const order = await db('orders').where({ id: orderId }).first('buyer_email');
  return {
    moves: (await db('order_timeline').where({ order_id: orderId, to_status: 'paid' })).length,
    tickets: (await db('tickets').where({ order_id: orderId })).length,
    mails: smtp.taken().filter(({ recipient }) => recipient === order.buyer_email).length,
  };
}
