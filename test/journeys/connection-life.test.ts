/** The life of a connection in both directions and at bad moments: health, pauses, ends that wait, and accounts that come back. */
import { sweepOnce } from '../../src/jobs/sweeps';
import { type Browser, createBrowser } from '../support/browser';
import { brokenInvariants, EVENT, type Market, openMarket, PASSWORD } from '../support/market';

let market: Market;
let admin: Browser;
beforeAll(async () => {
  market = await openMarket();
  admin = await market.admin();
});
afterAll(() => market.close());
afterEach(async () => {
  await market.control('DELETE', '/faults');
  await market.control('POST', '/webhooks', { mode: 'normal' });
});

const payments = () => market.at('/organizer/payments');
const OFF_SALE = 'Paid tickets are not on sale right now';
const publicPage = async (slug: string) => (await createBrowser().open(market.at(`/events/${slug}`))).text;
const connection = (id: string) => market.db('stripe_connections').where({ id }).first();
const mailsOf = (recipient: string, template: string) =>
  market.db('mails').where({ recipient, template }).orderBy('id');
let houses = 0;
const openHouse = () => market.eventOnSale({ name: `House ${(houses += 1)}` });

/** A buyer whose payment page is open at Stripe. */
async function buyerAtStripe(slug: string) {
  const browser = createBrowser();
  const order = await market.choose(browser, slug, 1);
  const leading = await market.details(browser, order);
  const { id } = await market.orderOf(order.url);
  const attempt = await market.db('payment_attempts').where({ order_id: id }).first();
  return {
    browser,
    url: order.url,
    id: id as string,
    leading,
    session: attempt.checkout_session_id as string,
  };
}

const order = (id: string) => market.db('orders').where({ id }).first();

/** The session's own time at Stripe is over, for the database and for the simulator. */
async function sessionTimePasses(orderId: string): Promise<void> {
  await market
    .db('payment_attempts')
    .where({ order_id: orderId })
    .update({
      session_expires_at: market.db.raw("now() - interval '5 minutes'"),
    });
  await market
    .db('orders')
    .where({ id: orderId })
    .update({
      hold_expires_at: market.db.raw("now() - interval '5 minutes'"),
    });
}

async function connectAgain(browser: Browser, account: string, connectionId: string) {
  const authorize = await browser.submit(
    await browser.open(payments()),
    { connection: connectionId },
    { action: '/stripe/connect' },
  );
  return browser.submit(authorize, { action: 'sign_in', account }, { action: /oauth\/authorize/ });
}

async function endAsAdmin(connectionId: string, reason = 'Nobody answers there') {
  const page = await admin.open(market.at(`/admin/connections/${connectionId}/disconnection`));
  return admin.submit(page, { reason }, { action: /disconnection/ });
}

describe('health', () => {
  test('charges stop and go on: the owners hear of each change once, however often Stripe says it', async () => {
    const sale = await openHouse();
    await market.control('POST', '/webhooks', { mode: 'double' });
    await market.control('POST', `/accounts/${sale.account}`, { charges_enabled: false });
    expect(await market.settle()).toEqual([]);
    const page = await sale.browser.open(payments());
    await sale.browser.submit(page, {}, { action: /refresh$/ });
    expect(await mailsOf(sale.email, 'charges-stopped')).toEqual([
      expect.objectContaining({ subject: 'Your paid tickets are off sale' }),
    ]);
    expect((await mailsOf(sale.email, 'charges-stopped'))[0].text_body).toMatch(
      /Stripe asks for: A bank account for payouts; Your agreement to the terms of Stripe\./,
    );
    expect((await sale.browser.open(market.at('/organizer'))).text).toContain(
      'Your Stripe account takes no payments right now',
    );
    // a hold on a page that was open before is refused, too
    await expect(market.buy(sale.slug, 1)).rejects.toThrow();

    await market.control('POST', `/accounts/${sale.account}`, { charges_enabled: true });
    expect(await market.settle()).toEqual([]);
    expect(await mailsOf(sale.email, 'charges-resumed')).toHaveLength(1);
    expect((await market.buy(sale.slug, 1)).page.text).toMatch(/Yes, 1 ticket/);
  });

  test('four that see the change at once tell of it once: it is seen under the row’s lock', async () => {
    const sale = await openHouse();
    await market.control('POST', '/webhooks', { mode: 'muted' });
    await market.control('POST', `/accounts/${sale.account}`, { charges_enabled: false });
    const page = await sale.browser.open(payments());
    await Promise.all([1, 2, 3, 4].map(() => sale.browser.submit(page, {}, { action: /refresh$/ })));
    expect(await mailsOf(sale.email, 'charges-stopped')).toHaveLength(1);
  });

  test('a key of another platform flags nobody, wipes nobody and mails nobody; the health page says so', async () => {
    const sales = [await openHouse(), await openHouse()];
    const buyer = await buyerAtStripe(sales[1]!.slug);
    await sessionTimePasses(buyer.id);
    const noAccess = {
      fault: 'status',
      status: 403,
      body: { error: { type: 'invalid_request_error', code: 'account_invalid', message: 'no access' } },
      times: -1,
    };
    await market.control('POST', '/faults', [
      { match: { path: '/v1/accounts/' }, ...noAccess },
      { match: { path: '/v1/checkout/sessions' }, ...noAccess },
      {
        match: { path: '/^\\/v1\\/account$/' },
        fault: 'merge_body',
        body: { id: 'acct_1AnotherPlatform' },
        times: -1,
      },
    ]);
    await market.db('stripe_connections').update({ checked_at: market.db.raw("now() - interval '2 days'") });
    const before = await market.db('mails').count('* as count').first();
    await sweepOnce(market.testApp.dependencies);
    for (const sale of sales) {
      expect(await connection(sale.connectionId)).toMatchObject({
        status: 'active',
        status_detail: null,
        charges_enabled: true,
      });
      expect(await publicPage(sale.slug)).not.toContain(OFF_SALE);
    }
    expect(await market.db('mails').count('* as count').first()).toEqual(before);
    await market.db('platform_signs').delete();
    expect((await admin.open(market.at('/admin/health'))).text).toMatch(
      /Not reachable.*STRIPE_SECRET_KEY belongs to another platform/,
    );
    // nor is anything concluded about a payment
    expect(await order(buyer.id)).toMatchObject({ status: 'expiring', inventory: 'held' });
    // our own key again, and the account really gone: flagged, not wiped
    await market.control('DELETE', '/faults');
    await market.control('POST', '/webhooks', { mode: 'muted' });
    await market.control('POST', `/accounts/${sales[0]!.account}/revoke`);
    await market.db('stripe_connections').update({ checked_at: market.db.raw("now() - interval '2 days'") });
    await sweepOnce(market.testApp.dependencies);
    expect(await connection(sales[0]!.connectionId)).toMatchObject({
      status: 'active',
      status_detail: 'access_lost',
    });
    expect(await connection(sales[1]!.connectionId)).toMatchObject({ status_detail: null });
    expect(await order(buyer.id)).toMatchObject({ status: 'expired', inventory: 'none' });
    expect((await mailsOf(sales[0]!.email, 'charges-stopped'))[0].text_body).toContain(
      'Stripe no longer gives Foyer access',
    );
  });

  test('a currency that the account can’t take is said when the event is edited, and keeps it from being published', async () => {
    const { browser } = await market.organizer(`House ${(houses += 1)}`);
    const authorize = await browser.submit(await browser.open(payments()), {}, { action: '/stripe/connect' });
    await browser.submit(
      authorize,
      {
        action: 'create',
        email: 'rio@example.com',
        business_name: 'Rio',
        country: 'BR',
        charges_enabled: 'on',
      },
      { action: /oauth\/authorize/ },
    );
    const form = await browser.open(market.at('/organizer/events/new'));
    const refused = await browser.submit(form, { ...EVENT, action: 'save' });
    expect(refused.status).toBe(422);
    expect(refused.text).toMatch(
      /Rio \(acct_\w+\) is one of Brazil and can’t take EUR\. Choose BRL, or another account/,
    );
    const saved = await browser.submit(refused, { ...EVENT, currency: 'brl', action: 'save' });
    expect(saved.text).toContain('is saved');
  });
});

describe('every ending of the dance', () => {
  /** Allows at Stripe, but catches the way back instead of going it. */
  async function wayBack(browser: Browser): Promise<string> {
    const page = await browser.submit(await browser.open(payments()), {}, { action: '/stripe/connect' });
    const answer = await fetch(`${market.simulator.url}/oauth/authorize`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams([
        ...new URL(page.url).searchParams,
        ['action', 'create'],
        ['email', 'way@example.com'],
        ['business_name', 'Way'],
        ['country', 'DE'],
      ]).toString(),
    });
    return answer.headers.get('location')!;
  }
  const exchanges = async () =>
    (await market.requests()).filter(({ path }) => path === '/oauth/token').length;

  test('O5: signed out and in again meanwhile: the way back is not this session’s any more', async () => {
    const { browser, email } = await market.organizer(`House ${(houses += 1)}`);
    const url = await wayBack(browser);
    const before = await exchanges();
    await browser.submit(await browser.open(payments()), {}, { action: '/sign-out' });
    await browser.submit(await browser.open(market.at('/sign-in')), { email, password: PASSWORD });
    const page = await browser.open(url);
    expect(page.status).toBe(400);
    // O3: the way on is a button, not a link to look for
    const again = await browser.submit(page, {}, { action: '/stripe/connect' });
    expect(again.url).toContain('/oauth/authorize?');
    expect(await exchanges()).toBe(before);
  });

  test('O6: two organizers in two tabs, finished in the order they were begun, and in reverse', async () => {
    for (const reverse of [false, true]) {
      const { browser, email } = await market.organizer(`Tabs ${(houses += 1)} A`);
      const first = await wayBack(browser);
      await browser.submit(await browser.open(market.at('/organizer/organizers/new')), {
        name: `Tabs ${houses} B`,
        contact_email: email,
      });
      const second = await wayBack(browser);
      for (const url of reverse ? [second, first] : [first, second]) await browser.open(url);
      const rows = await market
        .db('stripe_connections')
        .join('organizers', 'organizers.id', 'organizer_id')
        .where('organizers.name', 'like', `Tabs ${houses} %`)
        .orderBy('stripe_connections.connected_at')
        .select('organizers.name');
      const names = [`Tabs ${houses} A`, `Tabs ${houses} B`];
      expect(rows.map((row) => row.name)).toEqual(reverse ? names.reverse() : names);
    }
  });

  test.each([
    '//evil.example',
    '/\\evil.example',
    'https:evil.example',
    'javascript:alert(1)',
    '/x%0d%0aSet-Cookie:a=b',
  ])('O9: an address to return to is never taken from what comes back (%s)', async (evil) => {
    const { browser } = await market.organizer(`House ${(houses += 1)}`);
    const url = new URL(await wayBack(browser));
    for (const name of ['next', 'returnTo', 'return_to', 'redirect_uri', 'draft'])
      url.searchParams.set(name, evil);
    const page = await browser.open(url.href);
    expect(page.url).toBe(payments());
    const again = await browser.submit(
      await browser.open(payments()),
      { purpose: 'another', next: evil, redirect_uri: evil },
      { action: '/stripe/connect' },
    );
    expect(new URL(again.url).searchParams.get('redirect_uri')).toBe(market.at('/stripe/callback'));
  });

  test('O11: a code that Stripe does not take is logged with Stripe’s request, never with itself', async () => {
    const { browser } = await market.organizer(`House ${(houses += 1)}`);
    const url = new URL(await wayBack(browser));
    url.searchParams.set('code', 'ac_canaryOfAnotherPlatform');
    await browser.open(url.href);
    const line = market.testApp
      .logs()
      .split('\n')
      .findLast((text) => text.includes('an authorization code was not exchanged'))!;
    expect(JSON.parse(line)).toMatchObject({
      problem: 'code_rejected',
      code: 'invalid_grant',
      stripeRequestId: expect.stringMatching(/^req_/),
    });
    expect(market.testApp.logs()).not.toContain('canaryOfAnotherPlatform');
  });

  test('O12: an account that allowed Foyer and came to nobody is logged and shown to admins, until it is connected', async () => {
    const { browser } = await market.organizer(`House ${(houses += 1)}`);
    const url = await wayBack(browser);
    await market.control('POST', '/faults', [{ match: { path: '/oauth/token' }, fault: 'reset_after' }]);
    expect((await browser.open(url)).text).toMatch(/Stripe didn't answer/);
    expect(await market.settle()).toEqual([]);
    const event = await market
      .db('stripe_events')
      .where({ type: 'account.application.authorized' })
      .orderBy('received_at', 'desc')
      .first();
    expect(event.outcome).toBe('not connected here: shown to admins');
    expect(market.testApp.logs()).toContain('nobody here has connected it');
    await market
      .db('stripe_events')
      .where({ id: event.id })
      .update({ received_at: market.db.raw("now() - interval '2 minutes'") });
    expect((await admin.open(market.at('/admin/connections'))).text).toMatch(
      new RegExp(`nobody here has connected it.*${event.account}`),
    );
    const authorize = await browser.submit(await browser.open(payments()), {}, { action: '/stripe/connect' });
    await browser.submit(
      authorize,
      { action: 'sign_in', account: event.account },
      { action: /oauth\/authorize/ },
    );
    expect((await admin.open(market.at('/admin/connections'))).text).not.toMatch(
      /nobody here has connected it/,
    );
  });

  test('O14: a grant to look only is refused with its reason, and given back', async () => {
    const { browser } = await market.organizer(`House ${(houses += 1)}`);
    const url = await wayBack(browser);
    await market.control('POST', '/faults', [
      { match: { path: '/oauth/token' }, fault: 'merge_body', body: { scope: 'read_only' } },
    ]);
    expect((await browser.open(url)).text).toMatch(/only the right to look.*Foyer gave that right back/);
    const last = (await market.requests()).at(-1)!;
    expect([last.path, last.status]).toEqual(['/oauth/deauthorize', 200]);

    // where the account lives here already, giving back would end that
    const sale = await openHouse();
    const page = await browser.submit(await browser.open(payments()), {}, { action: '/stripe/connect' });
    await market.control('POST', '/faults', [
      { match: { path: '/oauth/token' }, fault: 'merge_body', body: { scope: 'read_only' } },
    ]);
    await browser.submit(page, { action: 'sign_in', account: sale.account }, { action: /oauth\/authorize/ });
    expect((await market.buy(sale.slug, 1)).page.text).toMatch(/Yes, 1 ticket/);
  });

  test('Stripe lets nobody connect: organizers read a calm page before they leave, admins the reason; what was typed is kept', async () => {
    const { browser } = await market.organizer(`House ${(houses += 1)}`);
    const forget = () => market.db('platform_signs').where({ name: 'oauth_registration' }).delete();
    await market.control('POST', '/faults', [
      {
        match: { path: '/oauth/authorize', method: 'GET' },
        fault: 'status',
        status: 400,
        body: { error: 'invalid_client', error_description: 'OAuth is restricted for this platform' },
        times: -1,
      },
    ]);
    await forget();
    const states = await market.db('oauth_states').count('* as count').first();
    const form = await browser.open(market.at('/organizer/events/new'));
    const calm = await browser.submit(
      form,
      { ...EVENT, title: 'Kept all the same', from: 'event_form' },
      { submitTo: '/stripe/connect' },
    );
    expect(calm.status).toBe(503);
    expect(calm.text).toMatch(/You did nothing wrong.*Everything you typed in the event is kept/);
    expect(await market.db('oauth_states').count('* as count').first()).toEqual(states);
    const back = /href="(\/organizer\/events\/new\?draft=[^"]+)"/.exec(calm.html)![1]!;
    expect((await browser.open(market.at(back))).html).toContain('Kept all the same');
    expect((await admin.open(market.at('/admin/health'))).text).toMatch(
      /Registration for OAuth Refused by Stripe.*invalid_client.*stripe-platform\.md/,
    );

    // silence or a page is no refusal
    await market.control('DELETE', '/faults');
    await market.control('POST', '/faults', [
      { match: { path: '/oauth/authorize', method: 'GET' }, fault: 'html', status: 403, times: 1 },
    ]);
    await forget();
    const away = await browser.submit(await browser.open(payments()), {}, { action: '/stripe/connect' });
    expect(away.url).toContain('/oauth/authorize?');
  });
});

describe('the end', () => {
  test('X1: a payment that is with a bank blocks the end; an admin who has seen the list forces it; the account that comes back settles it', async () => {
    const sale = await openHouse();
    const buyer = await buyerAtStripe(sale.slug);
    await market.control('POST', `/sessions/${buyer.session}/pay`, { outcome: 'async_pending' });
    expect(await market.settle()).toEqual([]);
    expect(await order(buyer.id)).toMatchObject({ status: 'processing' });

    expect((await endAsAdmin(sale.connectionId)).text).toMatch(/One payment is still under way/);
    expect(await connection(sale.connectionId)).toMatchObject({ status: 'disconnecting' });
    const page = await admin.open(market.at(`/admin/connections/${sale.connectionId}`));
    const { reference } = await order(buyer.id);
    expect(page.text).toMatch(new RegExp(`the end waits for them.*${reference}`));
    const act = await admin.open(market.at(`/admin/connections/${sale.connectionId}/forced-end`));
    expect(act.text).toContain(`Order ${reference}`);
    const nothing = await admin.submit(act, { reason: '' }, { action: /forced-end/ });
    expect(nothing.status).toBe(422);
    expect(await connection(sale.connectionId)).toMatchObject({ status: 'disconnecting' });
    const forced = await admin.submit(act, { reason: 'The bank takes weeks' }, { action: /forced-end/ });
    expect(forced.text).toContain('Disconnected.');
    expect(
      await market.db('audit_log').where({
        subject_id: sale.connectionId,
        action: 'connection.disconnect_forced',
      }),
    ).toEqual([
      expect.objectContaining({
        reason: 'The bank takes weeks',
        details: expect.objectContaining({ orders: [buyer.id] }),
      }),
    ]);
    await sweepOnce(market.testApp.dependencies);
    expect(await order(buyer.id)).toMatchObject({
      status: 'needs_attention',
      status_detail: 'account_unreachable',
      inventory: 'held',
    });
    // the bank pays while nobody can see it
    await market.control('POST', `/sessions/${buyer.session}/pay`, { outcome: 'async_success' });
    await connectAgain(sale.browser, sale.account, sale.connectionId);
    await sweepOnce(market.testApp.dependencies);
    expect(await order(buyer.id)).toMatchObject({ status: 'paid', inventory: 'sold' });
    expect((await buyer.browser.open(buyer.url)).text).toMatch(/Yes, 1 ticket/);
    expect(await brokenInvariants(market.testApp)).toEqual([]);
  });

  test('X1: a refund that Stripe has not answered is brought to its end first; one that is on its way waits for a person', async () => {
    const sale = await openHouse();
    const askFor = async (orderId: string, choice: string) => {
      const preview = await sale.browser.open(
        market.at(`/organizer/orders/${orderId}/refunds/preview?${choice}`),
      );
      await sale.browser.submit(preview, {}, { action: /\/refunds$/ });
    };
    const { id, reference } = await market.orderOf((await market.buy(sale.slug, 2)).url);
    await market.control('POST', '/webhooks', { mode: 'muted' });
    await market.control('POST', `/accounts/${sale.account}`, { slow_refunds: true });
    await askFor(id, 'scope=tickets&ticket.1=on');
    await market.control('POST', '/faults', [
      { match: { method: 'POST', path: '/v1/refunds' }, fault: 'error_before', times: -1 },
    ]);
    await askFor(id, 'scope=order');
    const refunds = () =>
      market.db('refunds').where({ order_id: id }).orderBy('created_at').pluck('refunds.status');
    expect(await refunds()).toEqual(['pending', 'sent']);

    expect((await endAsAdmin(sale.connectionId)).text).toMatch(/One refund is still under way/);
    expect(await connection(sale.connectionId)).toMatchObject({ status: 'disconnecting' });
    await market.control('DELETE', '/faults');
    await market
      .db('refunds')
      .where({ order_id: id })
      .update({
        last_sent_at: market.db.raw("now() - interval '2 minutes'"),
        send_after: market.db.raw("now() - interval '2 minutes'"),
      });
    await market
      .db('stripe_connections')
      .where({ id: sale.connectionId })
      .update({ disconnect_requested_at: market.db.raw("now() - interval '2 minutes'") });
    await sweepOnce(market.testApp.dependencies);
    expect(await refunds()).toEqual(['pending', 'pending']);
    expect(await connection(sale.connectionId)).toMatchObject({ status: 'disconnected' });
    expect((await admin.open(market.at('/admin/needs-attention'))).text).toMatch(
      new RegExp(`${reference}.*it was on its way when the connection ended`),
    );
  });

  test('X3: revoked at Stripe while buyers pay: sales stop, admins and owners are mailed once, and what was open is settled when the account comes back', async () => {
    const sale = await openHouse();
    const [paying, leaving] = [await buyerAtStripe(sale.slug), await buyerAtStripe(sale.slug)];
    await market.control('POST', '/webhooks', { mode: 'double' });
    await market.control('POST', `/accounts/${sale.account}/revoke`);
    expect(await market.settle()).toEqual([]);
    expect(await publicPage(sale.slug)).toContain(OFF_SALE);
    const { email } = await market.db('users').where({ is_admin: true }).first();
    const toAdmin = (await mailsOf(email, 'connection-revoked')).filter((mail) =>
      mail.text_body.includes(sale.account),
    );
    expect(toAdmin).toHaveLength(1);
    expect(toAdmin[0].text_body).toContain('2 payments were under way');

    // promise 3: not before the session's own time is over, and then by way of a person
    await sweepOnce(market.testApp.dependencies);
    expect(await order(paying.id)).toMatchObject({ inventory: 'held' });
    await market.control('POST', `/sessions/${paying.session}/pay`, { outcome: 'success' });
    for (const { id } of [paying, leaving]) await sessionTimePasses(id);
    await sweepOnce(market.testApp.dependencies);
    for (const { id } of [paying, leaving])
      expect(await order(id)).toMatchObject({
        status: 'needs_attention',
        status_detail: 'account_unreachable',
        inventory: 'held',
      });

    const back = await connectAgain(sale.browser, sale.account, sale.connectionId);
    expect(back.text).toContain('Connected to');
    await sweepOnce(market.testApp.dependencies);
    expect(await order(paying.id)).toMatchObject({ status: 'paid', inventory: 'sold' });
    expect(await order(leaving.id)).toMatchObject({ status: 'expired', inventory: 'none' });
    expect(await brokenInvariants(market.testApp)).toEqual([]);
  });

  test('X3: a payment that is with a bank when access is revoked waits for a person, with its tickets', async () => {
    const sale = await openHouse();
    const buyer = await buyerAtStripe(sale.slug);
    await market.control('POST', `/sessions/${buyer.session}/pay`, { outcome: 'async_pending' });
    expect(await market.settle()).toEqual([]);
    await market.control('POST', `/accounts/${sale.account}/revoke`);
    expect(await market.settle()).toEqual([]);
    await sweepOnce(market.testApp.dependencies);
    expect(await order(buyer.id)).toMatchObject({ status: 'needs_attention', inventory: 'held' });
    // another account does not answer for this one
    await market.connect(sale.browser, await sale.browser.open(payments()));
    await sweepOnce(market.testApp.dependencies);
    expect(await order(buyer.id)).toMatchObject({
      status: 'needs_attention',
      stripe_account_id: sale.account,
    });
    expect((await admin.open(market.at('/admin/needs-attention'))).text).toContain(
      (await order(buyer.id)).reference,
    );
  });

  test('X2: Stripe refuses to end an account that it controls: said to both sides, done when the owner does it there', async () => {
    const sale = await openHouse();
    await market.control('POST', '/faults', [
      {
        match: { path: '/oauth/deauthorize' },
        fault: 'status',
        status: 400,
        body: { error: 'no_deauth_on_controlled_account', error_description: 'controlled' },
        times: -1,
      },
    ]);
    await endAsAdmin(sale.connectionId);
    expect(await connection(sale.connectionId)).toMatchObject({
      status: 'disconnecting',
      status_detail: 'controlled',
    });
    for (const page of [
      await sale.browser.open(payments()),
      await admin.open(market.at(`/admin/connections/${sale.connectionId}`)),
    ])
      expect(page.text).toContain('Stripe does not let Foyer end this connection by itself');
    await market.control('POST', `/accounts/${sale.account}/revoke`);
    expect(await market.settle()).toEqual([]);
    expect(await connection(sale.connectionId)).toMatchObject({ status: 'disconnected', ended_by: 'admin' });
  });

  test('an admin pauses paid sales and lets them go on, without ending anything; an account connected meanwhile is paused too', async () => {
    const sale = await openHouse();
    const { organizer_id: organizerId } = await connection(sale.connectionId);
    const held = createBrowser();
    const chosen = await market.choose(held, sale.slug, 1);
    const paying = await buyerAtStripe(sale.slug);
    const address = market.at(`/admin/organizers/${organizerId}/paid-sales`);
    const act = await admin.open(address);
    const done = await admin.submit(act, { reason: 'We check the event' }, { action: /paid-sales/ });
    expect(done.text).toContain('Paused since');
    expect(await publicPage(sale.slug)).toContain(OFF_SALE);
    expect((await market.details(held, chosen)).text).toMatch(/not on sale|can not be paid|no payment/i);
    // what has begun counts
    expect((await market.pay(paying.browser, paying.leading)).text).toMatch(/Yes, 1 ticket/);
    expect((await sale.browser.open(payments())).text).toMatch(/Paused by Foyer.*We check the event/);
    expect((await mailsOf(sale.email, 'sales-paused'))[0].text_body).toContain('We check the event');

    await market.connect(sale.browser, await sale.browser.open(payments()));
    expect(
      await market.db('stripe_connections').where({ organizer_id: organizerId }).select('paused_at'),
    ).toEqual([{ paused_at: expect.any(Date) }, { paused_at: expect.any(Date) }]);
    // the page of a colleague who was late: nothing is turned back
    expect((await admin.submit(act, { reason: 'Again' }, { action: /paid-sales/ })).text).toContain(
      'It was so already',
    );
    expect(await mailsOf(sale.email, 'sales-paused')).toHaveLength(1);

    await admin.submit(await admin.open(address), { reason: 'All is well' }, { action: /paid-sales/ });
    expect((await market.buy(sale.slug, 1)).page.text).toMatch(/Yes, 1 ticket/);
    expect(
      (
        await market
          .db('audit_log')
          .where({ subject_id: organizerId })
          .orderBy('id')
          .select('action', 'reason')
      ).filter(({ action }) => action.startsWith('organizer.paid_sales')),
    ).toEqual([
      { action: 'organizer.paid_sales_paused', reason: 'We check the event' },
      { action: 'organizer.paid_sales_resumed', reason: 'All is well' },
    ]);
  });

  test('the history of connections stays with the organizer and with admins', async () => {
    const sale = await openHouse();
    await endAsAdmin(sale.connectionId, 'A first reason');
    await connectAgain(sale.browser, sale.account, sale.connectionId);
    const page = await sale.browser.open(payments());
    expect(page.text).toMatch(/Earlier connections.*A first reason.*Connected again since/);
    const ended = await admin.open(market.at(`/admin/connections/${sale.connectionId}`));
    expect(ended.text).toMatch(/Disconnected.*A first reason.*Other connections of House/);
    expect(ended.text).toMatch(/What was done.*disconnected/i);
  });
});
