/** Foyer beside a payment, walked as a person walks it: the simulator's page plays the Dashboard, everything else is Foyer itself. */
import { type Browser, type BrowserPage, createBrowser } from '../support/browser';
import { type Market, openMarket } from '../support/market';
import { openDashboard } from './dashboard';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let reference: string;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
  const bought = await market.buy(sale.slug);
  await market.settle();
  ({ reference } = await market.orderOf(bought.url));
}, 60_000);
afterAll(() => market.close());

const dashboard = () => `${market.simulator.url}/dashboard/${sale.account}`;

/** The address of a link, by its words. */
function hrefOf(page: BrowserPage, words: RegExp): string {
  for (const [, href, text] of page.html.matchAll(/<a [^>]*href="([^"]+)"[^>]*>([^<]*)<\/a>/g))
    if (words.test(text!)) return new URL(href!.replaceAll('&amp;', '&'), page.url).href;
  throw new Error(`No link ${words} on ${page.url}: ${page.text.slice(0, 500)}`);
}

/** In a window of its own, where Ada is signed in to Foyer. */
async function signIn(atStripe: Browser, allowed = true): Promise<BrowserPage> {
  const consent = await sale.browser.open(hrefOf(await openPayment(atStripe), /Sign in to Foyer/));
  expect(consent.text).toMatch(/Foyer for Stripe/);
  const leading = await sale.browser.submit(
    consent,
    { allowed: String(allowed) },
    { action: /oauth\/authorize/ },
  );
  return sale.browser.followRefresh(leading);
}

async function openPayment(browser: Browser): Promise<BrowserPage> {
  return browser.open(hrefOf(await browser.open(dashboard()), /^pi_/));
}

test('install → sign in → see the order of a payment → go to it → sign out → uninstall', async () => {
  const atStripe = createBrowser();
  const without = await openPayment(atStripe);
  expect(without.text).toContain('not installed');
  const asked = await atStripe.followRefresh(
    await atStripe.submit(await atStripe.open(hrefOf(without, /Install it/))),
  );
  const back = await atStripe.submit(
    asked,
    { action: 'sign_in', account: sale.account, email: '' },
    { action: /oauth\/v2\/authorize/ },
  );
  expect(back.text).toContain(`Foyer is installed for ${sale.account}`);

  const signedOut = await openPayment(atStripe);
  expect(signedOut.text).toMatch(/€40\.00.*Sign in to Foyer to see the order of this payment/);
  expect(signedOut.text).not.toContain(reference);

  const done = await signIn(atStripe);
  expect([done.status, new URL(done.url).pathname]).toEqual([200, '/api/oauth/signed-in']);
  expect(done.text).toMatch(/You are signed in.*You can close this window/);

  const signedIn = await openPayment(atStripe);
  for (const shown of [
    reference,
    'Paid',
    'Charles',
    'charles@example.com',
    'An Evening with the Engine',
    '€40.00',
    '€1.60',
    'Not checked in',
    sale.email,
  ])
    expect(signedIn.text).toContain(shown);
  const atFoyer = await sale.browser.open(hrefOf(signedIn, /Open the order in Foyer/));
  expect([atFoyer.status, atFoyer.text]).toEqual([200, expect.stringContaining(`Order ${reference}`)]);

  const again = await atStripe.submit(signedIn, {}, { action: /sign-out$/ });
  expect(again.text).toMatch(/Sign in to Foyer/);
  expect(again.text).not.toContain(reference);

  await signIn(atStripe);
  expect((await openPayment(atStripe)).text).toContain(reference);
  await atStripe.submit(await atStripe.open(`${dashboard()}/applications`), {}, { action: /uninstall$/ });
  expect((await openPayment(atStripe)).text).toContain('not installed');
  // what the app kept at Stripe is gone with it; Foyer says so to whoever still asks
  const still = openDashboard(market.baseUrl, sale.account, `usr_${sale.account.replace('acct_', '')}`);
  expect((await still.payment('pi_1')).body.error.message).toMatch(/Install Foyer’s app on it again/);
  await market.settle();
  expect(await market.db('stripe_app_installations').first('status')).toEqual({
    status: 'uninstalled',
  });
});

test('who does not allow it is told, and stays signed out', async () => {
  const atStripe = createBrowser();
  await market.control('POST', `/accounts/${sale.account}/install`);
  const back = await signIn(atStripe, false);
  expect(back.text).toMatch(/You are not signed in.*You can close this window/);
  expect((await openPayment(atStripe)).text).toMatch(/Sign in to Foyer/);
});

test('while the Secret Store does not answer, the page says so and nothing of the order', async () => {
  await market.control('POST', '/faults', {
    match: { path: '/v1/apps/secrets' },
    fault: 'error_before',
  });
  const page = await openPayment(createBrowser());
  expect(page.text).toMatch(/Foyer can’t reach Stripe right now/);
  expect(page.text).not.toContain(reference);
});
