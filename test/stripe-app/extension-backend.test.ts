/** The backend of the Dashboard extension, over HTTP: who may ask, what they see, and what becomes of a sign-in. */
import Stripe from 'stripe';
import supertest from 'supertest';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { createListener } from '../../src/app';
import { createDependencies, type Dependencies } from '../../src/dependencies';
import { newId } from '../../src/lib/ids';
import { hashToken } from '../../src/lib/tokens';
import { createKeptSignIns } from '../../src/stripe-app/kept-sign-in';
import { databaseState } from '../support/database-state';
import { type Market, openMarket } from '../support/market';
import { openDashboard, signatureOf, SIGNING_SECRETS } from './dashboard';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let payment: string;
let order: { id: string; reference: string; organizer_id: string };
let ada: ReturnType<typeof openDashboard>;

beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
  await market.control('POST', `/accounts/${sale.account}/install`);
  const bought = await market.buy(sale.slug);
  await market.settle();
  order = await market.orderOf(bought.url);
  const attempt = await market.db('payment_attempts').where({ order_id: order.id }).first();
  payment = attempt.payment_intent_id;
  ada = openDashboard(market.baseUrl, sale.account);
}, 60_000);
afterAll(() => market.close());
afterEach(() => market.control('DELETE', '/faults'));

const stripe = () =>
  new Stripe('sk_test_platformOfTheTests', {
    host: '127.0.0.1',
    port: market.simulator.port,
    protocol: 'http',
    telemetry: false,
    maxNetworkRetries: 0,
  });
const SECRET = { name: 'foyer_sign_in', scope: { type: 'user', user: 'usr_1Ada' } } as const;
const atAccount = () => ({ stripeAccount: sale.account });
const kept = async () =>
  JSON.parse((await stripe().apps.secrets.find({ ...SECRET, expand: ['payload'] }, atAccount())).payload!);

describe('a request is from whom Stripe says', () => {
  const now = () => Date.now() / 1000;
  const refused: [string, () => string | null][] = [
    ['without a signature', () => null],
    ['signed with another secret', () => signatureOf(ada.signed, ['absec_ofSomebodyElse'])],
    ['signed five minutes ago', () => signatureOf(ada.signed, SIGNING_SECRETS, now() - 302)],
    ['signed for a time to come', () => signatureOf(ada.signed, SIGNING_SECRETS, now() + 302)],
    ['with its keys swapped', () => signatureOf(JSON.stringify(swapped(ada.identity)))],
    ['signed for another user', () => signatureOf(ada.signed.replace('usr_1Ada', 'usr_1Eve'))],
    ['signed for another account', () => signatureOf(ada.signed.replace('acct_', 'acct_0'))],
    ['signed with something more', () => signatureOf(ada.signed.replace('}', ',"mode":"test"}'))],
  ];
  test.each(refused)('%s it is refused, wherever it goes', async (_what, signature) => {
    const before = await databaseState(market.db);
    for (const [method, path] of [
      ['GET', '/api/oauth/userinfo'],
      ['GET', '/api/oauth/login'],
      ['POST', '/api/oauth/logout'],
      ['GET', `/api/payments/${payment}`],
    ] as const) {
      const answer = await ada.ask(path, { method, signature: signature() });
      expect([path, answer.status, answer.body.error?.code]).toEqual([path, 400, 'bad_signature']);
    }
    expect(await databaseState(market.db)).toEqual(before);
  });

  const accepted: [string, () => string][] = [
    ['the secret in use', () => signatureOf(ada.signed)],
    ['the former one', () => signatureOf(ada.signed, [SIGNING_SECRETS[1]!])],
    ['both, while it rolls', () => signatureOf(ada.signed, ['absec_newer', SIGNING_SECRETS[0]!])],
    ['clocks four minutes apart', () => signatureOf(ada.signed, SIGNING_SECRETS, now() + 240)],
  ];
  test.each(accepted)('with %s it is heard: the twin', async (_what, signature) => {
    const answer = await ada.ask('/api/oauth/userinfo', { signature: signature() });
    expect([answer.status, answer.body.error.code]).toEqual([401, 'not_signed_in']);
  });

  test.each([
    ['no identifiers', {}],
    ['no mode', { mode: '' }],
    ['a mode of its own', { mode: 'sandbox' }],
    ['an account that is none', { account_id: 'acct_"}' }],
    ['a user that is none', { user_id: 'ada' }],
  ])('%s are a bad request', async (_what, change) => {
    const whole = { ...ada.identity, mode: 'test', ...change };
    const query = Object.keys(change).length === 0 ? {} : whole;
    const answer = await ada.ask('/api/oauth/userinfo', { query });
    expect([answer.status, answer.body.error.code]).toEqual([400, 'bad_request']);
  });

  test('an identifier that comes twice is a bad request; a mode without keys has no signature that fits', async () => {
    const twice = `user_id=usr_1Eve&${new URLSearchParams({ ...ada.identity, mode: 'test' })}`;
    expect((await ada.ask('/api/oauth/userinfo', { query: twice })).body.error.code).toBe('bad_request');
    const live = await ada.ask('/api/oauth/userinfo', { query: { ...ada.identity, mode: 'live' } });
    expect(live.body.error.code).toBe('bad_signature');
  });

  test('a frame without an origin may ask these addresses, and no other; no cookie goes either way', async () => {
    const preflight = {
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'stripe-signature',
    };
    for (const path of [
      '/api/oauth/userinfo',
      '/api/oauth/login',
      '/api/oauth/logout',
      '/api/payments/pi_1',
    ]) {
      const answer = await ada.ask(path, { method: 'OPTIONS', signature: null, headers: preflight });
      expect([path, answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([
        path,
        204,
        '*',
      ]);
      expect(answer.headers.get('access-control-allow-headers')).toMatch(/stripe-signature/i);
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    }
    for (const path of ['/', '/api/oauth/authorise', '/api/oauth/signed-in', '/oauth/token', '/organizer']) {
      const answer = await ada.ask(path, { method: 'OPTIONS', signature: null, headers: preflight });
      expect([path, answer.headers.get('access-control-allow-origin')]).toEqual([path, null]);
    }
    const cookie = [...sale.browser.cookies(new URL(market.baseUrl).host)]
      .map(([name, value]) => `${name}=${value}`)
      .join('; ');
    const answer = await ada.ask('/api/oauth/userinfo', { headers: { Cookie: cookie } });
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([401, []]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });
});

function swapped({ user_id, account_id }: { user_id: string; account_id: string }) {
  return { account_id, user_id };
}

describe('signing in, looking, signing out', () => {
  beforeAll(() => ada.signIn(market, sale.email));

  test('begins at Foyer’s own address, for a tab and for a frame', async () => {
    const frame = await ada.ask('/api/oauth/login');
    expect(frame.body).toEqual({ url: expect.any(String), expiresIn: 600 });
    const tab = await ada.ask('/api/oauth/login', { headers: { Accept: 'text/html' } });
    expect(tab.status).toBe(303);
    for (const address of [frame.body.url, tab.headers.get('location')!]) {
      const url = new URL(address);
      expect(url.origin + url.pathname).toBe(`${market.baseUrl}/oauth/authorize`);
      expect(Object.fromEntries(url.searchParams)).toEqual({
        response_type: 'code',
        client_id: 'stripe-app',
        redirect_uri: `${market.baseUrl}/api/oauth/authorise`,
        scope: 'orders:read',
        state: expect.stringMatching(/^v1\./),
        code_challenge: expect.stringMatching(/^[\w-]{43}$/),
        code_challenge_method: 'S256',
      });
      expect(address).not.toMatch(/usr_|acct_/);
    }
  });

  test('says who is signed in', async () => {
    expect((await ada.userinfo()).body).toEqual({
      name: 'Ada',
      email: sale.email,
      organizers: [{ name: 'Analytical Society' }],
      grantsUrl: expect.stringContaining(`${market.baseUrl}/account`),
    });
  });

  test('shows the order of a payment, whole', async () => {
    const { status, body } = await ada.payment(payment);
    expect(status).toBe(200);
    expect(body).toEqual({
      order: {
        reference: order.reference,
        status: { label: 'Paid', tone: 'green' },
        url: `${market.baseUrl}/organizer/orders/${order.id}`,
        placedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      },
      buyer: { name: 'Charles', email: 'charles@example.com' },
      event: {
        title: 'An Evening with the Engine',
        startsText: 'Fri 15 Mar 2030, 19:30, Berlin time',
        url: `${market.baseUrl}/organizer/events/${sale.id}`,
      },
      tickets: [
        { type: 'Standard', status: 'valid', checkedInText: null },
        { type: 'Standard', status: 'valid', checkedInText: null },
      ],
      money: {
        paid: { minor: '4000', currency: 'eur', text: '€40.00' },
        refunded: null,
        platformFee: { minor: '160', currency: 'eur', text: '€1.60' },
      },
    });
    await market
      .db('tickets')
      .where({ order_id: order.id, seq: 1 })
      .update({ checked_in_at: '2030-03-15T18:40:00Z' });
    const { body: later } = await ada.payment(payment);
    expect(later.tickets[0].checkedInText).toBe('Fri 15 Mar 2030, 19:40, Berlin time');
    // the way on to the order is one that the member can go
    expect((await sale.browser.open(body.order.url)).status).toBe(200);
  });

  test('a payment of another account or mode, and one for others’ eyes, is not there', async () => {
    const other = openDashboard(market.baseUrl, 'acct_1Other');
    const elsewhere = await market.eventOnSale({ name: 'Difference Club' });
    await market.control('POST', `/accounts/${elsewhere.account}/install`);
    const foreign = openDashboard(market.baseUrl, elsewhere.account);
    await foreign.signIn(market, sale.email);
    // signed in as the same person, but it is not this account's payment
    expect((await foreign.payment(payment)).status).toBe(404);
    expect((await other.payment(payment)).status).not.toBe(200);
    for (const id of ['pi_none', 'nonsense', encodeURIComponent('pi_1/../x')])
      expect([id, (await ada.payment(id)).status]).toEqual([id, 404]);

    const attempt = () => market.db('payment_attempts').where({ payment_intent_id: payment });
    await attempt().update({ livemode: true });
    expect((await ada.payment(payment)).status).toBe(404);
    await attempt().update({ livemode: false });

    // somebody else at the same Dashboard, signed in to Foyer as somebody who is no member
    const colleague = openDashboard(market.baseUrl, sale.account, 'usr_2Eve');
    await colleague.signIn(market, elsewhere.email);
    expect((await colleague.payment(payment)).body.error).toEqual({
      code: 'not_found',
      message: expect.stringContaining('no order'),
    });
    // the twin: it was this that was missing
    const { id } = await market.db('users').where({ email: elsewhere.email }).first('id');
    const membership = { user_id: id, organizer_id: order.organizer_id };
    await market.db('memberships').insert({ ...membership, role: 'member' });
    expect((await colleague.payment(payment)).status).toBe(200);
    await market.db('memberships').where(membership).delete();
  });

  test('the token lies at Stripe, and nowhere here', async () => {
    const tokens = await kept();
    expect(tokens).toMatchObject({ accessToken: expect.any(String), refreshToken: expect.any(String) });
    const { rows: tables } = await market.db.raw(
      "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')",
    );
    for (const { name } of tables)
      for (const token of [tokens.accessToken, tokens.refreshToken]) {
        const { rows } = await market.db.raw(
          'SELECT count(*)::int AS n FROM ?? AS kept WHERE position(? in kept::text) > 0',
          [name, token],
        );
        expect([name, rows[0].n]).toEqual([name, 0]);
      }
    const logs = market.testApp.logs();
    for (const secret of [tokens.accessToken, tokens.refreshToken, ...SIGNING_SECRETS])
      expect(logs).not.toContain(secret);
    expect(logs).not.toMatch(/v1=|usr_1Ada/);
  });

  test('signing out ends the grant at Foyer and forgets it at Stripe', async () => {
    const { refreshToken } = await kept();
    const told = await ada.signOut();
    expect([told.status, told.body]).toEqual([204, '']);
    await expect(kept()).rejects.toMatchObject({ statusCode: 404 });
    const refreshed = await fetch(`${market.baseUrl}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
        client_id: 'stripe-app',
        client_secret: market.testApp.dependencies.config.oauthClients[0]!.secrets[0]!,
      }),
    });
    expect(((await refreshed.json()) as { error: string }).error).toBe('invalid_grant');
    expect((await ada.payment(payment)).status).toBe(401);
    expect((await ada.signOut()).status).toBe(204);
  });
});

describe('the way back from signing in', () => {
  const open = (address: string) => fetch(address, { redirect: 'manual' });

  test('counts once, also for two at once; the code is exchanged once', async () => {
    const back = await ada.allowedBy(market, sale.email);
    const answers = await Promise.all([open(back), open(back)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 400]);
    // a code that had been presented twice would have ended this
    expect((await ada.userinfo()).status).toBe(200);
    const again = await open(back);
    expect([again.status, await again.text()]).toEqual([400, expect.stringContaining('has expired')]);
    expect((await ada.userinfo()).status).toBe(200);
    await ada.signOut();
  });

  test('is taken in both spellings, and ends at a page without a code', async () => {
    const back = await ada.allowedBy(market, sale.email);
    const done = await open(back.replace('/authorise?', '/authorize?'));
    expect([done.status, done.headers.get('location')]).toEqual([303, '/api/oauth/signed-in']);
    const page = await open(`${market.baseUrl}/api/oauth/signed-in`);
    expect(await page.text()).toMatch(/You can close this window/);
    expect(page.headers.getSetCookie()).toEqual([]);
    await ada.signOut();
  });

  test('with a state that is old, changed, or none, it ends without asking for a token', async () => {
    const back = await ada.allowedBy(market, sale.email);
    await market.db('dashboard_sign_ins').whereNull('consumed_at').update({ expires_at: new Date() });
    const other = await ada.allowedBy(market, sale.email);
    const exchanged = () => market.db('oauth_codes').whereNotNull('consumed_at');
    const before = await exchanged();
    const changed = other.replace(/state=([^&]+)/, (_all, state: string) => `state=${flip(state)}`);
    const none = other.replace(/state=[^&]+/, '');
    for (const address of [back, changed, none, other.replace(/state=/, 'state=x&state=')])
      expect((await open(address)).status).toBe(400);
    expect(await exchanged()).toHaveLength(before.length);
    expect((await ada.userinfo()).status).toBe(401);
    // the twin: the same code with its own state
    expect((await open(other)).status).toBe(303);
    await ada.signOut();
  });

  test('that Foyer itself does not answer is told apart from a code that counts no more', async () => {
    const back = await ada.allowedBy(market, sale.email);
    const used = back.replace(/code=[^&]+/, 'code=none');
    expect((await open(used)).status).toBe(400);
    const lost = await ada.allowedBy(market, sale.email);
    const asked = jest.spyOn(globalThis, 'fetch').mockRejectedValueOnce(new Error('nobody there'));
    const page = await supertest(market.baseUrl).get(lost.replace(market.baseUrl, ''));
    asked.mockRestore();
    expect([page.status, page.text]).toEqual([502, expect.stringContaining('We could not finish')]);
  });

  test('of somebody who did not allow it, it says so', async () => {
    const { searchParams } = new URL((await ada.ask('/api/oauth/login')).body.url);
    const query = new URLSearchParams({ error: 'access_denied', state: searchParams.get('state')! });
    const page = await open(`${market.baseUrl}/api/oauth/authorise?${query}`);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('You are not signed in')]);
  });

  test('while Stripe does not answer, nothing is kept, and the grant is ended', async () => {
    const back = await ada.allowedBy(market, sale.email);
    await market.control('POST', '/faults', {
      match: { method: 'POST', path: '/v1/apps/secrets' },
      fault: 'error_before',
      times: 3,
    });
    const page = await open(back);
    expect([page.status, await page.text()]).toEqual([
      502,
      expect.stringContaining('did not answer in time'),
    ]);
    const grant = await market.db('oauth_grants').orderBy('created_at', 'desc').first();
    expect(grant.ended_at).not.toBeNull();
    expect((await ada.userinfo()).status).toBe(401);
  });
});

function flip(state: string): string {
  return state.slice(0, -1) + (state.endsWith('A') ? 'B' : 'A');
}

describe('somebody who is signed in', () => {
  beforeEach(() => ada.signIn(market, sale.email));
  afterEach(() => ada.signOut());

  const fault = (body: object) =>
    market.control('POST', '/faults', { match: { path: '/v1/apps/secrets' }, ...body });

  test.each([
    ['does not answer', { fault: 'error_before' }, /can’t reach Stripe/, 40],
    ['asks to slow down', { fault: 'rate_limit' }, /can’t reach Stripe/, 40],
    ['does not know our key', { fault: 'status', status: 401 }, /did not accept/, 50],
    ['lets us in no more', { fault: 'status', status: 403 }, /Install Foyer’s app/, 40],
    ['refuses the request', { fault: 'status', status: 400 }, /did not accept/, 50],
  ])('is told when Stripe %s, and stays signed in', async (_what, how, words, level) => {
    await fault(how);
    const before = market.testApp.logs().length;
    const told = await ada.payment(payment);
    expect([told.status, told.body.error]).toEqual([
      502,
      { code: 'out_of_reach', message: expect.stringMatching(words) },
    ]);
    expect(told.headers.get('access-control-allow-origin')).toBe('*');
    expect(market.testApp.logs().slice(before)).toContain(`"level":${level}`);
    expect((await ada.payment(payment)).status).toBe(200);
  });

  test('is not any more when the secret is gone, or their address is not confirmed', async () => {
    await stripe().apps.secrets.deleteWhere(SECRET, atAccount());
    expect((await ada.payment(payment)).status).toBe(401);
    await ada.signIn(market, sale.email);
    const user = () => market.db('users').where({ email: sale.email });
    const { email_verified_at } = await user().first();
    await user().update({ email_verified_at: null });
    expect((await ada.userinfo()).status).toBe(401);
    await user().update({ email_verified_at });
  });

  test('is not any more when they took it back in Foyer', async () => {
    await market.db('oauth_grants').update({ ended_at: new Date(), end_reason: 'person' });
    expect((await ada.userinfo()).status).toBe(401);
    await expect(kept()).rejects.toMatchObject({ statusCode: 404 });
  });
});

describe('an access token that has run out', () => {
  let server: Server;
  let second: Dependencies;
  let atSecond: ReturnType<typeof openDashboard>;
  beforeAll(async () => {
    const { config, logger } = market.testApp.dependencies;
    const { databaseUrl } = market.testApp;
    second = createDependencies({ ...config, databaseUrl }, { logger });
    server = createServer(createListener(second));
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    atSecond = openDashboard(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, sale.account);
  });
  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
    await second.close();
  });
  beforeEach(async () => {
    await ada.signIn(market, sale.email);
    await runOut();
  });
  afterEach(() => ada.signOut());

  /** As if an hour had passed. */
  async function runOut(): Promise<void> {
    const payload = JSON.stringify({ ...(await kept()), expiresAt: Date.now() - 1000 });
    await stripe().apps.secrets.create({ ...SECRET, payload }, atAccount());
    await market.db('oauth_tokens').where({ kind: 'access' }).update({ expires_at: new Date() });
    await market.control('DELETE', '/requests');
  }
  const stored = async () =>
    (await market.requests()).filter(({ path, method }) => method === 'POST' && path === '/v1/apps/secrets');
  const living = async () => {
    const grant = await market.db('oauth_grants').orderBy('created_at', 'desc').first();
    return grant.ended_at === null;
  };

  test('is renewed once by many who ask two processes at once, and all of them are answered', async () => {
    const before = await kept();
    const answers = await Promise.all([ada, atSecond, ada, atSecond].map((one) => one.payment(payment)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await stored()).toHaveLength(1);
    const after = await kept();
    expect(after.refreshToken).not.toBe(before.refreshToken);
    expect(await living()).toBe(true);
    // and again, an hour later: what was stored is the one that works
    await runOut();
    expect((await ada.userinfo()).status).toBe(200);
    expect(await market.db('dashboard_refreshes')).toEqual([]);
  });

  test('the twin: without its turn, who comes second loses the sign-in', async () => {
    const withoutTurns = ({ db, ...rest }: Dependencies): Dependencies => ({
      ...rest,
      db: new Proxy(db, {
        get: (target, name) =>
          name === 'raw'
            ? async (sql: string, bindings: never) =>
                sql.includes('dashboard_refreshes') ? { rows: [{}] } : target.raw(sql, bindings)
            : Reflect.get(target, name),
      }),
    });
    // who renews first stores late, so that the other still finds the old one
    await market.control('POST', '/faults', {
      match: { method: 'POST', path: '/v1/apps/secrets' },
      fault: 'slow',
      ms: 500,
    });
    const whose = { user: 'usr_1Ada', account: sale.account, livemode: false };
    const found = await Promise.all(
      [market.testApp.dependencies, second].map((one) => createKeptSignIns(withoutTurns(one)).find(whose)),
    );
    expect(found.filter((one) => one === null)).toHaveLength(1);
  });

  test('whose renewal can not be stored is ended, and asks to sign in again', async () => {
    await market.control('POST', '/faults', {
      match: { method: 'POST', path: '/v1/apps/secrets' },
      fault: 'error_before',
      times: 3,
    });
    expect((await ada.payment(payment)).status).toBe(502);
    expect(await living()).toBe(false);
    expect((await ada.payment(payment)).status).toBe(401);
  });

  test('a turn that a killed process has left is waited for, and taken over when its time is up', async () => {
    await market.db('dashboard_refreshes').insert({
      person_hash: hashToken(`false ${sale.account} usr_1Ada`),
      lease: newId(),
      leased_until: market.db.raw("now() + interval '300 milliseconds'"),
    });
    expect((await ada.userinfo()).status).toBe(200);
    expect(await stored()).toHaveLength(1);
    expect(await market.db('dashboard_refreshes')).toEqual([]);
  });
});
