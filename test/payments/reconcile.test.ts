/** Our books beside Stripe's: what we missed is booked, what nobody can explain is shown, and nothing is believed for its mark. */
import { brokenInvariants, type Market, openMarket } from '../support/market';
import { createBrowser } from '../support/browser';
import { sweepOnce } from '../../src/jobs/sweeps';
import { reconcileAccount } from '../../src/payments/reconcile-account';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
  await market.settle();
  await market.control('POST', '/webhooks', { mode: 'muted' });
});
afterEach(async () => {
  await market.control('DELETE', '/faults');
  await market.db('findings').delete();
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});
afterAll(() => market.close());

const db = () => market.db;
const ago = (column: string, interval: string) => db().raw(`?? - ?::interval`, [column, interval]);

/** An hour and more has passed; what is due is done. */
async function anHourLater(): Promise<void> {
  await db()('stripe_connections').update({ connected_at: ago('connected_at', '3 hours') });
  await db()('reconciliations').update({ claimed_at: ago('claimed_at', '2 hours') });
  await sweepOnce(market.testApp.dependencies);
  expect(await market.settle()).toEqual([]);
}
const marks = () => db()('reconciliations').where({ stripe_account_id: sale.account }).first();
const findings = () => db()('findings').whereNull('closed_at').orderBy('subject');

async function orderAtStripe() {
  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  await market.details(guest, page);
  const order = await market.orderOf(page.url);
  const attempt = await db()('payment_attempts').where({ order_id: order.id }).first();
  return { guest, page, order, attempt, session: attempt.checkout_session_id as string };
}
const pay = (session: string) =>
  market.control('POST', `/sessions/${session}/pay`, {}) as Promise<{ payment_intent: string }>;

function atStripe(path: string, fields: Record<string, string>) {
  return fetch(`${market.simulator.url}/v1${path}`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${market.testApp.dependencies.config.stripe.primary.secretKey}`,
      'Stripe-Account': sale.account,
      'Content-Type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams(fields),
  }).then((answer) => answer.json()) as Promise<{ id: string }>;
}
const foreignSession = (more: Record<string, string> = {}) =>
  atStripe('/checkout/sessions', {
    mode: 'payment',
    'line_items[0][price_data][currency]': 'eur',
    'line_items[0][price_data][unit_amount]': '900',
    'line_items[0][price_data][product_data][name]': 'A scarf',
    'line_items[0][quantity]': '1',
    success_url: 'http://localhost/',
    ...more,
  });

test('a payment that every other way missed is booked, over several pages of foreign sessions', async () => {
  const { page, order, session } = await orderAtStripe();
  await pay(session);
  // as a fault of ours could have left it: nothing looks at this attempt any more
  await db()('payment_attempts').where({ order_id: order.id }).update({ status: 'expired' });
  for (let round = 0; round < 5; round += 1)
    await Promise.all(Array.from({ length: 21 }, () => foreignSession()));
  await anHourLater();
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'paid', inventory: 'sold' });
  expect(await marks()).toMatchObject({ figures: expect.objectContaining({ booked: 1, unknown: 0 }) });
  expect((await marks()).figures.sessions).toBeGreaterThan(105);
  expect(await findings()).toEqual([]);
});

test('an event that could not be delivered is fetched and worked off, once', async () => {
  const { page, session } = await orderAtStripe();
  const { payment_intent } = await pay(session);
  await anHourLater();
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'paid' });
  await atStripe('/refunds', { payment_intent });
  await anHourLater();
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'refunded', inventory: 'none' });
  const kept = async () => Number((await db()('stripe_events').count('* as n').first())!.n);
  const before = await kept();
  await anHourLater();
  expect(await kept()).toBe(before);
});

test('one run an hour for an account, however many workers', async () => {
  await anHourLater();
  await db()('reconciliations').update({ claimed_at: ago('claimed_at', '2 hours') });
  const call = { account: sale.account, livemode: false };
  const runs = await Promise.all([1, 2, 3].map(() => reconcileAccount(market.testApp.dependencies, call)));
  expect(runs.filter((run) => run !== null)).toHaveLength(1);
});

test('while Stripe is away the marks stay, and the next run reads it all', async () => {
  await anHourLater();
  const before = await marks();
  await market.control('POST', '/faults', [
    { match: { path: '/v1/events' }, fault: 'error_before', times: 1 },
  ]);
  await db()('reconciliations').update({ claimed_at: ago('claimed_at', '2 hours') });
  const call = { account: sale.account, livemode: false };
  await expect(reconcileAccount(market.testApp.dependencies, call)).rejects.toMatchObject({
    problem: 'unanswered',
  });
  expect(await marks()).toMatchObject({
    sessions_until: before.sessions_until,
    events_until: before.events_until,
    last_error: 'unanswered',
  });
  await anHourLater();
  expect((await marks()).events_until.getTime()).toBeGreaterThan(before.events_until.getTime());
});

test('a copied mark is reported, and changes no order', async () => {
  const { page, order } = await orderAtStripe();
  const copied = await foreignSession({
    client_reference_id: order.id,
    'metadata[foyer_order]': order.id,
    'metadata[foyer_attempt]': '1',
  });
  const { payment_intent } = await pay(copied.id);
  await anHourLater();
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'awaiting_payment', inventory: 'held' });
  expect(await findings()).toEqual([
    expect.objectContaining({ kind: 'unknown_payment', subject: `unknown_payment:${copied.id}` }),
  ]);
  // given back at Stripe: found so, and closed by itself
  await atStripe('/refunds', { payment_intent });
  await anHourLater();
  expect(await findings()).toEqual([]);
});

test('after a restore from a backup: what was sold since is reported to the admin, and not adopted', async () => {
  const admin = await market.admin();
  const kept = await market.buy(sale.slug, 1);
  await anHourLater();
  const lost = await market.buy(sale.slug, 2);
  const order = await market.orderOf(lost.url);
  expect(order.status).toBe('paid');
  // the backup is older than this order
  await db().transaction(async (trx) => {
    for (const table of ['tickets', 'mails', 'payment_attempts', 'order_timeline', 'order_lines'])
      await trx(table).where({ order_id: order.id }).delete();
    await trx('orders').where({ id: order.id }).delete();
    await trx('ticket_types').where({ event_id: sale.id }).decrement('sold', 2);
    await trx('events').where({ id: sale.id }).decrement('sold', 2);
    await trx('stripe_events').delete();
  });
  await anHourLater();
  expect(await market.db('orders').where({ id: order.id }).first()).toBeUndefined();
  expect(await market.orderOf(kept.url)).toMatchObject({ status: 'paid' });
  expect(await findings()).toEqual([
    expect.objectContaining({
      kind: 'unknown_payment',
      order_id: null,
      details: expect.objectContaining({ amount: '4000', currency: 'eur', named_order: order.id }),
    }),
  ]);
  const page = await admin.open(market.at('/admin/needs-attention'));
  expect(page.text).toMatch(/A payment that Foyer does not know.*€40\.00/);
  const mail = await market.db('mails').where({ template: 'finding' }).first();
  expect(mail.text_body).toMatch(/no payment attempt of ours belongs to it/);

  // closed by a person, it does not come up again
  const finding = await admin.open(market.at(`/admin/findings/${(await findings())[0].id}/closure`));
  await admin.submit(finding, { reason: 'Given back in the Dashboard' }, { action: /closure/ });
  expect(await findings()).toEqual([]);
  await anHourLater();
  expect(await findings()).toEqual([]);
});

describe('the night', () => {
  /** Yesterday's payments: everything on the account was taken then. */
  async function aNightLater(): Promise<void> {
    await db()('stripe_connections').update({ connected_at: ago('connected_at', '3 days') });
    await db()('ledger_checks').delete();
    await db()('worker_heartbeats').where({ name: 'counters' }).delete();
    await sweepOnce(market.testApp.dependencies);
    expect(await market.settle()).toEqual([]);
  }
  const yesterday = () =>
    market.control('POST', '/clock', { offsetSeconds: -26 * 3600 }).then(() => undefined);
  afterEach(() => market.control('POST', '/clock', { offsetSeconds: 0 }));

  test('books that agree say so', async () => {
    await aNightLater();
    const check = await db()('ledger_checks').where({ stripe_account_id: sale.account }).first();
    expect(check.figures).toMatchObject({ differences: 0 });
    expect(await findings()).toEqual([]);
  });

  test('a payment that is booked otherwise than Stripe has it is a finding, and is left alone', async () => {
    const { url } = await market.buy(sale.slug, 1);
    const order = await market.orderOf(url);
    const wrong = {
      paid_amount: 1500,
      paid_at: db().raw(
        "date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '3 hours'",
      ),
    };
    await db()('payment_attempts').where({ order_id: order.id }).update(wrong);
    await aNightLater();
    expect(await findings()).toEqual([
      expect.objectContaining({
        kind: 'ledger_drift',
        details: expect.objectContaining({
          differences: [expect.objectContaining({ what: 'paid', ours: '1500 eur', stripes: '2000 eur' })],
        }),
      }),
    ]);
    expect((await db()('payment_attempts').where({ order_id: order.id }).first()).paid_amount).toBe(1500n);
    expect(market.testApp.logs()).toContain('a comparison found a difference');
    await db()('payment_attempts').where({ order_id: order.id }).update({ paid_amount: 2000 });
    await aNightLater();
    expect(await findings()).toEqual([]);
  });

  test('a refund of the day that we never heard of is booked', async () => {
    const { url } = await market.buy(sale.slug, 1);
    const order = await market.orderOf(url);
    const attempt = await db()('payment_attempts').where({ order_id: order.id }).first();
    await yesterday();
    await atStripe('/refunds', { payment_intent: attempt.payment_intent_id });
    await db()('stripe_connections').update({ connected_at: ago('connected_at', '3 days') });
    await aNightLater();
    expect(await market.orderOf(url)).toMatchObject({ status: 'refunded' });
    expect(await findings()).toEqual([]);
  });

  test('a counter that its orders contradict is a finding, and is left alone', async () => {
    const other = await market.eventOnSale({ name: 'Counting House' });
    await db()('ticket_types').where({ event_id: other.id }).update({ sold: 3 });
    await db()('events').where({ id: other.id }).update({ sold: 3 });
    await aNightLater();
    expect((await findings()).map((finding) => [finding.kind, finding.details.says])).toEqual([
      ['counter_drift', '0 held and 3 sold'],
      ['counter_drift', '0 held and 3 sold'],
    ]);
    expect((await db()('events').where({ id: other.id }).first()).sold).toBe(3);
    await db()('ticket_types').where({ event_id: other.id }).update({ sold: 0 });
    await db()('events').where({ id: other.id }).update({ sold: 0 });
    await aNightLater();
    expect(await findings()).toEqual([]);
  });
});
