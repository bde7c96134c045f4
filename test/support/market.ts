/** The whole market for journeys: the app and the Stripe simulator, talking over HTTP; nothing is stood in for but Stripe's address. */
import { type AddressInfo } from 'node:net';
import { type StripeKeys } from '../../src/config';
import { TryAgain } from '../../src/jobs/tasks';
import { startSimulator } from '../../src/stripe-simulator/simulator';
import { type Browser, type BrowserPage, createBrowser } from './browser';
import { mailedLink } from './people';
import { createTestApp, listen, type TestApp, type TestAppOverrides, testConfig } from './test-app';

export const PASSWORD = 'four quiet words here';
export const GOOD_CARD = { card_number: '4242 4242 4242 4242', exp: '12 / 34', cvc: '123', name: 'Ada' };

const LIVE_KEYS = {
  livemode: true,
  secretKey: 'sk_live_platformOfTheTests',
  clientId: 'ca_livePlatformOfTheTests',
  webhookSecrets: ['whsec_liveSecretOfTheTests'],
  app: {
    clientId: 'ca_liveAppOfTheTests',
    installUrl: 'http://127.0.0.1:9/oauth/v2/authorize',
    signingSecrets: ['absec_liveSecretOfTheTests'],
    secretKey: 'sk_live_platformOfTheTests',
  },
};

const withApp = ({ app, ...keys }: StripeKeys) => ({ ...keys, app: app! });

export type Market = Awaited<ReturnType<typeof openMarket>>;

export async function openMarket(
  overrides: TestAppOverrides & { requestsPerSecond?: number; bothModes?: boolean } = {},
) {
  const server = await listen();
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const testKeys = withApp(testConfig({}).stripe.primary);
  const keys = overrides.bothModes ? LIVE_KEYS : testKeys;
  const simulatedApp = ({ app }: typeof LIVE_KEYS) => ({
    clientId: app.clientId,
    redirectUris: [`${baseUrl}/stripe-app/callback`],
    signingSecret: app.signingSecrets[0]!,
  });
  const simulator = await startSimulator({
    port: 0,
    stateFile: null,
    platform: {
      name: 'Foyer',
      secretKey: keys.secretKey,
      publishableKey: 'pk_test_platform',
      clientId: keys.clientId,
      redirectUris: [`${baseUrl}/stripe/callback`],
      app: simulatedApp(keys),
      ...(overrides.bothModes
        ? {
            testKeys: {
              secretKey: testKeys.secretKey,
              clientId: testKeys.clientId,
              app: simulatedApp(testKeys),
            },
          }
        : {}),
    },
    webhook: { url: `${baseUrl}/webhooks/stripe`, secret: keys.webhookSecrets[0]! },
    requestsPerSecond: overrides.requestsPerSecond ?? null,
  });
  const testApp = await createTestApp({
    ...overrides,
    server,
    config: { baseUrl, ...overrides.config },
    stripe: {
      apiUrl: simulator.url,
      connectUrl: simulator.url,
      ...modesAt(simulator.url),
      ...overrides.stripe,
    },
  });
  let emails = 0;

  /** the app is installed at the same simulator */
  function modesAt(url: string) {
    const modes = (overrides.bothModes ? [LIVE_KEYS, testKeys] : [testKeys]).map((mode) => ({
      ...mode,
      app: { ...mode.app, installUrl: `${url}/oauth/v2/authorize` },
    }));
    return { primary: modes[0]!, modes };
  }

  const control = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => {
    const answer = await fetch(`${simulator.url}/_control${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };

  const market = {
    testApp,
    simulator,
    control,
    baseUrl,
    db: testApp.db,
    at: (path: string) => baseUrl + path,
    /** Webhooks that are under way arrive, and all that they and the app asked for is worked off. Answers what went wrong. */
    async settle(): Promise<Error[]> {
      const failures: Error[] = [];
      for (let round = 0; round < 20; round += 1) {
        failures.push(...(await testApp.runJobs()));
        const { pending } = (await control('GET', '/webhooks')) as { pending: unknown[] };
        if (pending.length === 0) break;
        await new Promise((done) => setTimeout(done, 25));
      }
      failures.push(...(await testApp.runJobs()));
      return failures.filter((failure) => !(failure instanceof TryAgain));
    },
    /** What the app has asked Stripe, without secrets. */
    async requests(): Promise<StripeRequest[]> {
      return ((await control('GET', '/requests')) as { requests: StripeRequest[] }).requests;
    },
    async ledger(): Promise<Ledger> {
      return (await control('GET', '/ledger')) as Ledger;
    },
    async close() {
      await testApp.close();
      await simulator.close();
    },

    /** A person with an organizer, signed in by the real forms. */
    async organizer(name = 'Analytical Society'): Promise<{ browser: Browser; email: string }> {
      const browser = createBrowser();
      const email = `organizer${(emails += 1)}@example.com`;
      const form = await browser.open(market.at('/sign-up'));
      await browser.submit(form, { name: 'Ada', email, password: PASSWORD });
      await market.confirmEmail(browser, email);
      await browser.submit(await browser.open(market.at('/organizer/organizers/new')), {
        name,
        contact_email: email,
      });
      return { browser, email };
    },

    /** Opens the link of the mail that came with signing up, and confirms. */
    async confirmEmail(browser: Browser, email: string): Promise<void> {
      const link = await mailedLink(testApp.db, email, 'verify-email');
      await browser.submit(await browser.open(market.at(link)), {}, { action: /email-confirmations/ });
    },

    async admin(): Promise<Browser> {
      const browser = createBrowser();
      const email = `admin${(emails += 1)}@example.com`;
      await browser.submit(await browser.open(market.at('/sign-up')), {
        name: 'Grace',
        email,
        password: PASSWORD,
      });
      await market.confirmEmail(browser, email);
      await testApp.db('users').where({ email }).update({ is_admin: true });
      return browser;
    },

    /** Presses "Connect with Stripe" on a page, creates an account at Stripe, allows, and comes back. */
    async connect(
      browser: Browser,
      page: BrowserPage,
      fields: Record<string, string> = {},
    ): Promise<BrowserPage> {
      const fromForm = page.url.includes('/events/');
      const authorize = await browser.submit(
        page,
        fromForm ? { ...fields, from: 'event_form' } : fields,
        fromForm ? { submitTo: '/stripe/connect' } : { action: '/stripe/connect' },
      );
      return browser.submit(
        authorize,
        {
          action: 'create',
          email: 'money@example.com',
          business_name: 'Analytical Society',
          country: 'DE',
          charges_enabled: 'on',
        },
        { action: /oauth\/authorize/ },
      );
    },

    /** A published event on a connected account. */
    async eventOnSale(options: { fields?: Record<string, string>; name?: string } = {}) {
      const { browser, email } = await market.organizer(options.name);
      await market.connect(browser, await browser.open(market.at('/organizer/payments')));
      const { slug, id } = await market.publish(browser, options.fields);
      const connection = await testApp.db('stripe_connections').orderBy('connected_at', 'desc').first();
      return {
        browser,
        email,
        slug,
        id,
        account: connection.stripe_user_id as string,
        connectionId: connection.id as string,
      };
    },

    async publish(browser: Browser, fields: Record<string, string> = {}) {
      const form = await browser.open(market.at('/organizer/events/new'));
      const saved = await browser.submit(form, { ...EVENT, ...fields, action: 'save' });
      const id = /\/organizer\/events\/([0-9a-f-]{36})/.exec(saved.url)?.[1];
      if (!id) throw new Error(`The event was not saved (${saved.status}): ${saved.text.slice(0, 800)}`);
      const published = await browser.submit(
        await browser.open(market.at(`/organizer/events/${id}/publication`)),
        {},
        { action: /publication/ },
      );
      const event = await testApp.db('events').where({ id }).first();
      if (event.status !== 'published')
        throw new Error(`The event was not published (${published.status}): ${published.text.slice(0, 800)}`);
      return { slug: event.slug as string, id };
    },

    /** A guest chooses tickets; ends on the order's page, or on the event's page with what was wrong. */
    async choose(browser: Browser, slug: string, quantity = 2, typeName?: string): Promise<BrowserPage> {
      const page = await browser.open(market.at(`/events/${slug}`));
      const event = await testApp.db('events').where({ slug }).first('id');
      const types = await testApp
        .db('ticket_types')
        .where({ event_id: event.id, ...(typeName ? { name: typeName } : {}) })
        .orderBy('position');
      return browser.submit(page, { [`quantity.${types[0].id}`]: String(quantity) });
    },

    /** Gives details; ends on the page that leads on to Stripe, or on the order for free tickets. */
    details: (browser: Browser, orderPage: BrowserPage, buyer: { name?: string; email?: string } = {}) =>
      browser.submit(
        orderPage,
        { name: buyer.name ?? 'Charles', email: buyer.email ?? 'charles@example.com' },
        { action: /\/payment$/ },
      ),

    /** Pays on Stripe's page with a test card and comes back. */
    async pay(
      browser: Browser,
      leading: BrowserPage,
      card: Record<string, string> = GOOD_CARD,
    ): Promise<BrowserPage> {
      const hosted = await browser.followRefresh(leading);
      return browser.submit(hosted, { ...card, email: 'charles@example.com' }, { action: /\/c\/pay\// });
    },

    /** A whole paid order by a guest of their own. */
    async buy(slug: string, quantity = 2) {
      const browser = createBrowser();
      const order = await market.choose(browser, slug, quantity);
      const leading = await market.details(browser, order);
      const back = await market.pay(browser, leading);
      return { browser, page: back, url: order.url };
    },

    orderOf: async (url: string) => {
      const token = /\/orders\/([^/?]+)/.exec(url)?.[1];
      return testApp
        .db('orders')
        .where({ id: testApp.dependencies.orderTokens.verify(token) })
        .first();
    },
  };
  return market;
}

export const EVENT = {
  title: 'An Evening with the Engine',
  description: 'Cards, wheels and *notes*.',
  starts_at: '2030-03-15T19:30',
  ends_at: '2030-03-15T22:00',
  time_zone: 'Europe/Berlin',
  location_kind: 'venue',
  venue_name: 'Old Library',
  venue_address: 'Hauptstraße 1, Berlin',
  currency: 'eur',
  'tickets.0.name': 'Standard',
  'tickets.0.kind': 'paid',
  'tickets.0.price': '20.00',
  'tickets.0.capacity': '50',
  'tickets.0.min_per_order': '1',
  'tickets.0.max_per_order': '10',
  'tickets.0.visibility': 'public',
};

export interface StripeRequest {
  /** milliseconds */
  at: number;
  method: string;
  path: string;
  account: string | null;
  idempotencyKey: string | null;
  params: Record<string, string>;
  status: number | null;
}

export interface Ledger {
  accounts: Record<
    string,
    {
      charges: {
        id: string;
        amount: number;
        application_fee_amount?: number | null;
        amount_refunded: number;
        status?: string;
      }[];
      refunds: { amount: number; status: string }[];
      application_fees: unknown[];
      balance: unknown;
    }
  >;
  platform: Record<string, unknown>;
}

/** Promise 1 and the counters, asserted over the whole database: what is held and sold is the sum of what orders say. */
export async function brokenInvariants(testApp: Pick<TestApp, 'db'>): Promise<string[]> {
  const checks: [string, string][] = [
    [
      'ticket type counters',
      `SELECT types.id FROM ticket_types types LEFT JOIN LATERAL (SELECT coalesce(sum(quantity) FILTER (WHERE inventory = 'held'), 0) AS held, coalesce(sum(quantity - refunded_quantity) FILTER (WHERE inventory = 'sold'), 0) AS sold FROM order_lines JOIN orders ON orders.id = order_lines.order_id WHERE ticket_type_id = types.id) counted ON true WHERE types.held <> counted.held OR types.sold <> counted.sold OR types.held + types.sold > types.capacity`,
    ],
    [
      'event counters',
      `SELECT events.id FROM events LEFT JOIN LATERAL (SELECT coalesce(sum(held), 0) AS held, coalesce(sum(sold), 0) AS sold FROM ticket_types WHERE event_id = events.id) counted ON true WHERE events.held <> counted.held OR events.sold <> counted.sold`,
    ],
    [
      'uses of codes',
      `SELECT code.id FROM discount_codes code LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE inventory = 'held') AS held, count(*) FILTER (WHERE inventory = 'sold') AS used FROM orders WHERE discount_code_id = code.id) counted ON true WHERE code.held <> counted.held OR code.used <> counted.used OR code.held + code.used > code.use_limit`,
    ],
    [
      'tickets of fulfilled orders',
      `SELECT orders.id FROM orders LEFT JOIN LATERAL (SELECT count(*) AS n FROM tickets WHERE order_id = orders.id AND status = 'valid') t ON true LEFT JOIN LATERAL (SELECT sum(quantity - refunded_quantity) AS n FROM order_lines WHERE order_id = orders.id) l ON true WHERE CASE WHEN orders.inventory = 'sold' THEN t.n <> l.n ELSE t.n > 0 END`,
    ],
    [
      'no ticket without a paid or free order',
      `SELECT tickets.id FROM tickets JOIN orders ON orders.id = tickets.order_id WHERE tickets.status = 'valid' AND orders.status NOT IN ('paid', 'partially_refunded', 'needs_attention')`,
    ],
    [
      'every status has its row in the timeline',
      `SELECT orders.id FROM orders WHERE status <> (SELECT to_status FROM order_timeline WHERE order_id = orders.id ORDER BY id DESC LIMIT 1)`,
    ],
    [
      'refunds fit their payment',
      `SELECT payment_attempt_id FROM refunds JOIN payment_attempts ON payment_attempts.id = payment_attempt_id WHERE refunds.status IN ('pending', 'succeeded') GROUP BY payment_attempt_id, paid_amount, payment_attempts.amount HAVING sum(refunds.amount) > coalesce(paid_amount, payment_attempts.amount)`,
    ],
    [
      'a payment that went back whole leaves no ticket',
      `SELECT orders.id FROM orders WHERE status IN ('paid', 'partially_refunded') AND total_amount > 0 AND total_amount <= (SELECT coalesce(sum(refunds.amount), 0) FROM refunds WHERE order_id = orders.id AND refunds.status = 'succeeded' AND refunds.origin <> 'duplicate_payment' AND payment_attempt_id = (SELECT id FROM payment_attempts WHERE order_id = orders.id AND status = 'paid' ORDER BY paid_at LIMIT 1))`,
    ],
    [
      'one kept payment for an order',
      `SELECT order_id FROM payment_attempts WHERE status = 'paid' AND NOT EXISTS (SELECT 1 FROM refunds WHERE payment_attempt_id = payment_attempts.id) GROUP BY order_id HAVING count(*) > 1`,
    ],
  ];
  const broken: string[] = [];
  for (const [name, sql] of checks) {
    const { rows } = await testApp.db.raw(sql);
    if (rows.length > 0) broken.push(`${name}: ${JSON.stringify(rows.slice(0, 3))}`);
  }
  return broken;
}
