/** A platform with keys of both modes: an event is rehearsed with test cards, then sold for real; no mode meets the other. */
import { type Browser, createBrowser } from '../support/browser';
import { brokenInvariants, type Market, openMarket } from '../support/market';
import { anEvent, deliver, signatureOf } from '../webhooks/signed-events';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let organizer: Browser;
beforeAll(async () => {
  market = await openMarket({ bothModes: true });
  sale = await market.eventOnSale();
  organizer = sale.browser;
});
afterAll(() => market.close());

const at = (rest = '') => market.at(`/organizer/events/${sale.id}${rest}`);
const switchTo = async () => organizer.submit(await organizer.open(at('/mode')), {}, { action: /\/mode$/ });
const event = () => market.db('events').where({ id: sale.id }).first();

let testOrder: Awaited<ReturnType<Market['buy']>>;
let testTicket: string;

it('is sold end to end with test cards, on the live connection with the test key', async () => {
  const begun = await switchTo();
  expect(begun.text).toContain('This event is in test mode');
  testOrder = await market.buy(sale.slug, 2);
  expect(await market.orderOf(testOrder.url)).toMatchObject({
    status: 'paid',
    livemode: false,
    stripe_account_id: sale.account,
  });
  const attempt = await market.db('payment_attempts').first();
  expect(attempt).toMatchObject({ livemode: false });
  expect(attempt.checkout_session_id).toMatch(/^cs_test_/);
  expect(await market.settle()).toEqual([]);
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});

it('is marked wherever it is read', async () => {
  const guest = createBrowser();
  const page = await guest.open(market.at(`/events/${sale.slug}`));
  expect(page.text).toContain('This event is in test mode');
  expect(page.html).toContain('noindex');
  expect(page.html).not.toContain('application/ld+json');
  const order = await testOrder.browser.open(testOrder.url);
  expect(order.text).toContain('This is a test order');
  expect(order.text).toContain('[Test] An Evening with the Engine');
  testTicket = /\/tickets\/([\w-]{134})/.exec(order.html)![1]!;
  expect((await guest.open(market.at(`/tickets/${testTicket}`))).text).toContain('[Test] An Evening');
  const mail = await market.db('mails').where({ template: 'order-paid' }).first('subject');
  expect(mail.subject).toBe('Your tickets for [Test] An Evening with the Engine');
  expect((await organizer.open(at('/orders'))).text).toContain('[Test] An Evening');
  expect((await organizer.open(at('/orders.csv'))).html).toMatch(/,Mode,Code,Complimentary\r\n.*,test,,\r\n/);
  expect((await organizer.open(at('/check-in'))).text).toContain('[Test] An Evening');
});

it('counts nowhere: not in the programme, the sitemap or the numbers', async () => {
  const guest = createBrowser();
  expect((await guest.open(market.at('/'))).text).not.toContain('An Evening with the Engine');
  expect((await guest.open(market.at('/sitemap.xml'))).html).not.toContain(sale.slug);
  expect((await organizer.open(market.at('/organizer'))).text).not.toContain('€40.00');
});

it('keeps payments under way from being cut off: neither purged nor taken live', async () => {
  const buyer = createBrowser();
  const leading = await market.details(buyer, await market.choose(buyer, sale.slug, 1));
  expect((await organizer.open(at('/mode'))).text).toContain('One test order is just being paid');
  const page = await organizer.open(at());
  const token = /name="_csrf" value="([^"]+)"/.exec(page.html)![1]!;
  for (const [path, fields] of [
    ['/mode', { to: 'live' }],
    ['/test-orders/removal', {}],
  ] as const) {
    const answer = await organizer.post(at(path), { _csrf: token, ...fields });
    expect(answer.status).toBe(409);
  }
  expect((await event()).livemode).toBe(false);
  await market.pay(buyer, leading);
});

it('waits for nobody who is just changing a test order, and removes nothing then', async () => {
  const page = await organizer.open(at());
  const token = /name="_csrf" value="([^"]+)"/.exec(page.html)![1]!;
  await market.db.transaction(async (trx) => {
    await trx('orders').where({ event_id: sale.id }).limit(1).forUpdate().select('id');
    const answer = await organizer.post(at('/test-orders/removal'), { _csrf: token });
    expect([answer.status, answer.text]).toEqual([409, expect.stringContaining('A test order is changing')]);
  });
  expect(await market.db('tickets')).not.toEqual([]);
});

it('goes live without its test orders: nothing sold, nothing left, and audited', async () => {
  await market.settle();
  expect((await organizer.open(at('/mode'))).text).toContain('There are 2 test orders');
  expect((await switchTo()).text).toContain('The event is live');
  expect(await event()).toMatchObject({ livemode: true, held: 0, sold: 0 });
  for (const table of ['orders', 'order_lines', 'tickets', 'payment_attempts', 'order_timeline'])
    expect(await market.db(table)).toEqual([]);
  const audit = await market.db('audit_log').where({ action: 'event.went_live' }).first('details');
  expect(audit.details).toEqual({ testOrdersRemoved: 2 });
  expect(await brokenInvariants(market.testApp)).toEqual([]);
  expect((await createBrowser().open(market.at('/'))).text).toContain('An Evening with the Engine');
});

it('lets no test ticket in, and says what it is', async () => {
  const door = await organizer.open(at('/check-in'));
  const answer = await organizer.submit(door, { code: testTicket }, { action: /check-in$/ });
  expect(answer.text).toContain('Only a test');
  expect(await market.db('tickets').whereNotNull('checked_in_at')).toEqual([]);
});

it('is sold for real then, with sessions of live mode, and can not go back', async () => {
  const bought = await market.buy(sale.slug, 1);
  expect(await market.orderOf(bought.url)).toMatchObject({ status: 'paid', livemode: true });
  expect((await market.db('payment_attempts').first()).checkout_session_id).toMatch(/^cs_live_/);
  expect((await testOrder.browser.open(testOrder.url)).status).toBe(404);
  const page = await organizer.open(at('/mode'));
  expect(page.text).toContain('People have ordered tickets of this event for real');
  expect(page.html).not.toContain('name="to"');
});

describe('the modes never meet', () => {
  const [LIVE, TEST] = ['whsec_liveSecretOfTheTests', 'whsec_currentSecretOfTheTests'];
  const send = async (livemode: boolean, secret: string, object: Record<string, unknown>) => {
    const event = anEvent({ livemode, account: sale.account, data: { object } });
    const header = signatureOf(JSON.stringify(event), { secret });
    const answer = await deliver(market.testApp, event, header);
    await market.settle();
    return { status: answer.status, row: await market.db('stripe_events').where({ id: event.id }).first() };
  };
  const session = async () => ({ id: (await market.db('payment_attempts').first()).checkout_session_id });

  it.each([
    ['a live event with the secret of live mode', true, LIVE, 200, 'settled'],
    [
      'a test event with the secret of live mode, about a live payment',
      false,
      LIVE,
      200,
      'ignored: another mode than the payment',
    ],
    [
      'a test event with the secret of test mode, about a live payment',
      false,
      TEST,
      200,
      'ignored: another mode than the payment',
    ],
    ['a live event with the secret of test mode', true, TEST, 400, undefined],
  ])('%s', async (_what, livemode, secret, status, outcome) => {
    const answer = await send(livemode, secret, await session());
    expect(answer.status).toBe(status);
    expect(answer.row?.outcome).toBe(outcome);
  });

  it('a session of one mode is not there for the other’s key', async () => {
    const { stripe } = market.testApp.dependencies;
    const id = (await session()).id as string;
    await expect(
      stripe.retrieveCheckoutSession({ account: sale.account, livemode: false, id }),
    ).rejects.toThrow();
    await expect(
      stripe.retrieveCheckoutSession({ account: sale.account, livemode: true, id }),
    ).resolves.toMatchObject({ id });
  });
});
