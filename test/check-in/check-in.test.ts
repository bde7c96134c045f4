/** The door over HTTP: one ticket lets one person in, whoever scans it, however often, on however many phones. */
import { Client } from 'pg';
import { admitTicket } from '../../src/check-in/admit-ticket';
import { newId } from '../../src/lib/ids';
import { type Browser, createBrowser } from '../support/browser';
import { formsOf } from '../support/html';
import { type Market, openMarket } from '../support/market';

let market: Market;
let door: Browser;
let event: { id: string; slug: string };
let tickets: { id: string; code: string; shortCode: string }[];
let reference: string;
let token: string | undefined;

beforeAll(async () => {
  market = await openMarket();
  const sale = await market.eventOnSale();
  door = sale.browser;
  event = sale;
  const bought = await market.buy(sale.slug, 4);
  reference = (await market.orderOf(bought.url)).reference;
  const rows = await market.db('tickets').where({ event_id: event.id }).orderBy('seq');
  tickets = rows.map(({ id }) => ({
    id,
    code: market.testApp.dependencies.ticketCodes.sign({ id, eventId: event.id }),
    shortCode: id.replaceAll('-', '').slice(-8).toUpperCase(),
  }));
});
afterAll(() => market.close());
beforeEach(async () => {
  await market.db('check_in_scans').delete();
  await market.db('tickets').update({ status: 'valid', checked_in_at: null, checked_in_by: null });
});

const page = (query = '') => door.open(market.at(`/organizer/events/${event.id}/check-in${query}`));
const scan = async (fields: Record<string, string>) =>
  door.submit(await page(), fields, { action: `/organizer/events/${event.id}/check-in` });
const outcomes = async () =>
  (await market.db('check_in_scans').orderBy('created_at').orderBy('id')).map((row) => row.outcome);

/** What a phone's script gets. */
async function scanByScript(fields: Record<string, string>) {
  token ??= formsOf((await page()).html).find((form) => form.values['_csrf'])!.values['_csrf']!;
  const cookie = [...door.cookies(new URL(market.baseUrl).host)].map(([name, value]) => `${name}=${value}`);
  const answer = await fetch(market.at(`/organizer/events/${event.id}/check-in`), {
    method: 'POST',
    headers: { Accept: 'application/json', Cookie: cookie.join('; '), 'Sec-Fetch-Site': 'same-origin' },
    body: new URLSearchParams({ ...fields, _csrf: token! }),
  });
  return { status: answer.status, answer: (await answer.json()) as { outcome: string } };
}

test('a scanned ticket lets in once, with the name, and the second scan says since when it is in', async () => {
  const first = await scan({ code: tickets[0]!.code });
  expect(first.text).toMatch(/1 of 4 in.*Come in.*Charles.*Standard · 1 of 4 · Order/);
  const second = await scan({ code: tickets[0]!.code });
  expect(second.text).toMatch(/Already in.*Charles.*At \d\d:\d\d, let in by Ada/);
  expect(second.text).toMatch(/1 of 4 in/);
  expect(await market.db('tickets').where({ id: tickets[0]!.id }).first()).toMatchObject({ status: 'valid' });
  expect(await outcomes()).toEqual(['admitted', 'already_in']);
  // the ticket's own page tells its holder
  expect((await createBrowser().open(market.at(`/tickets/${tickets[0]!.code}`))).text).toMatch(
    /Used at the door/,
  );
});

test('the short code opens the door as it is read out: with its dash, in small letters, with spaces', async () => {
  const { shortCode } = tickets[1]!;
  const spoken = ` ${shortCode.slice(0, 4).toLowerCase()} - ${shortCode.slice(4)} `;
  expect((await scan({ code: spoken })).text).toMatch(/Come in/);
  expect((await scan({ code: `${shortCode.slice(0, 4)}-${shortCode.slice(4)}` })).text).toMatch(/Already in/);
});

test('ten phones scan one ticket at once: one lets in, nine say that it is in', async () => {
  const scans = await Promise.all(Array.from({ length: 10 }, () => scanByScript({ code: tickets[0]!.code })));
  const said = scans.map(({ answer }) => answer.outcome).sort();
  expect(said).toEqual([...Array(9).fill('already_in'), 'admitted'].sort());
  expect((await outcomes()).filter((outcome) => outcome === 'admitted')).toHaveLength(1);
});

test('twin: without the row lock and the condition of the UPDATE ten phones let several in', async () => {
  const send = Client.prototype.query as (...args: unknown[]) => unknown;
  const careless = jest.spyOn(Client.prototype, 'query').mockImplementation(function (
    this: Client,
    ...args: unknown[]
  ) {
    const [query, ...others] = args as [{ text?: string }];
    const text = query.text?.includes('"tickets"')
      ? query.text.replace(' for update', '').replace(' and "checked_in_at" is null', '')
      : query.text;
    // a name stands for the text that it was given first
    const changed = text === query.text ? query : { ...query, text, name: undefined };
    return send.call(this, changed, ...others) as never;
  });
  try {
    await Promise.all(Array.from({ length: 10 }, () => scanByScript({ code: tickets[0]!.code })));
    expect((await outcomes()).filter((outcome) => outcome === 'admitted').length).toBeGreaterThan(1);
  } finally {
    careless.mockRestore();
  }
});

test('a request that is sent again because no answer came is answered like the first, also at the same time', async () => {
  const request = { code: tickets[2]!.code, request_key: newId() };
  const twice = await Promise.all([scanByScript(request), scanByScript(request)]);
  expect([...twice, await scanByScript(request)].map(({ answer }) => answer.outcome)).toEqual([
    'admitted',
    'admitted',
    'admitted',
  ]);
  expect(await outcomes()).toEqual(['admitted']);
  const unknown = { code: 'nonsense', request_key: newId() };
  await Promise.all([scanByScript(unknown), scanByScript(unknown)]);
  expect(await outcomes()).toEqual(['admitted', 'unknown']);
});

test('an entry is taken back, and the ticket lets in once more', async () => {
  const inside = await scan({ code: tickets[0]!.code });
  const undone = await door.submit(inside, {}, { action: /removal$/ });
  expect(undone.text).toMatch(/0 of 4 in.*Taken back/);
  expect(undone.text).not.toMatch(/Take this entry back/);
  const again = await door.submit(inside, {}, { action: /removal$/ });
  expect([again.status, again.text]).toEqual([409, expect.stringMatching(/nothing to take back/)]);
  expect((await scan({ code: tickets[0]!.code })).text).toMatch(/Come in/);
  expect(await outcomes()).toEqual(['admitted', 'undone', 'admitted']);
});

test('each reason to stay outside in its own words, and nobody is let in by them', async () => {
  const { ticketCodes } = market.testApp.dependencies;
  await market.db('tickets').where({ id: tickets[3]!.id }).update({ status: 'void' });
  expect((await scan({ code: tickets[3]!.code })).text).toMatch(/Not valid.*given back or refunded/);

  const { order_id: orderId } = await market.db('tickets').where({ id: tickets[2]!.id }).first();
  const attempt = await market.db('payment_attempts').where({ order_id: orderId, status: 'paid' }).first();
  await market.db('disputes').insert({
    id: newId(),
    stripe_dispute_id: 'dp_1',
    order_id: orderId,
    payment_attempt_id: attempt.id,
    amount: 1,
    currency: 'eur',
    reason: 'fraudulent',
    status: 'needs_response',
    stage: 'open',
    opened_at: new Date(),
  });
  expect((await scan({ code: tickets[2]!.code })).text).toMatch(/On hold.*disputed at the bank/);
  await market.db('disputes').update({ stage: 'won' });
  expect((await scan({ code: tickets[2]!.code })).text).toMatch(/Come in/);
  await market.db('tickets').update({ checked_in_at: null });

  const elsewhere = ticketCodes.sign({ id: tickets[0]!.id, eventId: newId() });
  expect((await scan({ code: elsewhere })).text).toMatch(/Another event/);
  const forged = `${tickets[0]!.code.slice(0, 100)}${tickets[0]!.code[100] === 'A' ? 'B' : 'A'}${tickets[0]!.code.slice(101)}`;
  expect((await scan({ code: forged })).text).toMatch(/Not one of ours/);
  expect((await scan({ code: 'https://example.com/?ticket=1' })).text).toMatch(/Not one of ours/);
  const ofNobody = ticketCodes.sign({ id: newId(), eventId: event.id });
  expect((await scan({ code: ofNobody })).text).toMatch(/Not one of ours/);

  await market.db('events').where({ id: event.id }).update({ status: 'cancelled' });
  const { answer } = await scanByScript({ code: tickets[0]!.code }).finally(() =>
    market.db('events').where({ id: event.id }).update({ status: 'published' }),
  );
  expect(answer).toMatchObject({ outcome: 'event_cancelled', good: false });
  expect(await market.db('tickets').whereNotNull('checked_in_at')).toEqual([]);
});

test.each([
  [{ code: '' }, /Scan a ticket, or type its code/],
  [{ code: 'x'.repeat(300) }, /No ticket has a code this long/],
])('a form that says nothing usable: %j', async (fields, words) => {
  const answer = await scan(fields);
  expect([answer.status, answer.text]).toEqual([422, expect.stringMatching(words)]);
  expect(await outcomes()).toEqual([]);
});

test('tickets are found by name, mail, reference and short code, and let in from the list', async () => {
  for (const q of ['charl', 'CHARLES@example', reference.toLowerCase(), tickets[0]!.shortCode.slice(0, 6)])
    expect((await page(`?q=${encodeURIComponent(q)}`)).html).toContain(`value="${tickets[0]!.id}"`);
  expect((await page('?q=%25')).text).toMatch(/No ticket of this event matches “%”/);
  const list = await page('?q=charles');
  expect(list.html.match(/Let in</g)).toHaveLength(4);
  const letIn = await door.submit(list, {
    ticket_id: tickets[1]!.id,
    code: '',
  });
  expect(letIn.text).toMatch(/Come in.*2 of 4/);
  expect((await page('?q=charles')).text).toMatch(/In since \d\d:\d\d/);
});

test('the counters tell tickets that open the door from those inside', async () => {
  await market.db('tickets').where({ id: tickets[3]!.id }).update({ status: 'void' });
  await scan({ code: tickets[0]!.code });
  const counts = await door.open(market.at(`/organizer/events/${event.id}/check-in/counts`));
  expect(JSON.parse(counts.html)).toEqual({
    valid: 3,
    inside: 1,
    types: [{ name: 'Standard', valid: 3, inside: 1 }],
  });
});

test('a ticket of this event is no key to the door of another organizer', async () => {
  const other = await market.eventOnSale({ name: 'Difference Club' });
  const answer = await other.browser.open(market.at(`/organizer/events/${event.id}/check-in`));
  expect(answer.status).toBe(404);
  const scanned = await admitTicket(market.db, {
    eventId: other.id,
    userId: (await market.db('users').where({ email: other.email }).first('id')).id,
    presented: market.testApp.dependencies.ticketCodes.verify(tickets[0]!.code),
    requestKey: null,
  });
  expect(scanned.outcome).toBe('other_event');
});
