/** Suspending organizers, events and people: what is gone, what is stopped, what stays. */
import { releaseOrder } from '../../src/orders/release-order';
import { createBrowser } from '../support/browser';
import { brokenInvariants, type Market, openMarket } from '../support/market';

let market: Market;
let admin: Awaited<ReturnType<Market['admin']>>;
beforeEach(async () => {
  market = await openMarket();
  admin = await market.admin();
});
afterEach(() => market.close());

const organizerOf = async (eventId: string) =>
  (await market.db('events').where({ id: eventId }).first('organizer_id')).organizer_id as string;

async function act(path: string, fields: Record<string, string> = {}) {
  return admin.submit(await admin.open(market.at(path)), { reason: 'Tickets for nothing', ...fields });
}

const suspendOrganizer = async (eventId: string) =>
  act(`/admin/organizers/${await organizerOf(eventId)}/suspension`);

async function publicPages(slug: string): Promise<number[]> {
  const paths = [`/events/${slug}`, `/events/${slug}/calendar.ics`, `/events/${slug}/poster.svg`];
  const { slug: organizer } = await market
    .db('organizers')
    .join('events', 'events.organizer_id', 'organizers.id')
    .where({ 'events.slug': slug })
    .first('organizers.slug');
  return Promise.all(
    [...paths, `/organizers/${organizer}`].map(async (path) => (await fetch(market.at(path))).status),
  );
}

/** A ready page may be shown for a second. */
async function expectPages(slug: string, statuses: number[]): Promise<void> {
  const end = Date.now() + 2000;
  while (Date.now() < end && String(await publicPages(slug)) !== String(statuses))
    await new Promise((done) => setTimeout(done, 50));
  expect(await publicPages(slug)).toEqual(statuses);
}

async function hold(eventId: string, slug: string): Promise<number> {
  const type = await market.db('ticket_types').where({ event_id: eventId }).first('id');
  const answer = await fetch(market.at(`/events/${slug}/orders`), {
    method: 'POST',
    redirect: 'manual',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ [`quantity.${type.id}`]: '1' }).toString(),
  });
  return answer.status;
}

test('a suspended organizer has no pages and sells nothing; its orders and tickets stay; ending it brings all back', async () => {
  const sale = await market.eventOnSale();
  const paid = await market.buy(sale.slug, 2);
  const ticket = /href="(\/tickets\/[^"]+)"/.exec(paid.page.html)![1]!;
  await market.settle();

  const done = await suspendOrganizer(sale.id);
  expect(done.text).toMatch(/Done\. The organizer was told by mail.*Suspended/);
  await expectPages(sale.slug, [404, 404, 404, 404]);
  expect(await fetch(market.at('/?q=Engine')).then((answer) => answer.text())).not.toContain(sale.slug);
  expect([404, 409]).toContain(await hold(sale.id, sale.slug));
  expect((await paid.browser.open(paid.url)).status).toBe(200);
  expect((await paid.browser.open(market.at(ticket))).status).toBe(200);
  expect(await market.orderOf(paid.url)).toMatchObject({ status: 'paid', inventory: 'sold' });
  expect((await sale.browser.open(market.at(`/organizer/events/${sale.id}`))).text).toMatch(
    /Suspended by Foyer/,
  );

  const organizerId = await organizerOf(sale.id);
  expect(await market.db('audit_log').where({ subject_id: organizerId, actor: 'admin' })).toMatchObject([
    { action: 'organizer.suspended', organizer_id: organizerId, reason: 'Tickets for nothing' },
  ]);
  await market.settle();
  expect(await market.db('mails').where({ template: 'organizer-suspended' })).toMatchObject([
    { recipient: sale.email, text_body: expect.stringContaining('Tickets for nothing'), status: 'kept' },
  ]);

  await act(`/admin/organizers/${organizerId}/suspension`, { reason: 'A mistake' });
  await expectPages(sale.slug, [200, 200, 200, 200]);
  expect(await hold(sale.id, sale.slug)).toBe(303);
  expect(await brokenInvariants(market)).toEqual([]);
});

test('an order that was held before can not come to payment, and ends by itself', async () => {
  const sale = await market.eventOnSale();
  const browser = createBrowser();
  const held = await market.choose(browser, sale.slug, 1);
  await suspendOrganizer(sale.id);
  const refused = await market.details(browser, held);
  expect(refused.status).toBe(409);
  expect(refused.text).toMatch(/no longer on sale.*You were not charged/);
  expect(await market.db('payment_attempts')).toEqual([]);
  const order = await market.orderOf(held.url);
  await market
    .db('orders')
    .where({ id: order.id })
    .update({ hold_expires_at: new Date(0) });
  await releaseOrder(market.testApp.dependencies, order.id);
  expect(await market.orderOf(held.url)).toMatchObject({ status: 'expired', inventory: 'none' });
  expect(await brokenInvariants(market)).toEqual([]);
});

test('a payment that had begun still counts', async () => {
  const sale = await market.eventOnSale();
  const browser = createBrowser();
  const leading = await market.details(browser, await market.choose(browser, sale.slug, 1));
  await suspendOrganizer(sale.id);
  await market.pay(browser, leading);
  await market.settle();
  expect(await market.db('orders')).toMatchObject([{ status: 'paid' }]);
  expect(await brokenInvariants(market)).toEqual([]);
});

test('after the answer to the admin nothing is held any more, however many press at that moment', async () => {
  const sale = await market.eventOnSale();
  const form = await admin.open(market.at(`/admin/organizers/${await organizerOf(sale.id)}/suspension`));
  let suspended = false;
  const after: number[] = [];
  const buyers = Array.from({ length: 8 }, async () => {
    for (let n = 0; n < 12; n += 1) {
      const begunAfter = suspended;
      const status = await hold(sale.id, sale.slug);
      if (begunAfter) after.push(status);
    }
  });
  await admin.submit(form, { reason: 'Tickets for nothing' });
  suspended = true;
  const { held } = await market.db('events').where({ id: sale.id }).first('held');
  await Promise.all(buyers);
  expect(after.every((status) => status === 404 || status === 409)).toBe(true);
  expect(await market.db('events').where({ id: sale.id }).first('held')).toEqual({ held });
  expect(await brokenInvariants(market)).toEqual([]);
});

test('an event that is made during a suspension is not sold either', async () => {
  const sale = await market.eventOnSale();
  await suspendOrganizer(sale.id);
  const later = await market.publish(sale.browser, { title: 'Quickly Another' });
  expect((await publicPages(later.slug))[0]).toBe(404);
  expect([404, 409]).toContain(await hold(later.id, later.slug));
});

test('an event alone is suspended, and stays so when its organizer is reinstated', async () => {
  const sale = await market.eventOnSale();
  const other = await market.publish(sale.browser, { title: 'Quite Another' });
  await act(`/admin/events/${sale.id}/suspension`);
  await expectPages(sale.slug, [404, 404, 404, 200]);
  expect((await publicPages(other.slug))[0]).toBe(200);
  expect([404, 409]).toContain(await hold(sale.id, sale.slug));

  await suspendOrganizer(sale.id);
  await suspendOrganizer(sale.id); // the page leads back: reinstated
  expect((await publicPages(sale.slug))[0]).toBe(404);
  expect((await publicPages(other.slug))[0]).toBe(200);
  await act(`/admin/events/${sale.id}/suspension`);
  await expectPages(sale.slug, [200, 200, 200, 200]);
});

test('a disabled person is signed out everywhere and can not sign in; enabled again, they can, by signing in', async () => {
  const { browser, email } = await market.organizer();
  const elsewhere = createBrowser();
  const credentials = { email, password: 'four quiet words here' };
  await elsewhere.submit(await elsewhere.open(market.at('/sign-in')), credentials);
  const { id } = await market.db('users').where({ email }).first('id');

  expect((await act(`/admin/users/${id}/suspension`)).text).toMatch(/told by mail.*Disabled/);
  for (const each of [browser, elsewhere])
    expect((await each.open(market.at('/organizer'))).url).toMatch(/\/sign-in\?next=/);
  const refused = await elsewhere.submit(await elsewhere.open(market.at('/sign-in')), credentials);
  expect([refused.status, refused.text]).toEqual([422, expect.stringMatching(/is not right/)]);

  await act(`/admin/users/${id}/suspension`);
  expect((await browser.open(market.at('/organizer'))).url).toMatch(/\/sign-in\?next=/);
  expect((await elsewhere.submit(await elsewhere.open(market.at('/sign-in')), credentials)).url).toBe(
    market.at('/organizer'),
  );
  const acts = await market.db('audit_log').where({ subject_id: id, actor: 'admin' }).orderBy('id');
  expect(acts.map(({ action }) => action)).toEqual(['user.disabled', 'user.enabled']);
});

test('an admin can not disable themselves', async () => {
  const { id } = await market.db('users').where({ is_admin: true }).first('id');
  const answer = await act(`/admin/users/${id}/suspension`);
  expect([answer.status, answer.text]).toEqual([409, expect.stringMatching(/Ask another admin/)]);
  expect((await admin.open(market.at('/admin'))).status).toBe(200);
});

test('two admins at once do it once, and a form from before does not turn it back', async () => {
  const sale = await market.eventOnSale();
  const colleague = await market.admin();
  const path = market.at(`/admin/organizers/${await organizerOf(sale.id)}/suspension`);
  const forms = [await admin.open(path), await colleague.open(path)] as const;
  await admin.submit(forms[0], { reason: 'First' });
  const second = await colleague.submit(forms[1], { reason: 'Second' });
  expect(second.text).toMatch(/It was so already/);
  const acts = await market.db('audit_log').where({ action: 'organizer.suspended' });
  expect(acts).toMatchObject([{ reason: 'First' }]);
  expect(await market.db('mails').where({ template: 'organizer-suspended' })).toHaveLength(1);
});

test('without a reason, or without saying what, nothing happens', async () => {
  const sale = await market.eventOnSale();
  const path = `/admin/events/${sale.id}/suspension`;
  expect((await act(path, { reason: '' })).status).toBe(422);
  expect((await act(path, { to: 'whatever' })).status).toBe(400);
  expect((await publicPages(sale.slug))[0]).toBe(200);
});

test('lists find what was typed, not what it would mean to a database, page by page', async () => {
  await market.organizer('100% Cotton');
  await market.organizer('100 Cotton');
  const found = async (path: string) => (await admin.open(market.at(path))).text;
  expect(await found('/admin/organizers?q=100%25')).toMatch(/1 organizer .*100% Cotton/);
  expect(await found('/admin/users?q=organizer_%40example.com')).toContain('Nobody matches');
  expect(await found('/admin/users?status=admins')).toMatch(/1 person People .*Grace/);
  expect(await found('/admin/events?q=zither')).toContain('No event matches');
  await market.db.raw(
    `INSERT INTO users (id, email, name, password_hash)
     SELECT gen_random_uuid(), 'crowd' || n || '@example.com', 'Crowd', 'x' FROM generate_series(1, 60) n`,
  );
  expect((await admin.open(market.at('/admin/users?q=crowd&page=3'))).html.match(/crowd\d+@/g)).toHaveLength(
    10,
  );
});
