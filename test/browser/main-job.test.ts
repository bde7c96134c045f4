/** The main job in a real browser: with JavaScript and without, nothing in the console, nothing that the policy forbids. */
import { type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { launchChromium } from '../support/chromium';
import { type Market, openMarket, PASSWORD } from '../support/market';
import { mailedLink } from '../support/people';

const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1280, height: 900 };

let market: Market;
let chrome: Browser;
const complaints: string[] = [];
beforeAll(async () => {
  market = await openMarket();
  chrome = await launchChromium();
});
afterAll(async () => {
  await chrome.close();
  await market.close();
});
afterEach(() => expect(complaints.splice(0)).toEqual([]));

async function open(options: BrowserContextOptions = {}): Promise<Page> {
  const page = await (await chrome.newContext({ viewport: DESKTOP, ...options })).newPage();
  // A form that comes back with errors answers 4xx; the browser notes that, and it is meant.
  page.on(
    'console',
    (message) =>
      message.type() === 'error' &&
      !/status of 4(02|09|22)/.test(message.text()) &&
      complaints.push(`${page.url()}: ${message.text()}`),
  );
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  return page;
}

async function fill(page: Page, fields: Record<string, string>): Promise<void> {
  for (const [name, value] of Object.entries(fields)) await page.fill(`[name="${name}"]`, value);
}

const staysInside = async (page: Page) =>
  expect(
    await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
  ).toBe(0);

async function sell(page: Page, email: string): Promise<string> {
  await page.goto(market.at('/sign-up'));
  await fill(page, { name: 'Ada', email, password: PASSWORD });
  await page.click('main button[type=submit]');
  await page.waitForURL((url) => url.pathname !== '/sign-up');
  await page.goto(market.at(await mailedLink(market.db, email, 'verify-email')));
  await page.click('main form button[type=submit]');
  await page.goto(market.at('/organizer/organizers/new'));
  await fill(page, { name: `House of ${email.split('@')[0]}` });
  await page.click('main button[type=submit]');

  await page.goto(market.at('/organizer/events/new'));
  await fill(page, {
    title: 'Strings on the Quay',
    starts_at: '2030-06-12T19:30',
    ends_at: '2030-06-12T22:00',
    venue_name: 'Old Warehouse',
  });
  await fill(page, { 'tickets.0.name': 'Standard', 'tickets.0.price': '24.50', 'tickets.0.capacity': '60' });
  await page.click('text=Connect with Stripe');
  await page.waitForURL(/oauth\/authorize/);
  await page.click('button[value=create]');
  await page.waitForURL(/events\/new\?draft=/);
  expect(await page.inputValue('[name="tickets.0.price"]')).toBe('24.50');
  expect(await page.textContent('main')).toMatch(/Connected to/);
  await page.click('.save-bar button[value=save]');
  await page.waitForURL(/\/organizer\/events\/[0-9a-f-]{36}/);
  const id = /events\/([0-9a-f-]{36})/.exec(page.url())![1]!;
  await page.goto(market.at(`/organizer/events/${id}/publication`));
  await page.click('main form button[type=submit]');
  const event = await market.db('events').where({ id }).first();
  expect(event.status).toBe('published');
  return event.slug;
}

async function buy(page: Page, slug: string, card = '4242424242424242'): Promise<void> {
  await page.goto(market.at(`/events/${slug}`));
  await staysInside(page);
  await page.selectOption('select[name^="quantity."]', '2');
  await page.click('#tickets button[type=submit]');
  await page.waitForURL(/\/orders\//);
  await staysInside(page);
  await fill(page, { name: 'Charles', email: 'charles@example.com' });
  await page.click('main form button[type=submit]');
  await page.waitForURL(/\/c\/pay\//);
  await fill(page, { card_number: card, exp: '12/34', cvc: '123', name: 'Charles' });
  await page.click('button:has-text("Pay €")');
}

test.each([
  ['on a desktop', DESKTOP, true],
  ['on a phone', PHONE, true],
  ['on a phone without JavaScript', PHONE, false],
])('connect, sell and buy %s', async (name, viewport, javaScriptEnabled) => {
  const slug = await sell(
    await open({ viewport, javaScriptEnabled }),
    `${name.replaceAll(' ', '-')}@example.com`.toLowerCase(),
  );
  const buyer = await open({ viewport, javaScriptEnabled });
  await buy(buyer, slug);
  await buyer.waitForURL(/\/orders\/.*returned=1/);
  expect(await buyer.textContent('main')).toMatch(/You are in[\s\S]*Yes, 2 tickets/);
  await staysInside(buyer);
  expect(await buyer.locator('.ticket-qr svg').count()).toBe(2);
});

test('buy with the keyboard alone', async () => {
  const slug = await sell(await open(), 'keyboard@example.com');
  const page = await open();
  await page.goto(market.at(`/events/${slug}`));
  const tabTo = async (selector: string) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) return;
    }
    throw new Error(`${selector} can't be reached`);
  };
  await tabTo('select[name^="quantity."]');
  await page.keyboard.press('ArrowDown');
  await tabTo('#tickets button[type=submit]');
  await Promise.all([page.waitForURL(/\/orders\//), page.keyboard.press('Enter')]);
  await tabTo('[name=name]');
  await page.keyboard.type('Charles');
  await tabTo('[name=email]');
  await page.keyboard.type('charles@example.com');
  await Promise.all([page.waitForURL(/\/c\/pay\//), page.keyboard.press('Enter')]);
});
