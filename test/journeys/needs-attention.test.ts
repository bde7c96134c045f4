/** What Foyer does not decide by itself: each decision is checked against Stripe at that moment, and none can lose money. */
import { type Browser, createBrowser } from '../support/browser';
import { brokenInvariants, type Market, openMarket } from '../support/market';
import { decideOrder } from '../../src/orders/decide-order';
import { newId } from '../../src/lib/ids';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let admin: Browser;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
  admin = await market.admin();
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
  const attempt = await market.db('payment_attempts').where({ order_id: order.id }).first();
  return { guest, page, order, session: attempt.checkout_session_id as string };
}

/** The buyer was charged €1.00 for an order of €20.00. */
async function mismatched(slug = sale.slug) {
  const bought = await orderAtStripe(slug);
  await market.control('POST', `/sessions/${bought.session}/pay`, { amount_total: 100 });
  expect(await market.settle()).toEqual([]);
  expect(await market.orderOf(bought.page.url)).toMatchObject({ status: 'needs_attention' });
  return bought;
}
const decisionOf = (orderId: string, to = '') =>
  market.at(`/admin/orders/${orderId}/decision${to && `?to=${to}`}`);
const decide = async (browser: Browser, url: string, fields: Record<string, string> = {}) =>
  browser.submit(await browser.open(url), { reason: 'Looked at both', ...fields }, { action: /decision/ });
const auditOf = (orderId: string) =>
  market
    .db('audit_log')
    .where({ subject_type: 'order', subject_id: orderId })
    .select('actor', 'action', 'reason');
const chargeOf = async (session: string) => {
  const attempt = await market.db('payment_attempts').where({ checkout_session_id: session }).first();
  const { charges } = (await market.ledger()).accounts[attempt.stripe_account_id]!;
  return charges.find((charge) => JSON.stringify(charge).includes(attempt.payment_intent_id))!;
};

test('the queue explains it, and the page shows our books beside Stripe’s', async () => {
  const { guest, page, order } = await mismatched();
  expect((await guest.open(page.url)).text).toMatch(
    /A person is looking at your order.*your payment differs from your order.*You were charged/,
  );
  const queue = await admin.open(market.at('/admin/needs-attention'));
  expect(queue.text).toMatch(new RegExp(`${order.reference}.*amount, currency or account paid differs`));
  const decision = await admin.open(decisionOf(order.id));
  expect(decision.text).toMatch(/€20\.00, paid.*Paid €1\.00; all of it is still there/);
  expect(decision.text).toMatch(/Release the tickets.*Not now: The buyer has paid for this order/);
  expect((await sale.browser.open(market.at('/organizer'))).text).toContain(
    `Decide about order ${order.reference}`,
  );
  await decide(admin, decisionOf(order.id, 'refund_pending'));
});

test('accepted: tickets and mail for what was paid, with who and why', async () => {
  const { guest, page, order } = await mismatched();
  const done = await decide(admin, decisionOf(order.id, 'paid'));
  expect(done.text).toContain('The order is accepted');
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'paid', inventory: 'sold' });
  expect((await guest.open(page.url)).text).toMatch(/Yes, 1 ticket.*Paid €1\.00/);
  expect(await market.db('mails').where({ order_id: order.id, template: 'order-paid' })).toHaveLength(1);
  expect(await auditOf(order.id)).toEqual([
    { actor: 'admin', action: 'order.accepted', reason: 'Looked at both' },
  ]);
  expect((await admin.open(decisionOf(order.id))).status).toBe(409);
});

test('refunded: exactly what Stripe has goes back, once, by the organizer too', async () => {
  const { guest, page, order, session } = await mismatched();
  const url = market.at(`/organizer/orders/${order.id}/decision?to=refund_pending`);
  const missing = await decide(sale.browser, url, { reason: '' });
  expect([missing.status, missing.text]).toEqual([422, expect.stringContaining('Enter the reason')]);
  await Promise.all([decide(sale.browser, url), decide(sale.browser, url).catch(() => undefined)]);
  expect(await market.settle()).toEqual([]);
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'refunded', inventory: 'none' });
  expect(await market.db('refunds').where({ order_id: order.id })).toEqual([
    expect.objectContaining({ amount: 100n, status: 'succeeded' }),
  ]);
  expect((await chargeOf(session)).amount_refunded).toBe(100);
  expect((await guest.open(page.url)).text).toMatch(/€1\.00 was given back/);
  expect(await market.db('mails').where({ order_id: order.id, template: 'order-decision' })).toHaveLength(1);
  expect(await auditOf(order.id)).toEqual([
    { actor: 'organizer', action: 'order.refunded_by_decision', reason: 'Looked at both' },
  ]);
});

test('released is refused while Stripe has the buyer’s money, however it is asked for', async () => {
  const { order, page } = await mismatched();
  const outcome = await decideOrder(market.testApp.dependencies, {
    orderId: order.id,
    to: 'expired',
    by: { as: 'admin', userId: newId() },
    reason: 'No',
    attested: true,
  });
  expect(outcome).toMatchObject({ state: 'refused', why: expect.stringContaining('The buyer has paid') });
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'needs_attention', inventory: 'held' });
  await decide(admin, decisionOf(order.id, 'refund_pending'));
});

test('while Stripe is silent nothing can be decided', async () => {
  const { order, page } = await mismatched();
  const form = await admin.open(decisionOf(order.id, 'refund_pending'));
  await market.control('POST', '/faults', [{ match: { path: '/v1/' }, fault: 'error_before', times: -1 }]);
  const refused = await admin.submit(form, { reason: 'Now' }, { action: /decision/ });
  expect([refused.status, refused.text]).toEqual([
    422,
    expect.stringContaining('Stripe does not answer right now'),
  ]);
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'needs_attention' });
  await market.control('DELETE', '/faults');
  await decide(admin, decisionOf(order.id, 'refund_pending'));
});

test('accepting says so when the tickets are gone, and changes nothing', async () => {
  const last = await market.eventOnSale({ name: 'Last Seat House', fields: { 'tickets.0.capacity': '1' } });
  const { order, page } = await mismatched(last.slug);
  // as if its tickets had been given up
  await market.db('ticket_types').where({ event_id: last.id }).update({ held: 0 });
  await market.db('events').where({ id: last.id }).update({ held: 0 });
  await market.db('orders').where({ id: order.id }).update({ inventory: 'none' });
  await market.buy(last.slug, 1);
  const refused = await decide(admin, decisionOf(order.id, 'paid'));
  expect([refused.status, refused.text]).toEqual([422, expect.stringContaining('do not fit any more')]);
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'needs_attention', inventory: 'none' });
  await decide(admin, decisionOf(order.id, 'refund_pending'));
});

describe('an account that can’t be asked any more', () => {
  async function unreachable() {
    const lost = await market.eventOnSale({ name: `Lost House ${newId()}` });
    const bought = await orderAtStripe(lost.slug);
    await market.control('POST', '/webhooks', { mode: 'muted' });
    await market.control('POST', `/accounts/${lost.account}/revoke`);
    await market.db('payment_attempts').where({ order_id: bought.order.id }).update({ status: 'expired' });
    await market
      .db('orders')
      .where({ id: bought.order.id })
      .update({ status: 'needs_attention', status_detail: 'account_unreachable' });
    await market.db('order_timeline').insert({
      order_id: bought.order.id,
      from_status: 'expiring',
      to_status: 'needs_attention',
      actor: 'system',
      reason: 'Stripe can not be asked about this payment any more',
    });
    return { ...bought, lost };
  }

  test('is decided on somebody’s word only, which is kept; the buyer is told what is not known', async () => {
    const { guest, page, order } = await unreachable();
    const comparison = await admin.open(decisionOf(order.id));
    expect(comparison.text).toMatch(
      /does not let Foyer in any more.*Refund in full.*Not now: Foyer has no access/,
    );
    const refused = await decide(admin, decisionOf(order.id, 'expired'));
    expect([refused.status, refused.text]).toEqual([422, expect.stringContaining('tick the box')]);
    await decide(admin, decisionOf(order.id, 'expired'), { attested: '1' });
    expect(await market.orderOf(page.url)).toMatchObject({
      status: 'expired',
      inventory: 'none',
      status_detail: 'released_unverified',
    });
    expect((await guest.open(page.url)).text).toMatch(
      /If your bank shows a charge for this order, write to the organizer/,
    );
    const [entry] = await market.db('audit_log').where({ subject_id: order.id });
    expect(entry.details).toMatchObject({ attested: true });
  });

  test('that is connected again is asked again, and a payment found there is accepted', async () => {
    const { page, order, session, lost } = await unreachable();
    await market.control('POST', `/accounts/${lost.account}/connect`);
    await market.control('POST', `/sessions/${session}/pay`, {});
    const checked = await admin.submit(await admin.open(decisionOf(order.id)), {}, { action: /check$/ });
    // the account is back, so Stripe's word decides and nobody has to
    expect(checked.text).toMatch(/Stripe was asked again.*a late payment; the tickets were still there/);
    expect(await market.orderOf(page.url)).toMatchObject({ status: 'paid', inventory: 'sold' });
  });
});

test('a refund that failed is tried again by the same button, with a key of its own', async () => {
  const { order, page, session } = await mismatched();
  await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: true });
  await decide(admin, decisionOf(order.id, 'refund_pending'));
  expect(await market.settle()).toEqual([]);
  expect(await market.orderOf(page.url)).toMatchObject({
    status: 'needs_attention',
    status_detail: 'refund_failed',
  });
  await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: false });
  await decide(admin, decisionOf(order.id, 'refund_pending'));
  expect(await market.settle()).toEqual([]);
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'refunded' });
  expect((await chargeOf(session)).amount_refunded).toBe(100);
});

const giveBackAtStripe = async (session: string, amount: string) =>
  fetch(`${market.simulator.url}/dashboard/${sale.account}/refunds`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ charge: (await chargeOf(session)).id, amount }).toString(),
  });

test('given back in part at Stripe before we knew: only the rest is asked for', async () => {
  const { order, page, session } = await mismatched();
  await market.control('POST', '/webhooks', { mode: 'muted' });
  await giveBackAtStripe(session, '0.40');
  await decide(admin, decisionOf(order.id, 'refund_pending'));
  expect(await market.settle()).toEqual([]);
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'refunded' });
  expect((await chargeOf(session)).amount_refunded).toBe(100);
});

test('given back in part at Stripe after ours had stopped: the rest is still owed, and goes back', async () => {
  const { order, page, session } = await mismatched();
  await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: true });
  await decide(admin, decisionOf(order.id, 'refund_pending'));
  expect(await market.settle()).toEqual([]);
  await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: false });
  await giveBackAtStripe(session, '0.40');
  expect(await market.settle()).toEqual([]);
  expect((await chargeOf(session)).amount_refunded).toBe(40);
  await decide(admin, decisionOf(order.id, 'refund_pending'));
  expect(await market.settle()).toEqual([]);
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'refunded' });
  expect((await chargeOf(session)).amount_refunded).toBe(100);
});

test('accepted after its refund came back from the bank: nobody can press that refund again', async () => {
  const { url } = await market.buy(sale.slug, 1);
  const { id } = await market.orderOf(url);
  const desk = market.at(`/organizer/orders/${id}`);
  await sale.browser.submit(
    await sale.browser.open(`${desk}/refunds/preview?scope=order`),
    {},
    { action: /\/refunds$/ },
  );
  const { stripe_refund_id: atStripe } = await market.db('refunds').where({ order_id: id }).first();
  await market.control('POST', `/refunds/${atStripe}`, { status: 'failed' });
  expect(await market.settle()).toEqual([]);
  expect((await sale.browser.open(desk)).html).toMatch(/action="[^"]+\/attempts"/);
  await decide(admin, decisionOf(id, 'paid'));
  expect(await market.orderOf(url)).toMatchObject({ status: 'paid', inventory: 'sold' });
  expect((await sale.browser.open(desk)).html).not.toMatch(/action="[^"]+\/attempts"/);
  expect(await market.db('refunds').where({ order_id: id })).toMatchObject([
    { status: 'failed', last_error: 'withdrawn' },
  ]);
  expect((await sale.browser.open(`${desk}/refunds/preview?scope=order`)).text).toContain('€20.00');
});

test('another organizer finds nothing there', async () => {
  const { order } = await mismatched();
  const { browser } = await market.organizer('Difference Club');
  expect((await browser.open(market.at(`/organizer/orders/${order.id}/decision`))).status).toBe(404);
  await decide(admin, decisionOf(order.id, 'refund_pending'));
});
