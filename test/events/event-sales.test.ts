/** The page of an event's sales, and what is drawn on it. */
import { withQuietDays } from '../../src/events/event-sales';
import { barChart, roundUp } from '../../src/lib/bar-chart';
import { createBrowser } from '../support/browser';
import { type Market, openMarket } from '../support/market';

let market: Market;
beforeAll(async () => {
  market = await openMarket();
});
afterAll(() => market.close());

test('sales by day, by type and by step are those of the orders', async () => {
  const sale = await market.eventOnSale();
  const bought = await market.buy(sale.slug, 3);
  await market.buy(sale.slug, 1);
  await market.choose(createBrowser(), sale.slug, 2);
  const { id } = await market.orderOf(bought.url);
  await market
    .db('orders')
    .where({ id })
    .update({ paid_at: market.db.raw("now() - interval '2 days'") });
  const page = await sale.browser.open(market.at(`/organizer/events/${sale.id}/sales`));
  expect(page.text).toMatch(
    / 1 1 €20\.00 \w{3} \d+ \w{3,4} \d{4} 0 0 €0\.00 \w{3} \d+ \w{3,4} \d{4} 1 3 €60\.00/,
  );
  expect(page.text).toMatch(/Standard 4 of 50 sold, 2 held €80\.00/);
  expect(page.text).toMatch(
    /Chose tickets 3 Opened the order 3 Gave their details 2 Paid, or got them for free 2/,
  );
  expect(page.html.match(/<svg class="chart"[\s\S]*?<\/svg>/)![0].match(/<rect/g)).toHaveLength(2);
});

test('views are counted for each event and day, and neither programs nor what is fetched ahead', async () => {
  const sale = await market.eventOnSale({ name: 'Looked At' });
  const look = (headers: Record<string, string>, method = 'GET', query = '') =>
    fetch(market.at(`/events/${sale.slug}${query}`), { method, headers });
  const person = { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' };
  const { eventPages } = market.testApp.dependencies;
  const views = async () => {
    await eventPages.writeViews();
    return market.db('event_page_views').where({ event_id: sale.id });
  };
  await Promise.all([
    look(person),
    look(person, 'GET', '?from=mail'),
    look({ ...person, 'Sec-Fetch-Dest': 'document' }),
  ]);
  for (const headers of [
    { 'User-Agent': 'Mozilla/5.0 (compatible; Examplebot/2.1; +http://bot.example)' },
    { 'User-Agent': 'curl/8.5.0' },
    { ...person, 'Sec-Purpose': 'prefetch;prerender' },
    { ...person, 'Sec-Fetch-Dest': 'image' },
  ])
    await look(headers);
  await look(person, 'HEAD');
  expect(await views()).toMatchObject([{ views: 3 }]);
  const again = await look(person);
  expect(again.headers.get('set-cookie')).toBeNull();
  expect(await views()).toMatchObject([{ views: 4 }]);
  await market.choose(createBrowser(), sale.slug, 2);
  const page = await sale.browser.open(market.at(`/organizer/events/${sale.id}/sales`));
  expect(page.text).toMatch(/Looked at the page 4 Chose tickets 1 Opened the order 1.*Chose tickets 1 25 %/);
});

test('quiet days between sales are drawn, and at most sixty', () => {
  const day = (date: string, tickets: number) => ({ date, orders: 1, tickets, taken: 0n });
  const days = withQuietDays([day('2026-02-27', 2), day('2026-03-02', 1)], '2026-03-03');
  expect(days.map(({ date, tickets }) => [date, tickets])).toEqual([
    ['2026-02-27', 2],
    ['2026-02-28', 0],
    ['2026-03-01', 0],
    ['2026-03-02', 1],
    ['2026-03-03', 0],
  ]);
  const long = withQuietDays([day('2025-01-01', 2)], '2026-03-03');
  expect([long.length, long.at(-1)!.date]).toEqual([60, '2026-03-03']);
  expect(withQuietDays([], '2026-03-03')).toEqual([]);
});

test('the scale ends at a round number with a whole half', () => {
  expect([0, 1, 3, 7, 11, 23, 60, 101, 999].map(roundUp)).toEqual([2, 2, 4, 10, 20, 50, 100, 200, 1000]);
});

test('a chart escapes its words', () => {
  expect(barChart([{ label: '<b>', value: 1 }], 'A "title"')).toContain('aria-label="A &quot;title&quot;"');
  expect(barChart([{ label: '<b>', value: 1 }], '')).toContain('&lt;b>');
});
