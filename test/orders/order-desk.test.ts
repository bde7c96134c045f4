/** Orders as the organizer sees them. */
import { createBrowser } from '../support/browser';
import { type Market, openMarket } from '../support/market';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
});
afterAll(() => market.close());

const list = (query = '') => market.at(`/organizer/events/${sale.id}/orders${query}`);

test('the list begins empty, finds orders by the beginnings of name and mail and by reference, and filters by state', async () => {
  expect((await sale.browser.open(list())).text).toMatch(/No orders yet/);
  const bought = await market.buy(sale.slug, 2);
  await market.choose(createBrowser(), sale.slug, 1);
  const order = await market.orderOf(bought.url);
  const all = await sale.browser.open(list());
  expect(all.text).toContain(order.reference);
  expect(all.text).toMatch(/Charles charles@example\.com 2 Paid/);
  expect(all.text).toMatch(/Not given yet 1 Being placed/);
  for (const q of ['charl', 'charles@EXAMPLE', order.reference.toLowerCase()])
    expect((await sale.browser.open(list(`?q=${encodeURIComponent(q)}`))).text).toContain(order.reference);
  expect((await sale.browser.open(list('?q=%25'))).text).toMatch(/No order matches/);
  expect((await sale.browser.open(list('?status=open'))).text).not.toContain(order.reference);
  expect((await sale.browser.open(list('?status=nonsense&after=1.2&q=a&q=b'))).status).toBe(200);

  const detail = await sale.browser.open(market.at(`/organizer/orders/${order.id}`));
  expect(detail.text).toMatch(/2 × Standard.*€40\.00.*Foyer’s fee €1\.60.*Payment at Stripe pi_/);
  expect(detail.text).toMatch(/Buyer Tickets chosen.*Stripe Payment succeeded/);
});

test('pages go by key: none twice, none left out, whatever is sold meanwhile', async () => {
  const { browser } = await market.organizer('Big House');
  const { slug, id } = await market.publish(browser, {
    title: 'Big',
    'tickets.0.kind': 'free',
    'tickets.0.price': '',
    'tickets.0.capacity': '500',
  });
  const type = await market.db('ticket_types').where({ event_id: id }).first();
  const place = () =>
    fetch(market.at(`/events/${slug}/orders`), {
      method: 'POST',
      redirect: 'manual',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: `quantity.${type.id}=1`,
    });
  await Promise.all(Array.from({ length: 120 }, place));
  const seen: string[] = [];
  let url: string | null = market.at(`/organizer/events/${id}/orders`);
  while (url) {
    const page = await browser.open(url);
    seen.push(
      ...[...page.html.matchAll(/href="\/organizer\/orders\/([0-9a-f-]{36})"/g)].map((match) => match[1]!),
    );
    await place();
    const next = /href="([^"]+after=[^"]+)"[^>]*>\s*Next page/.exec(page.html)?.[1];
    url = next ? market.at(next.replaceAll('&amp;', '&')) : null;
  }
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toHaveLength(120);
});

test('another organizer’s orders are not there', async () => {
  const other = await market.organizer('Other');
  expect((await other.browser.open(list())).status).toBe(404);
  const order = await market.db('orders').where({ event_id: sale.id }).first();
  expect((await other.browser.open(market.at(`/organizer/orders/${order.id}`))).status).toBe(404);
});
