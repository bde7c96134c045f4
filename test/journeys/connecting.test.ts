/** Every ending of the dance with Stripe, and the ends of a connection. */
import Stripe from 'stripe';
import { sweepOnce } from '../../src/jobs/sweeps';
import { hashToken } from '../../src/lib/tokens';
import { type Browser, createBrowser } from '../support/browser';
import { brokenInvariants, type Market, openMarket, PASSWORD } from '../support/market';

let market: Market;
beforeEach(async () => {
  market = await openMarket();
});
afterEach(() => market.close());

const payments = () => market.at('/organizer/payments');
const exchanges = async () =>
  (await market.requests()).filter((request) => request.path === '/oauth/token').length;
const connections = () => market.db('stripe_connections').orderBy('connected_at');

/** Presses Connect and stops at Stripe's page. */
async function atStripe(browser: Browser) {
  return browser.submit(await browser.open(payments()), {}, { action: '/stripe/connect' });
}

/** Allows at Stripe, but catches the way back instead of going it. */
async function wayBack(browser: Browser): Promise<string> {
  const page = await atStripe(browser);
  const fields = new URLSearchParams(new URL(page.url).searchParams);
  const answer = await fetch(`${market.simulator.url}/oauth/authorize`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams([
      ...fields,
      ['action', 'create'],
      ['email', 'money@example.com'],
      ['business_name', 'Society'],
      ['country', 'DE'],
      ['charges_enabled', 'on'],
    ]).toString(),
  });
  const location = answer.headers.get('location');
  if (!location) throw new Error(`No way back (${answer.status}): ${(await answer.text()).slice(0, 400)}`);
  return location;
}

test('A6: who was signed in as somebody else can see it before connecting: organizer and address stand at the button', async () => {
  const { browser, email } = await market.organizer('Difference Club');
  for (const path of ['/organizer/payments', '/organizer/events/new']) {
    const { text } = await browser.open(market.at(path));
    expect(text).toContain(`You connect as Difference Club, signed in as ${email}.`);
  }
});

test('denied, with a state and without one', async () => {
  const { browser } = await market.organizer();
  const back = await browser.submit(
    await atStripe(browser),
    { action: 'deny' },
    { action: /oauth\/authorize/ },
  );
  expect(back.url).toBe(payments());
  expect(back.text).toMatch(/You did not connect a Stripe account\. Nothing was changed/);
  const bare = await browser.open(
    market.at('/stripe/callback?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E'),
  );
  expect(bare.url).toBe(payments());
  expect(bare.html).not.toContain('<script>alert');
  expect(bare.text).toMatch(/You did not connect/);
  expect(await exchanges()).toBe(0);
  expect(await connections()).toEqual([]);
});

test.each([
  ['none', '/stripe/callback?code=ac_123'],
  ['a wrong one', '/stripe/callback?code=ac_123&state=' + 'x'.repeat(43)],
  ['a huge one', '/stripe/callback?code=ac_123&state=' + 'x'.repeat(10_000)],
  ['two', '/stripe/callback?code=ac_123&state=a&state=b'],
  ['an empty one', '/stripe/callback?code=ac_123&state='],
])('a callback with a state that is %s: 400, Stripe is not asked, nothing stored', async (_name, path) => {
  const { browser } = await market.organizer();
  const page = await browser.open(market.at(path));
  expect(page.status).toBe(400);
  expect(page.text).toMatch(/This link has expired.*No account was connected/);
  expect(page.html).toContain('href="/organizer/payments"');
  expect(await exchanges()).toBe(0);
  expect(await connections()).toEqual([]);
});

test('another person’s state, another session’s state and an expired state are refused before the exchange', async () => {
  const mine = await market.organizer('Mine');
  const other = await market.organizer('Other');
  const url = await wayBack(mine.browser);
  expect((await other.browser.open(url)).status).toBe(400);
  const secondSession = createBrowser();
  await secondSession.submit(await secondSession.open(market.at('/sign-in')), {
    email: mine.email,
    password: PASSWORD,
  });
  expect((await secondSession.open(url)).status).toBe(400);
  const guest = createBrowser();
  expect((await guest.open(url)).text).toMatch(/signed out while you were at Stripe/);
  await market.db('oauth_states').update({ expires_at: market.db.raw("now() - interval '1 second'") });
  expect((await mine.browser.open(url)).status).toBe(400);
  expect(await exchanges()).toBe(0);
  expect(await connections()).toEqual([]);
});

test('the state is kept only as a hash and bound to session, person, organizer and mode', async () => {
  const { browser } = await market.organizer();
  const url = new URL(await wayBack(browser));
  const rows = await market.db('oauth_states');
  expect(rows).toEqual([
    expect.objectContaining({
      state_hash: hashToken(url.searchParams.get('state')!),
      livemode: false,
      return_to: 'payments',
      consumed_at: null,
    }),
  ]);
  expect(JSON.stringify(rows)).not.toContain(url.searchParams.get('state'));
  expect(rows[0].expires_at.getTime() - rows[0].created_at.getTime()).toBe(10 * 60_000);
});

test('the same way back twice at once and again later: one exchange, one connection', async () => {
  const { browser } = await market.organizer();
  const url = await wayBack(browser);
  const pages = await Promise.all([browser.open(url), browser.open(url), browser.open(url)]);
  expect(pages.every((page) => page.url === payments())).toBe(true);
  expect(await exchanges()).toBe(1);
  const again = await browser.open(url);
  expect(again.text).toMatch(/is connected already\. Nothing was changed/);
  expect(await exchanges()).toBe(1);
  expect(await connections()).toEqual([expect.objectContaining({ status: 'active' })]);
});

test('twin: a state that is consumed after the exchange sends the code twice, and Stripe revokes the connection', async () => {
  const { browser } = await market.organizer();
  const url = await wayBack(browser);
  const { connectOAuth } = market.testApp.dependencies;
  const code = new URL(url).searchParams.get('code')!;
  const both = await Promise.allSettled([
    connectOAuth.exchangeCode({ code, livemode: false }),
    connectOAuth.exchangeCode({ code, livemode: false }),
  ]);
  expect(both.map((answer) => answer.status).sort()).toEqual(['fulfilled', 'rejected']);
  const { stripeUserId } = (
    both.find((answer) => answer.status === 'fulfilled') as PromiseFulfilledResult<{ stripeUserId: string }>
  ).value;
  await expect(
    market.testApp.dependencies.stripe.retrieveAccount({ account: stripeUserId, livemode: false }),
  ).rejects.toMatchObject({ problem: 'access_lost' });
});

test('a role that was taken away meanwhile: 403, no exchange', async () => {
  const { browser } = await market.organizer();
  const url = await wayBack(browser);
  await market.db('memberships').delete();
  expect((await browser.open(url)).status).toBe(403);
  expect(await exchanges()).toBe(0);
});

test('two organizers of one person in two tabs: each account lands where it was begun', async () => {
  const { browser } = await market.organizer('First');
  const first = await wayBack(browser);
  await browser.submit(await browser.open(market.at('/organizer/organizers/new')), {
    name: 'Second',
    contact_email: 'second@example.com',
  });
  const second = await wayBack(browser);
  await browser.open(second);
  await browser.open(first);
  const rows = await market
    .db('stripe_connections')
    .join('organizers', 'organizers.id', 'organizer_id')
    .orderBy('organizers.name')
    .select('organizers.name', 'state_hash')
    .leftJoin('oauth_states', 'oauth_states.organizer_id', 'organizers.id');
  expect(rows.map((row) => [row.name, row.state_hash])).toEqual([
    ['First', hashToken(new URL(first).searchParams.get('state')!)],
    ['Second', hashToken(new URL(second).searchParams.get('state')!)],
  ]);
});

test.each([
  ['an error before', 'error_before', {}, /Stripe didn't answer, so your account is not connected yet/],
  ['an error after', 'error_after', {}, /Stripe didn't answer/],
  ['a cut connection', 'reset_before', {}, /Stripe didn't answer/],
  ['a connection cut after acting', 'reset_after', {}, /Stripe didn't answer/],
  ['a page instead of an answer', 'html', {}, /Stripe didn't answer/],
  ['half an answer', 'truncated_json', {}, /Stripe didn't answer/],
  ['the live mode', 'merge_body', { livemode: true }, /connected in another mode/],
  ['no account', 'merge_body', { stripe_user_id: null }, /Stripe didn't answer/],
  ['a malformed account', 'merge_body', { stripe_user_id: "acct_1'; DROP TABLE" }, /Stripe didn't answer/],
  ['a read-only grant', 'merge_body', { scope: 'read_only' }, /only the right to look/],
])(
  'the token endpoint answers %s: said in words, nothing stored, asked once',
  async (_name, fault, body, words) => {
    const { browser } = await market.organizer();
    const url = await wayBack(browser);
    await market.control('POST', '/faults', [{ match: { path: '/oauth/token' }, fault, body }]);
    const page = await browser.open(url);
    expect(page.url).toBe(payments());
    expect(page.text).toMatch(words);
    expect(page.html).toContain('Connect with Stripe');
    expect(await connections()).toEqual([]);
    expect(await exchanges()).toBe(1);
  },
);

test('a code that has expired, a foreign code, and none', async () => {
  const { browser } = await market.organizer();
  const url = await wayBack(browser);
  await market.control('POST', '/clock', { offsetSeconds: 6 * 60 });
  expect((await browser.open(url)).text).toMatch(/had expired or was used already/);
  await market.control('POST', '/clock', { offsetSeconds: 0 });
  const foreign = new URL(await wayBack(browser));
  foreign.searchParams.set('code', 'ac_notOfThisPlatform');
  expect((await browser.open(foreign.href)).text).toMatch(/had expired or was used already/);
  const none = new URL(await wayBack(browser));
  none.searchParams.delete('code');
  expect((await browser.open(none.href)).text).toMatch(/had expired or was used already/);
  expect(await connections()).toEqual([]);
});

test('an account that another organizer has, and the platform’s own', async () => {
  const first = await market.eventOnSale({ name: 'First' });
  const { browser } = await market.organizer('Second');
  const page = await atStripe(browser);
  const same = await browser.submit(
    page,
    { action: 'sign_in', account: first.account },
    { action: /oauth\/authorize/ },
  );
  expect(same.url).toBe(market.at(`/organizer/payments/account-taken?account=${first.account}`));
  expect(same.text).toMatch(/belongs to another organizer on Foyer.*Ask the people who share the account/);
  expect(same.text).not.toContain('First');
  expect(await connections()).toHaveLength(1);
  // The first organizer's connection still works.
  expect((await market.buy(first.slug, 1)).page.text).toMatch(/Yes, 1 ticket/);

  const own = await market.testApp.dependencies.stripe.retrievePlatformAccountId(false);
  const url = await wayBack(browser);
  await market.control('POST', '/faults', [
    { match: { path: '/oauth/token' }, fault: 'merge_body', body: { stripe_user_id: own } },
  ]);
  expect((await browser.open(url)).text).toMatch(/Foyer's own Stripe account/);
  expect(await connections()).toHaveLength(1);
});

test('two organizers connect one account at the same moment: one has it, the other is told', async () => {
  const { id: account } = (await market.control('POST', '/accounts', {
    email: 'shared@example.com',
    charges_enabled: true,
  })) as { id: string };
  const people = [await market.organizer('First'), await market.organizer('Second')];
  const pages = await Promise.all(
    people.map(async ({ browser }) =>
      browser.submit(await atStripe(browser), { action: 'sign_in', account }, { action: /oauth\/authorize/ }),
    ),
  );
  expect(pages.filter((page) => /Connected to/.test(page.text))).toHaveLength(1);
  expect(pages.filter((page) => /belongs to another organizer/.test(page.text))).toHaveLength(1);
  expect(await connections()).toHaveLength(1);
});

test('no start by a link: GET does nothing, POST needs the token', async () => {
  const { browser } = await market.organizer();
  expect((await browser.open(market.at('/stripe/connect'))).status).toBe(404);
  expect((await browser.post(market.at('/stripe/connect'), { from: 'payments' })).status).toBe(403);
  expect(await market.db('oauth_states')).toEqual([]);
});

test('an account that can’t take charges stops paid sales, and resumes by itself', async () => {
  const sale = await market.eventOnSale();
  await market.control('POST', `/accounts/${sale.account}`, { charges_enabled: false });
  expect(await market.settle()).toEqual([]);
  expect((await createBrowser().open(market.at(`/events/${sale.slug}`))).text).toContain(
    'Paid tickets are not on sale right now',
  );
  expect((await sale.browser.open(payments())).text).toMatch(
    /Takes no payments.*Paid tickets of events that use this account are off sale/,
  );
  await market.control('POST', `/accounts/${sale.account}`, { charges_enabled: true });
  expect(await market.settle()).toEqual([]);
  expect((await market.buy(sale.slug, 1)).page.text).toMatch(/Yes, 1 ticket/);
});

test('publishing paid tickets without a working connection is refused with the reason', async () => {
  const { browser } = await market.organizer();
  await expect(market.publish(browser)).rejects.toThrow(/Connect a Stripe account/);
  expect(await market.db('events').first()).toMatchObject({ status: 'draft' });
});

test('the organizer ends the connection: what will happen is said first; open payments are ended, free tickets go on', async () => {
  const sale = await market.eventOnSale({
    fields: {
      'tickets.1.name': 'Gallery',
      'tickets.1.kind': 'free',
      'tickets.1.price': '',
      'tickets.1.capacity': '10',
      'tickets.1.min_per_order': '1',
      'tickets.1.max_per_order': '4',
      'tickets.1.visibility': 'public',
    },
  });
  const buyer = createBrowser();
  const order = await market.choose(buyer, sale.slug, 1, 'Standard');
  const leading = await market.details(buyer, order);
  const confirm = await sale.browser.open(
    market.at(`/stripe/connections/${sale.connectionId}/disconnection`),
  );
  expect(confirm.text).toMatch(
    /Paid tickets go off sale at once.*One payment is under way.*Free tickets|Free tickets stay on sale/,
  );
  const ended = await sale.browser.submit(confirm, {}, { action: /disconnection/ });
  expect(ended.text).toMatch(/Disconnected\./);
  expect((await market.orderOf(order.url)).status).toBe('expired');
  expect((await buyer.followRefresh(leading)).html).not.toMatch(/name="card_number"/);
  expect((await buyer.open(order.url)).text).toMatch(/You were not charged/);
  const free = await market.choose(createBrowser(), sale.slug, 1, 'Gallery');
  expect(free.text).toMatch(/Get my free tickets/);
  expect((await sale.browser.open(market.at('/organizer'))).text).toMatch(/Connect a Stripe account/);
  expect(await brokenInvariants(market.testApp)).toEqual([]);

  // And back again: a new row, the history stays.
  const again = await market.connect(sale.browser, await sale.browser.open(payments()));
  expect(again.text).toMatch(/Connected to/);
  expect((await connections()).map((row) => row.status)).toEqual(['disconnected', 'active']);
  expect(again.text).toMatch(/Earlier connections/);
});

test('a payment that succeeds in the middle of a disconnect counts', async () => {
  const sale = await market.eventOnSale();
  const buyer = createBrowser();
  const order = await market.choose(buyer, sale.slug, 1);
  await market.details(buyer, order);
  await market.control('POST', '/webhooks', { mode: 'muted' });
  const attempt = await market.db('payment_attempts').first();
  await market.control('POST', `/sessions/${attempt.checkout_session_id}/pay`, { outcome: 'success' });
  const ended = await sale.browser.submit(
    await sale.browser.open(market.at(`/stripe/connections/${sale.connectionId}/disconnection`)),
    {},
    { action: /disconnection/ },
  );
  expect(ended.text).toMatch(/Disconnected\./);
  expect(await market.orderOf(order.url)).toMatchObject({ status: 'paid', inventory: 'sold' });
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});

test('Stripe does not answer the end: sales have stopped, the worker goes on asking; "not connected" counts as done', async () => {
  const sale = await market.eventOnSale();
  await market.control('POST', '/faults', [{ match: { path: '/oauth/deauthorize' }, fault: 'error_after' }]);
  const ended = await sale.browser.submit(
    await sale.browser.open(market.at(`/stripe/connections/${sale.connectionId}/disconnection`)),
    {},
    { action: /disconnection/ },
  );
  expect(ended.text).toMatch(/Stripe hasn't confirmed the end/);
  expect((await connections())[0]).toMatchObject({ status: 'disconnecting' });
  expect((await createBrowser().open(market.at(`/events/${sale.slug}`))).text).toContain(
    'Paid tickets are not on sale right now',
  );
  await market
    .db('stripe_connections')
    .update({ disconnect_requested_at: market.db.raw("now() - interval '1 minute'") });
  expect(await market.settle()).toEqual([]);
  await sweepOnce(market.testApp.dependencies);
  expect((await connections())[0]).toMatchObject({ status: 'disconnected', ended_by: 'organizer' });
});

test('a wrong client id or key of ours ends no connection', async () => {
  const sale = await market.eventOnSale();
  await market.control('POST', '/faults', [
    {
      match: { path: '/oauth/deauthorize' },
      fault: 'status',
      status: 401,
      body: { error: 'invalid_client', error_description: "No such application: 'ca_x'" },
      times: -1,
    },
  ]);
  await sale.browser.submit(
    await sale.browser.open(market.at(`/stripe/connections/${sale.connectionId}/disconnection`)),
    {},
    { action: /disconnection/ },
  );
  await sweepOnce(market.testApp.dependencies);
  expect((await connections())[0]).toMatchObject({ status: 'disconnecting' });
});

test('revoked at Stripe: ends the same way, twice delivered is once done, buyers read a plain sentence', async () => {
  const sale = await market.eventOnSale();
  await market.control('POST', '/webhooks', { mode: 'double' });
  await market.control('POST', `/accounts/${sale.account}/revoke`);
  expect(await market.settle()).toEqual([]);
  expect((await connections())[0]).toMatchObject({ status: 'disconnected', ended_by: 'stripe' });
  expect((await createBrowser().open(market.at(`/events/${sale.slug}`))).text).toContain(
    'Paid tickets are not on sale right now',
  );
  expect(await market.db('mails').where({ template: 'disconnected' })).toHaveLength(1);
  expect((await sale.browser.open(payments())).text).toMatch(/was disconnected at Stripe/);
});

test('news of an old revocation after a reconnect is ignored', async () => {
  const sale = await market.eventOnSale();
  await market.control('POST', '/webhooks', { mode: 'hold' });
  await market.control('POST', `/accounts/${sale.account}/revoke`);
  const event = {
    id: 'evt_old',
    object: 'event',
    type: 'account.application.deauthorized',
    account: sale.account,
    livemode: false,
    created: Math.floor(Date.now() / 1000) - 3600,
    data: {
      object: {
        id: market.testApp.dependencies.config.stripe.primary.clientId,
        object: 'application',
        name: 'Foyer',
      },
    },
  };
  const payload = JSON.stringify(event);
  const header = Stripe.webhooks.generateTestHeaderString({
    payload,
    secret: market.testApp.dependencies.config.stripe.primary.webhookSecrets[0]!,
  });
  const answer = await fetch(market.at('/webhooks/stripe'), {
    method: 'POST',
    body: payload,
    headers: { 'Content-Type': 'application/json', 'Stripe-Signature': header },
  });
  expect(answer.status).toBe(200);
  await market.testApp.runJobs();
  expect(await market.db('stripe_events').where({ id: 'evt_old' }).first()).toMatchObject({
    outcome: 'older than the present connection',
  });
  expect((await connections())[0]).toMatchObject({ status: 'active' });
});

test('revoked while a buyer is about to pay: the order ends, nothing was charged, the organizer is flagged', async () => {
  const sale = await market.eventOnSale();
  await market.control('POST', '/webhooks', { mode: 'muted' });
  const buyer = createBrowser();
  const order = await market.choose(buyer, sale.slug, 1);
  await market.control('POST', `/accounts/${sale.account}/revoke`);
  const failed = await market.details(buyer, order);
  expect(failed.text).toMatch(/could not be started.*You were not charged/);
  expect(await market.orderOf(order.url)).toMatchObject({ status: 'failed', inventory: 'none' });
  expect((await connections())[0]).toMatchObject({ status: 'active', status_detail: 'access_lost' });
  expect((await sale.browser.open(payments())).text).toMatch(/no longer gives Foyer access/);

  // Pressing Connect there ends what is dead already, and begins anew.
  await market.control('POST', '/webhooks', { mode: 'normal' });
  const again = await market.connect(sale.browser, await sale.browser.open(payments()));
  expect(again.text).toMatch(/Connected to/);
  expect((await connections()).map((row) => row.status)).toEqual(['disconnected', 'active']);
});

test('the admin’s end needs the password again after ten minutes; others find no such page', async () => {
  const sale = await market.eventOnSale();
  const address = market.at(`/admin/connections/${sale.connectionId}/disconnection`);
  expect((await sale.browser.open(address)).status).toBe(404);
  const admin = await market.admin();
  await market.db.raw(
    `UPDATE sessions SET data = jsonb_set(data::jsonb, '{authenticatedAt}', to_jsonb(extract(epoch FROM now())::bigint - 601))`,
  );
  const asked = await admin.open(address);
  expect(asked.url).toContain('/confirm-password?next=');
  const wrong = await admin.submit(asked, { password: 'not this one here' });
  expect(wrong.status).toBe(422);
  const through = await admin.submit(wrong, { password: PASSWORD });
  expect(through.url).toBe(address);
  expect(through.text).toMatch(/The organizer .* gets a mail with your reason/);
});
