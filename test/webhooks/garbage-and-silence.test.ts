/** Webhooks that are nonsense cost nothing, and webhooks that stay out are noticed (docs/promises.md, W18 and W20). */
import { createBrowser } from '../support/browser';
import { type Market, openMarket } from '../support/market';
import { sweepOnce } from '../../src/jobs/sweeps';

let market: Market;
beforeAll(async () => {
  market = await openMarket();
});
afterAll(() => market.close());

test('a flood without a signature is refused before it is parsed and before the database hears of it', async () => {
  const parse = jest.spyOn(JSON, 'parse');
  const asked: string[] = [];
  const note = (query: { sql: string }) => asked.push(query.sql);
  market.db.on('query', note);
  const statuses = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      fetch(market.at('/webhooks/stripe'), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Stripe-Signature': `t=${n},v1=garbage` },
        body: `{"id":"evt_garbage${n}","object":"event"`.padEnd(5000, ' '),
      }).then((answer) => answer.status),
    ),
  );
  market.db.removeListener('query', note);
  const parsed = parse.mock.calls.filter(([text]) => String(text).includes('evt_garbage'));
  parse.mockRestore();
  expect(new Set(statuses)).toEqual(new Set([400]));
  expect([parsed.length, asked]).toEqual([0, []]);
  expect(market.testApp.logs()).not.toContain('evt_garbage');
});

test('no event comes while tickets are sold: orders are settled by asking, and the admin is told', async () => {
  const sale = await market.eventOnSale();
  await market.settle();
  await market.control('POST', '/webhooks', { mode: 'muted' });
  const admin = await market.admin();
  expect((await admin.open(market.at('/admin'))).text).not.toContain('No event from Stripe');

  const guest = createBrowser();
  const page = await market.choose(guest, sale.slug, 1);
  await market.details(guest, page);
  const order = await market.orderOf(page.url);
  const attempt = () => market.db('payment_attempts').where({ order_id: order.id });
  const { checkout_session_id: session } = await attempt().first();
  await market.control('POST', `/sessions/${session}/pay`, {});
  // five minutes on, the next round asks
  await attempt().update({ checked_at: market.db.raw("now() - interval '5 minutes'") });
  await sweepOnce(market.testApp.dependencies);
  expect(await market.orderOf(page.url)).toMatchObject({ status: 'paid' });

  await attempt().update({ paid_at: market.db.raw("now() - interval '20 minutes'") });
  await market.db('stripe_events').update({ received_at: market.db.raw("now() - interval '40 minutes'") });
  expect((await admin.open(market.at('/admin'))).text).toMatch(
    /No event from Stripe for (39|40|41) minutes, while tickets are sold/,
  );
  expect((await admin.open(market.at('/admin/health'))).text).toMatch(
    /Silence of Stripe.*1 payment was found by asking/,
  );
});
