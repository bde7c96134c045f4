/** What a buyer can do by themselves: more time once, a name put right, tickets and a receipt on paper. */
import { inflateSync } from 'node:zlib';
import { createBrowser } from '../support/browser';
import { type Market, openMarket } from '../support/market';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let bought: Awaited<ReturnType<Market['buy']>>;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
  bought = await market.buy(sale.slug, 2);
});
afterAll(() => market.close());

const orderUrl = () => bought.url.split('?')[0]!;
const minutesLeft = async (url: string) => {
  const order = await market.orderOf(url);
  return Math.round((order.hold_expires_at - Date.now()) / 60_000);
};

test('a hold gets ten more minutes once, while it lives', async () => {
  const browser = createBrowser();
  const held = await market.choose(browser, sale.slug, 1);
  const before = await minutesLeft(held.url);
  const extended = await browser.submit(held, {}, { action: /extension$/ });
  expect(await minutesLeft(held.url)).toBe(before + 10);
  expect(extended.html).not.toContain('/extension');
  const again = await browser.submit(held, {}, { action: /extension$/ });
  expect([again.status, again.text]).toEqual([
    409,
    expect.stringMatching(/no more time to add.*not charged/),
  ]);
  expect(await minutesLeft(held.url)).toBe(before + 10);
  const { id } = await market.orderOf(held.url);
  const notes = await market
    .db('order_timeline')
    .where({ order_id: id, reason: 'asked for 10 more minutes' });
  expect(notes).toHaveLength(1);
});

test('ten presses at once extend a hold once', async () => {
  const browser = createBrowser();
  const held = await market.choose(browser, sale.slug, 1);
  const before = await minutesLeft(held.url);
  const presses = await Promise.all(
    Array.from({ length: 10 }, () => browser.submit(held, {}, { action: /extension$/ })),
  );
  expect(presses.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(await minutesLeft(held.url)).toBe(before + 10);
});

test('a hold that is over is not brought back, nor one that waits for its payment lengthened', async () => {
  const browser = createBrowser();
  const over = await market.choose(browser, sale.slug, 1);
  const { id } = await market.orderOf(over.url);
  await market
    .db('orders')
    .where({ id })
    .update({ hold_expires_at: market.db.raw("now() - interval '1 second'") });
  expect((await browser.submit(over, {}, { action: /extension$/ })).status).toBe(409);
  const paying = await market.choose(browser, sale.slug, 1);
  await market.details(browser, paying);
  expect((await browser.submit(paying, {}, { action: /extension$/ })).status).toBe(409);
});

test('a name is put right on the order and its tickets, with a line in the timeline', async () => {
  const browser = createBrowser();
  const page = await browser.open(orderUrl());
  const empty = await browser.submit(page, { name: ' ' }, { action: /\/name$/ });
  expect([empty.status, empty.text]).toEqual([
    422,
    expect.stringMatching(/Enter the name that should stand/),
  ]);
  const named = await browser.submit(page, { name: 'Charles Babbage' }, { action: /\/name$/ });
  expect(named.text).toMatch(/The new name stands on your tickets/);
  expect(named.html.match(/<dd>Charles Babbage<\/dd>/g)).toHaveLength(2);
  const [note] = await market.db('order_timeline').where({ reason: 'name corrected' });
  expect(note.details).toEqual({ before: 'Charles', after: 'Charles Babbage' });
});

test('after the event the name stays', async () => {
  const page = await createBrowser().open(orderUrl());
  const event = await market.db('events').where({ id: sale.id }).first();
  await market.db('events').where({ id: sale.id }).update({ starts_at: '2026-01-01', ends_at: '2026-01-02' });
  const late = await createBrowser().submit(page, { name: 'Somebody' }, { action: /\/name$/ });
  await market
    .db('events')
    .where({ id: sale.id })
    .update({ starts_at: event.starts_at, ends_at: event.ends_at });
  expect([late.status, late.text]).toEqual([409, expect.stringMatching(/name was not changed/)]);
});

test('the tickets as PDF: a page of three, with the words of the tickets; none for an order without tickets', async () => {
  const answer = await fetch(`${orderUrl()}/tickets.pdf`);
  expect(answer.headers.get('content-type')).toBe('application/pdf');
  expect(answer.headers.get('content-disposition')).toMatch(
    /^attachment; filename=tickets-[0-9A-Z]{8}\.pdf$/,
  );
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const pdf = Buffer.from(await answer.arrayBuffer());
  expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
  expect(pdf.toString('latin1').match(/\/Type \/Page\b/g)).toHaveLength(1);
  // two squares of some hundred dots each
  expect(pageContent(pdf).match(/ re\b/g)!.length).toBeGreaterThan(1000);

  const held = await market.choose(createBrowser(), sale.slug, 1);
  expect((await fetch(`${held.url}/tickets.pdf`)).status).toBe(409);
});

test('the receipt says who sold what to whom, and what was given back', async () => {
  const receipt = await createBrowser().open(`${orderUrl()}/receipt`);
  expect(receipt.text).toMatch(/Receipt.*Analytical Society.*charles@example.com/);
  expect(receipt.text).toMatch(/2 × Standard €20.00 each €40.00 Paid €40.00/);
  expect(receipt.text).toMatch(/Payment pi_\w+, through Stripe/);
  const held = await market.choose(createBrowser(), sale.slug, 1);
  expect((await createBrowser().open(`${held.url}/receipt`)).status).toBe(409);
});

/** What is drawn on the first page. */
function pageContent(pdf: Buffer): string {
  const text = pdf.toString('latin1');
  for (const match of text.matchAll(/\/Filter \/FlateDecode\n>>\nstream\n/g)) {
    const from = match.index + match[0].length;
    try {
      const content = inflateSync(pdf.subarray(from)).toString('latin1');
      if (/ re\b/.test(content)) return content;
    } catch {
      // a font, or the end of one
    }
  }
  throw new Error('No page with a drawing');
}
