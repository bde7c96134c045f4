/** The built app as a process of its own, killed where it hurts most; whatever was begun ends as if nothing had happened. */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type Browser, type BrowserPage, createBrowser } from '../support/browser';
import { buildApp, freePort, pause, runApp, type RunningApp, untilAnswers } from '../support/built-app';
import { brokenInvariants, type Market, openMarket } from '../support/market';
import { throwAwayFolder } from '../support/throw-away-folder';

let built: Awaited<ReturnType<typeof buildApp>>;
let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let dataDir: string;
let port: number;
const started: RunningApp[] = [];

beforeAll(async () => {
  dataDir = throwAwayFolder();
  [built, market, port] = await Promise.all([buildApp(), openMarket(), freePort()]);
  sale = await market.eventOnSale();
  await market.settle();
  // no webhook helps: what was left undone is found by the state of the rows
  await market.control('POST', '/webhooks', { mode: 'muted' });
}, 60_000);
afterEach(async () => {
  const running = started.splice(0);
  for (const app of running) await kill(app);
  await market.control('DELETE', '/faults');
  expect(running.map((app) => app.output()).join()).not.toMatch(/sk_test_|whsec_|cs_test_\w+|[?&]state=/);
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});
afterAll(async () => {
  await market.close();
  built.remove();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('killed between the answer of Stripe and our commit', () => {
  test('it sends the same key again and finds the same session, which is paid once', async () => {
    const { guest, page, order } = await killedBeforeCommit();
    const [made] = await sessionsOf(order.id);
    await start();
    await untilOrder(order.id, 'awaiting_payment');

    expect((await sessionsOf(order.id)).map(({ id }) => id)).toEqual([made!.id]);
    expect(await attemptsOf(order.id)).toEqual([
      expect.objectContaining({ n: 1, status: 'open', checkout_session_id: made!.id, unanswered_sends: 0 }),
    ]);
    expect(await sendsOf(order.id)).toEqual([{ status: 0 }, { status: 200 }]);

    const back = await market.pay(guest, await guest.open(`${page.url}/payment`));
    expect(back.text).toMatch(/Yes, 2 tickets/);
    await expectPaidOnce(order.id);
  });

  // The twin: it is the key that does it.
  test('with another key for each send there would be a session that nobody knows', async () => {
    const { order } = await killedBeforeCommit();
    await market
      .db('payment_attempts')
      .where({ order_id: order.id })
      .update({ idempotency_key: `random-${randomUUID()}` });
    await start();
    await untilOrder(order.id, 'awaiting_payment');
    expect(await sessionsOf(order.id)).toHaveLength(2);
  });
});

test('killed after the hold: the buyer reloads, and goes on', async () => {
  const first = await start();
  const { guest, page, order } = await choose();
  await kill(first);
  await expect(guest.open(page.url)).rejects.toThrow();

  await start();
  const again = await guest.open(page.url);
  expect(again.text).toMatch(/2 × Standard/);
  expect((await market.orderOf(page.url)).hold_expires_at).toEqual(order.hold_expires_at);
  const back = await market.pay(guest, await market.details(guest, again));
  expect(back.text).toMatch(/Yes, 2 tickets/);
  await expectPaidOnce(order.id);
});

test('killed while the buyer pays at Stripe: the payment is found without anybody coming back', async () => {
  const first = await start();
  const { guest, page, order } = await choose();
  const leading = await market.details(guest, page);
  await kill(first);
  // Stripe sends the buyer back to an address where nobody answers.
  await expect(market.pay(guest, leading)).rejects.toThrow();
  expect((await market.orderOf(page.url)).status).toBe('awaiting_payment');
  await passTime(order.id, { checked_at: 5 });

  await start();
  await untilOrder(order.id, 'paid');
  await expectPaidOnce(order.id);
  expect((await guest.open(page.url)).text).toMatch(/Yes, 2 tickets/);
});

/** Somebody has pressed "pay", Stripe has made the session and holds its answer back, and the process is gone. */
async function killedBeforeCommit() {
  await market.control('POST', '/faults', {
    fault: 'hang_after',
    match: { method: 'POST', path: '/v1/checkout/sessions' },
  });
  const app = await start();
  const { guest, page, order } = await choose();
  const answer = market.details(guest, page).then(
    () => 'answered',
    () => 'cut',
  );
  await until(async () => (await sessionsOf(order.id)).length === 1);
  await kill(app);
  expect(await answer).toBe('cut');
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'creating_session', inventory: 'held' });
  expect(await attemptsOf(order.id)).toEqual([
    expect.objectContaining({ status: 'created', checkout_session_id: null, unanswered_sends: 1 }),
  ]);
  await passTime(order.id, { created_at: 1, first_sent_at: 1, last_sent_at: 1 });
  return { guest, page, order };
}

async function start(): Promise<RunningApp> {
  const { stripe, sessionSecrets, encryptionKeys } = market.testApp.dependencies.config;
  const app = await runApp(built.folder, {
    PORT: String(port),
    BASE_URL: `http://127.0.0.1:${port}`,
    DATA_DIR: dataDir,
    DATABASE_URL: market.testApp.databaseUrl,
    SESSION_SECRETS: sessionSecrets.join(),
    ENCRYPTION_KEYS: encryptionKeys.join(),
    STRIPE_SECRET_KEY: stripe.primary.secretKey,
    STRIPE_CLIENT_ID: stripe.primary.clientId,
    STRIPE_WEBHOOK_SECRETS: stripe.primary.webhookSecrets.join(),
    STRIPE_API_URL: market.simulator.url,
    STRIPE_CONNECT_URL: market.simulator.url,
  });
  started.push(app);
  await untilAnswers(app, '/readyz');
  return app;
}

async function kill(app: RunningApp): Promise<void> {
  app.process.kill('SIGKILL');
  await app.ended;
}

/** A guest takes two tickets at the process. */
async function choose(): Promise<{
  guest: Browser;
  page: BrowserPage;
  order: { id: string; hold_expires_at: Date };
}> {
  const guest = createBrowser();
  const event = await guest.open(`http://127.0.0.1:${port}/events/${sale.slug}`);
  const { id } = await market.db('ticket_types').where({ event_id: sale.id }).first('id');
  const page = await guest.submit(event, { [`quantity.${id}`]: '2' });
  return { guest, page, order: await market.orderOf(page.url) };
}

/** Every session that Stripe has for this order, dead or alive. */
async function sessionsOf(orderId: string): Promise<{ id: string; status: string }[]> {
  const answer = await fetch(`${market.simulator.url}/v1/checkout/sessions?limit=100`, {
    headers: {
      Authorization: `Bearer ${market.testApp.dependencies.config.stripe.primary.secretKey}`,
      'Stripe-Account': sale.account,
    },
  });
  const { data } = (await answer.json()) as {
    data: { id: string; status: string; client_reference_id: string }[];
  };
  return data.filter((session) => session.client_reference_id === orderId);
}

/** How Stripe answered each send for this order; 0: not at all. */
async function sendsOf(orderId: string): Promise<{ status: number | null }[]> {
  return (await market.requests())
    .filter(({ method, path, params }) => {
      const sends = method === 'POST' && path === '/v1/checkout/sessions';
      return sends && params['client_reference_id'] === orderId;
    })
    .map(({ status }) => ({ status }));
}

function attemptsOf(orderId: string): Promise<unknown[]> {
  return market.db('payment_attempts').where({ order_id: orderId }).orderBy('n');
}

async function expectPaidOnce(orderId: string): Promise<void> {
  const { db } = market;
  const sessions = await sessionsOf(orderId);
  expect(sessions.map(({ status }) => status)).toEqual(['complete']);
  expect(await db('orders').where({ id: orderId }).first()).toMatchObject({
    status: 'paid',
    inventory: 'sold',
  });
  expect(await attemptsOf(orderId)).toEqual([
    expect.objectContaining({ n: 1, status: 'paid', checkout_session_id: sessions[0]!.id }),
  ]);
  expect(await db('order_timeline').where({ order_id: orderId, to_status: 'paid' })).toHaveLength(1);
  expect(await db('tickets').where({ order_id: orderId, status: 'valid' })).toHaveLength(2);
  expect(await db('refunds').where({ order_id: orderId })).toEqual([]);
}

/** Shifts times of an order's attempt into the past, in minutes. */
async function passTime(orderId: string, minutes: Record<string, number>): Promise<void> {
  const { db } = market;
  const shifted = Object.entries(minutes).map(
    ([column, past]) => [column, db.raw('?? - make_interval(mins => ?)', [column, past])] as const,
  );
  await db('payment_attempts').where({ order_id: orderId }).update(Object.fromEntries(shifted));
}

async function untilOrder(orderId: string, status: string): Promise<void> {
  await until(async () => (await market.db('orders').where({ id: orderId }).first()).status === status);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 12_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Not so after 12 s: ${condition}\n${started.at(-1)?.output()}`);
    await pause(50);
  }
}
