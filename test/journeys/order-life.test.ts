/** The rarer turns in an order's life: each ends as one paid order, one full refund, or before a person. */
import { Client } from 'pg';
import { createTurns } from '../../src/lib/turns';
import { createBrowser } from '../support/browser';
import { brokenInvariants, type Market, openMarket } from '../support/market';
import { sweepOnce } from '../../src/jobs/sweeps';
import { newId } from '../../src/lib/ids';
import { settleOrder } from '../../src/orders/settle-order';
import { readStripeEvent } from '../../src/stripe/webhook-signature';
import { keepEvent } from '../../src/webhooks/inbox';
import { workOffEvent } from '../../src/webhooks/work-off-event';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale({ fields: { 'tickets.0.capacity': '200' } });
});
afterEach(async () => {
  await market.control('DELETE', '/faults');
  await market.control('POST', '/webhooks', { mode: 'normal' });
  expect(await market.settle()).toEqual([]);
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});
afterAll(() => market.close());

async function orderAtStripe(slug = sale.slug) {
  const guest = createBrowser();
  const page = await market.choose(guest, slug, 1);
  await market.details(guest, page);
  const order = await market.orderOf(page.url);
  const [attempt] = await attemptsOf(order.id);
  return { guest, page, order, attempt, session: attempt.checkout_session_id as string };
}
/** The same by the two posts alone, without looking at a page. */
async function placedAtStripe() {
  const type = await market.db('ticket_types').where({ event_id: sale.id }).first('id');
  const placed = await post(`/events/${sale.slug}/orders`, {
    [`quantity.${type.id}`]: '1',
    [`price.${type.id}`]: '2000',
  });
  await post(`${placed}/payment`, { name: 'Charles', email: 'charles@example.com' });
  const order = await market.orderOf(market.at(placed));
  const [attempt] = await attemptsOf(order.id);
  return { order, session: attempt.checkout_session_id as string };
}
async function post(path: string, fields: Record<string, string>): Promise<string> {
  const answer = await fetch(market.at(path), {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams(fields),
  });
  expect(answer.status).toBe(303);
  return answer.headers.get('location')!;
}
const attemptsOf = (orderId: string) =>
  market.db('payment_attempts').where({ order_id: orderId }).orderBy('n');
const play = (session: string, outcome: string, more = {}) =>
  market.control('POST', `/sessions/${session}/pay`, { outcome, ...more }) as Promise<{
    payment_intent: string;
  }>;
const refundsOf = (orderId: string) => market.db('refunds').where({ order_id: orderId });
const ticketsOf = (orderId: string) => market.db('tickets').where({ order_id: orderId });

/** Somebody with access to the account gives money back in Stripe's Dashboard. */
async function refundAtStripe(account: string, paymentIntent: string): Promise<void> {
  const answer = await fetch(`${market.simulator.url}/v1/refunds`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${market.testApp.dependencies.config.stripe.primary.secretKey}`,
      'Stripe-Account': account,
      'Content-Type': 'application/x-www-form-urlencoded',
    },
    body: `payment_intent=${paymentIntent}`,
  });
  expect(answer.status).toBe(200);
}

/** An event as Stripe would send it, straight into the inbox, and worked off. */
async function arrives(type: string, object: object, account = sale.account): Promise<void> {
  const id = `evt_${newId().replaceAll('-', '')}`;
  const created = Math.floor(Date.now() / 1000);
  const payload = { id, object: 'event', account, created, livemode: false, type, data: { object } };
  await keepEvent(market.db, readStripeEvent(payload)!, payload);
  await workOffEvent(market.testApp.dependencies, id);
}

const NEWS = ['created', 'completed', 'async_payment_succeeded', 'expired'];
const TRUTHS: [string, (session: string) => Promise<unknown>, string, string][] = [
  ['paid', (session) => play(session, 'success'), 'paid', 'sold'],
  [
    'paid by a slow method',
    (session) => play(session, 'async_pending').then(() => play(session, 'async_success')),
    'paid',
    'sold',
  ],
  ['on its way', (session) => play(session, 'async_pending'), 'processing', 'held'],
  [
    'not paid by the bank',
    (session) => play(session, 'async_pending').then(() => play(session, 'async_failure')),
    'expired',
    'none',
  ],
  ['expired', (session) => market.control('POST', `/sessions/${session}/expire`), 'expired', 'none'],
  [
    'paid and given back before we knew of either',
    async (session) => refundAtStripe(sale.account, (await play(session, 'success')).payment_intent),
    'refunded',
    'none',
  ],
];

test('all 24 orders of the news, whatever is true: the end is what Stripe’s object says', async () => {
  await market.control('POST', '/webhooks', { mode: 'muted' });
  for (const [index, order] of permutations(NEWS).entries()) {
    const [name, happen, status, inventory] = TRUTHS[index % TRUTHS.length]!;
    const bought = await placedAtStripe();
    await happen(bought.session);
    if (status === 'refunded')
      await arrives('charge.refunded', {
        payment_intent: (await sessionAtStripe(bought.session)).payment_intent,
        metadata: {},
      });
    for (const type of order)
      await arrives(`checkout.session.${type}`, {
        id: bought.session,
        client_reference_id: bought.order.id,
      });
    const row = await market.db('orders').where({ id: bought.order.id }).first();
    expect({ name, order, status: row.status, inventory: row.inventory }).toEqual({
      name,
      order,
      status,
      inventory,
    });
    const paid = await market.db('order_timeline').where({ order_id: row.id, to_status: 'paid' });
    expect(paid.filter((entry) => entry.from_status !== 'paid').length).toBeLessThanOrEqual(1);
    if (status === 'processing') await play(bought.session, 'async_failure');
    if (status === 'processing') await settleOrder(market.testApp.dependencies, row.id);
  }
});

test('news of a refund that comes first, and names the order, books payment and refund', async () => {
  await market.control('POST', '/webhooks', { mode: 'muted' });
  const { order, session } = await orderAtStripe();
  const { payment_intent } = await play(session, 'success');
  await refundAtStripe(sale.account, payment_intent);
  await arrives('charge.refunded', { payment_intent, metadata: { foyer_order: order.id } });
  expect(await market.db('orders').where({ id: order.id }).first()).toMatchObject({
    status: 'refunded',
    inventory: 'none',
  });
  expect(await ticketsOf(order.id)).toEqual([expect.objectContaining({ status: 'void' })]);
});

describe('a slow payment', () => {
  test('keeps its tickets beyond the hold, says so, and ends as paid', async () => {
    const { guest, page, order, session } = await orderAtStripe();
    await play(session, 'async_pending');
    expect(await market.settle()).toEqual([]);
    const row = await market.orderOf(page.url);
    expect(row).toMatchObject({ status: 'processing', inventory: 'held' });
    expect(row.hold_expires_at.getTime()).toBeGreaterThan(Date.now() + 13 * 24 * 3600_000);
    const told = await guest.open(page.url);
    expect(told.text).toMatch(/Your payment is on its way.*was begun.*Do not pay again/);
    expect(told.text).toContain(order.reference);
    expect(await ticketsOf(order.id)).toEqual([]);
    await market
      .db('orders')
      .where({ id: order.id })
      .update({ hold_expires_at: new Date(0) });
    await sweepOnce(market.testApp.dependencies);
    expect(await market.orderOf(page.url)).toMatchObject({ status: 'processing', inventory: 'held' });
    await play(session, 'async_success');
    expect(await market.settle()).toEqual([]);
    expect(await market.orderOf(page.url)).toMatchObject({ status: 'paid', inventory: 'sold' });
    expect(await mailsOf(order.id)).toEqual(['order-paid', 'payment-processing']);
  });

  test('that fails frees its tickets and tells the buyer by mail', async () => {
    const { guest, page, order, session } = await orderAtStripe();
    await play(session, 'async_pending');
    await market.settle();
    await play(session, 'async_failure');
    expect(await market.settle()).toEqual([]);
    expect(await market.orderOf(page.url)).toMatchObject({
      status: 'expired',
      inventory: 'none',
      status_detail: 'payment_failed',
    });
    expect((await guest.open(page.url)).text).toMatch(/did not succeed.*You were not charged/);
    expect(await mailsOf(order.id)).toEqual(['payment-failed', 'payment-processing']);
  });
});

describe('a second payment for one order', () => {
  /** The first session was given up by us and is paid all the same, after the second one was. */
  async function paidTwice(more = {}) {
    const bought = await orderAtStripe();
    const { attempt, order } = bought;
    const second = await market.testApp.dependencies.stripe.createCheckoutSession({
      account: sale.account,
      livemode: false,
      request: attempt.request,
      idempotencyKey: `second-${order.id}`,
    });
    await market.db('payment_attempts').where({ id: attempt.id }).update({ status: 'expired' });
    await market.db('payment_attempts').insert({
      ...attempt,
      id: newId(),
      n: 2,
      request: JSON.stringify(attempt.request),
      idempotency_key: `second-${order.id}`,
      checkout_session_id: second.id,
    });
    await play(second.id, 'success');
    expect(await market.settle()).toEqual([]);
    const { payment_intent } = await play(bought.session, 'success', more);
    return { ...bought, payment_intent };
  }

  test.each([
    ['of the same amount', {}, 2000n],
    ['of another amount', { amount_total: 1500 }, 1500n],
  ])('%s goes back once, and the good order stays good', async (_name, more, amount) => {
    const { order, page } = await paidTwice(more);
    expect(await market.settle()).toEqual([]);
    expect(await market.settle()).toEqual([]);
    expect(await refundsOf(order.id)).toEqual([
      expect.objectContaining({ origin: 'duplicate_payment', status: 'succeeded', amount }),
    ]);
    expect(await market.orderOf(page.url)).toMatchObject({ status: 'paid', inventory: 'sold' });
    expect(await ticketsOf(order.id)).toEqual([expect.objectContaining({ status: 'valid' })]);
  });

  test('that somebody gave back in the Dashboard meanwhile does not cancel the good order', async () => {
    await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: true });
    const { order, page, payment_intent } = await paidTwice();
    expect(await market.settle()).toEqual([]);
    expect(await refundsOf(order.id)).toEqual([expect.objectContaining({ status: 'needs_attention' })]);
    await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: false });
    await refundAtStripe(sale.account, payment_intent);
    expect(await market.settle()).toEqual([]);
    expect(await market.orderOf(page.url)).toMatchObject({ status: 'paid', inventory: 'sold' });
    expect(await ticketsOf(order.id)).toEqual([expect.objectContaining({ status: 'valid' })]);
  });

  test('for an order that was refunded goes back, too', async () => {
    const bought = await orderAtStripe();
    const first = await play(bought.session, 'success');
    await market.settle();
    await refundAtStripe(sale.account, first.payment_intent);
    expect(await market.settle()).toEqual([]);
    const again = await market.testApp.dependencies.stripe.createCheckoutSession({
      account: sale.account,
      livemode: false,
      request: bought.attempt.request,
      idempotencyKey: `again-${bought.order.id}`,
    });
    await market.db('payment_attempts').insert({
      ...bought.attempt,
      id: newId(),
      n: 2,
      request: JSON.stringify(bought.attempt.request),
      idempotency_key: `again-${bought.order.id}`,
      checkout_session_id: again.id,
    });
    await play(again.id, 'success', { amount_total: 700 });
    expect(await market.settle()).toEqual([]);
    expect(await market.orderOf(bought.page.url)).toMatchObject({ status: 'refunded', inventory: 'none' });
    expect(await refundsOf(bought.order.id)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ origin: 'duplicate_payment', status: 'succeeded', amount: 700n }),
      ]),
    );
  });
});

test('a payment that succeeds after its event was cancelled goes back in full, though its hold lived', async () => {
  const { browser, slug, id } = await market.eventOnSale({ name: 'Too Late House' });
  const { guest, page, order, session } = await orderAtStripe(slug);
  await browser.submit(
    await browser.open(market.at(`/organizer/events/${id}/cancellation`)),
    { reason: 'The engine is not ready' },
    { action: /cancellation/ },
  );
  await play(session, 'success');
  expect(await market.settle()).toEqual([]);
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'refunded', inventory: 'none' });
  expect(await ticketsOf(order.id)).toEqual([]);
  expect(await refundsOf(order.id)).toEqual([
    expect.objectContaining({ origin: 'late_payment', status: 'succeeded', amount: 2000n }),
  ]);
  expect(await mailsOf(order.id)).toContain('late-refund');
  expect((await guest.open(page.url)).text).toMatch(/Your money was given back/);
});

describe('webhook, return page and sweep at the same moment', () => {
  const race = async () => {
    const { order, session } = await orderAtStripe();
    await play(session, 'success');
    // four processes: within one they would wait for each other
    const results = await Promise.allSettled(
      Array.from({ length: 4 }, () =>
        settleOrder({ ...market.testApp.dependencies, settlements: createTurns() }, order.id),
      ),
    );
    return { order, rejected: results.filter((result) => result.status === 'rejected').length };
  };
  beforeEach(() => market.control('POST', '/webhooks', { mode: 'muted' }));

  test('make one transition, one set of tickets and one mail', async () => {
    const { order, rejected } = await race();
    expect(rejected).toBe(0);
    expect(await ticketsOf(order.id)).toHaveLength(1);
    expect(await mailsOf(order.id)).toEqual(['order-paid']);
    expect(await market.db('order_timeline').where({ order_id: order.id, to_status: 'paid' })).toHaveLength(
      1,
    );
  });

  test('twin: without the order’s lock several book it, and only the constraints refuse the rest', async () => {
    const send = Client.prototype.query as (...args: unknown[]) => unknown;
    const lockless = jest.spyOn(Client.prototype, 'query').mockImplementation(function (
      this: Client,
      ...args: unknown[]
    ) {
      const [query, ...others] = args as [{ text?: string } | undefined];
      const text = query?.text?.replace(/ for update$/i, '');
      // a name stands for the text that it was given first
      const changed = text && text !== query?.text ? { ...query, text, name: undefined } : query;
      return send.call(this, changed, ...others) as never;
    });
    try {
      let rejected = 0;
      for (let round = 0; round < 5 && rejected === 0; round += 1) rejected = (await race()).rejected;
      expect(rejected).toBeGreaterThan(0);
    } finally {
      lockless.mockRestore();
    }
  });
});

async function mailsOf(orderId: string): Promise<string[]> {
  const rows = await market.db('mails').where({ order_id: orderId }).orderBy('template').select('template');
  return rows.map((row) => row.template);
}

async function sessionAtStripe(id: string): Promise<{ payment_intent: string }> {
  const answer = await fetch(`${market.simulator.url}/v1/checkout/sessions/${id}`, {
    headers: {
      Authorization: `Bearer ${market.testApp.dependencies.config.stripe.primary.secretKey}`,
      'Stripe-Account': sale.account,
    },
  });
  return (await answer.json()) as { payment_intent: string };
}

function permutations<T>(items: T[]): T[][] {
  if (items.length < 2) return [items];
  return items.flatMap((item, index) =>
    permutations([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [item, ...rest]),
  );
}
