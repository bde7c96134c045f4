/** A buyer's bank takes a payment back: what becomes of the tickets, and who is told. */
import { createBrowser } from '../support/browser';
import { brokenInvariants, type Market, openMarket } from '../support/market';
import { stageOf } from '../../src/payments/dispute';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
});
afterEach(async () => {
  await market.control('POST', '/webhooks', { mode: 'normal' });
  expect(await market.settle()).toEqual([]);
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});
afterAll(() => market.close());

interface AtStripe {
  id: string;
  status: string;
}

async function boughtAndDisputed(more: Record<string, unknown> = {}) {
  const { browser, page, url } = await market.buy(sale.slug, 1);
  const order = await market.orderOf(url);
  const attempt = await market.db('payment_attempts').where({ order_id: order.id }).first();
  const dispute = (await market.control('POST', '/disputes', {
    payment_intent: attempt.payment_intent_id,
    ...more,
  })) as AtStripe;
  expect(await market.settle()).toEqual([]);
  const ticket = market.at(/href="(\/tickets\/[^"]+)"/.exec(page.html)![1]!);
  return { browser, url, order, attempt, dispute, ticket };
}
async function becomes(dispute: AtStripe, ...statuses: string[]) {
  for (const status of statuses) await market.control('POST', `/disputes/${dispute.id}`, { status });
  expect(await market.settle()).toEqual([]);
}
const stored = (dispute: AtStripe) => market.db('disputes').where({ stripe_dispute_id: dispute.id }).first();
const soldPlaces = async () => (await market.db('events').where({ id: sale.id }).first()).sold as number;

test('opened: the ticket is blocked in neutral words, organizer and admin see the evidence and the deadline', async () => {
  const { browser, url, order, dispute, ticket } = await boughtAndDisputed();
  expect(await stored(dispute)).toMatchObject({ stage: 'open', status: 'needs_response', amount: 2000n });
  expect(await market.orderOf(url)).toMatchObject({ status: 'paid', inventory: 'sold' });

  const buyers = await browser.open(url);
  expect(buyers.text).toMatch(
    /Your bank is looking into this payment.*Not at the moment.*has asked for it back/,
  );
  expect(buyers.text).toContain(order.reference);
  expect((await createBrowser().open(ticket)).text).toContain('Not valid while the payment is disputed');

  expect((await sale.browser.open(market.at('/organizer'))).text).toMatch(
    new RegExp(`Answer the dispute of order ${order.reference}.*€20\\.00 back.*before`),
  );
  const desk = await sale.browser.open(market.at(`/organizer/orders/${order.id}`));
  expect(desk.text).toMatch(
    /Dispute of €20\.00.*did not make this payment.*Let nobody in until the bank decides/,
  );
  expect(desk.text).toMatch(
    /Evidence that Foyer holds.*charles@example\.com.*not used at the door.*Your ticket for/,
  );
  expect(desk.html).toContain(`${market.simulator.url}/dashboard/${sale.account}`);
  const door = market.at(`/organizer/events/${sale.id}/check-in`);
  const scanned = await sale.browser.submit(
    await sale.browser.open(door),
    { code: ticket.split('/').at(-1)! },
    { action: /check-in$/ },
  );
  expect(scanned.text).toMatch(/On hold.*disputed at the bank/);
  expect((await sale.browser.open(`${door}?q=${order.reference}`)).text).toContain('On hold');
  const mail = await market.db('mails').where({ template: 'dispute', recipient: sale.email }).first();
  expect(mail.text_body).toMatch(/Answer before: .*UTC/);

  const admin = await market.admin();
  expect((await admin.open(market.at('/admin'))).text).toContain('1 dispute is running');
  expect((await admin.open(market.at('/admin/disputes'))).text).toMatch(
    new RegExp(`${order.reference}.*Open.*€20\\.00`),
  );
  expect((await admin.open(market.at(`/admin/orders/${order.id}`))).text).toContain(
    'Evidence that Foyer holds',
  );
  await becomes(dispute, 'won');
});

test('won: the ticket is valid again', async () => {
  const { browser, url, dispute, ticket } = await boughtAndDisputed();
  await becomes(dispute, 'under_review');
  expect((await browser.open(url)).text).toMatch(/Not at the moment/);
  await becomes(dispute, 'won');
  expect(await stored(dispute)).toMatchObject({ stage: 'won', closed_at: expect.any(Date) });
  expect((await browser.open(url)).text).toMatch(/Yes, 1 ticket/);
  expect((await createBrowser().open(ticket)).text).toMatch(/Valid/);
});

test('lost: the ticket is void, its place returns once, and the order says where the money is', async () => {
  const { browser, url, order, dispute, ticket } = await boughtAndDisputed();
  const before = await soldPlaces();
  await market.control('POST', '/webhooks', { mode: 'double' });
  await becomes(dispute, 'lost');
  expect(await soldPlaces()).toBe(before - 1);
  expect(await market.orderOf(url)).toMatchObject({
    status: 'refunded',
    status_detail: 'dispute_lost',
    inventory: 'none',
  });
  expect((await browser.open(url)).text).toMatch(
    /Your bank gave you the money back.*does not send it a second time/,
  );
  expect((await createBrowser().open(ticket)).text).toContain('No longer valid');
  expect(
    await market.db('mails').where({ template: 'dispute' }).whereLike('dedupe_key', `%${dispute.id}%`),
  ).toHaveLength(2);
  expect(await market.db('refunds').where({ order_id: order.id })).toEqual([]);

  // an appeal that is won afterwards finds the tickets gone: a person decides
  await becomes(dispute, 'appeal_needs_response', 'appeal_under_review', 'won');
  expect(await market.db('findings').where({ order_id: order.id })).toEqual([
    expect.objectContaining({ kind: 'dispute_after_void', closed_at: null }),
  ]);
});

test('an inquiry takes no money and blocks nobody; a part that is lost leaves the ticket', async () => {
  const asked = await boughtAndDisputed({ inquiry: true });
  expect(await stored(asked.dispute)).toMatchObject({ stage: 'inquiry' });
  expect((await asked.browser.open(asked.url)).text).toMatch(/Yes, 1 ticket/);
  await becomes(asked.dispute, 'warning_closed');
  expect(await stored(asked.dispute)).toMatchObject({ stage: 'closed' });

  const part = await boughtAndDisputed({ amount: 500 });
  await becomes(part.dispute, 'lost');
  expect(await market.orderOf(part.url)).toMatchObject({ status: 'paid', inventory: 'sold' });
});

test('news of it that comes late, twice and backwards ends where Stripe is', async () => {
  await market.control('POST', '/webhooks', { mode: 'hold' });
  const { url, order, dispute } = await boughtAndDisputed();
  await becomes(dispute, 'under_review', 'won');
  await market.control('POST', '/webhooks/release', { reversed: true });
  expect(await market.settle()).toEqual([]);
  expect(await stored(dispute)).toMatchObject({ stage: 'won', status: 'won' });
  expect(await market.orderOf(url)).toMatchObject({ status: 'paid' });
  const timeline = await market
    .db('order_timeline')
    .where({ order_id: order.id })
    .whereLike('reason', 'dispute %');
  expect(timeline.map((entry) => entry.reason)).toEqual(['dispute won']);
});

test('a dispute that was opened before we knew of the payment is booked with it', async () => {
  await market.control('POST', '/webhooks', { mode: 'muted' });
  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  await market.details(guest, page);
  const order = await market.orderOf(page.url);
  const attempt = await market.db('payment_attempts').where({ order_id: order.id }).first();
  const paid = (await market.control('POST', `/sessions/${attempt.checkout_session_id}/pay`, {})) as {
    payment_intent: string;
  };
  const dispute = (await market.control('POST', '/disputes', {
    payment_intent: paid.payment_intent,
  })) as AtStripe;
  expect((await guest.open(`${page.url}?returned=1`)).text).toMatch(/Not at the moment/);
  expect(await stored(dispute)).toMatchObject({ stage: 'open', order_id: order.id });
  await becomes(dispute, 'won');
});

test('a disputed payment can not be refunded, and Stripe’s refusal is shown', async () => {
  const { attempt, dispute } = await boughtAndDisputed();
  await expect(
    market.testApp.dependencies.stripe.createRefund({
      account: sale.account,
      livemode: false,
      paymentIntentId: attempt.payment_intent_id,
      amount: 2000n,
      refundApplicationFee: false,
      metadata: {},
      idempotencyKey: `refund-${dispute.id}`,
    }),
  ).rejects.toMatchObject({ problem: 'refused', code: 'charge_disputed' });
  await becomes(dispute, 'won');
});

test.each([
  ['needs_response', 'open'],
  ['appeal_under_review', 'open'],
  ['a_word_of_tomorrow', 'open'],
  ['warning_under_review', 'inquiry'],
  ['prevented', 'closed'],
  ['lost', 'lost'],
])('Stripe’s “%s” is %s to us', (status, stage) => {
  expect(stageOf(status)).toBe(stage);
});
