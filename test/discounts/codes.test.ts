/** Codes from the desk to the receipt, and C15: a limit that holds whoever asks at the same moment. */
import { type Knex } from 'knex';
import { Client } from 'pg';
import { placeOrders } from '../../src/checkout/place-orders';
import { createDatabase } from '../../src/db/connection';
import { releaseOrder, UNOPENED_SECONDS } from '../../src/orders/release-order';
import { createBrowser } from '../support/browser';
import { brokenInvariants, type Market, openMarket } from '../support/market';

const FEES = { percentHundredths: 250, fixed: {} };

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let crowd: Knex;
let standard: string;
let balcony: string;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale({
    fields: {
      'tickets.0.capacity': '500',
      'tickets.1.name': 'Balcony',
      'tickets.1.kind': 'paid',
      'tickets.1.price': '10.00',
      'tickets.1.capacity': '500',
      'tickets.1.min_per_order': '1',
      'tickets.1.max_per_order': '10',
      'tickets.1.visibility': 'hidden',
    },
  });
  const types = await market.db('ticket_types').where({ event_id: sale.id }).orderBy('position');
  [standard, balcony] = types.map(({ id }) => id);
  crowd = createDatabase({ url: market.testApp.databaseUrl, poolSize: 20, patienceMs: 15_000 });
});
afterAll(async () => {
  await crowd.destroy();
  await market.close();
});
afterEach(async () => {
  await market.db('rate_limits').delete();
  expect(await brokenInvariants(market)).toEqual([]);
});

const desk = () => market.at(`/organizer/events/${sale.id}/codes`);
const page = (query: string) => market.at(`/events/${sale.slug}?${query}`);

async function make(fields: Record<string, string>) {
  const made = await sale.browser.submit(
    await sale.browser.open(desk()),
    { ...fields },
    { action: /codes$/ },
  );
  return {
    ...made,
    row: await market.db('discount_codes').where({ code: fields['code']!.toUpperCase() }).first(),
  };
}

const rowOf = (code: string) => market.db('discount_codes').where({ event_id: sale.id, code }).first();

/** A guest's form, sent as it stands on the page with the code. */
async function order(code: string, quantity = 1, typeId = standard) {
  const browser = createBrowser();
  const event = await browser.open(page(''));
  const chosen = { [`quantity.${standard}`]: '0', [`quantity.${typeId}`]: String(quantity) };
  const placed = await browser.submit(event, { code, ...chosen });
  return { browser, placed };
}

test('a code is made at the desk, typed in small letters, paid with, and shown wherever the order is', async () => {
  expect((await sale.browser.open(desk())).text).toMatch(/No codes yet/);
  expect((await createBrowser().open(page(''))).text).not.toContain('Have a code?');
  const made = await make({ code: 'friends', kind: 'percent', value: '20', use_limit: '5' });
  expect(made.text).toMatch(/The code FRIENDS works from now on/);

  const { browser, placed } = await order('friends', 2);
  expect(placed.text).toMatch(/2 × Standard €20\.00 each €40\.00 Code FRIENDS − €8\.00 Total €32\.00/);
  expect((await sale.browser.open(desk())).text).toMatch(/FRIENDS.*0 of 5, and 1 held/);
  const paid = await market.pay(browser, await market.details(browser, placed));
  expect(paid.text).toMatch(/You are in.*Paid €32\.00/);
  await market.settle();

  const row = await market.orderOf(placed.url);
  // 2.5 % of 16.00, and 0.30, for each
  expect(row).toMatchObject({ total_amount: 3200n, application_fee_amount: 140n });
  const { charges } = (await market.ledger()).accounts[sale.account]!;
  expect(charges).toMatchObject([{ amount: 3200, application_fee_amount: 140 }]);
  expect(await rowOf('FRIENDS')).toMatchObject({ held: 0, used: 1 });
  const receipt = await browser.open(`${placed.url}/receipt`);
  expect(receipt.text).toMatch(/Code FRIENDS − €8\.00 Paid €32\.00/);
  const deskOrder = await sale.browser.open(market.at(`/organizer/orders/${row.id}`));
  expect(deskOrder.text).toMatch(/Code FRIENDS − €8\.00 Total €32\.00/);
  const csv = await sale.browser.open(market.at(`/organizer/events/${sale.id}/orders.csv`));
  expect(csv.html).toMatch(/32\.00,EUR,\S+,FRIENDS,\r\n/);
  const mail = await market
    .db('mails')
    .where({ order_id: row.id, template: 'order-paid' })
    .first('text_body');
  expect(mail.text_body).toContain('FRIENDS');

  // all of it given back: the use comes back with the tickets
  const preview = market.at(`/organizer/orders/${row.id}/refunds/preview?scope=order`);
  await sale.browser.submit(await sale.browser.open(preview), {}, { action: /refunds$/ });
  await market.settle();
  expect(await rowOf('FRIENDS')).toMatchObject({ held: 0, used: 0 });
});

test('a link carries the code: prices of that request alone, what was chosen is kept, and nobody else’s page changes', async () => {
  const plain = await createBrowser().open(page(''));
  const linked = await createBrowser().open(page(`code=Friends&quantity.${standard}=3`));
  expect(linked.text).toMatch(/Instead of €20\.00 €16\.00/);
  expect(linked.text).toMatch(/Code FRIENDS: 20 % off each ticket/);
  expect(linked.html).toMatch(/<option value="3" selected>/);
  expect(linked.html).not.toContain('application/ld+json');
  expect([linked.headers.get('cache-control'), linked.headers.get('x-robots-tag')]).toEqual([
    'no-store',
    'noindex',
  ]);
  expect(plain.headers.get('cache-control')).toMatch(/^public/);
  expect((await createBrowser().open(page(''))).html).toBe(plain.html);
  expect(plain.text).not.toContain('€16.00');
  const unknown = await createBrowser().open(page(`code=nobody&quantity.${standard}=3`));
  expect([unknown.status, unknown.text]).toEqual([422, expect.stringMatching(/not known for this event/)]);
  expect(unknown.html).toMatch(/<option value="3" selected>/);
});

test('hidden tickets are opened by an access code, and by nothing else', async () => {
  const wrong = await make({ code: 'INSIDE', kind: 'access', value: '', [`type.${standard}`]: '1' });
  expect([wrong.status, wrong.text]).toEqual([
    422,
    expect.stringMatching(/None of these ticket types is hidden/),
  ]);
  expect(wrong.html).toMatch(/value="INSIDE"/);
  await make({ code: 'INSIDE', kind: 'access', value: '', [`type.${balcony}`]: '1' });
  for (const code of ['', 'friends']) {
    expect((await createBrowser().open(page(`code=${code}`))).text).not.toContain('Balcony');
    expect((await order(code, 1, balcony)).placed.status).toBe(409);
  }
  expect((await createBrowser().open(page('code=inside'))).text).toContain('Balcony');
  const { placed } = await order('INSIDE', 1, balcony);
  expect(placed.text).toMatch(/1 × Balcony €10\.00 each €10\.00 Code INSIDE €0\.00 Total €10\.00/);
});

test('C18: a code for all of the price needs no Stripe', async () => {
  await make({ code: 'GUEST', kind: 'percent', value: '100' });
  const before = (await market.requests()).length;
  const { browser, placed } = await order('guest', 2);
  expect(placed.text).toContain('Get my free tickets');
  const mine = await market.details(browser, placed);
  expect(mine.text).toMatch(/You are in.*Free; nothing was charged/);
  expect(await market.orderOf(placed.url)).toMatchObject({
    status: 'paid',
    total_amount: 0n,
    application_fee_amount: 0n,
  });
  expect(await rowOf('GUEST')).toMatchObject({ held: 0, used: 1 });
  expect((await market.requests()).slice(before).filter(({ path }) => /checkout/.test(path))).toEqual([]);
});

test('what remains below Stripe’s minimum is refused with words, and nothing is held', async () => {
  await make({ code: 'NEARLY', kind: 'amount', value: '19.80' });
  const { placed } = await order('nearly', 1);
  expect([placed.status, placed.text]).toEqual([
    409,
    expect.stringMatching(/comes to €0\.20, and Stripe charges no less than €0\.50/),
  ]);
  expect(placed.html).toMatch(/value="NEARLY"/);
  expect(await rowOf('NEARLY')).toMatchObject({ held: 0 });
});

test('C15: one use and 20 checkouts over HTTP give one order; given back with its hold, the use is free again', async () => {
  await make({ code: 'ONCE', kind: 'percent', value: '50', use_limit: '1' });
  const answers = await Promise.all(Array.from({ length: 20 }, () => post('once')));
  expect(answers.map(({ status }) => status).sort()).toEqual([303, ...Array<number>(19).fill(409)]);
  expect(await answers.find(({ status }) => status === 409)!.text()).toMatch(
    /Other buyers hold the last uses/,
  );
  expect(await rowOf('ONCE')).toMatchObject({ held: 1, used: 0 });
  // the page was never opened: swept
  const held = { discount_code_id: (await rowOf('ONCE')).id, inventory: 'held' };
  await market
    .db('orders')
    .where(held)
    .update({ created_at: market.db.raw('now() - make_interval(secs => ?)', [UNOPENED_SECONDS + 1]) });
  const [swept] = await market.db('orders').where(held).select('id');
  await releaseOrder(market.testApp.dependencies, swept.id);
  expect(await rowOf('ONCE')).toMatchObject({ held: 0, used: 0 });
  expect((await post('ONCE')).status).toBe(303);
});

const post = (code: string) =>
  fetch(market.at(`/events/${sale.slug}/orders`), {
    method: 'POST',
    redirect: 'manual',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ code, [`quantity.${standard}`]: '1' }).toString(),
  });

const placeAtOnce = (code: string) =>
  Promise.allSettled(
    Array.from({ length: 20 }, () =>
      placeOrders(
        crowd,
        sale.id,
        [
          {
            visitorHash: null,
            code,
            lines: [{ ticketTypeId: standard, quantity: 1, shownPrice: null, amount: null }],
          },
        ],
        FEES,
      ),
    ),
  );
const won = (results: PromiseSettledResult<{ ok: boolean }[]>[]) =>
  results.filter((result) => result.status === 'fulfilled' && result.value[0]!.ok).length;

test('C15: 20 processes and three uses give three; twin: without the lock the CHECK refuses, and without both it is over-used', async () => {
  for (const code of ['LOCKED', 'CHECKED', 'OPEN'])
    await make({ code: `${code}3`, kind: 'percent', value: '50', use_limit: '3' });
  expect(won(await placeAtOnce('LOCKED3'))).toBe(3);

  const send = Client.prototype.query as (...args: unknown[]) => unknown;
  const lockless = jest.spyOn(Client.prototype, 'query').mockImplementation(function (
    this: Client,
    ...args: unknown[]
  ) {
    const [query, ...others] = args as [{ name?: string; text?: string }];
    const withoutLock = query.text?.includes('FOR NO KEY UPDATE')
      ? { ...query, name: undefined, text: query.text.replace(/FOR NO KEY UPDATE.*/, '') }
      : query;
    return send.call(this, withoutLock, ...others) as never;
  });
  try {
    const checked = await placeAtOnce('CHECKED3');
    expect(won(checked)).toBeLessThanOrEqual(3);
    expect(checked.some(({ status }) => status === 'rejected')).toBe(true);
    await market.db.raw('ALTER TABLE discount_codes DROP CONSTRAINT discount_codes_counters_fit');
    expect(won(await placeAtOnce('OPEN3'))).toBeGreaterThan(3);
    await market.db('discount_codes').where({ code: 'OPEN3' }).update({ use_limit: 50 });
  } finally {
    lockless.mockRestore();
    await market.db.raw(
      'ALTER TABLE discount_codes ADD CONSTRAINT discount_codes_counters_fit CHECK (held >= 0 AND used >= 0 AND held + used <= use_limit IS NOT FALSE)',
    );
  }
});

test('a code is switched off and on; an order that was placed keeps its price', async () => {
  await make({ code: 'SHORT', kind: 'amount', value: '5' });
  const { placed } = await order('short');
  const switched = await sale.browser.submit(
    await sale.browser.open(desk()),
    { to: 'off' },
    { action: new RegExp(`${(await rowOf('SHORT')).id}/switch$`) },
  );
  expect(switched.text).toMatch(/SHORT is switched off/);
  expect((await order('short')).placed.text).toMatch(/no longer valid/);
  expect((await createBrowser().open(placed.url)).text).toMatch(/Code SHORT − €5\.00 Total €15\.00/);
  const again = await sale.browser.submit(
    await sale.browser.open(desk()),
    { to: 'on' },
    { action: new RegExp(`${(await rowOf('SHORT')).id}/switch$`) },
  );
  expect(again.text).toMatch(/SHORT works again/);
  expect((await make({ code: 'short', kind: 'percent', value: '5' })).text).toMatch(
    /has a code of this name/,
  );
  const actions = await market
    .db('audit_log')
    .where({ subject_id: sale.id })
    .whereLike('action', 'event.code%')
    .pluck('action');
  expect(actions).toEqual(
    expect.arrayContaining(['event.code_made', 'event.code_switched_off', 'event.code_switched_on']),
  );
});

test('an empty field takes the code away and keeps what was chosen', async () => {
  const emptied = await createBrowser().open(page(`code=&quantity.${standard}=3`));
  expect(emptied.status).toBe(200);
  expect(emptied.html).toMatch(/<option value="3" selected>/);
  expect(emptied.text).not.toMatch(/not known|Code FRIENDS/);
  expect(emptied.headers.get('cache-control')).toBe('no-store');
});

test('a payment that comes when the last use of its code is gone goes back, and the mail says why', async () => {
  await make({ code: 'LASTONE', kind: 'percent', value: '50', use_limit: '1' });
  const { browser, placed } = await order('lastone');
  await market.details(browser, placed);
  const row = await market.orderOf(placed.url);
  const attempt = await market.db('payment_attempts').where({ order_id: row.id }).first();
  // ours ends as by a fault of ours, while the session stays payable; somebody else takes the code
  await market.db.transaction(async (trx) => {
    await trx('payment_attempts').where({ order_id: row.id }).update({ status: 'expired' });
    await trx('ticket_types').where({ id: standard }).decrement('held', 1);
    await trx('events').where({ id: sale.id }).decrement('held', 1);
    await trx('discount_codes').where({ id: row.discount_code_id }).update({ held: 0 });
    await trx('orders').where({ id: row.id }).update({ status: 'expired', inventory: 'none' });
    await trx('order_timeline').insert({
      order_id: row.id,
      from_status: 'awaiting_payment',
      to_status: 'expired',
      actor: 'system',
      reason: 'ended by the test',
    });
  });
  expect((await post('lastone')).status).toBe(303);
  await market.control('POST', `/sessions/${attempt.checkout_session_id}/pay`, { outcome: 'success' });
  expect(await market.settle()).toEqual([]);
  expect(await market.orderOf(placed.url)).toMatchObject({ status: 'refunded', inventory: 'none' });
  const mail = await market.db('mails').where({ order_id: row.id, template: 'late-refund' }).first();
  expect(mail.text_body).toMatch(/the last use of your code went to somebody else/);
  expect(mail.text_body).not.toContain('they went to somebody else');
});

test('a copy of the event has its codes switched off, for its own ticket types, as long before it as they were', async () => {
  await make({
    code: 'EARLY',
    kind: 'amount',
    value: '2.50',
    valid_until: '2030-03-01T10:00',
    [`type.${balcony}`]: '1',
  });
  const home = await sale.browser.open(market.at(`/organizer/events/${sale.id}`));
  const copied = await sale.browser.submit(home, {}, { action: /duplicates$/ });
  expect(copied.text).toMatch(/Its codes came along, switched off/);
  const id = /events\/([0-9a-f-]{36})/.exec(copied.url)![1]!;
  const copies = market.db('discount_codes').where({ event_id: id });
  expect(await copies.clone().whereNull('switched_off_at')).toEqual([]);
  const early = await copies.clone().where({ code: 'EARLY' }).first();
  expect(early).toMatchObject({
    amount: 250n,
    held: 0,
    used: 0,
    valid_until: new Date('2030-03-08T09:00:00Z'),
  });
  const list = await sale.browser.open(market.at(`/organizer/events/${id}/codes`));
  expect(list.text).toMatch(/EARLY Link with EARLY €2\.50 off each ticket Balcony .* Switched off/);
  expect((await createBrowser().open(page('code=early'))).text).toMatch(/Code EARLY: €2\.50 off/);
});

test.each([
  [{ code: 'x', kind: 'percent', value: '20' }, /3 to 32 letters/],
  [{ code: 'ÄÖÜ', kind: 'percent', value: '20' }, /3 to 32 letters/],
  [{ code: 'MUCH', kind: 'percent', value: '101' }, /from 1 to 100/],
  [{ code: 'MUCH', kind: 'amount', value: '0' }, /takes off each ticket/],
  [{ code: 'MUCH', kind: 'access', value: '5' }, /Leave this empty/],
  [{ code: 'MUCH', kind: 'percent', value: '5', use_limit: '0' }, /whole number from 1 to 100,000/],
  [
    {
      code: 'MUCH',
      kind: 'percent',
      value: '5',
      valid_from: '2030-02-01T10:00',
      valid_until: '2030-02-01T09:00',
    },
    /after its beginning/,
  ],
])('%p is not made', async (fields, words) => {
  const refused = await make(fields);
  expect([refused.status, refused.text, refused.row]).toEqual([422, expect.stringMatching(words), undefined]);
});

test('A15: whoever guesses codes is held up, side by side or in a row, and then the right one is not told either', async () => {
  const guesses = await Promise.all(
    Array.from({ length: 70 }, (_, n) => fetch(page(`code=GUESS${n}`)).then(({ status }) => status)),
  );
  expect(guesses.filter((status) => status === 422)).toHaveLength(60);
  expect(guesses.filter((status) => status === 429)).toHaveLength(10);
  expect((await fetch(page('code=friends'))).status).toBe(429);
  expect((await post('friends')).status).toBe(429);
  expect((await fetch(page(''))).status).toBe(200);
  expect((await post('')).status).toBe(303);
});
