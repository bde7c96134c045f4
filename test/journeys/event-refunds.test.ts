/** A cancelled event gives everybody their money back: said beforehand, watched, resumed, tried again. */
import { brokenInvariants, type Market, openMarket } from '../support/market';
import { sweepOnce } from '../../src/jobs/sweeps';
import { addJob } from '../../src/jobs/jobs';
import { continueEventRefund } from '../../src/payments/refund-event';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
});
afterEach(async () => {
  await market.control('DELETE', '/faults');
  expect(await market.settle()).toEqual([]);
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});
afterAll(() => market.close());

/** A cancelled event with so many paid orders of one ticket of €20.00 each; ends on the page that offers the refund. */
async function cancelled(title: string, orders: number) {
  const event = await market.publish(sale.browser, { title });
  const urls: string[] = [];
  for (let n = 0; n < orders; n += 1) urls.push((await market.buy(event.slug, 1)).url);
  await market.settle();
  const offer = await sale.browser.submit(
    await sale.browser.open(market.at(`/organizer/events/${event.id}/cancellation`)),
    { reason: 'The hall has burned down' },
    { action: /cancellation/ },
  );
  return { ...event, urls, offer };
}
const refundEverybody = (page: { offer: Parameters<typeof sale.browser.submit>[0] }) =>
  sale.browser.submit(page.offer, {}, { action: /refunds$/ });
const progress = (id: string) => sale.browser.open(market.at(`/organizer/events/${id}/refunds`));
const refundsOf = (id: string) =>
  market
    .db('refunds')
    .join('orders', 'orders.id', 'refunds.order_id')
    .where({ 'orders.event_id': id })
    .orderBy('refunds.created_at')
    .select('refunds.*', 'orders.status as order_status');
const madeAtStripe = async () =>
  (await market.ledger()).accounts[sale.account]!.refunds.filter((refund) => refund.status !== 'failed')
    .length;

test('cancelling offers it with the figures, and nothing happens before the button; then everybody has their money', async () => {
  const event = await cancelled('Burned Down', 3);
  expect(event.offer.url).toMatch(/\/refunds$/);
  expect(event.offer.text).toMatch(/3 orders get back €60\.00.*− €2\.40 Leaves your Stripe balance €57\.60/);
  expect((await sale.browser.open(market.at('/organizer'))).text).toMatch(
    /Decide about the money of “Burned Down”/,
  );
  expect(await refundsOf(event.id)).toEqual([]);
  const begun = await refundEverybody(event);
  expect(begun.text).toMatch(/one refund after the other/);
  expect(begun.html).toMatch(/http-equiv="refresh"/);
  await market.settle();
  const done = await progress(event.id);
  expect(done.text).toMatch(/Everybody who paid has their money back.*Given back, 3 orders €60\.00/);
  expect(done.html).not.toMatch(/http-equiv="refresh"/);
  expect(await refundsOf(event.id)).toEqual(
    [1, 2, 3].map(() => expect.objectContaining({ status: 'succeeded', order_status: 'refunded' })),
  );
  expect(await market.db('events').where({ id: event.id }).first()).toMatchObject({ sold: 0, held: 0 });
  const [mail] = await market.db('mails').where({ template: 'order-refunded' });
  expect(mail.text_body).toMatch(/The event was cancelled/);
});

test('pressed twice, worked off twice at once and swept: each payment goes back once', async () => {
  const event = await cancelled('Pressed Twice', 3);
  const before = await madeAtStripe();
  await Promise.all([refundEverybody(event), refundEverybody(event)]);
  const { id } = await market.db('event_refunds').where({ event_id: event.id }).first();
  await Promise.all([1, 2, 3].map(() => continueEventRefund(market.testApp.dependencies, id)));
  await market.settle();
  await sweepOnce(market.testApp.dependencies);
  await market.settle();
  expect(await refundsOf(event.id)).toHaveLength(3);
  expect((await madeAtStripe()) - before).toBe(3);
});

test('stopped after the first order: the sweep goes on from what the orders say', async () => {
  const event = await cancelled('Stopped Half-Way', 3);
  const { db } = market.testApp.dependencies;
  await db('event_refunds').insert({ id: event.id, event_id: event.id });
  let transactions = 0;
  const dying = new Proxy(db, {
    get: (knex, name) =>
      name === 'transaction' && (transactions += 1) > 1
        ? () => Promise.reject(new Error('the process is gone'))
        : Reflect.get(knex, name),
  });
  await continueEventRefund({ ...market.testApp.dependencies, db: dying }, event.id);
  expect(await refundsOf(event.id)).toHaveLength(1);
  expect((await progress(event.id)).text).toMatch(/one refund after the other/);
  await sweepOnce(market.testApp.dependencies);
  await market.settle();
  expect((await refundsOf(event.id)).map((refund) => refund.order_status)).toEqual([
    'refunded',
    'refunded',
    'refunded',
  ]);
});

test('what the balance does not cover is listed with what to do, and tried again together', async () => {
  const event = await cancelled('No Balance', 2);
  await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: true });
  await refundEverybody(event);
  await market.settle();
  const stopped = await progress(event.id);
  expect(stopped.text).toMatch(/Not made, 2 orders €40\.00.*does not cover this refund/);
  expect((await sale.browser.open(market.at('/organizer'))).text).toMatch(
    /Refunds of “No Balance” were not made €40\.00/,
  );
  await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: false });
  const again = await sale.browser.submit(stopped, {}, { action: /attempts$/ });
  expect(again.text).toMatch(/2 refunds are tried again/);
  await market.settle();
  expect((await refundsOf(event.id)).map((refund) => [refund.status, refund.send_number])).toEqual([
    ['succeeded', 2],
    ['succeeded', 2],
  ]);
});

test('an order whose account is gone is listed with the reason, and only that one is left out', async () => {
  const lost = await market.eventOnSale({ name: 'Lost House', fields: { title: 'Lost and Cancelled' } });
  const { url } = await market.buy(lost.slug, 1);
  await market.settle();
  await market.control('POST', `/accounts/${lost.account}/revoke`);
  await market.settle();
  const offer = await lost.browser.submit(
    await lost.browser.open(market.at(`/organizer/events/${lost.id}/cancellation`)),
    { reason: 'No stage' },
    { action: /cancellation/ },
  );
  expect(offer.text).toMatch(/What Foyer can’t refund.*no longer connected/);
  expect(offer.text).toContain(lost.account);
  expect(offer.html).not.toMatch(/<form[^>]*\/refunds"/);
  expect((await market.orderOf(url)).status).toBe('paid');
});

test('an event that takes place is not refunded as a whole', async () => {
  const answer = await sale.browser.open(market.at(`/organizer/events/${sale.id}/refunds`));
  expect([answer.status, answer.text]).toEqual([409, expect.stringMatching(/This event is not cancelled/)]);
});

test('the refunds have their turns: no more in a second than a fifth of what Stripe allows', async () => {
  const { config, db } = market.testApp.dependencies;
  const event = await cancelled('Paced', 3);
  await db('event_refunds').insert({ id: event.id, event_id: event.id });
  const slow = {
    ...market.testApp.dependencies,
    config: { ...config, stripe: { ...config.stripe, requestsPerSecond: 10 } },
  };
  await continueEventRefund(slow, event.id);
  const times = (await refundsOf(event.id)).map((refund) => refund.send_after.getTime());
  expect(times[1] - times[0]).toBeGreaterThanOrEqual(499);
  expect(times[2] - times[1]).toBeGreaterThanOrEqual(499);
  for (const { id } of await refundsOf(event.id))
    await addJob(db, 'send_refund', { refundId: id }, { key: `send-refund-${id}` });
});
