/** Installing the Stripe App: from the public page to Stripe and back, every ending, the terminal, the uninstall. */
import { hashToken } from '../../src/lib/tokens';
import { sweepOnce } from '../../src/jobs/sweeps';
import { commandDependencies, installFromTerminal } from '../../src/stripe-app/install-command';
import { createInstallationsStore } from '../../src/stripe-app/installations-store';
import { type Browser, type BrowserPage, createBrowser } from '../support/browser';
import { type Market, openMarket } from '../support/market';

let market: Market;
beforeAll(async () => {
  market = await openMarket();
});
afterAll(() => market.close());
beforeEach(async () => {
  await market.control('DELETE', '/faults');
  await market.control('POST', '/clock', { offsetSeconds: 0 });
  await market.control('DELETE', '/requests');
});

const page = () => market.at('/stripe-app');
const rows = () => market.db('stripe_app_installations').orderBy('installed_at');

async function account(): Promise<string> {
  const made = { email: 'money@example.com', business_name: 'Analytical Society' };
  return ((await market.control('POST', '/accounts', made)) as { id: string }).id;
}

/** At Stripe's install page, as a guest. */
async function atStripe(browser: Browser): Promise<BrowserPage> {
  return browser.followRefresh(await browser.submit(await browser.open(page())));
}

const allow = (browser: Browser, at: BrowserPage, id: string) =>
  browser.submit(at, { action: 'sign_in', account: id, email: '' }, { action: /oauth\/v2\/authorize/ });

/** The address that Stripe leads back to, not yet opened by the browser that it belongs to. */
async function wayBack(browser: Browser, id: string): Promise<string> {
  const at = await atStripe(browser);
  const stranger = createBrowser();
  await allow(stranger, at, id);
  return stranger.visited.find((url) => url.includes('/stripe-app/callback'))!;
}

const exchanges = async () =>
  (await market.requests()).filter(({ path }) => path === '/v1/oauth/token').length;

test('somebody who is not signed in reads what the app does, installs it, and comes back to a page without a code', async () => {
  const guest = createBrowser();
  const about = await guest.open(page());
  expect(about.text).toMatch(/Keep a secret.*secret_write.*Hear of events.*event_read/);
  const leaving = await guest.submit(about);
  const url = new URL(/url=([^"]+)"/.exec(leaving.html)![1]!.replaceAll('&amp;', '&'));
  expect([...url.searchParams.keys()]).toEqual(['client_id', 'redirect_uri', 'state']);
  expect(url.searchParams.get('redirect_uri')).toBe(market.at('/stripe-app/callback'));
  const state = url.searchParams.get('state')!;
  expect(await market.db('oauth_states').where({ kind: 'stripe_app' })).toEqual([
    expect.objectContaining({ state_hash: hashToken(state), user_id: null, livemode: false }),
  ]);

  const id = await account();
  const back = await allow(guest, await guest.followRefresh(leaving), id);
  expect(back.url).toBe(page());
  expect(back.text).toContain(`Foyer is installed for ${id}, in test mode.`);
  expect(await exchanges()).toBe(1);
  const [row] = await market.db('stripe_app_installations').where({ stripe_user_id: id });
  expect(row).toMatchObject({
    status: 'installed',
    scope: 'stripe_apps',
    livemode: false,
    organizer_id: null,
  });
  expect(row.checked_at).not.toBeNull();
  expect(row.encrypted_access_token).toMatch(/^v1\./);
  expect(row.encrypted_refresh_token).toMatch(/^v1\./);
  expect(JSON.stringify(row)).not.toMatch(/sk_test_|rt_/);
});

test('the installation belongs to whoever holds the account, who sees it on the payments page until it is uninstalled', async () => {
  const { browser } = await market.organizer();
  const payments = await market.connect(browser, await browser.open(market.at('/organizer/payments')));
  expect(payments.text).toMatch(/Foyer in your Stripe Dashboard.*Not installed/);
  const connection = await market.db('stripe_connections').orderBy('connected_at', 'desc').first();
  const id: string = connection.stripe_user_id;
  await allow(browser, await atStripe(browser), id);
  const [row] = await market.db('stripe_app_installations').where({ stripe_user_id: id });
  expect(row.organizer_id).toBe(connection.organizer_id);
  expect(row.installed_by).not.toBeNull();
  expect((await browser.open(market.at('/organizer/payments'))).text).toMatch(/Stripe Dashboard.* Installed/);

  // At Stripe the owner removes the app: the connection stays, the app's tokens go.
  const owner = createBrowser();
  const dashboard = `${market.simulator.url}/dashboard/${id}/applications`;
  await owner.submit(await owner.open(dashboard), {}, { action: /uninstall$/ });
  await market.settle();
  expect(await market.db('stripe_app_installations').where({ id: row.id }).first()).toMatchObject({
    status: 'uninstalled',
    ended_by: 'stripe',
    encrypted_access_token: null,
    encrypted_refresh_token: null,
  });
  expect((await market.db('stripe_connections').where({ id: connection.id }).first()).status).toBe('active');
  expect((await browser.open(market.at('/organizer/payments'))).text).toMatch(
    /Stripe Dashboard.* Uninstalled/,
  );
});

test('an uninstall that is told late, or twice, does not end the app that was installed again; a revoked connection does not either', async () => {
  const guest = createBrowser();
  const id = await account();
  await allow(guest, await atStripe(guest), id);
  await market
    .db('stripe_app_installations')
    .where({ stripe_user_id: id })
    .update({
      installed_at: market.db.raw("now() - interval '1 hour'"),
    });
  await allow(guest, await atStripe(guest), id);
  const now = Math.floor(Date.now() / 1000);
  const app = market.testApp.dependencies.config.stripe.primary.app!.clientId;
  const tell = (created: number, application: string) =>
    market.control('POST', '/events', {
      type: 'account.application.deauthorized',
      account: id,
      object: { id: application, object: 'application' },
      created,
    });
  const store = createInstallationsStore(market.db);
  await tell(now - 1800, app);
  await tell(now, market.testApp.dependencies.config.stripe.primary.clientId);
  await tell(now, 'ca_somebodyElse');
  await market.settle();
  expect(await store.findByAccount(id, false)).toMatchObject({ status: 'installed' });
  await tell(now + 1, app);
  await tell(now + 1, app);
  await market.settle();
  expect(await store.findByAccount(id, false)).toBeNull();
  expect(
    (await market.db('stripe_app_installations').where({ stripe_user_id: id }).orderBy('installed_at')).map(
      (row) => [row.status, row.ended_by],
    ),
  ).toEqual([
    ['uninstalled', 'new_install'],
    ['uninstalled', 'stripe'],
  ]);
  expect(
    await market.db('audit_log').where({
      action: 'installation.uninstalled',
      subject_id: (await store.findLatestOfAccount(id, false))!.id,
    }),
  ).toHaveLength(1);
});

test('that Stripe tells of an install does not make the account look like a connection that nobody knows', async () => {
  const { stripe } = market.testApp.dependencies.config;
  const ids = { app: await account(), platform: await account() };
  for (const [id, application] of [
    [ids.app, stripe.primary.app!.clientId],
    [ids.platform, stripe.primary.clientId],
  ])
    await market.control('POST', '/events', {
      type: 'account.application.authorized',
      account: id,
      object: { id: application, object: 'application' },
    });
  await market.settle();
  await market.db('stripe_events').update({ received_at: market.db.raw("now() - interval '2 minutes'") });
  const { text } = await (await market.admin()).open(market.at('/admin/connections'));
  expect(text).toContain(ids.platform);
  expect(text).not.toContain(ids.app);
});

test('who says no at Stripe has installed nothing', async () => {
  const guest = createBrowser();
  const at = await atStripe(guest);
  const before = (await rows()).length;
  const back = await guest.submit(at, { action: 'deny' }, { action: /oauth\/v2\/authorize/ });
  expect(back.text).toMatch(/You did not install the app\. Nothing was changed/);
  expect((await rows()).length).toBe(before);
  expect(await exchanges()).toBe(0);
});

test('a state that is missing, unknown, of another browser, too old or used is not exchanged, each with its sentence', async () => {
  const guest = createBrowser();
  const id = await account();
  const before = (await rows()).length;
  const say = async (browser: Browser, url: string) => {
    const answer = await browser.open(url);
    return [answer.status, /Not installed (.*?)\. /.exec(answer.text)?.[1]];
  };
  const callback = market.at('/stripe-app/callback');
  expect(await say(guest, `${callback}?code=ac_x`)).toEqual([400, expect.stringMatching(/incomplete/)]);
  expect(await say(guest, `${callback}?code=ac_x&state=`)).toEqual([
    400,
    expect.stringMatching(/incomplete/),
  ]);
  expect(await say(guest, `${callback}?code=ac_x&state=${'x'.repeat(43)}`)).toEqual([
    400,
    expect.stringMatching(/not one that this browser began/),
  ]);
  const url = await wayBack(guest, id);
  expect(await say(createBrowser(), url)).toEqual([400, expect.stringMatching(/not one that this browser/)]);
  await market.db('oauth_states').update({ expires_at: market.db.raw("now() - interval '1 second'") });
  expect(await say(guest, url)).toEqual([400, expect.stringMatching(/More than ten minutes/)]);
  expect([await exchanges(), (await rows()).length]).toEqual([0, before]);

  const fresh = await wayBack(guest, id);
  const answers = await Promise.all([guest.open(fresh), guest.open(fresh), guest.open(fresh)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400]);
  expect(await say(guest, fresh)).toEqual([400, expect.stringMatching(/used already/)]);
  expect([await exchanges(), (await rows()).length]).toEqual([1, before + 1]);
});

test('a code that is used, expired or of the other mode, and a Stripe that is silent or answers nonsense: not installed', async () => {
  const guest = createBrowser();
  const id = await account();
  const before = (await rows()).length;
  const used = new URL(await wayBack(guest, id)).searchParams.get('code')!;
  await market.testApp.dependencies.appOAuth.exchangeCode({ code: used, livemode: false });
  const replayed = new URL(await wayBack(guest, id));
  replayed.searchParams.set('code', used);
  expect((await guest.open(replayed.href)).text).toMatch(/had expired or was used already/);

  const late = await wayBack(guest, id);
  await market.control('POST', '/clock', { offsetSeconds: 301 });
  expect((await guest.open(late)).text).toMatch(/had expired or was used already/);
  await market.control('POST', '/clock', { offsetSeconds: 0 });

  const faults: [object, RegExp][] = [
    [{ fault: 'reset_after' }, /Stripe didn't answer, so the app is not installed/],
    [{ fault: 'status', status: 503 }, /Stripe didn't answer/],
    [{ fault: 'truncated_json' }, /Stripe didn't answer/],
    [{ fault: 'merge_body', body: { livemode: true } }, /another mode \(test or live\)/],
    [{ fault: 'merge_body', body: { scope: 'read_write' } }, /something else than this app/],
    [{ fault: 'merge_body', body: { refresh_token: null } }, /Stripe didn't answer/],
    [
      { fault: 'status', status: 401, body: { error: { type: 'invalid_request_error' } } },
      /You did nothing wrong/,
    ],
  ];
  for (const [fault, words] of faults) {
    await market.control('POST', '/faults', { ...fault, match: { path: '/v1/oauth/token' } });
    const answer = await guest.open(await wayBack(guest, id));
    expect(answer.text).toMatch(words);
    expect(answer.url).toBe(page());
  }
  // The last of these was the platform's own fault: admins see it, until an exchange goes well (the next test).
  const health = async () => (await (await market.admin()).open(market.at('/admin/health'))).text;
  expect(await health()).toMatch(/App in the Stripe Dashboard Refused for the platform/);
  expect((await rows()).length).toBe(before);
  const silent = await wayBack(guest, id);
  const { origin, pathname, searchParams } = new URL(silent);
  searchParams.delete('code');
  searchParams.set('error', 'server_error');
  expect((await guest.open(`${origin}${pathname}?${searchParams}`)).text).toMatch(
    /Stripe stopped the installation/,
  );
  expect((await rows()).length).toBe(before);
});

test('a token that Stripe refuses at once is refreshed, and refused again it is not kept; one that may not read the account is good', async () => {
  const guest = createBrowser();
  const id = await account();
  const refusing = { fault: 'status', status: 401, match: { path: '/v1/account' } };
  await market.control('POST', '/faults', { ...refusing, times: 2 });
  expect((await allow(guest, await atStripe(guest), id)).text).toMatch(/gave Foyer access and refused it/);
  expect((await (await market.admin()).open(market.at('/admin/health'))).text).toMatch(
    /Stripe Dashboard Works/,
  );
  expect(await createInstallationsStore(market.db).findByAccount(id, false)).toMatchObject({
    status: 'install_again',
    statusDetail: 'token_refused',
  });
  await market.control('POST', '/faults', { ...refusing, times: 1 });
  expect((await allow(guest, await atStripe(guest), id)).text).toContain(`Foyer is installed for ${id}`);
  await market.control('POST', '/faults', { ...refusing, status: 403 });
  expect((await allow(guest, await atStripe(guest), id)).text).toContain(`Foyer is installed for ${id}`);
});

test('Stripe is asked every day; an access that has ended is told to the owners once, by mail and on their page', async () => {
  const { browser, email } = await market.organizer();
  await market.connect(browser, await browser.open(market.at('/organizer/payments')));
  const connection = await market.db('stripe_connections').orderBy('connected_at', 'desc').first();
  const id: string = connection.stripe_user_id;
  await market.control('POST', '/faults', {
    fault: 'status',
    status: 503,
    match: { path: '/v1/account' },
  });
  expect((await allow(browser, await atStripe(browser), id)).text).toMatch(
    /did not confirm its access at once/,
  );
  const store = createInstallationsStore(market.db);
  const installation = (await store.findByAccount(id, false))!;
  expect(await store.listToCheck(50)).toContain(installation.id);
  await sweepOnce(market.testApp.dependencies);
  expect((await store.find(installation.id))!.checkedAt).not.toBeNull();
  expect(await store.listToCheck(50)).not.toContain(installation.id);

  // A year has passed, or somebody made the tokens void.
  await market
    .db('stripe_app_installations')
    .where({ id: installation.id })
    .update({
      checked_at: market.db.raw("now() - interval '25 hours'"),
      access_token_expires_at: market.db.raw('now()'),
    });
  await market.control('POST', '/faults', {
    fault: 'status',
    status: 400,
    body: { error: 'invalid_grant', error_description: 'This refresh token does not exist' },
    match: { path: '/v1/oauth/token' },
  });
  await sweepOnce(market.testApp.dependencies);
  await sweepOnce(market.testApp.dependencies);
  expect(await store.find(installation.id)).toMatchObject({
    status: 'install_again',
    statusDetail: 'refresh_refused',
  });
  const mails = await market.db('mails').where({ recipient: email, template: 'install-app-again' });
  expect(mails.map(({ text_body: text }) => text.includes(market.at('/stripe-app')))).toEqual([true]);
  expect((await browser.open(market.at('/organizer/payments'))).text).toMatch(
    /Stripe Dashboard.* Install again/,
  );
  await allow(browser, await atStripe(browser), id);
  expect(await store.findByAccount(id, false)).toMatchObject({ status: 'installed' });
});

test('while Stripe is away, a round of checks stops after three silences, and the next round finds the rest', async () => {
  await market.db('stripe_app_installations').where({ status: 'installed' }).update({ checked_at: null });
  const store = createInstallationsStore(market.db);
  const due = (await store.listToCheck(50)).length;
  expect(due).toBeGreaterThan(3);
  await market.control('POST', '/faults', {
    fault: 'status',
    status: 503,
    match: { path: '/v1/account' },
    times: -1,
  });
  await sweepOnce(market.testApp.dependencies);
  const asked = (await market.requests()).filter(({ path, account }) => path === '/v1/account' && !account);
  expect(asked.map(({ status }) => status)).toEqual([503, 503, 503]);
  await market.control('DELETE', '/faults');
  expect((await store.listToCheck(50)).length).toBe(due);
  await sweepOnce(market.testApp.dependencies);
  expect(await store.listToCheck(50)).toEqual([]);
});

test('from a terminal: a link, the pasted address, the same endings', async () => {
  const { config } = market.testApp.dependencies;
  const id = await account();
  const run = async (answer: (link: string) => Promise<string>, mode: string | null = null) => {
    let link = '';
    const asked: string[] = [];
    const ending = await installFromTerminal(commandDependencies(config, market.db), {
      mode,
      say: (text) => {
        link = /https?:\/\/\S+authorize\S+/.exec(text)?.[0] ?? link;
      },
      ask: async (question) => {
        asked.push(question);
        return asked.length === 1 ? 'not an address' : answer(link);
      },
    });
    return ending.outcome;
  };
  const throughStripe = async (link: string) => {
    const person = createBrowser();
    const page = await allow(person, await person.open(link), id);
    expect(page.status).toBe(400);
    return page.url;
  };
  expect(await run(throughStripe)).toBe('installed');
  expect(await createInstallationsStore(market.db).findByAccount(id, false)).toMatchObject({
    status: 'installed',
  });
  expect(await run(async () => '')).toBe('declined');
  const mine = await wayBack(createBrowser(), id);
  expect(await run(async () => mine)).toBe('state_unknown');
  await expect(run(throughStripe, 'live')).rejects.toThrow(/no Stripe App in this mode/);
});

test('with both modes: the person chooses, and what is installed in one is not in the other', async () => {
  const both = await openMarket({ bothModes: true });
  try {
    const guest = createBrowser();
    const about = await guest.open(both.at('/stripe-app'));
    expect(about.text).toMatch(/In live mode In test mode/);
    const { id } = (await both.control('POST', '/accounts', { email: 'money@example.com' })) as {
      id: string;
    };
    for (const mode of ['test', 'live']) {
      const at = await guest.followRefresh(await guest.submit(about, { mode }));
      const back = await allow(guest, at, id);
      expect(back.text).toContain(`Foyer is installed for ${id}${mode === 'test' ? ', in test mode' : ''}.`);
    }
    const installed = await both.db('stripe_app_installations').orderBy('installed_at');
    expect(installed.map(({ livemode, status }) => [livemode, status])).toEqual([
      [false, 'installed'],
      [true, 'installed'],
    ]);
    const refused = await guest.submit(about, { mode: 'both' });
    expect([refused.status, refused.text]).toEqual([422, expect.stringMatching(/Choose live or test mode/)]);

    // Chosen live here, and test at Stripe: its code is not one of the live key.
    const live = await guest.submit(about, { mode: 'live' });
    const test = await guest.followRefresh(await guest.submit(about, { mode: 'test' }));
    const stranger = createBrowser();
    await allow(stranger, test, id);
    const code = new URL(
      stranger.visited.find((url) => url.includes('/stripe-app/callback'))!,
    ).searchParams.get('code');
    const state = /state=([\w-]{43})/.exec(live.html)![1];
    const mixed = await guest.open(both.at(`/stripe-app/callback?code=${code}&state=${state}`));
    expect(mixed.text).toMatch(/had expired or was used already/);
  } finally {
    await both.close();
  }
});

test('nothing of a code, a state or a token reached the log', async () => {
  expect(market.testApp.logs()).not.toMatch(/ac_\w|rt_\w|sk_test_|state=|absec_/);
});
