/** Fees that buyers pay: within the price from the first look, the same at Stripe, and none the less for the organizer. */
import { createBrowser } from '../support/browser';
import { type Market, openMarket } from '../support/market';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale({ fields: { 'tickets.0.fee_payer': 'buyer' } });
});
afterAll(() => market.close());

// by hand: 20.00 asked for, 2.5 % of it and 0.30 = 0.80
const PRICE = '€20.80';

it('stand within the price on each page before the order', async () => {
  const guest = createBrowser();
  const event = await guest.open(market.at(`/events/${sale.slug}`));
  expect(event.text).toContain(PRICE);
  expect(event.text).not.toContain('€20.00');
  expect(event.html).toMatch(/"price":\s*"20\.80"/);
  expect((await guest.open(market.at('/'))).text).toContain(PRICE);
});

it('are paid by the buyer and kept by the platform, and the mail names what was paid', async () => {
  const { url, page } = await market.buy(sale.slug, 3);
  const order = await market.orderOf(url);
  expect([order.total_amount, order.application_fee_amount]).toEqual([6240n, 240n]);
  expect(page.text).toContain('€62.40');
  const charge = (await market.ledger()).accounts[sale.account]!.charges.at(-1)!;
  expect([charge.amount, charge.application_fee_amount]).toEqual([6240, 240]);
  await market.settle();
  const mail = await market.db('mails').where({ recipient: 'charles@example.com' }).first('text_body');
  expect(mail.text_body).toContain('€62.40');
});

it('are shown to the organizer with what they get', async () => {
  const home = (await sale.browser.open(market.at(`/organizer/events/${sale.id}`))).text;
  // 1.5 % of 20.80 and 0.25 = 0.562: 0.56; 20.80 − 0.80 − 0.56
  expect(home).toMatch(/The buyer pays Foyer’s fee €20\.80 €0\.80 about €0\.56 about €19\.44/);
  const form = await sale.browser.open(market.at(`/organizer/events/${sale.id}/edit`));
  expect(form.html).toMatch(/name="tickets.0.price"[^>]*value="20\.00"/);
  expect(form.text).toContain('about €19.44');
});

it('move with the fee: a buyer who was shown the old price holds nothing, and the organizer gets as much', async () => {
  const guest = createBrowser();
  const shown = await guest.open(market.at(`/events/${sale.slug}`));
  const type = await market.db('ticket_types').where({ event_id: sale.id }).first('id');
  const { organizer_id } = await market.db('events').where({ id: sale.id }).first('organizer_id');
  const admin = await market.admin();
  await admin.submit(await admin.open(market.at(`/admin/organizers/${organizer_id}/fees`)), {
    currency: 'eur',
    rule: 'own',
    percent: '5',
    reason: 'A new agreement',
  });

  const refused = await guest.submit(shown, { [`quantity.${type.id}`]: '1' });
  expect(refused.status).toBe(409);
  expect(refused.text).toContain('The price of Standard is now €21.00');
  const { url } = await market.buy(sale.slug, 1);
  const order = await market.orderOf(url);
  expect([order.total_amount, order.application_fee_amount]).toEqual([2100n, 100n]);
});

it('are not for tickets whose price people choose, and the form says so', async () => {
  const form = await sale.browser.open(market.at(`/organizer/events/${sale.id}/edit`));
  const answer = await sale.browser.submit(form, { 'tickets.0.kind': 'donation', action: 'save' });
  expect(answer.status).toBe(422);
  expect(answer.text).toContain('People choose what they pay for this ticket');
});

it('are reckoned by one arithmetic for the script too', async () => {
  const ask = async (query: string) =>
    JSON.parse((await sale.browser.open(market.at(`/organizer/payout-preview?${query}`))).html).payout;
  await market.db('organizer_fees').delete();
  expect(await ask('currency=eur&kind=paid&price=20&fee_payer=buyer')).toEqual({
    buyer: '€20.80',
    platform: '€0.80',
    stripe: 'about €0.56',
    organizer: 'about €19.44',
  });
  expect(await ask('currency=usd&kind=paid&price=20&fee_payer=organizer')).toEqual({
    buyer: '$20.00',
    platform: '$0.80',
    stripe: 'We don’t know',
    organizer: '$19.20, less Stripe’s fee',
  });
  for (const none of [
    '',
    'currency=eur&kind=paid&price=cheap',
    'currency=eur&kind=free&price=',
    'currency=xxx',
  ])
    expect(await ask(none)).toBeNull();
});
