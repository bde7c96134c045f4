/** An organizer's terms, refund policy and imprint: read before paying, agreed to by paying, and kept as they were. */
import { type Browser, createBrowser } from '../support/browser';
import { formsOf } from '../support/html';
import { type Market, openMarket } from '../support/market';

let market: Market;
let browser: Browser;
let slug: string;
let organizerId: string;

beforeAll(async () => {
  market = await openMarket();
  ({ browser, slug } = await market.eventOnSale());
  organizerId = (await market.db('organizers').first('id')).id;
});
afterAll(() => market.close());

const PUBLIC_TERMS = '/organizers/analytical-society/terms';

const save = async (fields: Record<string, string>) =>
  browser.submit(await browser.open(market.at(`/organizer/organizers/${organizerId}/edit`)), fields, {
    action: /\/edit$/,
  });
const versions = () =>
  market.db('organizer_terms').where({ organizer_id: organizerId }).orderBy('created_at');
const pay = async (guest: Browser, url: string) =>
  market.pay(guest, await market.details(guest, await guest.open(url)));

test('without any, nothing is said of them, and nothing is kept', async () => {
  expect((await browser.open(market.at(PUBLIC_TERMS))).status).toBe(404);
  const event = await browser.open(market.at(`/events/${slug}`));
  expect(event.html).not.toContain(PUBLIC_TERMS);
  const order = await market.choose(createBrowser(), slug, 1);
  expect(order.text).not.toContain('you agree to');
});

test('what is agreed to is what was read, and stays with the order when the organizer changes it', async () => {
  const saved = await save({
    terms: 'No **engines** <script>alert(1)</script>',
    refund_policy: 'All of it until a week before.',
    imprint: 'Analytical Society, 12 Mill Lane',
  });
  expect(saved.text).toContain('Your changes are saved.');

  const readable = await browser.open(market.at(PUBLIC_TERMS));
  expect(readable.text).toMatch(
    /Terms No engines <script>.*Refund policy All of it.*Imprint Analytical Society/,
  );
  expect(readable.html).not.toContain('<script>alert');
  for (const page of [`/events/${slug}`, '/organizers/analytical-society'])
    for (const part of ['terms', 'refund-policy', 'imprint'])
      expect((await browser.open(market.at(page))).html).toContain(`href="${PUBLIC_TERMS}#${part}"`);

  const guest = createBrowser();
  const order = await market.choose(guest, slug, 1);
  expect(order.text).toContain(
    'By paying you agree to the terms and the refund policy of Analytical Society.',
  );
  expect(order.html).toContain('<strong>engines</strong>');
  await pay(guest, order.url);

  await save({ terms: 'Engines **welcome**', refund_policy: '' });
  const later = await guest.open(order.url);
  expect(later.text).toMatch(/What you agreed to .*No engines/);
  expect(later.text).toContain('All of it until a week before.');
  expect(later.text).not.toContain('welcome');
  const { id } = await market.orderOf(order.url);
  expect((await browser.open(market.at(`/organizer/orders/${id}`))).text).toContain('No engines');
  const admin = await market.admin();
  expect((await admin.open(market.at(`/admin/orders/${id}`))).text).toContain('No engines');
  const mail = await market.db('mails').where({ order_id: id, template: 'order-paid' }).first();
  expect(mail.text_body).toContain('You agreed to the terms and the refund policy of Analytical Society.');
});

test('terms that change between reading and pressing are shown first; nothing is sent to Stripe before', async () => {
  const guest = createBrowser();
  const order = await market.choose(guest, slug, 1);
  expect(order.text).toContain('By paying you agree to the terms of Analytical Society.');
  await save({ terms: 'No umbrellas' });
  const refused = await market.details(guest, order, { name: 'Charles B' });
  expect([refused.status, refused.text]).toEqual([
    409,
    expect.stringMatching(/The organizer has changed what you agree to You were not charged.*No umbrellas/),
  ]);
  expect(formsOf(refused.html).find(({ action }) => action.endsWith('/payment'))!.values).toMatchObject({
    name: 'Charles B',
  });
  expect(await market.orderOf(order.url)).toMatchObject({ status: 'held', agreed_terms_id: null });
  await market.details(guest, refused);
  expect(await market.orderOf(order.url)).toMatchObject({
    status: 'awaiting_payment',
    agreed_terms_id: expect.any(String),
  });
});

test.each([
  ['none', ''],
  ['another organizer’s, or one that never was', '01920000-0000-7000-8000-00000000c0c0'],
  ['no id at all', "' OR 1=1"],
])('a post that names %s agrees to nothing', async (_what, terms) => {
  const guest = createBrowser();
  const order = await market.choose(guest, slug, 1);
  const answer = await guest.post(`${order.url}/payment`, {
    name: 'Charles',
    email: 'charles@example.com',
    terms,
  });
  expect([answer.status, answer.text]).toEqual([409, expect.stringContaining('changed what you agree to')]);
});

test('free tickets are agreed to by getting them', async () => {
  const free = await market.publish(browser, {
    title: 'Free',
    'tickets.0.kind': 'free',
    'tickets.0.price': '',
  });
  const guest = createBrowser();
  const order = await market.choose(guest, free.slug, 1);
  expect(order.text).toContain('By getting these tickets you agree to the terms');
  await market.details(guest, order);
  expect((await guest.open(order.url)).text).toMatch(/What you agreed to .*No umbrellas/);
});

test('the same words again are the same version, an earlier one counts again, and a version never changes', async () => {
  const before = await versions();
  await save({});
  await save({ terms: 'Something else' });
  await save({ terms: 'No umbrellas' });
  const after = await versions();
  expect(after).toHaveLength(before.length + 1);
  const { current_terms_id } = await market.db('organizers').where({ id: organizerId }).first();
  expect(after.find(({ id }) => id === current_terms_id)).toMatchObject({ terms: 'No umbrellas' });
  await expect(market.db('organizer_terms').update({ terms: 'Forged' })).rejects.toThrow('never changed');
});

test('texts that are too long come back as they were typed; empty ones take the pages away', async () => {
  const long = await save({ terms: 'x'.repeat(20_001), name: 'Renamed' });
  expect([long.status, long.text]).toEqual([422, expect.stringContaining('Use at most 20000 characters')]);
  expect(formsOf(long.html).find(({ action }) => action.endsWith('/edit'))!.values).toMatchObject({
    name: 'Renamed',
    terms: 'x'.repeat(20_001),
  });
  await save({ terms: '', refund_policy: '', imprint: '' });
  expect((await browser.open(market.at(PUBLIC_TERMS))).status).toBe(404);
  expect((await market.choose(createBrowser(), slug, 1)).text).not.toContain('you agree to');
});
