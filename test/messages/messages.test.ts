/** A message to attendees: looked at first, one mail for each order, whatever stops or is pressed twice. */
import { beginMessage, continueMessage } from '../../src/messages/send-message';
import { newId } from '../../src/lib/ids';
import { createBrowser } from '../support/browser';
import { type Market, openMarket } from '../support/market';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let orders: { id: string; reference: string }[];
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
  await market.buy(sale.slug, 2);
  await market.buy(sale.slug, 1);
  await market.choose(createBrowser(), sale.slug, 1);
  await market.settle();
  orders = await market.db('orders').where({ event_id: sale.id, status: 'paid' }).orderBy('id');
}, 30_000);
afterAll(() => market.close());

const desk = () => market.at(`/organizer/events/${sale.id}/messages`);
const mails = () => market.db('mails').where('dedupe_key', 'like', 'message:%').orderBy('dedupe_key');
const words = { subject: 'Doors <b>open</b>', body: 'Come at seven.\n\n<script>alert(1)</script>' };
const sent = { action: /messages$/ };

test('looked at, tried, changed, sent twice: one mail for each order, and none to who only chooses', async () => {
  const wrong = await sale.browser.submit(await sale.browser.open(desk()), { ...words, subject: ' ' }, sent);
  expect([wrong.status, wrong.text]).toEqual([422, expect.stringMatching(/Enter what it is about/)]);
  expect(wrong.html).toContain('Come at seven.');
  const seen = await sale.browser.submit(wrong, { ...words, action: 'preview' }, sent);
  expect(seen.text).toMatch(
    /It goes to 2 orders.*Come at seven\..*You get this mail because you have tickets/,
  );
  expect(seen.html).not.toContain('<script>alert');
  const tried = await sale.browser.submit(seen, { action: 'test' }, sent);
  expect(tried.text).toMatch(/on its way to organizer1@example\.com. Nobody else/);
  expect(await mails()).toHaveLength(0);
  const edited = await sale.browser.submit(tried, { action: 'edit' }, sent);
  expect(edited.html).toContain('Come at seven.');

  const first = await sale.browser.submit(tried, { action: 'send' }, sent);
  const again = await sale.browser.submit(tried, { action: 'send' }, sent);
  expect(again.url).toBe(first.url);
  expect(first.text).toMatch(/Being sent.*Mails that left 0 of 2/);
  await market.settle();
  expect((await sale.browser.open(first.url)).text).toMatch(/Sent.*Mails that left 2 of 2/);
  const rows = await mails();
  expect(rows.map(({ order_id: id }) => id).sort()).toEqual(orders.map(({ id }) => id).sort());
  expect(rows[0].html_body).not.toContain('<script>');
  expect(rows[0].text_body).toContain('<script>alert(1)</script>');
  expect(rows[0].text_body).toMatch(/You get this mail because you have tickets for .* \(order \w{8}\)/);
  expect((await sale.browser.open(market.at(`/organizer/orders/${orders[0]!.id}`))).text).toMatch(
    /A message was sent: Doors/,
  );
});

test('a process that stops after the first mails leaves the rest; each order has one', async () => {
  const { db, dependencies } = { db: market.db, dependencies: market.testApp.dependencies };
  const event = await db('events').where({ id: sale.id }).first();
  const { id: userId } = await db('users').first('id');
  await db('tickets').where({ order_id: orders[0]!.id, seq: 1 }).update({ checked_in_at: new Date() });
  const begin = (formKey: string) =>
    beginMessage(dependencies, { ...words, event, audience: { of: 'not_in' }, userId, formKey });
  const key = newId();
  const begun = await Promise.all([begin(key), begin(key), begin(key)]);
  expect(new Set(begun.map((outcome) => JSON.stringify(outcome))).size).toBe(1);
  const { messageId } = begun[0] as { messageId: string };
  // one order has its mail, and the process is killed before it says so
  await continueMessage(dependencies, messageId);
  await db('attendee_messages').where({ id: messageId }).update({ queued_at: null });
  await db('attendee_message_orders').where({ message_id: messageId }).update({ queued_at: null });
  await Promise.all([continueMessage(dependencies, messageId), continueMessage(dependencies, messageId)]);
  const ofMessage = (await mails()).filter(({ dedupe_key: of }) => of.includes(messageId));
  const notIn = await db('tickets')
    .where({ event_id: sale.id })
    .whereNull('checked_in_at')
    .distinct('order_id');
  expect(ofMessage).toHaveLength(notIn.length);
  expect(await db('attendee_messages').whereNull('queued_at')).toEqual([]);
});

test('ten messages a day, and then what was written is kept', async () => {
  const event = await market.db('events').where({ id: sale.id }).first();
  const { id: userId } = await market.db('users').first('id');
  const begin = () =>
    beginMessage(market.testApp.dependencies, {
      ...words,
      event,
      audience: { of: 'all' },
      userId,
      formKey: newId(),
    });
  const outcomes = await Promise.all(Array.from({ length: 12 }, begin));
  expect(outcomes.filter(({ state }) => state === 'begun')).toHaveLength(8);
  const refused = await sale.browser.submit(
    await sale.browser.open(desk()),
    { ...words, action: 'send' },
    sent,
  );
  expect([refused.status, refused.text]).toEqual([
    422,
    expect.stringMatching(/10 messages a day.*was not sent/),
  ]);
  expect(refused.html).toContain('Come at seven.');
});
