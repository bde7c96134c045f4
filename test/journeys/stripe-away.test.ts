/** Stripe is away for a while: nobody waits, nothing is lost, and afterwards the backlog drains without a double. */
import { createStripeClient } from '../../src/stripe/stripe-client';
import { sweepOnce } from '../../src/jobs/sweeps';
import { createBrowser } from '../support/browser';
import { pause } from '../support/built-app';
import { brokenInvariants, type Market, openMarket } from '../support/market';

const REST_MS = 2500;
const SHORT_REST_MS = 400;
let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket({ stripe: { circuit: { calls: 4, windowMs: 10_000, restMs: REST_MS } } });
  sale = await market.eventOnSale();
  await market.settle();
});
afterEach(() => market.control('DELETE', '/faults'));
afterAll(() => market.close());

const away = () =>
  market.control('POST', '/faults', [{ match: { path: '/v1/' }, fault: 'error_before', times: -1 }]);
const callsSeen = async () => (await market.requests()).filter(({ path }) => path.startsWith('/v1/')).length;
const ofOrder = (id: string) => market.db('payment_attempts').where({ order_id: id });

async function begin() {
  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  const waiting = await market.details(guest, page);
  return { guest, page, waiting, order: await market.orderOf(page.url) };
}

test('calls are put off, the buyer is told, holds live, and all is made up for', async () => {
  await away();
  const buyers = [];
  for (let n = 0; n < 6; n += 1) buyers.push(await begin());
  expect(market.testApp.dependencies.stripe.isAway(false)).toBe(true);
  expect(market.testApp.logs()).toContain('Stripe does not answer: calls are put off');

  // while it is open nobody asks Stripe, and everybody is told
  const before = await callsSeen();
  const last = await begin();
  expect(await callsSeen()).toBe(before);
  expect(last.waiting.text).toMatch(
    /Order \w{8} Stripe does not answer right now.*You have not been charged/,
  );
  expect((await last.guest.open(last.page.url)).text).toMatch(/Stripe does not answer right now/);
  expect(last.order).toMatchObject({ status: 'creating_session', inventory: 'held' });
  expect(await ofOrder(last.order.id)).toEqual([expect.objectContaining({ unanswered_sends: 0 })]);
  const admin = await market.admin();
  expect((await admin.open(market.at('/admin/health'))).text).toMatch(
    /Calls to Stripe.*Put off.*this process/,
  );
  // browsing goes on
  expect((await createBrowser().open(market.at(`/events/${sale.slug}`))).status).toBe(200);

  await market.control('DELETE', '/faults');
  await pause(REST_MS + 50);
  // the first round lets one call through to see, the next one sends the rest
  for (let round = 0; round < 3; round += 1) {
    await market
      .db('payment_attempts')
      .where({ status: 'created' })
      .update({ next_send_at: null, last_sent_at: market.db.raw("last_sent_at - interval '1 minute'") });
    await sweepOnce(market.testApp.dependencies);
  }
  expect(market.testApp.dependencies.stripe.isAway(false)).toBe(false);
  for (const { guest, waiting, order } of [...buyers, last]) {
    expect(await ofOrder(order.id)).toEqual([expect.objectContaining({ n: 1, status: 'open' })]);
    expect((await market.pay(guest, await guest.open(waiting.url))).text).toMatch(/Yes, 1 ticket/);
  }
  expect(await market.settle()).toEqual([]);
  const { charges } = (await market.ledger()).accounts[sale.account]!;
  expect(charges).toHaveLength(7);
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});

test('refusals and rate limits are answers: they open nothing', async () => {
  const stripe = createStripeClient({
    apiUrl: market.simulator.url,
    modes: market.testApp.dependencies.config.stripe.modes,
    circuit: { calls: 2, windowMs: 10_000, restMs: SHORT_REST_MS },
  });
  const read = () =>
    stripe.retrieveCheckoutSession({ account: sale.account, livemode: false, id: 'cs_none' });
  for (let n = 0; n < 5; n += 1) await expect(read()).rejects.toMatchObject({ problem: 'refused' });
  await market.control('POST', '/faults', [{ match: { path: '/v1/' }, fault: 'rate_limit', times: 5 }]);
  for (let n = 0; n < 5; n += 1) await expect(read()).rejects.toMatchObject({ problem: 'rate_limited' });
  expect(stripe.isAway(false)).toBe(false);

  // half open: one call is let through to see, and its failure shuts the door again
  await market.control('POST', '/faults', [
    { match: { path: '/v1/' }, fault: 'status', status: 500, times: -1 },
  ]);
  const problems: string[] = [];
  for (let n = 0; n < 14; n += 1)
    await read().catch((error: { problem: string }) => problems.push(error.problem));
  expect(problems.at(-1)).toBe('away');
  await pause(SHORT_REST_MS + 50);
  expect(await Promise.all([1, 2, 3].map(() => read().catch((error) => error.problem)))).toEqual([
    'unanswered',
    'away',
    'away',
  ]);
  await market.control('DELETE', '/faults');
  await pause(SHORT_REST_MS + 50);
  await expect(read()).rejects.toMatchObject({ problem: 'refused' });
  expect(stripe.circuits()).toEqual([expect.objectContaining({ livemode: false, state: 'closed' })]);
  stripe.close();
});
