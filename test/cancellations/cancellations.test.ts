/** A buyer cancels by the organizer's policy: seen before paying, kept with the order, to the cent, once. */
import { cancelOwnOrder, readOwnCancellation } from '../../src/cancellations/cancel-own-order';
import { policyWords, quoteCancellation, readPolicy } from '../../src/cancellations/policy';
import { newId } from '../../src/lib/ids';
import { createOrdersStore } from '../../src/orders/orders-store';
import { createBrowser } from '../support/browser';
import { brokenInvariants, type Market, openMarket } from '../support/market';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
});
afterAll(() => market.close());
afterEach(async () => expect(await brokenInvariants(market)).toEqual([]));

async function setPolicy(fields: Record<string, string>) {
  const desk = market.at(`/organizer/events/${sale.id}/self-cancellation`);
  return sale.browser.submit(await sale.browser.open(desk), fields, { action: /self-cancellation$/ });
}

test('a paid order: shown before paying, kept as it was, cancelled to the cent, once', async () => {
  await setPolicy({ covers: 'both', until: '2', unit: 'days' });
  const event = await createBrowser().open(market.at(`/events/${sale.slug}?code=nothing`));
  expect(event.text).toMatch(/You can cancel by yourself until 2 days before the start; of paid tickets all/);
  const browser = createBrowser();
  const held = await market.choose(browser, sale.slug, 2);
  expect(held.text).toMatch(/until 2 days before the start/);
  await setPolicy({ covers: 'both', until: '3', unit: 'days' });
  const refused = await market.details(browser, held);
  expect([refused.status, refused.text]).toEqual([409, expect.stringMatching(/changed what you agree to/)]);
  await setPolicy({ covers: 'both', until: '2', unit: 'days' });
  const bought = await market.buy(sale.slug, 2);
  // what others agree to from now on changes nothing here
  await setPolicy({ covers: 'none', until: '2', unit: 'days' });
  await market.settle();
  const order = await market.orderOf(bought.url);
  const page = await createBrowser().open(bought.url);
  expect(page.html).toContain('/cancellation"');
  const ask = await createBrowser().open(`${bought.url}/cancellation`);
  expect(ask.text).toMatch(/All 2 tickets.*You get back €40\.00.*Cancel and get €40\.00 back/);
  const buyer = createBrowser();
  const seen = await buyer.open(`${bought.url}/cancellation`);
  await Promise.all([1, 2].map(() => buyer.submit(seen, {}, { action: /cancellation$/ })));
  await market.settle();
  expect(await market.db('refunds').where({ order_id: order.id })).toMatchObject([
    { amount: 4000n, requested_as: 'buyer', status: 'succeeded' },
  ]);
  expect(await market.orderOf(bought.url)).toMatchObject({ status: 'refunded', inventory: 'none' });
  expect((await createBrowser().open(bought.url)).text).toMatch(/Your money was given back/);
  const mails: string[] = await market
    .db('mails')
    .where('dedupe_key', 'like', 'cancelled-by-buyer%')
    .pluck('template');
  expect(mails.sort()).toEqual(['cancelled-by-buyer', 'cancelled-by-buyer-organizer']);
  expect((await createBrowser().open(`${bought.url}/cancellation`)).text).toMatch(/can’t be cancelled here/);
});

describe('a free order', () => {
  let orderId: string;
  let ticketId: string;
  const give = async () => {
    const form = await sale.browser.open(market.at(`/organizer/events/${sale.id}/complimentary-orders/new`));
    const fields = { quantity: '1', name: 'Mary', email: 'mary@example.com', reason: 'Speaker' };
    const given = await sale.browser.submit(form, fields, { action: /complimentary/ });
    orderId = /[\w-]{36}/.exec(given.url)![0];
    ticketId = (await market.db('tickets').where({ order_id: orderId }).first('id')).id;
  };
  const cancel = (formKey = newId()) =>
    cancelOwnOrder(market.testApp.dependencies, { orderId, formKey, seen: 'free' });
  const sold = async () => (await market.db('events').where({ id: sale.id }).first('sold')).sold;
  beforeEach(async () => {
    await setPolicy({ covers: 'free', until: '0', unit: 'days' });
    await give();
  });

  test('five times at once gives its place back once', async () => {
    const before = await sold();
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => cancel()));
    expect(new Set(outcomes.map(({ state }) => state))).toEqual(new Set(['done']));
    expect(await sold()).toBe(before - 1);
    expect(await market.db('orders').where({ id: orderId }).first()).toMatchObject({
      status: 'cancelled',
      status_detail: 'by_buyer',
    });
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'used at the door',
      () => market.db('tickets').where({ id: ticketId }).update({ checked_in_at: new Date() }),
      /used at the door/,
    ],
    [
      'too late',
      () => market.db('orders').where({ id: orderId }).update({ self_cancellation: 'free:9999:whole' }),
      /That time is over/,
    ],
    [
      'not covered',
      () => market.db('orders').where({ id: orderId }).update({ self_cancellation: 'paid:0:whole' }),
      /does not let buyers cancel/,
    ],
    [
      'never agreed',
      () => market.db('orders').where({ id: orderId }).update({ self_cancellation: null }),
      /does not let buyers cancel/,
    ],
  ])('is kept where it is %s', async (_why, happen, message) => {
    // the twin: a moment before it could have been cancelled
    const order = await createOrdersStore(market.db).get(orderId);
    expect((await readOwnCancellation(market.db, market.testApp.dependencies, order)).state).toBe('possible');
    await market
      .db('events')
      .where({ id: sale.id })
      .update({
        starts_at: market.db.raw("now() + interval '3 days'"),
        ends_at: market.db.raw("now() + interval '4 days'"),
      });
    await happen();
    expect(await cancel()).toEqual({ state: 'refused', message: expect.stringMatching(message) });
    expect(await market.db('tickets').where({ id: ticketId }).first()).toMatchObject({ status: 'valid' });
  });
});

test('what goes back: all, or all less the fee that the platform keeps', () => {
  const tickets = [{ id: 'a', seq: 1, typeName: 'Standard', price: 2000n }];
  const payment = { amount: 2000n, fee: 80n, currency: 'eur', refunded: 0n, feeRefunded: 0n, tickets };
  const quote = (text: string, policy: 'keep' | 'proportional') =>
    quoteCancellation(payment, readPolicy(text)!, policy);
  expect(quote('paid:0:whole', 'keep')).toMatchObject({
    quote: { scope: 'order', amount: 2000n, feeKept: 80n },
  });
  expect(quote('paid:0:less_fee', 'keep')).toMatchObject({
    quote: { scope: 'tickets', amount: 1920n, feeReturned: 0n, left: 80n, tickets },
  });
  expect(quote('paid:0:less_fee', 'proportional')).toMatchObject({
    quote: { scope: 'order', amount: 2000n, feeReturned: 80n },
  });
  expect(readPolicy('paid:1e3:whole')).toBeNull();
  expect(policyWords(readPolicy('paid:36:less_fee'))).toMatch(
    /until 36 hours before the start: what you paid/,
  );
});
