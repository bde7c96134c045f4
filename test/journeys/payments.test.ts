/** What can happen between "pay" and "you are in". */
import { createBrowser } from '../support/browser';
import { brokenInvariants, GOOD_CARD, type Market, openMarket } from '../support/market';
import { inTransaction } from '../../src/db/connection';
import { sweepOnce } from '../../src/jobs/sweeps';

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

const passTime = (orderId: string, minutes: number) =>
  market
    .db('orders')
    .where({ id: orderId })
    .update({
      hold_expires_at: market.db.raw('hold_expires_at - make_interval(mins => ?)', [minutes]),
      created_at: market.db.raw('created_at - make_interval(mins => ?)', [minutes]),
    });
const sweep = () => sweepOnce(market.testApp.dependencies);
const sessionOf = async (orderId: string) =>
  (await market.db('payment_attempts').where({ order_id: orderId }).orderBy('n', 'desc').first())
    .checkout_session_id as string;
const chargesOf = async () => (await market.ledger()).accounts[sale.account]!.charges;

async function orderAtStripe() {
  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  const leading = await market.details(guest, page);
  const order = await market.orderOf(page.url);
  return { guest, page, leading, order };
}

test('a declined card can be tried again while the hold lives', async () => {
  const { guest, leading, order, page } = await orderAtStripe();
  const declined = await market.pay(guest, leading, { ...GOOD_CARD, card_number: '4000000000000002' });
  expect(declined.url).toContain('/c/pay/');
  expect(declined.text).toMatch(/declined/i);
  expect((await market.orderOf(page.url)).status).toBe('awaiting_payment');
  const ours = await guest.open(page.url);
  expect(ours.text).toMatch(/Nothing was charged so far/);
  const done = await market.pay(guest, leading);
  expect(done.text).toMatch(/Yes, 1 ticket/);
  expect(await market.db('payment_attempts').where({ order_id: order.id })).toHaveLength(1);
});

test('3-D Secure: failed, then completed', async () => {
  const { guest, leading } = await orderAtStripe();
  const challenge = await market.pay(guest, leading, { ...GOOD_CARD, card_number: '4000002500003155' });
  const failed = await guest.submit(challenge, { result: 'fail' }, { action: /challenge/ });
  expect(failed.url).toContain('/c/pay/');
  const again = await guest.submit(
    failed,
    { ...GOOD_CARD, card_number: '4000002500003155', email: 'charles@example.com' },
    { action: /\/c\/pay\// },
  );
  const done = await guest.submit(again, { result: 'complete' }, { action: /challenge/ });
  expect(done.text).toMatch(/Yes, 1 ticket/);
});

test('cancel at Stripe comes back to the order, which can still be paid or given back', async () => {
  const { guest, leading, page } = await orderAtStripe();
  const hosted = await guest.followRefresh(leading);
  const cancel = /href="([^"]*\/orders\/[^"]+)"/.exec(hosted.html)![1]!;
  const ours = await guest.open(cancel.replaceAll('&amp;', '&'));
  expect(ours.url).toBe(page.url);
  expect(ours.text).toMatch(/Waiting for your payment.*Pay €20\.00/);
  const released = await guest.submit(ours, {}, { action: /release/ });
  expect(released.text).toMatch(/You gave these tickets back.*You were not charged/);
  const row = await market.orderOf(page.url);
  expect(row).toMatchObject({ status: 'expired', inventory: 'none' });
  const session = await guest.open(`${hosted.url}`);
  expect(session.html).not.toMatch(/name="card_number"/);
});

test('the return page and three webhooks at once make one set of tickets and one mail', async () => {
  await market.control('POST', '/webhooks', { mode: 'double' });
  const { guest, leading, order } = await orderAtStripe();
  await market.pay(guest, leading);
  await Promise.all([
    market.settle(),
    guest.open(leading.url),
    guest.open(leading.url.replace('/payment', '?returned=1')),
    sweep(),
  ]);
  expect(await market.settle()).toEqual([]);
  expect(await market.db('tickets').where({ order_id: order.id })).toHaveLength(1);
  expect(await market.db('mails').where({ order_id: order.id })).toHaveLength(1);
  expect((await market.db('order_timeline').where({ order_id: order.id, to_status: 'paid' })).length).toBe(1);
});

test('no webhook ever arrives: the sweep finds the payment', async () => {
  await market.control('POST', '/webhooks', { mode: 'muted' });
  const { order, page } = await orderAtStripe();
  await market.control('POST', `/sessions/${await sessionOf(order.id)}/pay`, { outcome: 'success' });
  expect((await market.orderOf(page.url)).status).toBe('awaiting_payment');
  await market
    .db('payment_attempts')
    .where({ order_id: order.id })
    .update({ checked_at: market.db.raw("now() - interval '5 minutes'") });
  await sweep();
  expect((await market.orderOf(page.url)).status).toBe('paid');
});

test('an abandoned payment is ended at Stripe before its tickets go back', async () => {
  const { guest, leading, order, page } = await orderAtStripe();
  await passTime(order.id, 20);
  await sweep();
  const row = await market.orderOf(page.url);
  expect(row).toMatchObject({ status: 'expired', inventory: 'none', status_detail: 'hold_over' });
  expect((await guest.open(page.url)).text).toMatch(/Your time to pay is over.*You were not charged/);
  expect((await guest.followRefresh(leading)).html).not.toMatch(/name="card_number"/);
});

test('paid at the very last moment: the deadline asks Stripe and finds the payment', async () => {
  await market.control('POST', '/webhooks', { mode: 'muted' });
  const { order, page } = await orderAtStripe();
  await market.control('POST', `/sessions/${await sessionOf(order.id)}/pay`, { outcome: 'success' });
  await passTime(order.id, 20);
  await sweep();
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'paid', inventory: 'sold' });
});

test('while Stripe is away at the deadline nothing is freed; afterwards it is', async () => {
  const { order, page } = await orderAtStripe();
  await passTime(order.id, 20);
  await market.control('POST', '/faults', [
    { match: { path: '/v1/checkout/sessions' }, fault: 'error_before', times: -1 },
  ]);
  await sweep();
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'expiring', inventory: 'held' });
  await market.control('DELETE', '/faults');
  await sweep();
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'expired', inventory: 'none' });
});

test.each([
  ['the tickets are still there', false, 'paid'],
  ['the tickets are gone', true, 'refunded'],
])('late success: an order that we ended was paid, and %s', async (_name, gone, outcome) => {
  const last = await market.eventOnSale({ name: `Late ${outcome}`, fields: { 'tickets.0.capacity': '1' } });
  const guest = createBrowser();
  const page = await market.choose(guest, last.slug, 1);
  await market.details(guest, page);
  const order = await market.orderOf(page.url);
  const session = await sessionOf(order.id);
  // Ours ends (as a hand in the database, an override or a fault of ours could), while the session stays payable.
  await market.db.transaction(async (trx) => {
    await trx('payment_attempts').where({ order_id: order.id }).update({ status: 'expired' });
    await trx('ticket_types').where({ event_id: order.event_id }).update({ held: 0 });
    await trx('events').where({ id: order.event_id }).update({ held: 0 });
    await trx('orders').where({ id: order.id }).update({ status: 'expired', inventory: 'none' });
    await trx('order_timeline').insert({
      order_id: order.id,
      from_status: 'awaiting_payment',
      to_status: 'expired',
      actor: 'system',
      reason: 'ended by the test',
    });
  });
  if (gone) await market.buy(last.slug, 1);
  await market.control('POST', `/sessions/${session}/pay`, { outcome: 'success' });
  expect(await market.settle()).toEqual([]);
  const row = await market.orderOf(page.url);
  expect(row.status).toBe(outcome);
  const ledger = await market.ledger();
  const refunded = ledger.accounts[last.account]!.charges.reduce(
    (sum, charge) => sum + charge.amount_refunded,
    0,
  );
  expect(refunded).toBe(gone ? 2000 : 0);
  if (gone) {
    expect((await guest.open(page.url)).text).toMatch(/Your money was given back.*€20\.00 was given back/);
    expect(await market.db('mails').where({ order_id: order.id, template: 'late-refund' })).toHaveLength(1);
    expect(await market.db('refunds').where({ order_id: order.id })).toEqual([
      expect.objectContaining({ origin: 'late_payment', status: 'succeeded', amount: 2000n }),
    ]);
    // The same news again changes nothing.
    await sweep();
    expect(await market.settle()).toEqual([]);
    expect(await market.db('refunds').where({ order_id: order.id })).toHaveLength(1);
  }
});

test('an amount that differs is never fulfilled', async () => {
  const { order, page, guest } = await orderAtStripe();
  await market.control('POST', `/sessions/${await sessionOf(order.id)}/pay`, {
    outcome: 'success',
    amount_total: 100,
  });
  expect(await market.settle()).toEqual([]);
  expect(await market.orderOf(page.url)).toMatchObject({
    status: 'needs_attention',
    inventory: 'held',
    status_detail: 'payment_mismatch',
  });
  expect((await guest.open(page.url)).text).toMatch(/A person is looking at your order.*Do not pay again/);
  expect(await market.db('tickets').where({ order_id: order.id })).toEqual([]);
  const admin = await market.admin();
  expect((await admin.open(market.at('/admin/needs-attention'))).text).toContain(order.reference);
  expect((await admin.open(market.at(`/admin/orders/${order.id}`))).text).toContain(
    'the payment does not match the order',
  );
});

test.each([
  ['error_before', 'error'],
  ['error_after', 'error'],
  ['reset_before', 'reset'],
  ['reset_after', 'reset'],
  ['truncated_json', 'nonsense'],
  ['html', 'nonsense'],
])('session creation ends in %s: the page waits, the job finds or makes the one session', async (fault) => {
  // The SDK sends once more after a reset by itself, so the fault is played twice.
  await market.control('POST', '/faults', [
    { match: { method: 'POST', path: '/^\\/v1\\/checkout\\/sessions$/' }, fault, times: 2 },
  ]);
  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  const waiting = await market.details(guest, page);
  expect(waiting.text).toMatch(/Preparing your payment.*You have not been charged/);
  const order = await market.orderOf(page.url);
  expect(order).toMatchObject({ status: 'creating_session', inventory: 'held' });
  await market.control('DELETE', '/faults');
  await market
    .db('payment_attempts')
    .where({ order_id: order.id })
    .update({
      created_at: market.db.raw("created_at - interval '1 minute'"),
      last_sent_at: market.db.raw("last_sent_at - interval '1 minute'"),
    });
  await sweep();
  await sweep();
  const attempts = await market.db('payment_attempts').where({ order_id: order.id }).orderBy('n');
  expect(attempts.filter((attempt) => attempt.status === 'open')).toHaveLength(1);
  expect((await market.orderOf(page.url)).status).toBe('awaiting_payment');
  const done = await market.pay(guest, await guest.open(waiting.url));
  expect(done.text).toMatch(/Yes, 1 ticket/);
  expect((await chargesOf()).filter((charge) => JSON.stringify(charge).includes(order.id))).toHaveLength(1);
});

test('Stripe refuses for good: the hold is freed and the buyer told that nothing was charged', async () => {
  await market.control('POST', '/faults', [
    {
      match: { method: 'POST', path: '/^\\/v1\\/checkout\\/sessions$/' },
      fault: 'status',
      status: 400,
      body: { error: { type: 'invalid_request_error', code: 'amount_too_small', message: 'too small' } },
    },
  ]);
  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  const failed = await market.details(guest, page);
  expect(failed.text).toMatch(/Your payment could not be started.*You were not charged.*Order/);
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'failed', inventory: 'none' });
  expect(market.testApp.logs()).toContain('Stripe refused a payment request');
});

test('a wrong platform key changes no order and alarms', async () => {
  await market.control('POST', '/faults', [
    {
      match: { method: 'POST', path: '/^\\/v1\\/checkout\\/sessions$/' },
      fault: 'status',
      status: 401,
      body: { error: { type: 'invalid_request_error', message: 'Invalid API Key provided' } },
    },
  ]);
  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  await market.details(guest, page);
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'creating_session', inventory: 'held' });
  expect(market.testApp.logs()).toContain('does not accept the key of this platform');
});

test('pressing pay in three tabs leads to one session', async () => {
  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  const tabs = await Promise.all([1, 2, 3].map(() => market.details(guest, page)));
  const order = await market.orderOf(page.url);
  const attempts = await market.db('payment_attempts').where({ order_id: order.id });
  expect(attempts).toHaveLength(1);
  expect(tabs.every((tab) => tab.status === 200)).toBe(true);
  const sent = (await market.requests()).filter(
    (request) => request.idempotencyKey === attempts[0].idempotency_key,
  );
  expect(sent).toHaveLength(1);
});

test('an order whose page nobody opens is freed within two minutes, an opened one is not', async () => {
  const type = await market.db('ticket_types').where({ event_id: sale.id }).first();
  const place = async () => {
    const answer = await fetch(market.at(`/events/${sale.slug}/orders`), {
      method: 'POST',
      redirect: 'manual',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: `quantity.${type.id}=1&price.${type.id}=2000`,
    });
    return market.at(answer.headers.get('location')!);
  };
  const [unopened, opened] = [await place(), await place()];
  await fetch(opened);
  for (const url of [unopened, opened])
    await market
      .db('orders')
      .where({ id: (await market.orderOf(url)).id })
      .update({ created_at: market.db.raw("created_at - interval '100 seconds'") });
  await sweep();
  expect((await market.orderOf(unopened)).status).toBe('expired');
  expect((await market.orderOf(opened)).status).toBe('held');
});

test('a refund made in Stripe’s Dashboard is booked: tickets void, places free again, once', async () => {
  const { page, url } = await market.buy(sale.slug, 1);
  expect(page.text).toMatch(/Yes, 1 ticket/);
  const order = await market.orderOf(url);
  const attempt = await market.db('payment_attempts').where({ order_id: order.id, status: 'paid' }).first();
  const soldBefore = (await market.db('events').where({ id: sale.id }).first()).sold;
  const dashboard = createBrowser();
  const refund = await fetch(`${market.simulator.url}/v1/refunds`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${market.testApp.dependencies.config.stripe.primary.secretKey}`,
      'Stripe-Account': sale.account,
      'Content-Type': 'application/x-www-form-urlencoded',
    },
    body: `payment_intent=${attempt.payment_intent_id}`,
  });
  expect(refund.status).toBe(200);
  expect(await market.settle()).toEqual([]);
  expect(await market.settle()).toEqual([]);
  expect(await market.orderOf(url)).toMatchObject({ status: 'refunded', inventory: 'none' });
  expect((await market.db('events').where({ id: sale.id }).first()).sold).toBe(soldBefore - 1);
  expect((await dashboard.open(url)).text).toMatch(/Your money was given back/);
});

test('an account that can’t be reached any more: held until the session must be dead, then a person decides', async () => {
  const lost = await market.eventOnSale({ name: 'Lost House' });
  const guest = createBrowser();
  const page = await market.choose(guest, lost.slug, 1);
  await market.details(guest, page);
  const order = await market.orderOf(page.url);
  await market.control('POST', '/webhooks', { mode: 'muted' });
  await market.control('POST', `/accounts/${lost.account}/revoke`);
  await passTime(order.id, 20);
  await sweep();
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'expiring', inventory: 'held' });
  await market
    .db('payment_attempts')
    .where({ order_id: order.id })
    .update({ session_expires_at: market.db.raw("now() - interval '2 minutes'") });
  await sweep();
  expect(await market.orderOf(page.url)).toMatchObject({
    status: 'needs_attention',
    inventory: 'held',
    status_detail: 'account_unreachable',
  });
  expect((await guest.open(page.url)).text).toMatch(/A person is looking at your order/);
});

test('no network call inside a transaction: the Stripe client refuses', async () => {
  const { db, stripe } = market.testApp.dependencies;
  await expect(
    inTransaction(db, () => stripe.retrieveAccount({ account: sale.account, livemode: false })),
  ).rejects.toThrow(/inside a database transaction/);
  await expect(stripe.retrieveAccount({ account: sale.account, livemode: false })).resolves.toMatchObject({
    id: sale.account,
  });
});
