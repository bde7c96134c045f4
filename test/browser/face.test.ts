/** What the first visit to a page weighs, that nothing on it moves, how it reads in the dark; and a refund by hand. */
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { launchChromium } from '../support/chromium';
import { type Market, openMarket } from '../support/market';

const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1280, height: 900 };
const MOST_BYTES = 60_000;

let market: Market;
let chrome: Browser;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let bought: Awaited<ReturnType<Market['buy']>>;
let pages: Record<'front' | 'event' | 'organizer' | 'held order' | 'paid order', string>;
const complaints: string[] = [];

beforeAll(async () => {
  market = await openMarket({ config: { viewCache: true } });
  sale = await market.eventOnSale();
  const desk = market.at(`/organizer/events/${sale.id}/questions`);
  await sale.browser.submit(
    await sale.browser.open(desk),
    { label: 'Name', kind: 'name' },
    { action: /questions$/ },
  );
  bought = await market.buy(sale.slug, 2);
  const held = await market.choose(bought.browser, sale.slug, 2);
  pages = {
    front: '/',
    event: `/events/${sale.slug}`,
    organizer: '/organizers/analytical-society',
    'held order': new URL(held.url).pathname,
    'paid order': new URL(bought.url).pathname,
  };
  chrome = await launchChromium();
}, 60_000);
afterAll(async () => {
  await chrome.close();
  await market.close();
});
afterEach(() => expect(complaints.splice(0)).toEqual([]));

async function open(options: BrowserContextOptions = {}): Promise<Page> {
  const page = await (await chrome.newContext({ viewport: DESKTOP, ...options })).newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  return page;
}

/** Loaded, with its fonts, and painted. */
async function visit(page: Page, path: string): Promise<void> {
  await page.goto(market.at(path), { waitUntil: 'load' });
  await page.evaluate(
    'document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))',
  );
}

const NAMES = ['front', 'event', 'organizer', 'held order', 'paid order'] as const;

test.each(NAMES)('the %s page weighs at most 60 kB on a first visit, its pictures left out', async (name) => {
  const page = await open({ viewport: PHONE });
  const network = await page.context().newCDPSession(page);
  await network.send('Network.enable');
  const weights = new Map<string, { url: string; bytes: number }>();
  network.on('Network.responseReceived', ({ requestId, response }) =>
    weights.set(requestId, { url: new URL(response.url).pathname, bytes: 0 }),
  );
  network.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const weight = weights.get(requestId);
    if (weight) weight.bytes = encodedDataLength;
  });
  await visit(page, pages[name]);
  const files = [...weights.values()].filter(({ url }) => !/poster\.svg$|^\/covers\//.test(url));
  expect(files.filter(({ url }) => url.endsWith('.woff2'))).toHaveLength(2);
  expect(files.every(({ bytes }) => bytes > 0)).toBe(true);
  const sum = files.reduce((total, { bytes }) => total + bytes, 0);
  // which file, where it is too much
  expect(sum <= MOST_BYTES ? [] : [sum, ...files]).toEqual([]);
});

test.each([
  ['on a phone', PHONE],
  ['on a desktop', DESKTOP],
])('nothing moves while a page loads %s', async (_where, viewport) => {
  const page = await open({ viewport, timezoneId: 'America/New_York' });
  await page.addInitScript(`
    window.moved = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.moved.push([entry.value, ...entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 120))]);
    }).observe({ type: 'layout-shift', buffered: true });
  `);
  for (const name of NAMES) {
    await visit(page, pages[name]);
    expect([name, await page.evaluate('window.moved')]).toEqual([name, []]);
  }
  // the twin: what does move is seen
  await page.evaluate("document.querySelector('main').style.marginTop = '300px'");
  await page.waitForFunction('window.moved.length > 0');
});

test('the event page says when it begins where the visitor is, and where it is', async () => {
  const far = await open({ timezoneId: 'America/New_York' });
  await visit(far, pages.event);
  expect(await far.textContent('[data-own-time]')).toBe('Fri 15 Mar, 14:30 in your time');
  expect(await far.getAttribute('.fact-link', 'href')).toBe(
    'https://www.openstreetmap.org/search?query=Hauptstra%C3%9Fe%201%2C%20Berlin',
  );
  const near = await open({ timezoneId: 'Europe/Paris' });
  await visit(near, pages.event);
  expect(await near.textContent('[data-own-time]')).toBe('The same as your time');
  const plain = await open({ javaScriptEnabled: false });
  await plain.goto(market.at(pages.event));
  expect(await plain.textContent('[data-own-time]')).toBe('UTC+1');
});

test.each(['light', 'dark'] as const)('every page has enough contrast when it is %s', async (colorScheme) => {
  const page = await open({ colorScheme });
  for (const name of NAMES) {
    await visit(page, pages[name]);
    const ground = (await page.evaluate(
      'getComputedStyle(document.documentElement).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number)',
    )) as number[];
    expect([name, colorScheme === 'dark' ? Math.max(...ground) < 60 : Math.min(...ground) > 200]).toEqual([
      name,
      true,
    ]);
    await page.evaluate(axe.source);
    const weak = await page.evaluate(
      "axe.run({ runOnly: ['color-contrast'] }).then(({ violations }) => violations.flatMap(({ nodes }) => nodes.map(({ html }) => html)))",
    );
    expect([name, weak]).toEqual([name, []]);
  }
});

test('a ticket is refunded by hand, from the order at the desk to the buyer’s page', async () => {
  const page = await open();
  const cookies = [...sale.browser.cookies(new URL(market.baseUrl).host)];
  await page.context().addCookies(cookies.map(([name, value]) => ({ name, value, url: market.baseUrl })));
  const order = await market.orderOf(bought.url);
  await page.goto(market.at(`/organizer/orders/${order.id}`));
  await page.click('text=Refund');
  await page.check('[name=scope][value=tickets]');
  await page.check('#tickets input[type=checkbox] >> nth=0');
  await page.click('main form button[type=submit]');
  expect(await page.textContent('main')).toMatch(/Charles gets back[\s\S]*€20\.00[\s\S]*It cannot be undone/);
  await page.click('main button:has-text("Refund €20.00 to Charles")');
  await page.waitForURL((url) => url.pathname === `/organizer/orders/${order.id}`);
  expect(await market.settle()).toEqual([]);
  await page.goto(bought.url);
  expect(await page.textContent('#refunds')).toMatch(/€20\.00/);
  expect(await page.locator('.ticket', { hasText: 'No longer valid' }).count()).toBe(1);
});
