import { createBrowser } from '../support/browser';
import { type Market, openMarket } from '../support/market';

let market: Market;
let admin: Awaited<ReturnType<Market['admin']>>;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket();
  admin = await market.admin();
  sale = await market.eventOnSale();
});
beforeEach(async () => {
  await market.db('rate_limits').delete();
  await market.db('abuse_reports').delete();
});
afterAll(() => market.close());

const GOOD = { kind: 'fraud', message: 'There is no such hall', email: 'charles@example.com' };

async function report(fields: Record<string, string> = GOOD) {
  const guest = createBrowser();
  const event = await guest.open(market.at(`/events/${sale.slug}`));
  const href = /href="(\/events\/[^"]+\/report)"/.exec(event.html)![1]!;
  return guest.submit(await guest.open(market.at(href)), fields);
}

const reports = () => market.db('abuse_reports').orderBy('created_at');

test('a guest reports an event from its page, and an admin closes the report with a reason, once', async () => {
  expect((await report()).text).toMatch(/Your report was sent/);
  const [row] = await reports();
  expect(row).toMatchObject({
    event_id: sale.id,
    kind: 'fraud',
    message: 'There is no such hall',
    reporter_email: 'charles@example.com',
    decision: null,
  });
  expect((await admin.open(market.at('/admin'))).text).toContain('1 report of a visitor is open');
  const page = await admin.open(market.at(`/admin/reports/${row.id}`));
  expect(page.text).toMatch(/Not real, or not what it says.*There is no such hall.*charles@example.com/);

  const form = await admin.open(market.at(`/admin/reports/${row.id}/decision`));
  expect((await admin.submit(form, { decision: 'acted' })).status).toBe(422);
  expect((await admin.submit(form, { reason: 'No such hall' })).status).toBe(422);
  await admin.submit(form, { decision: 'acted', reason: 'No such hall' });
  const second = await admin.submit(form, { decision: 'dismissed', reason: 'Changed my mind' });
  expect(second.text).toMatch(/was decided already/);
  expect(await reports()).toMatchObject([{ decision: 'acted', decided_at: expect.any(Date) }]);
  expect(await market.db('audit_log').where({ subject_id: row.id })).toMatchObject([
    { action: 'report.acted', reason: 'No such hall', subject_type: 'report', actor: 'admin' },
  ]);
  expect((await admin.open(market.at('/admin/reports'))).text).toContain('No report is open');
});

test('an address is not needed; what is wrong and the words are, and what was typed stays', async () => {
  await report({ ...GOOD, email: '' });
  expect(await reports()).toMatchObject([{ reporter_email: null }]);
  const refused = await report({ message: 'Kept words', email: 'no address' });
  expect(refused.status).toBe(422);
  expect(refused.text).toMatch(/Choose what is wrong.*correct format/);
  expect(refused.html).toContain('Kept words');
  expect((await report({ kind: 'spam', message: 'x' })).status).toBe(422);
  expect((await report({ kind: 'fraud', message: ' \u200b ' })).status).toBe(422);
  expect(await reports()).toHaveLength(1);
});

test('the words of a stranger are shown as words', async () => {
  await report({ ...GOOD, message: '<script>alert(1)</script>\nsecond line' });
  const [row] = await reports();
  const page = await admin.open(market.at(`/admin/reports/${row.id}`));
  expect(page.html).not.toContain('<script>alert');
  expect(page.text).toContain('<script>alert(1)</script> second line');
});

test('twenty an hour from one network, then words and a time to come back', async () => {
  for (let n = 0; n < 20; n += 1) await report({ ...GOOD, message: `Report ${n}` });
  const refused = await report();
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000);
  expect(refused.text).toMatch(/Wait a while/);
  expect(await reports()).toHaveLength(20);
});

test.each(['nobody-knows', 'a%00b'])('there is nothing to report at %s', async (slug) => {
  const guest = createBrowser();
  expect((await guest.open(market.at(`/events/${slug}/report`))).status).toBe(404);
  expect((await guest.post(market.at(`/events/${slug}/report`), GOOD)).status).toBe(404);
});

test('a report that another site sends is refused', async () => {
  const answer = await fetch(market.at(`/events/${sale.slug}/report`), {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'cross-site' },
    body: new URLSearchParams(GOOD).toString(),
  });
  expect(answer.status).toBe(403);
  expect(await reports()).toEqual([]);
});
