/** The main job, whole: an organizer connects in the middle of a form, a guest buys, an admin ends the connection. */
import { createBrowser } from '../support/browser';
import { brokenInvariants, EVENT, GOOD_CARD, type Market, openMarket } from '../support/market';

let market: Market;
beforeAll(async () => {
  market = await openMarket();
});
afterAll(() => market.close());

test('sign up, connect in the middle of the form, publish, sell two tickets, disconnect', async () => {
  const { db, at } = market;
  const { browser: organizer, email } = await market.organizer();

  // Half of the form is typed, and "Connect with Stripe" is pressed inside it.
  const form = await organizer.open(at('/organizer/events/new'));
  expect(form.html).toMatch(/formaction="\/stripe\/connect"/);
  const typed = { ...EVENT, venue_address: '', title: 'An Evening with the <Engine>' };
  const authorize = await organizer.submit(
    form,
    { ...typed, from: 'event_form' },
    { submitTo: '/stripe/connect' },
  );
  const asked = new URL(authorize.url);
  expect(asked.origin).toBe(market.simulator.url);
  expect(asked.pathname).toBe('/oauth/authorize');
  expect(Object.fromEntries(asked.searchParams)).toMatchObject({
    response_type: 'code',
    client_id: market.testApp.dependencies.config.stripe.primary.clientId,
    scope: 'read_write',
    redirect_uri: at('/stripe/callback'),
    'stripe_user[email]': email,
    'stripe_user[business_name]': 'Analytical Society',
  });
  expect(asked.searchParams.get('state')).toMatch(/^[\w-]{43}$/);
  expect(authorize.text).toMatch(/no money moves/i);

  const back = await organizer.submit(
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
  expect(back.url).toMatch(/\/organizer\/events\/new\?draft=/);
  expect(back.url).not.toMatch(/code=|state=/);
  expect(back.text).toMatch(/Connected to Analytical Society \(acct_/);
  expect(back.html).toContain('value="An Evening with the &lt;Engine&gt;"');
  expect(back.html).toContain('value="20.00"');

  const connection = await db('stripe_connections').first();
  expect(connection).toMatchObject({
    livemode: false,
    scope: 'read_write',
    status: 'active',
    charges_enabled: true,
  });
  expect(connection.encrypted_refresh_token).toMatch(/^v1\./);

  // The rest is typed; the event is saved and published.
  const saved = await organizer.submit(back, { venue_address: 'Hauptstraße 1, Berlin', action: 'save' });
  const eventId = /events\/([0-9a-f-]{36})/.exec(saved.url)![1]!;
  await organizer.submit(
    await organizer.open(at(`/organizer/events/${eventId}/publication`)),
    {},
    { action: /publication/ },
  );
  const event = await db('events').where({ id: eventId }).first();
  expect(event).toMatchObject({ status: 'published', title: 'An Evening with the <Engine>' });
  expect(await db('event_drafts').count('* as n').first()).toEqual({ n: 0n });

  // A guest buys: no cookie on the event page, no account.
  const guest = createBrowser();
  const eventPage = await guest.open(at(`/events/${event.slug}`));
  expect(eventPage.headers.getSetCookie()).toEqual([]);
  expect(eventPage.html).toContain('An Evening with the &lt;Engine&gt;');
  const order = await market.choose(guest, event.slug, 2);
  expect(order.url).toMatch(/\/orders\/[\w-]{43}$/);
  expect(order.text).toMatch(/2 × Standard/);
  expect(order.text).toMatch(/€40\.00/);
  const leading = await market.details(guest, order, { name: 'Charles', email: 'charles@example.com' });
  expect(leading.url).toBe(`${order.url}/payment`);
  const hosted = await guest.followRefresh(leading);
  expect(hosted.url).toContain(`${market.simulator.url}/c/pay/`);
  const done = await guest.submit(
    hosted,
    { ...GOOD_CARD, email: 'charles@example.com' },
    { action: /\/c\/pay\// },
  );
  expect(done.url).toBe(`${order.url}?returned=1`);
  expect(done.text).toMatch(/You are in.*Yes, 2 tickets.*Paid €40\.00/);
  expect(done.html.match(/class="ticket-qr"/g)).toHaveLength(2);

  // The money stands on the organizer's account, the fee (2 × (0.50 + 0.30)) on the platform.
  const ledger = await market.ledger();
  expect(ledger.accounts[connection.stripe_user_id]!.charges).toEqual([
    expect.objectContaining({ amount: 4000, amount_refunded: 0 }),
  ]);
  expect(ledger.accounts[connection.stripe_user_id]!.application_fees).toHaveLength(1);
  expect(JSON.stringify(ledger.platform)).toContain('160');

  // The tickets are mailed.
  expect(await market.settle()).toEqual([]);
  const mails = await guest.open(at('/dev/mail'));
  expect(mails.text).toContain('Your tickets for An Evening with the <Engine>');
  const mail = await db('mails').where({ template: 'order-paid' });
  expect(mail).toHaveLength(1);
  expect(mail[0]).toMatchObject({ recipient: 'charles@example.com', status: 'kept' });
  expect(mail[0].text_body).toContain(order.url);
  expect(mail[0].attachments[0]).toMatchObject({ filename: 'event.ics' });
  expect(await brokenInvariants(market.testApp)).toEqual([]);

  // An admin ends the connection, with a reason.
  const admin = await market.admin();
  const list = await admin.open(at('/admin/connections?q=analytical'));
  expect(list.text).toMatch(/Analytical Society.*Ready to sell.*€40\.00/);
  const confirm = await admin.open(at(`/admin/connections/${connection.id}/disconnection`));
  expect(confirm.text).toMatch(/One paid order keeps its tickets/);
  const empty = await admin.submit(confirm, { reason: ' ' }, { action: /disconnection/ });
  expect(empty.status).toBe(422);
  expect((await db('stripe_connections').first()).status).toBe('active');
  const ended = await admin.submit(
    empty,
    { reason: 'Tickets were sold for an event that does not exist' },
    { action: /disconnection/ },
  );
  expect(ended.text).toMatch(/Disconnected\. Foyer has no access/);
  expect(await db('stripe_connections').first()).toMatchObject({ status: 'disconnected', ended_by: 'admin' });
  expect((await market.requests()).filter((request) => request.path === '/oauth/deauthorize')).toHaveLength(
    1,
  );
  await market.settle();
  expect((await db('mails').where({ template: 'disconnected' }).first()).text_body).toContain(
    'Tickets were sold for an event that does not exist',
  );
  expect((await organizer.open(at('/organizer'))).text).toMatch(/Connect a Stripe account/);

  // The next buyer gets the plain sentence, and nothing is held.
  const next = createBrowser();
  expect((await next.open(at(`/events/${event.slug}`))).text).toContain(
    'Paid tickets are not on sale right now',
  );
  const type = await db('ticket_types').where({ event_id: eventId }).first();
  const refused = await next.post(at(`/events/${event.slug}/orders`), {
    [`quantity.${type.id}`]: '1',
    [`price.${type.id}`]: '2000',
  });
  expect(refused.status).toBe(409);
  expect(refused.text).toContain('Paid tickets are not on sale right now');
  expect(await db('orders').count('* as n').first()).toEqual({ n: 1n });
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});

test('free tickets go from choice to ticket without Stripe', async () => {
  const { browser } = await market.organizer('Free Readings');
  const { slug } = await market.publish(browser, {
    title: 'Open Reading',
    'tickets.0.kind': 'free',
    'tickets.0.price': '',
    'tickets.0.name': 'Seat',
  });
  const guest = createBrowser();
  const order = await market.choose(guest, slug, 3);
  expect(order.text).toMatch(/Get my free tickets/);
  const done = await market.details(guest, order, { name: 'Mary', email: 'mary@example.com' });
  expect(done.text).toMatch(/Yes, 3 tickets.*nothing was charged/i);
  const row = await market.orderOf(order.url);
  expect(row).toMatchObject({ status: 'paid', inventory: 'sold', total_amount: 0n });
  expect(await market.db('payment_attempts').where({ order_id: row.id })).toEqual([]);
  const calendar = await fetch(`${order.url}/calendar.ics`);
  expect(calendar.headers.get('content-type')).toMatch(/text\/calendar/);
  expect(await calendar.text()).toMatch(/DTSTART:20300315T183000Z/);
  await market.settle();
  expect(
    await market.db('mails').where({ recipient: 'mary@example.com', template: 'order-paid' }),
  ).toHaveLength(1);
  const ticketPath = /href="(\/tickets\/[\w-]+)"/.exec(done.html)![1]!;
  expect((await guest.open(market.at(ticketPath))).text).toMatch(/Valid/);
  expect((await guest.open(market.at(`${ticketPath.slice(0, -3)}AAA`))).status).toBe(404);
});

test('what is logged carries no credential, code, state, session or order address', async () => {
  const logs = market.testApp.logs();
  expect(logs.length).toBeGreaterThan(0);
  const keys = market.testApp.dependencies.config.stripe.primary;
  for (const secret of [
    keys.secretKey,
    ...keys.webhookSecrets,
    'four quiet words here',
    'ac_',
    'rt_',
    'state=',
    'code=',
    'whsec_',
    'sk_test_',
  ])
    expect(logs).not.toContain(secret);
  const orders = await market.db('orders').select('id');
  for (const { id } of orders) expect(logs).not.toContain(market.testApp.dependencies.orderTokens.sign(id));
});
