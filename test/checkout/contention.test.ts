/** Many buyers, few seats. Each guard has a twin that fails when the guard is out. */
import { type Knex } from 'knex';
import { Client } from 'pg';
import { createHoldQueue } from '../../src/checkout/hold-queue';
import { placeOrders, placeOrdersOfEvents } from '../../src/checkout/place-orders';
import { createDatabase, inPreparedTransaction } from '../../src/db/connection';
import { newId } from '../../src/lib/ids';
import { brokenInvariants } from '../support/market';
import { createTestApp, type TestApp } from '../support/test-app';

const FEES = { percentHundredths: 250, fixed: {} };

let testApp: TestApp;
let crowd: Knex;
beforeAll(async () => {
  testApp = await createTestApp();
  // as many connections as several web processes have
  crowd = createDatabase({ url: testApp.databaseUrl, poolSize: 20, patienceMs: 15_000 });
});
afterAll(async () => {
  await crowd.destroy();
  await testApp.close();
});

async function freeEvent(options: { seats: number[]; capacity?: number | null }) {
  const { db } = testApp;
  const [organizerId, eventId] = [newId(), newId()];
  await db('organizers').insert({
    id: organizerId,
    slug: organizerId,
    name: 'House',
    contact_email: 'house@example.com',
  });
  await db('events').insert({
    id: eventId,
    organizer_id: organizerId,
    slug: eventId,
    title: 'Full House',
    starts_at: new Date('2030-01-01'),
    ends_at: new Date('2030-01-02'),
    time_zone: 'UTC',
    location_kind: 'venue',
    venue_name: 'Hall',
    currency: 'eur',
    capacity: options.capacity ?? null,
    livemode: false,
    status: 'published',
    published_at: new Date(),
  });
  const typeIds = options.seats.map(() => newId());
  await db('ticket_types').insert(
    options.seats.map((capacity, index) => ({
      id: typeIds[index],
      event_id: eventId,
      position: index,
      name: `Seat ${index}`,
      kind: 'free',
      price: 0,
      capacity,
    })),
  );
  return { eventId, slug: eventId, typeIds };
}

const line = (ticketTypeId: string, quantity = 1) => ({
  ticketTypeId,
  quantity,
  shownPrice: null,
  amount: null,
});
const buyers = (eventId: string, carts: { ticketTypeId: string; quantity: number }[][]) =>
  Promise.allSettled(
    carts.map((cart) =>
      placeOrders(
        crowd,
        eventId,
        [{ visitorHash: null, lines: cart.map((entry) => line(entry.ticketTypeId, entry.quantity)) }],
        FEES,
      ),
    ),
  );
const won = (results: PromiseSettledResult<{ ok: boolean }[]>[]) =>
  results.filter((result) => result.status === 'fulfilled' && result.value[0]!.ok).length;

test('50 buyers for 5 seats over HTTP: five orders, 45 plain answers, no error', async () => {
  const { slug, eventId, typeIds } = await freeEvent({ seats: [5] });
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      fetch(`${testApp.url}/events/${slug}/orders`, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: `quantity.${typeIds[0]}=1`,
      }),
    ),
  );
  expect(answers.filter((answer) => answer.status === 303)).toHaveLength(5);
  const refused = answers.filter((answer) => answer.status === 409);
  expect(refused).toHaveLength(45);
  expect(await refused[0]!.text()).toMatch(/Nothing is held, and you were not charged/);
  expect(await testApp.db('events').where({ id: eventId }).first()).toMatchObject({ held: 5, sold: 0 });
  expect(await brokenInvariants(testApp)).toEqual([]);
});

test('50 buyers for 5 seats from many processes: exactly five', async () => {
  const { eventId, typeIds } = await freeEvent({ seats: [5] });
  const results = await buyers(
    eventId,
    Array.from({ length: 50 }, () => [line(typeIds[0]!)]),
  );
  expect(won(results)).toBe(5);
  expect(results.filter((result) => result.status === 'rejected')).toEqual([]);
  expect(await testApp.db('ticket_types').where({ id: typeIds[0] }).first()).toMatchObject({ held: 5 });
});

test('twin: without the event’s lock the CHECK still refuses, and without both seats are sold twice', async () => {
  const send = Client.prototype.query as (...args: unknown[]) => unknown;
  const lockless = jest.spyOn(Client.prototype, 'query').mockImplementation(function (
    this: Client,
    ...args: unknown[]
  ) {
    const [query, ...others] = args as [{ name?: string; text?: string }];
    const withoutLock = query.text?.includes('FOR NO KEY UPDATE')
      ? { ...query, name: undefined, text: query.text.replace(/FOR NO KEY UPDATE.*/, '') }
      : query;
    return send.call(this, withoutLock, ...others) as never;
  });
  try {
    const guarded = await freeEvent({ seats: [5] });
    const results = await buyers(
      guarded.eventId,
      Array.from({ length: 50 }, () => [line(guarded.typeIds[0]!)]),
    );
    // the last line of defence: errors instead of oversold seats
    expect(won(results)).toBe(5);
    expect(results.some((result) => result.status === 'rejected')).toBe(true);

    const open = await freeEvent({ seats: [5] });
    await testApp.db.raw('ALTER TABLE ticket_types DROP CONSTRAINT ticket_types_counters_fit');
    const oversold = await buyers(
      open.eventId,
      Array.from({ length: 50 }, () => [line(open.typeIds[0]!)]),
    );
    expect(won(oversold)).toBeGreaterThan(5);
    await testApp.db('ticket_types').where({ id: open.typeIds[0] }).update({ capacity: 50 });
  } finally {
    lockless.mockRestore();
    await testApp.db.raw(
      'ALTER TABLE ticket_types ADD CONSTRAINT ticket_types_counters_fit CHECK (held >= 0 AND sold >= 0 AND held + sold <= capacity)',
    );
  }
});

test('the event’s own capacity holds over all of its ticket types', async () => {
  const { eventId, typeIds } = await freeEvent({ seats: [20, 20], capacity: 7 });
  const results = await buyers(
    eventId,
    Array.from({ length: 40 }, (_, index) => [line(typeIds[index % 2]!)]),
  );
  expect(won(results)).toBe(7);
  expect(await testApp.db('events').where({ id: eventId }).first()).toMatchObject({ held: 7 });
  expect(await brokenInvariants(testApp)).toEqual([]);
});

test('carts in opposite order don’t deadlock', async () => {
  const { eventId, typeIds } = await freeEvent({ seats: [300, 300, 300] });
  const carts = Array.from({ length: 100 }, (_, index) =>
    (index % 2 ? typeIds : [...typeIds].reverse()).map((id) => line(id)),
  );
  const { result, deadlocks } = await countingDeadlocks(() => buyers(eventId, carts));
  expect(won(result)).toBe(100);
  expect(deadlocks).toBe(0);
});

test('twin: two that take the same tickets in opposite order do, and it is counted', async () => {
  const { typeIds } = await freeEvent({ seats: [5, 5] });
  let arrived = 0;
  let bothAreThere = () => {};
  const both = new Promise<void>((done) => (bothAreThere = done));
  const take = (ids: string[]) =>
    inPreparedTransaction(crowd, async (run) => {
      await run({ name: 'twin-patience', text: "SET LOCAL deadlock_timeout = '10ms'" }, []);
      const lock = (id: string) =>
        run({ name: 'twin-lock', text: 'SELECT id FROM ticket_types WHERE id = $1 FOR UPDATE' }, [id]);
      await lock(ids[0]!);
      if ((arrived += 1) >= 2) bothAreThere();
      await both;
      await lock(ids[1]!);
    });
  const { deadlocks } = await countingDeadlocks(() =>
    Promise.all([take(typeIds), take(typeIds.toReversed())]),
  );
  expect(deadlocks).toBeGreaterThan(0);
});

test('a batch answers each caller alone: a poisoned one undoes nobody', async () => {
  const { eventId, typeIds } = await freeEvent({ seats: [3] });
  const other = await freeEvent({ seats: [3] });
  const lines = [
    [line(typeIds[0]!, 2)],
    [line(other.typeIds[0]!)],
    [line(typeIds[0]!, 5)],
    [],
    [line(typeIds[0]!, 1)],
    [line(typeIds[0]!, 1)],
  ];
  const answers = await placeOrders(
    crowd,
    eventId,
    lines.map((entry) => ({ visitorHash: null, lines: entry })),
    FEES,
  );
  expect(answers.map((answer) => (answer.ok ? 'ok' : answer.refusal.reason))).toEqual([
    'ok',
    'not_on_sale',
    'sold_out',
    'nothing_chosen',
    'ok',
    'sold_out',
  ]);
  expect(await testApp.db('ticket_types').where({ id: typeIds[0] }).first()).toMatchObject({ held: 3 });
  expect(await testApp.db('ticket_types').where({ id: other.typeIds[0] }).first()).toMatchObject({ held: 0 });
});

test('buyers of many events share commits, and each gets the tickets of their own event', async () => {
  const events = await Promise.all(Array.from({ length: 12 }, () => freeEvent({ seats: [4] })));
  const holds = createHoldQueue(crowd, FEES);
  const answers = await Promise.all(
    Array.from({ length: 10 }).flatMap(() =>
      events.map(async ({ eventId, typeIds }) => ({
        eventId,
        placement: await holds.placeOrder(eventId, { visitorHash: null, lines: [line(typeIds[0]!)] }),
      })),
    ),
  );
  for (const { eventId } of events) {
    const own = answers.filter((answer) => answer.eventId === eventId);
    expect(own.filter(({ placement }) => placement.ok)).toHaveLength(4);
    // in the order they came
    expect(own.slice(0, 4).every(({ placement }) => placement.ok)).toBe(true);
  }
  expect(await brokenInvariants(testApp)).toEqual([]);
});

test('an event that somebody keeps locked holds up nobody else’s, and its buyers get their tickets afterwards', async () => {
  const [kept, free] = [await freeEvent({ seats: [3] }), await freeEvent({ seats: [3] })];
  const holds = createHoldQueue(crowd, FEES);
  const hold = ({ eventId, typeIds }: typeof free) =>
    holds.placeOrder(eventId, { visitorHash: null, lines: [line(typeIds[0]!)] });
  const order: string[] = [];
  let waiting: Promise<unknown> | undefined;
  await crowd.transaction(async (trx) => {
    await trx('events').where({ id: kept.eventId }).forNoKeyUpdate().first();
    waiting = hold(kept).then(() => order.push('kept'));
    await hold(free).then(() => order.push('free'));
  });
  await waiting;
  expect(order).toEqual(['free', 'kept']);
  const request = { visitorHash: null, lines: [line(free.typeIds[0]!)] };
  const placed = await placeOrdersOfEvents(
    crowd,
    new Map([
      [free.eventId, [request]],
      [newId(), [request]],
    ]),
    FEES,
  );
  expect([...placed.keys()]).toEqual([free.eventId]);
});

test('once all is sold, refusing waits for no lock, and what comes back goes to the next who asks', async () => {
  const { eventId, typeIds } = await freeEvent({ seats: [2] });
  const holds = createHoldQueue(crowd, FEES);
  const hold = async (quantity: number, visitorHash: string | null = null) => {
    const answer = await holds.placeOrder(eventId, { visitorHash, lines: [line(typeIds[0]!, quantity)] });
    return answer.ok ? 'ok' : answer.refusal.reason;
  };
  const change = (held: string, table = 'ticket_types', id = typeIds[0]!) =>
    testApp
      .db(table)
      .where({ id })
      .update({ held: testApp.db.raw(held) });
  const takeBack = async () => {
    await change('held - 1', 'events', eventId);
    await change('held - 1');
  };
  expect([await hold(2), await hold(1)]).toEqual(['ok', 'sold_out']);

  // somebody keeps the event locked, and has taken back a ticket that is not committed yet
  const elsewhere = await crowd.transaction();
  try {
    await elsewhere('events').where({ id: eventId }).forNoKeyUpdate().first();
    await elsewhere('ticket_types').where({ id: typeIds[0] }).update({ held: 1 });
    // whoever waited for that lock would be told to come again
    expect(await Promise.all([hold(1), hold(2), hold(1, 'somebody')])).toEqual(Array(3).fill('sold_out'));
  } finally {
    await elsewhere.rollback();
  }
  expect(await hold(1)).toBe('sold_out');

  // of those who ask together one is served, and it is the one for whom there is room
  await takeBack();
  expect(await Promise.all([hold(2), hold(1), hold(1)])).toEqual(['sold_out', 'ok', 'sold_out']);
  for (let round = 0; round < 5; round += 1) {
    expect(await hold(1)).toBe('sold_out');
    await takeBack();
    expect(await hold(1)).toBe('ok');
  }
  // a price, a window or more tickets are known to the very next as well
  await testApp.db('ticket_types').where({ id: typeIds[0] }).update({ capacity: 3 });
  expect([await hold(1), await hold(1)]).toEqual(['ok', 'sold_out']);
  expect(await testApp.db('ticket_types').where({ id: typeIds[0] }).first()).toMatchObject({ held: 3 });
});

test('one caller that the database refuses takes nobody along', async () => {
  const [event, other] = [await freeEvent({ seats: [10] }), await freeEvent({ seats: [10] })];
  const holds = createHoldQueue(crowd, FEES);
  const hold = ({ eventId, typeIds }: typeof event, visitorHash: string | null) =>
    holds.placeOrder(eventId, { visitorHash, lines: [line(typeIds[0]!)] });
  const answers = await Promise.allSettled([
    hold(event, null),
    hold(event, 'a NUL\0 byte'),
    hold(event, null),
    hold(other, null),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(await testApp.db('events').where({ id: event.eventId }).first()).toMatchObject({ held: 2 });

  // the same where all is sold and is only looked at
  const sold = await freeEvent({ seats: [1] });
  expect([await hold(sold, null), await hold(sold, null)].map(({ ok }) => ok)).toEqual([true, false]);
  const refused = await Promise.allSettled([hold(sold, null), hold(sold, 'a NUL\0 byte'), hold(event, null)]);
  expect(refused.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(refused[2]).toMatchObject({ value: { ok: true } });
});

test('statements without names, for poolers that forget them, place the same orders', async () => {
  const nameless = createDatabase({ url: testApp.databaseUrl, poolSize: 2, prepared: false });
  const { eventId, typeIds } = await freeEvent({ seats: [2] });
  const queries = jest.spyOn(Client.prototype, 'query');
  try {
    const request = { visitorHash: 'somebody', lines: [line(typeIds[0]!, 2)] };
    expect(await placeOrders(nameless, eventId, [request], FEES)).toMatchObject([{ ok: true }]);
    expect(queries.mock.calls.some(([query]) => (query as { name?: string }).name)).toBe(false);
    expect(queries).toHaveBeenCalled();
  } finally {
    queries.mockRestore();
    await nameless.destroy();
  }
});

/** What Postgres told us while `work` ran: a transaction that is tried again hides it from whoever called. */
async function countingDeadlocks<T>(work: () => Promise<T>): Promise<{ result: T; deadlocks: number }> {
  const send = Client.prototype.query as (...args: unknown[]) => Promise<unknown>;
  let deadlocks = 0;
  const watching = jest.spyOn(Client.prototype, 'query').mockImplementation(function (
    this: Client,
    ...args: unknown[]
  ) {
    const answer = send.apply(this, args);
    answer?.catch((error: { code?: string }) => (deadlocks += error.code === '40P01' ? 1 : 0));
    return answer as never;
  });
  try {
    const result = await work();
    return { result, deadlocks };
  } finally {
    watching.mockRestore();
  }
}

test('a migration that adds columns while we serve breaks no hold', async () => {
  const { eventId, typeIds } = await freeEvent({ seats: [40] });
  const hold = () =>
    buyers(
      eventId,
      Array.from({ length: 10 }, () => [line(typeIds[0]!)]),
    );
  expect(won(await hold())).toBe(10);
  await testApp.db.raw('ALTER TABLE events ADD COLUMN of_a_later_version text');
  await testApp.db.raw('ALTER TABLE ticket_types ADD COLUMN of_a_later_version text');
  const after = await hold();
  expect(after.filter((result) => result.status === 'rejected')).toEqual([]);
  expect(won(after)).toBe(10);
});
