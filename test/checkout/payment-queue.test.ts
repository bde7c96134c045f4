/** The rush on Stripe's limit: two processes on one database, one queue, nobody passed, nothing lost. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { createListener } from '../../src/app';
import { startPaymentDispatcher } from '../../src/checkout/payment-dispatcher';
import { createPaymentQueue, placeIn } from '../../src/checkout/payment-queue';
import { waitingWords } from '../../src/checkout/waiting-words';
import { createDependencies, type Dependencies } from '../../src/dependencies';
import { sweepOnce } from '../../src/jobs/sweeps';
import { createRequestPace } from '../../src/stripe/request-pace';
import { createStripeClient } from '../../src/stripe/stripe-client';
import { createBrowser } from '../support/browser';
import { brokenInvariants, type Market, openMarket } from '../support/market';

const PER_SECOND = 10;
const BUYERS = 25;

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let typeId: string;
let first: Dependencies;
const running: { stop(): Promise<unknown> }[] = [];

beforeAll(async () => {
  market = await openMarket({ requestsPerSecond: PER_SECOND, stripe: { requestsPerSecond: PER_SECOND } });
  first = market.testApp.dependencies;
  sale = await market.eventOnSale({ fields: { 'tickets.0.capacity': '500' } });
  typeId = (await market.db('ticket_types').where({ event_id: sale.id }).first('id')).id;
});
afterEach(async () => {
  for (const process of running.splice(0).reverse()) await process.stop();
  await market.control('DELETE', '/faults');
  await market.control('DELETE', '/requests');
  await market.control('POST', '/webhooks', { mode: 'normal' });
  expect(await brokenInvariants(market.testApp)).toEqual([]);
  await market.db('payment_attempts').where({ status: 'created' }).update({ status: 'abandoned' });
  await market.db('stripe_request_slots').delete();
});
afterAll(() => market.close());

describe('25 buyers within a second, at two processes', () => {
  test('are sent in their order, and never more than Stripe allows', async () => {
    const second = await anotherProcess();
    await closeSlots();
    await choosePayments([market.baseUrl, second.url], BUYERS);
    await openSlots();
    for (const process of [first, second.dependencies]) running.push(startPaymentDispatcher(process));
    await untilNobodyWaits();

    const sends = await sendsToStripe();
    expect(sends.map(({ status }) => status)).toEqual(Array(BUYERS).fill(200));
    // each may be late by three distances, on a machine that is busy with other tests
    expect(mostInOneSecond(sends)).toBeLessThanOrEqual(PER_SECOND + 3);
    const inOrder = await market.db('payment_attempts').where({ status: 'open' }).orderBy('queue_number');
    const places = sends.map(({ idempotencyKey }) =>
      inOrder.findIndex((attempt) => attempt.idempotency_key === idempotencyKey),
    );
    // two that are under way at the same moment may arrive the other way round
    places.forEach((place, index) => expect(Math.abs(place - index)).toBeLessThanOrEqual(3));
  });

  // The twin: it is the pace that does it. And what Stripe then refuses keeps its hold, and is sent again.
  test('without the pace Stripe would refuse some, who come later all the same', async () => {
    const { apiUrl, modes } = first.config.stripe;
    const pace = createRequestPace({ db: market.db, perSecond: 10_000 });
    const second = await anotherProcess({
      stripe: createStripeClient({ apiUrl, modes, pace }),
      paymentQueue: createPaymentQueue({ db: market.db, spacing: pace.spacing }),
    });
    const before = await countOrders('awaiting_payment');
    await closeSlots();
    await choosePayments([second.url], BUYERS);
    await openSlots();
    running.push(startPaymentDispatcher(second.dependencies));
    await untilNobodyWaits();

    const sends = await sendsToStripe();
    expect(mostInOneSecond(sends)).toBeGreaterThan(PER_SECOND + 3);
    expect(sends.filter(({ status }) => status === 429).length).toBeGreaterThan(0);
    expect(sends.filter(({ status }) => status === 200)).toHaveLength(BUYERS);
    expect((await countOrders('awaiting_payment')) - before).toBe(BUYERS);
  });
});

test('an attempt without an answer is tried again later, and those behind it go on', async () => {
  await market.control('POST', '/faults', [
    { match: { method: 'POST', path: '/v1/checkout/sessions' }, fault: 'error_before', times: 1 },
  ]);
  await closeSlots();
  const [unlucky, ...others] = await choosePayments([market.baseUrl], 4);
  await openSlots();
  running.push(startPaymentDispatcher(first));
  await until(async () => (await statusesOf(others)).every((status) => status === 'open'));
  expect(await statusesOf([unlucky!])).toEqual(['created']);
  await market
    .db('payment_attempts')
    .where({ order_id: unlucky!.orderId })
    .update({ next_send_at: market.db.fn.now() });
  await untilNobodyWaits();
  expect(await statusesOf([unlucky!])).toEqual(['open']);
});

test('a process is killed with attempts in its hands: another sends them, with the same keys', async () => {
  await closeSlots();
  const orders = await choosePayments([market.baseUrl], 3);
  await openSlots();
  const { claims } = await first.paymentQueue.store.claimHead(false, { limit: 2, ahead: 0.1 });
  expect(claims).toHaveLength(2);

  running.push(startPaymentDispatcher((await anotherProcess()).dependencies));
  await until(async () => (await statusesOf([orders[2]!]))[0] === 'open');
  expect(await statusesOf(orders)).toEqual(['created', 'created', 'open']);
  // not before its lease is over, for the other might live
  await market
    .db('payment_attempts')
    .where({ status: 'created' })
    .update({ next_send_at: market.db.fn.now() });
  await untilNobodyWaits();
  expect(await statusesOf(orders)).toEqual(['open', 'open', 'open']);
  const keys = (await sendsToStripe()).map(({ idempotencyKey }) => idempotencyKey);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys).toEqual(expect.arrayContaining(claims.map(({ attempt }) => attempt.idempotencyKey)));
});

test('a buyer on their own gets their session in the same request, with no queue behind it', async () => {
  const guest = createBrowser();
  const leading = await market.details(guest, await market.choose(guest, sale.slug, 1));
  expect(leading.text).toMatch(/Taking you to Stripe/);
});

test('whoever waits keeps their tickets, and has ten minutes from when they can pay', async () => {
  await closeSlots();
  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  const waiting = await market.details(guest, page);
  const order = await market.orderOf(page.url);
  // they came 40 minutes ago
  await market
    .db('orders')
    .where({ id: order.id })
    .update({
      created_at: market.db.raw("created_at - interval '40 minutes'"),
      hold_expires_at: market.db.raw("hold_expires_at - interval '40 minutes'"),
    });
  const queued = await market.db('payment_attempts').where({ order_id: order.id }).first();
  expect(queued).toMatchObject({ first_sent_at: null, unanswered_sends: 0 });
  expect(queued.request).not.toHaveProperty('expires_at');
  await sweepOnce(first);
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'creating_session', inventory: 'held' });

  await openSlots();
  running.push(startPaymentDispatcher(first));
  await untilNobodyWaits();
  const served = await market.orderOf(page.url);
  expect(served.status).toBe('awaiting_payment');
  const minutes = (at: Date) => (at.getTime() - Date.now()) / 60_000;
  expect(minutes(served.hold_expires_at)).toBeGreaterThan(9.8);
  expect(minutes(served.hold_expires_at)).toBeLessThan(10.1);
  const attempt = await market.db('payment_attempts').where({ order_id: order.id }).first();
  expect(minutes(attempt.session_expires_at)).toBeGreaterThan(34);
  expect(attempt.request.expires_at).toBe(Math.floor(attempt.session_expires_at.getTime() / 1000));
  expect((await guest.open(waiting.url)).text).toMatch(/Taking you to Stripe/);
});

test('nobody waits for ever: after an hour in the queue the tickets go back', async () => {
  await closeSlots();
  const [order] = await choosePayments([market.baseUrl], 1);
  await market
    .db('orders')
    .where({ id: order!.orderId })
    .update({ hold_expires_at: market.db.raw("hold_expires_at - interval '61 minutes'") });
  await sweepOnce(first);
  expect(await market.db('orders').where({ id: order!.orderId }).first()).toMatchObject({
    status: 'expired',
    inventory: 'none',
  });
  expect(await sendsToStripe()).toEqual([]);
});

test('the page says the place, what comes next, and that nothing was charged; one can leave', async () => {
  await closeSlots();
  await choosePayments([market.baseUrl], 2);
  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  const waiting = await market.details(guest, page);
  const { reference, id } = await market.orderOf(page.url);
  expect(waiting.text).toContain(`Order ${reference}`);
  expect(waiting.text).toMatch(/Before you 2 buyers Until your turn A few seconds/);
  expect(waiting.text).toMatch(/You have not been charged.*tickets stay held for you while you wait/);
  expect(waiting.html).toMatch(/http-equiv="refresh" content="3;url=\/orders\/[\w-]+\/payment"/);

  const left = await guest.submit(waiting, {}, { action: /release/ });
  expect(left.text).toMatch(/You gave these tickets back.*You were not charged/);
  await openSlots();
  running.push(startPaymentDispatcher(first));
  await untilNobodyWaits();
  expect(await market.db('payment_attempts').where({ order_id: id }).pluck('status')).toEqual(['abandoned']);
  expect(await sendsToStripe()).toHaveLength(2);
});

test('back from Stripe while Stripe takes no more questions: they are told to wait, not to pay again', async () => {
  await market.control('POST', '/webhooks', { mode: 'muted' });
  const guest = createBrowser();
  const leading = await market.details(guest, await market.choose(guest, sale.slug, 1));
  await market.control('POST', '/faults', [
    { match: { method: 'GET', path: '/v1/checkout/sessions/' }, fault: 'rate_limit', times: 1 },
  ]);
  const back = await market.pay(guest, leading);
  expect(back.text).toMatch(/asking Stripe about your payment.*do not pay again/);
  expect((await guest.followRefresh(back)).text).toMatch(/Yes, 1 ticket/);
});

describe('the estimate', () => {
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => BigInt(from + n));

  test('goes by the pace that Stripe allows', () => {
    const place = placeIn([{ at: 0, numbers: numbers(1, 1001) }], 313n, 0.04);
    expect(place).toEqual({ before: 312, seconds: 13 });
    expect(waitingWords(place)).toMatchObject({
      queue: { before: '312 buyers', wait: 'About 15 seconds' },
      lookAgain: 7,
    });
  });

  test('goes by the pace that was seen, where that is slower', () => {
    const seen = [
      { at: 0, numbers: numbers(1, 1001) },
      { at: 10_000, numbers: numbers(101, 1001) },
    ];
    expect(placeIn(seen, 400n, 0.04)).toEqual({ before: 299, seconds: 30 });
    expect(waitingWords({ before: 2999, seconds: 300 }).queue).toEqual({
      before: '2,999 buyers',
      wait: 'About 5 minutes',
    });
  });

  test('is not given when nothing moves', () => {
    const stuck = [
      { at: 0, numbers: numbers(1, 11) },
      { at: 10_000, numbers: numbers(1, 11) },
    ];
    expect(placeIn(stuck, 5n, 0.04)).toEqual({ before: 4, seconds: null });
    expect(waitingWords({ before: 4, seconds: null })).toMatchObject({
      queue: { before: '4 buyers', wait: 'Longer than usual' },
      lookAgain: 15,
    });
  });

  test('knows who has left the queue, and who has only just come', () => {
    const now = [{ at: 0, numbers: numbers(5, 8) }];
    expect(placeIn(now, 3n, 0.04)).toBeNull();
    expect(placeIn(now, 9n, 0.04)).toMatchObject({ before: 3 });
  });
});

/** A second web process on the same database and the same Stripe. */
async function anotherProcess(overrides: Partial<Dependencies> = {}) {
  const dependencies = createDependencies(
    { ...first.config, databaseUrl: market.testApp.databaseUrl },
    { logger: first.logger, ...overrides },
  );
  const server = createServer(createListener(dependencies));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  running.push({
    async stop() {
      await closeServer(server);
      await dependencies.close();
    },
  });
  return { dependencies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}

/** So many guests hold a ticket, and then all ask to pay, one after the other. In the order they asked. */
async function choosePayments(urls: string[], count: number): Promise<{ orderId: string }[]> {
  const post = (path: string, fields: Record<string, string>, n: number) =>
    fetch(urls[n % urls.length] + path, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    });
  const guests = Array.from({ length: count }, (_, n) => n);
  const paths = await Promise.all(
    guests.map(async (n) => {
      const held = await post(`/events/${sale.slug}/orders`, { [`quantity.${typeId}`]: '1' }, n);
      return held.headers.get('location')!;
    }),
  );
  await Promise.all(
    guests.map(async (n) => {
      const asked = await post(`${paths[n]}/payment`, { name: 'Ada', email: 'ada@example.com' }, n);
      expect([asked.status, asked.headers.get('location')]).toEqual([303, `${paths[n]}/payment`]);
    }),
  );
  const orderIds = paths.map((path) => first.orderTokens.verify(path.split('/')[2])!);
  const asked = await market.db('payment_attempts').whereIn('order_id', orderIds).orderBy('queue_number');
  return asked.map((attempt) => ({ orderId: attempt.order_id as string }));
}

/** No slot for a session is free, as in a long queue. */
const closeSlots = () =>
  market
    .db('stripe_request_slots')
    .insert({
      livemode: false,
      endpoint: 'POST /v1/checkout/sessions',
      next_free_at: market.db.raw("now() + interval '1 hour'"),
    })
    .onConflict(['livemode', 'endpoint'])
    .merge();
const openSlots = () => market.db('stripe_request_slots').update({ next_free_at: market.db.fn.now() });

async function statusesOf(orders: { orderId: string }[]): Promise<string[]> {
  const rows = await market.db('payment_attempts').whereIn(
    'order_id',
    orders.map(({ orderId }) => orderId),
  );
  return orders.map(({ orderId }) => rows.find((row) => row.order_id === orderId).status);
}

async function countOrders(status: string): Promise<number> {
  return Number((await market.db('orders').where({ status }).count('* as n').first())!['n']);
}

async function sendsToStripe() {
  return (await market.requests()).filter(
    ({ method, path }) => method === 'POST' && path === '/v1/checkout/sessions',
  );
}

function mostInOneSecond(sends: { at: number }[]): number {
  return Math.max(
    ...sends.map(({ at }) => sends.filter((other) => other.at >= at && other.at < at + 1000).length),
  );
}

async function untilNobodyWaits(): Promise<void> {
  await until(async () => {
    const row = await market.db('payment_attempts').where({ status: 'created' }).count('* as n').first();
    return Number(row!['n']) === 0;
  });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 12_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Not so after 12 s: ${condition}`);
    await new Promise((done) => setTimeout(done, 40));
  }
}
