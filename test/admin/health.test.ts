import { OAuthFailure } from '../../src/stripe/oauth-request';
import { writeHeartbeat } from '../../src/jobs/heartbeat';
import { type Market, openMarket } from '../support/market';

let market: Market;
let admin: Awaited<ReturnType<Market['admin']>>;
beforeEach(async () => {
  market = await openMarket();
  admin = await market.admin();
});
afterEach(() => market.close());

const health = async () => (await admin.open(market.at('/admin/health'))).text;
const asked = async () => (await market.requests()).filter(({ path }) => path === '/v1/account').length;
const aMinuteLater = () =>
  market.db('platform_signs').update({ asked_at: market.db.raw("asked_at - interval '61 seconds'") });

test('Stripe is asked at most once a minute, however many look', async () => {
  await Promise.all(Array.from({ length: 6 }, health));
  expect(await health()).toMatch(/Stripe Reachable Asked on/);
  expect(await asked()).toBe(1);
  await aMinuteLater();
  await health();
  expect(await asked()).toBe(2);
});

test('Stripe being away is said, and that it is back', async () => {
  await market.control('POST', '/faults', { fault: 'status', status: 503, match: { path: '/v1/account' } });
  const away = await health();
  expect(away).toMatch(/Stripe Not reachable .*Stripe did not answer/);
  await market.control('DELETE', '/faults');
  await aMinuteLater();
  expect(await health()).toMatch(/Stripe Reachable/);
});

test('a worker that is silent or runs', async () => {
  expect(await health()).toMatch(/Worker Silent It has never reported/);
  await writeHeartbeat(market.db);
  expect(await health()).toMatch(/Worker Runs Its last round began on/);
  await market.db('worker_heartbeats').update({ at: market.db.raw("now() - interval '3 minutes'") });
  expect(await health()).toMatch(/Worker Silent .*Start a process with a worker/);
});

test('OAuth that Stripe refuses for the platform is remembered until it works again', async () => {
  const { browser } = await market.organizer();
  const { connectOAuth } = market.testApp.dependencies;
  const exchange = jest
    .spyOn(connectOAuth, 'exchangeCode')
    .mockRejectedValue(new OAuthFailure('platform', 'invalid_client'));
  await market.connect(browser, await browser.open(market.at('/organizer/payments')));
  expect(await health()).toMatch(/Connecting accounts Refused for the platform .*\(invalid_client\)/);
  exchange.mockRestore();
  await market.connect(browser, await browser.open(market.at('/organizer/payments')));
  expect(await health()).toMatch(/Connecting accounts Works/);
});

test('jobs that were given up, and webhooks that are parked', async () => {
  await market.db.raw("SELECT graphile_worker.add_job('settle_order', '{}', max_attempts := 1)");
  await market.db.raw(
    "UPDATE graphile_worker._private_jobs SET attempts = 1, last_error = 'No order\n    at secret/stack.ts'",
  );
  await market.db('stripe_events').insert({
    id: 'evt_parked',
    type: 'account.updated',
    livemode: false,
    created_at: new Date(),
    payload: '{}',
    attempts: 20,
    last_error: 'away',
  });
  const text = await health();
  expect(text).toMatch(/Webhooks 1 parked/);
  expect(text).toMatch(/Jobs 1 given up .*settle order 1 No order/);
  expect(text).not.toContain('stack.ts');
});
