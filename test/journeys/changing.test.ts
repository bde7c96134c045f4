/** An event that people hold tickets of gets a new time and place: who is told, when, how often, and in which words. */
import { type Browser, type BrowserPage } from '../support/browser';
import { brokenInvariants, type Market, openMarket } from '../support/market';

let market: Market;
let browser: Browser;
beforeAll(async () => {
  market = await openMarket();
  ({ browser } = await market.eventOnSale());
});
beforeEach(() => market.db('rate_limits').delete());
afterAll(() => market.close());

const edit = async (id: string, fields: Record<string, string>): Promise<BrowserPage> =>
  browser.submit(await browser.open(market.at(`/organizer/events/${id}/edit`)), {
    ...fields,
    action: 'save',
  });

const mailsAbout = (id: string) =>
  market
    .db('mails')
    .join('orders', 'orders.id', 'mails.order_id')
    .where({ event_id: id, template: 'event-changed' })
    .orderBy('mails.id')
    .select('mails.*');

const timeline = (orderId: string) =>
  market.db('order_timeline').where({ order_id: orderId }).orderBy('id', 'desc').first();

test('a new time and place: shown before it is saved, mailed once for each order, and on every page', async () => {
  const { id, slug } = await market.publish(browser);
  const one = await market.buy(slug, 2);
  const two = await market.buy(slug, 1);
  const before = await market.db('events').where({ id }).first();

  const asked = await edit(id, {
    starts_at: '2198-03-12T20:30',
    ends_at: '2198-03-12T23:00',
    venue_name: 'Great <b>Hall</b>',
  });
  expect(asked.url).toMatch(/\/change-notice\?draft=/);
  expect(asked.text).toMatch(/2 orders are told by mail, once, when you save/);
  expect(asked.text).toMatch(/Great <b>Hall<\/b>/);
  expect(asked.text).toMatch(/Subject: Changed: /);
  expect(await market.db('events').where({ id }).first()).toEqual(before);
  expect(await mailsAbout(id)).toEqual([]);

  const saved = await browser.submit(
    asked,
    { message: 'The roof leaks.\nBring a coat.' },
    { action: /change-notice/ },
  );
  expect(saved.text).toContain('Your changes are saved. 2 orders are told by mail.');
  expect(saved.text).toContain('What people with tickets were told');
  const mails = await mailsAbout(id);
  expect(mails.map((mail) => mail.order_id).sort()).toEqual(
    [(await market.orderOf(one.url)).id, (await market.orderOf(two.url)).id].sort(),
  );
  for (const mail of mails) {
    expect(mail.text_body).toMatch(/When now: Mon 12 Mar 2198, 20:30 to 23:00, \w+ time\nWhen before: /);
    expect(mail.text_body).toContain('They write: The roof leaks.\nBring a coat.');
    expect(mail.html_body).toContain('Great &lt;b&gt;Hall&lt;/b&gt;');
    expect(Buffer.from(mail.attachments[0].content, 'base64').toString()).toContain('DTSTART:2198');
  }
  expect(await timeline(mails[0].order_id)).toMatchObject({
    actor: 'organizer',
    to_status: 'paid',
    reason: 'told by mail that the time and the place changed',
  });
  await market.settle();
  expect(await market.db('mails').where({ template: 'event-changed', status: 'kept' })).toHaveLength(2);

  const order = await one.browser.open(one.url);
  expect(order.text).toMatch(/The organizer has changed this event When: Mon 12 Mar 2198, 20:30/);
  expect(order.text).toContain('They write: The roof leaks.');
  const ticket = await one.browser.open(market.at(/href="(\/tickets\/[^"]+)"/.exec(order.html)![1]!));
  expect(ticket.text).toContain('12 Mar 2198, 20:30');

  // pressed twice, and saved once more as it stands: nobody is told again
  const again = await browser.submit(asked, {}, { action: /change-notice/ });
  expect([again.status, new URL(again.url).pathname]).toEqual([200, `/organizer/events/${id}`]);
  await edit(id, {});
  expect(await mailsAbout(id)).toHaveLength(2);
  expect(await market.db('event_changes').where({ event_id: id })).toHaveLength(1);
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});

test('a new title or price is saved without asking, and so is everything while nobody has tickets', async () => {
  const { id, slug } = await market.publish(browser);
  expect((await edit(id, { venue_name: 'Elsewhere' })).text).toContain('Your changes are saved.');
  await market.buy(slug, 1);
  expect((await edit(id, { title: 'Another name' })).text).toContain('Your changes are saved.');
  expect(await mailsAbout(id)).toEqual([]);
});

test('who has paid with a slow bank is told; who is still choosing how to pay sees it on the order and in the tickets’ mail; who was refunded is left alone', async () => {
  const { id, slug } = await market.publish(browser, {
    location_kind: 'online',
    online_url: 'https://meet.example/old',
  });
  const slow = await market.buy(slug, 1);
  const refunded = await market.buy(slug, 1);
  const guest = await market.buy(slug, 1);
  const move = async (url: string, fields: Record<string, unknown>) =>
    market
      .db('orders')
      .where({ id: (await market.orderOf(url)).id })
      .update(fields);
  await move(slow.url, { status: 'processing', inventory: 'held' });
  await move(refunded.url, { status: 'refunded', inventory: 'none' });
  const choosing = await market.choose(guest.browser, slug, 1);

  const asked = await edit(id, { online_url: 'https://meet.example/new' });
  expect(asked.text).toContain('Online, with a new link');
  await browser.submit(asked, {}, { action: /change-notice/ });
  const mails = await mailsAbout(id);
  expect(mails.map((mail) => mail.order_id).sort()).toEqual(
    [(await market.orderOf(slow.url)).id, (await market.orderOf(guest.url)).id].sort(),
  );
  expect(mails.map((mail) => mail.text_body).join()).toContain('Your payment is still on its way');
  // the link is for those who have tickets
  expect(mails.map((mail) => mail.text_body + mail.html_body).join()).not.toContain('meet.example');
  expect((await guest.browser.open(guest.url)).text).toContain('https://meet.example/new');

  const held = await guest.browser.open(choosing.url);
  expect(held.text).toContain('The organizer has changed this event');
  expect(held.text).not.toContain('meet.example');
  await market.pay(guest.browser, await market.details(guest.browser, held));
  const { id: orderId } = await market.orderOf(choosing.url);
  const mail = await market.db('mails').where({ order_id: orderId, template: 'order-paid' }).first();
  expect(mail.text_body).toContain(
    'Since you chose them, the organizer has changed the event. Where: Online',
  );
});

test('what was looked at is what is saved: a change that was made meanwhile is shown first', async () => {
  const { id, slug } = await market.publish(browser);
  await market.buy(slug, 1);
  const first = await edit(id, { venue_name: 'First Hall' });
  const second = await edit(id, { venue_name: 'Second Hall' });
  await browser.submit(first, {}, { action: /change-notice/ });
  const stale = await browser.submit(second, { message: 'My words' }, { action: /change-notice/ });
  expect([stale.status, stale.text]).toEqual([
    409,
    expect.stringContaining('The event was changed meanwhile'),
  ]);
  expect(stale.text).toContain('First Hall');
  expect(stale.html).toContain('My words</textarea>');
  expect(await mailsAbout(id)).toHaveLength(1);
  const saved = await browser.submit(stale, {}, { action: /change-notice/ });
  expect(saved.text).toContain('One order is told by mail.');
  expect((await mailsAbout(id)).map((mail) => /Where now: (.*)/.exec(mail.text_body)![1])).toEqual([
    expect.stringContaining('First Hall'),
    expect.stringContaining('Second Hall'),
  ]);
});

test('two presses at once tell people once', async () => {
  const { id, slug } = await market.publish(browser);
  await market.buy(slug, 1);
  const asked = await edit(id, { venue_name: 'Pressed Twice Hall' });
  const answers = await Promise.all(
    [1, 2, 3].map(() => browser.submit(asked, {}, { action: /change-notice/ })),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(await mailsAbout(id)).toHaveLength(1);
});

test('an order that becomes paid while the change is saved is told, by its notice or with its tickets', async () => {
  const { id, slug } = await market.publish(browser);
  await market.buy(slug, 1);
  const asked = await edit(id, { venue_name: 'Late Hall' });
  const late = await market.buy(slug, 1);
  const { id: orderId } = await market.orderOf(late.url);
  // its payment is being written down when the organizer presses: order first, then the event's counters
  await market.db('orders').where({ id: orderId }).update({ status: 'awaiting_payment', inventory: 'held' });
  const settling = await market.db.transaction();
  await settling('orders').where({ id: orderId }).forUpdate().first();
  await settling('events').where({ id }).forNoKeyUpdate().first();
  const pressed = browser.submit(asked, {}, { action: /change-notice/ });
  await new Promise((done) => setTimeout(done, 150));
  await settling('orders').where({ id: orderId }).update({ status: 'paid', inventory: 'sold' });
  await settling.commit();
  expect((await pressed).text).toContain('2 orders are told by mail.');
  expect((await mailsAbout(id)).map((mail) => mail.order_id)).toContain(orderId);
});

test('a suspended event mails nobody, and ten notices a day are enough', async () => {
  const { id, slug } = await market.publish(browser);
  await market.buy(slug, 1);
  const asked = await edit(id, { venue_name: 'Far Hall' });
  await market.db('events').where({ id }).update({ suspended_at: new Date() });
  expect((await edit(id, { venue_name: 'Farther Hall' })).text).toContain('Foyer has suspended this event');
  const refused = await browser.submit(asked, {}, { action: /change-notice/ });
  expect(refused.text).toContain('Nothing was saved or mailed.');
  expect(await mailsAbout(id)).toEqual([]);

  await market.db('events').where({ id }).update({ suspended_at: null });
  await market
    .db('rate_limits')
    .where({ key: `event-change:${id}` })
    .update({ points: 10 });
  const tooMany = await browser.submit(asked, {}, { action: /change-notice/ });
  expect([tooMany.status, tooMany.text]).toEqual([429, expect.stringContaining('ten times within a day')]);
  expect(await mailsAbout(id)).toEqual([]);
});
