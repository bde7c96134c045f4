/** Money that goes back: from the desk, by an admin, at Stripe, and what can go wrong on the way. */
import { type Browser, type BrowserPage, createBrowser } from '../support/browser';
import { brokenInvariants, type Market, openMarket } from '../support/market';
import { sweepOnce } from '../../src/jobs/sweeps';
import { sendRefund } from '../../src/payments/send-refund';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale({ fields: { 'tickets.0.capacity': '200' } });
});
afterEach(async () => {
  await market.control('DELETE', '/faults');
  await market.control('POST', '/webhooks', { mode: 'normal' });
  await market.control('POST', `/accounts/${sale.account}`, {
    insufficient_balance: false,
    slow_refunds: false,
  });
  expect(await market.settle()).toEqual([]);
  expect(await brokenInvariants(market.testApp)).toEqual([]);
});
afterAll(() => market.close());

const REFUNDS = { method: 'POST', path: '/^\\/v1\\/refunds$/' };
const fault = (kind: string, more: Record<string, unknown> = {}) =>
  market.control('POST', '/faults', [{ match: REFUNDS, fault: kind, ...more }]);

async function paidOrder(quantity = 2) {
  const { page, url, browser } = await market.buy(sale.slug, quantity);
  expect(page.text).toMatch(/Yes, /);
  return { id: (await market.orderOf(url)).id as string, url, guest: browser };
}

/** Chooses on the first page; ends on the preview, or on the first page with what was wrong. */
async function preview(
  orderId: string,
  choice: Record<string, string>,
  browser = sale.browser,
  side = 'organizer',
) {
  const form = await browser.open(market.at(`/${side}/orders/${orderId}/refunds/new`));
  expect(form.html).toContain(`action="/${side}/orders/${orderId}/refunds/preview"`);
  return browser.open(
    market.at(`/${side}/orders/${orderId}/refunds/preview?${new URLSearchParams(choice).toString()}`),
  );
}
const confirm = (page: BrowserPage, fields: Record<string, string> = {}, browser: Browser = sale.browser) =>
  browser.submit(page, fields, { action: /\/refunds$/ });
const refund = async (orderId: string, choice: Record<string, string>) =>
  confirm(await preview(orderId, choice));
const pressOn = (page: BrowserPage, action: RegExp, browser: Browser = sale.browser) =>
  browser.submit(page, {}, { action });

const order = (id: string) => market.db('orders').where({ id }).first();
const rowsOf = (id: string) => market.db('refunds').where({ order_id: id }).orderBy('created_at');
const statuses = async (id: string) =>
  (await market.db('tickets').where({ order_id: id }).orderBy('seq')).map((ticket) => ticket.status);
const sold = async () => (await market.db('events').where({ id: sale.id }).first()).sold as number;
const mailsOf = (id: string, template: string) => market.db('mails').where({ order_id: id, template });
async function atStripe(orderId: string) {
  const { payment_intent_id: intent } = await market
    .db('payment_attempts')
    .where({ order_id: orderId, status: 'paid' })
    .orderBy('paid_at')
    .first();
  const { charges, refunds } = (await market.ledger()).accounts[sale.account]! as unknown as {
    charges: { id: string; payment_intent: string; amount_refunded: number }[];
    refunds: { id: string; payment_intent: string; amount: number; status: string }[];
  };
  return {
    intent: intent as string,
    charge: charges.find((one) => one.payment_intent === intent)!,
    refunds: refunds.filter((one) => one.payment_intent === intent),
  };
}
const atDashboard = async (orderId: string, amount = '') =>
  fetch(`${market.simulator.url}/dashboard/${sale.account}/refunds`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ charge: (await atStripe(orderId)).charge.id, amount }).toString(),
  });

describe('from the desk', () => {
  test('the whole order: to the cent beforehand, then true everywhere at once', async () => {
    const { id, guest, url } = await paidOrder();
    const before = await sold();
    const shown = await preview(id, { scope: 'order' });
    // two tickets of €20.00, each with a fee of 2.5 % and €0.30
    expect(shown.text).toMatch(/Refund €40\.00 to Charles\?/);
    expect(shown.text).toMatch(
      /gets back €40\.00 Of Foyer’s fee you get back − €1\.60 Leaves your Stripe balance €38\.40/,
    );
    expect(shown.text).toMatch(/2 tickets \(1, 2\) become void/);
    expect(shown.text).toMatch(/Stripe does not give back what it took/);
    expect(shown.text).toContain(sale.account);
    expect(await rowsOf(id)).toEqual([]);

    const done = await confirm(shown, { reason: 'The stage broke.' });
    expect(done.url).toContain(`/organizer/orders/${id}`);
    expect(done.text).toMatch(/€40\.00 was given back.*Given back/);
    expect(await order(id)).toMatchObject({ status: 'refunded', inventory: 'none' });
    expect(await statuses(id)).toEqual(['void', 'void']);
    expect(await sold()).toBe(before - 2);
    expect((await guest.open(url)).text).toMatch(
      /Your money was given back.*€40\.00 of your payment Given back/,
    );
    const [mail] = await mailsOf(id, 'order-refunded');
    expect(mail.text_body).toMatch(/The stage broke\./);
    expect(mail.text_body).toMatch(/no longer valid/);
    expect(await atStripe(id)).toMatchObject({
      charge: { amount_refunded: 4000 },
      refunds: [{ amount: 4000 }],
    });
    const [payment] = await market.db('payment_attempts').where({ order_id: id });
    expect(payment.application_fee_refunded).toBe(160n);
    expect((await sale.browser.open(market.at(`/organizer/orders/${id}/refunds/new`))).text).toMatch(
      /There is nothing to refund/,
    );
    expect(await market.db('audit_log').where({ subject_id: id, action: 'refund.requested' })).toHaveLength(
      1,
    );
  });

  test('a single ticket: that one is void and its place free, the other stays good', async () => {
    const { id, guest, url } = await paidOrder(3);
    const before = await sold();
    const done = await refund(id, { scope: 'tickets', 'ticket.2': '1' });
    expect(done.text).toMatch(/€20\.00 was given back/);
    expect(await order(id)).toMatchObject({ status: 'partially_refunded', inventory: 'sold' });
    expect(await statuses(id)).toEqual(['valid', 'void', 'valid']);
    expect(await sold()).toBe(before - 1);
    const csv = await sale.browser.open(market.at(`/organizer/events/${sale.id}/orders.csv`));
    expect(csv.html).toMatch(
      new RegExp(`^${(await order(id)).reference},partially_refunded,[^,]+,[^,]+,2,`, 'm'),
    );
    const page = await guest.open(url);
    expect(page.text).toMatch(/Yes, 2 tickets.*€20\.00 of your payment Given back/);
    const codes = [...page.html.matchAll(/href="(\/tickets\/[^"]+)"/g)].map((match) => match[1]!);
    expect((await guest.open(market.at(codes[1]!))).text).toMatch(/No longer valid/);
    // the rest of it: what is left, to the cent
    const rest = await refund(id, { scope: 'order' });
    expect(rest.text).toMatch(/€40\.00 was given back/);
    expect(await order(id)).toMatchObject({ status: 'refunded', inventory: 'none' });
    expect(await sold()).toBe(before - 3);
    expect(
      (await market.db('payment_attempts').where({ order_id: id }).first()).application_fee_refunded,
    ).toBe(240n);
  });

  test('an amount: tickets stay valid; what is left is all that can follow', async () => {
    const { id } = await paidOrder();
    expect((await refund(id, { scope: 'amount', amount: '12,50' })).text).toMatch(/€12\.50 was given back/);
    expect(await order(id)).toMatchObject({ status: 'partially_refunded' });
    expect(await statuses(id)).toEqual(['valid', 'valid']);
    const [mail] = await mailsOf(id, 'order-refunded');
    expect(mail.text_body).toMatch(/Your tickets stay valid/);
    const tooMuch = await preview(id, { scope: 'amount', amount: '27.51' });
    expect(tooMuch.status).toBe(422);
    expect(tooMuch.text).toMatch(/Enter at most €27\.50/);
    expect(tooMuch.html).toContain('value="27.51"');
    const all = await preview(id, { scope: 'amount', amount: '27.50' });
    expect(all.text).toMatch(/2 tickets \(1, 2\) become void/);
    await confirm(all);
    expect(await order(id)).toMatchObject({ status: 'refunded' });
  });

  test.each([
    [{ scope: 'amount', amount: '' }, 'Enter the amount as a number'],
    [{ scope: 'amount', amount: '0' }, 'more than nothing'],
    [{ scope: 'amount', amount: '1.005' }, 'no more decimals'],
    [{ scope: 'amount', amount: '-5' }, 'Enter the amount as a number'],
    [{ scope: 'amount', amount: '1e3' }, 'Enter the amount as a number'],
    [{ scope: 'tickets' }, 'Choose at least one ticket'],
    [{ scope: 'tickets', 'ticket.9': '1' }, 'void or is being refunded already'],
    [{}, 'Choose what to refund'],
    [{ scope: 'everything' }, 'Choose what to refund'],
  ] as [Record<string, string>, string][])('%j is answered with what to do', async (choice, words) => {
    const { id } = await lasting();
    const answer = await preview(id, choice);
    expect(answer.status).toBe(422);
    expect(answer.text).toContain(words);
  });
  let kept: Promise<{ id: string }> | undefined;
  const lasting = () => (kept ??= paidOrder());

  test('the same form sent twice, and at once, is one refund', async () => {
    const { id } = await paidOrder();
    const shown = await preview(id, { scope: 'amount', amount: '5' });
    await Promise.all([confirm(shown), confirm(shown)]);
    await confirm(shown);
    expect(await rowsOf(id)).toHaveLength(1);
    expect((await atStripe(id)).refunds).toHaveLength(1);
  });

  test('two people with the same page open: the second is shown what has changed', async () => {
    const { id } = await paidOrder();
    const [first, second] = [
      await preview(id, { scope: 'amount', amount: '30' }),
      await preview(id, { scope: 'amount', amount: '5' }),
    ];
    const answers = await Promise.all([confirm(first), confirm(second)]);
    const refused = answers.filter((answer) => answer.status === 422);
    expect(refused).toHaveLength(1);
    expect(refused[0]!.text).toMatch(/has changed since you saw this page\. Nothing was refunded/);
    expect((await atStripe(id)).refunds).toHaveLength(1);
  });

  test('the database refuses by itself what would be more than was paid', async () => {
    const { id } = await paidOrder();
    await refund(id, { scope: 'amount', amount: '30' });
    const [row] = await rowsOf(id);
    const {
      id: _id,
      form_key: _key,
      idempotency_key: _idempotency,
      stripe_refund_id: _stripe,
      ...copy
    } = row;
    await expect(
      market.db('refunds').insert({ ...copy, id: row.form_key, amount: 1001, former_stripe_refund_ids: [] }),
    ).rejects.toMatchObject({ constraint: 'refunds_fit_the_payment' });
  });

  test('a place that comes back to a sold-out event can be bought at once, and only once', async () => {
    const small = await market.publish(sale.browser, { title: 'Two chairs', 'tickets.0.capacity': '2' });
    const { url } = await market.buy(small.slug, 2);
    const { id } = await market.orderOf(url);
    const type = await market.db('ticket_types').where({ event_id: small.id }).first('id', 'price');
    const take = async () => {
      const fields = { [`quantity.${type.id}`]: '1', [`price.${type.id}`]: String(type.price) };
      return createBrowser().post(market.at(`/events/${small.slug}/orders`), fields);
    };
    expect((await take()).text).toMatch(/sold out/i);
    await refund(id, { scope: 'tickets', 'ticket.1': '1' });
    // said again, by webhook, sweep and by hand
    await market.settle();
    await market.db('refunds').where({ order_id: id }).update({ status: 'pending' });
    const [{ payment_attempt_id: attempt }] = await rowsOf(id);
    await market
      .db('refunds')
      .where({ payment_attempt_id: attempt })
      .update({ updated_at: new Date(0) });
    await sweepOnce(market.testApp.dependencies);
    expect(await market.db('events').where({ id: small.id }).first()).toMatchObject({ sold: 1, held: 0 });
    expect((await take()).url).toMatch(/\/orders\/[\w-]{43}$/);
    expect((await take()).text).toMatch(/held by other buyers|sold out/i);
  });
});

describe('what Stripe answers, or does not', () => {
  test.each([
    ['no answer before it acted', 'reset_before', 0],
    ['no answer after it acted', 'reset_after', 1],
    ['an error before it acted', 'error_before', 0],
    ['an error after it acted', 'error_after', 1],
    ['half an answer', 'truncated_json', 1],
    ['too many requests', 'rate_limit', 0],
  ])('%s: kept, sent again under the same key, made once', async (_what, kind, made) => {
    const { id, guest, url } = await paidOrder(1);
    await fault(kind, { times: 2 });
    const answer = await refund(id, { scope: 'order' });
    expect(answer.text).toMatch(/Stripe has not answered yet.*made once/);
    const [row] = await rowsOf(id);
    expect(row).toMatchObject({ status: 'sent', send_number: 1 });
    expect((await atStripe(id)).refunds).toHaveLength(made);
    expect((await guest.open(url)).text).toMatch(/Being refunded|You are in/);
    await market.control('DELETE', '/faults');
    // a webhook may have told us before the worker asks again
    await market
      .db('refunds')
      .where({ id: row.id })
      .update({
        last_sent_at: market.db.raw("now() - interval '2 minutes'"),
        send_after: market.db.raw("now() - interval '2 minutes'"),
      });
    await sweepOnce(market.testApp.dependencies);
    await market.settle();
    expect(await rowsOf(id)).toEqual([expect.objectContaining({ status: 'succeeded', send_number: 1 })]);
    expect((await atStripe(id)).refunds).toHaveLength(1);
    expect(await mailsOf(id, 'order-refunded')).toHaveLength(1);
  });

  test('a key that answers only with its own error is left for the next one, after Stripe’s list was read', async () => {
    await market.control('POST', '/webhooks', { mode: 'muted' });
    const { id } = await paidOrder(1);
    await fault('error_before', { times: 3 });
    await refund(id, { scope: 'order' });
    const [{ id: refundId }] = await rowsOf(id);
    const send = () => sendRefund(market.testApp.dependencies, refundId);
    expect([await send(), await send()]).toEqual(['try_again', 'try_again']);
    expect(await send()).toBe('done');
    expect(await rowsOf(id)).toEqual([
      expect.objectContaining({ status: 'succeeded', idempotency_key: `foyer-refund-${refundId}-2` }),
    ]);
    expect((await atStripe(id)).refunds).toHaveLength(1);
  });

  test('the balance does not cover it: said so, tickets wait, tried again as another attempt', async () => {
    const { id, guest, url } = await paidOrder();
    await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: true });
    const stopped = await refund(id, { scope: 'tickets', 'ticket.1': '1' });
    expect(stopped.text).toMatch(
      /was not made.*balance of the Stripe account .* does not cover this refund.*Add money/,
    );
    expect(await order(id)).toMatchObject({ status: 'paid', inventory: 'sold' });
    const page = await guest.open(url);
    expect(page.text).toMatch(/€20\.00 of your payment Not there yet.*has been told and sees to it/);
    expect(page.text).toMatch(/Being refunded/);
    const codes = [...page.html.matchAll(/href="\/tickets\/([^"]+)"/g)].map((match) => match[1]!);
    const atDoor = async (code: string) => {
      const door = await sale.browser.open(market.at(`/organizer/events/${sale.id}/check-in`));
      return (await sale.browser.submit(door, { code }, { action: /check-in$/ })).text;
    };
    expect(await atDoor(codes[0]!)).toMatch(/On hold.*being refunded/);
    const told = await market
      .db('mails')
      .where({ template: 'refund-problem' })
      .orderBy('created_at', 'desc')
      .first();
    expect([told.recipient, told.text_body]).toEqual([sale.email, expect.stringMatching(/does not cover/)]);
    expect((await sale.browser.open(market.at('/organizer'))).text).toMatch(
      /A refund of order \w+ was not made/,
    );
    // what waits is not refunded a second time
    expect((await preview(id, { scope: 'amount', amount: '20.01' })).text).toMatch(/Enter at most €20\.00/);
    expect((await preview(id, { scope: 'tickets', 'ticket.1': '1' })).text).toMatch(/being refunded already/);

    await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: false });
    await Promise.all([pressOn(stopped, /attempts$/), pressOn(stopped, /attempts$/)]);
    const [row] = await rowsOf(id);
    expect(row).toMatchObject({
      status: 'succeeded',
      send_number: 2,
      idempotency_key: `foyer-refund-${row.id}-2`,
    });
    expect(await statuses(id)).toEqual(['void', 'valid']);
    expect(await atDoor(codes[0]!)).toMatch(/Not valid.*refunded/);
    expect(await atDoor(codes[1]!)).toMatch(/Come in/);
    expect((await atStripe(id)).refunds).toHaveLength(1);
  });

  test('one that was refused can be taken back: its ticket is good again', async () => {
    const { id, guest, url } = await paidOrder(1);
    await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: true });
    const stopped = await refund(id, { scope: 'order' });
    expect((await pressOn(stopped, /withdrawal$/)).text).toMatch(/taken back\. Its tickets are valid/);
    await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: false });
    expect((await guest.open(url)).text).not.toMatch(/Being refunded|Your money back/);
    expect((await refund(id, { scope: 'order' })).text).toMatch(/€20\.00 was given back/);
    expect(await order(id)).toMatchObject({ status: 'refunded' });
  });

  test('on its way for days: nothing is true before it is; a refund that fails asks for another attempt', async () => {
    const { id, guest, url } = await paidOrder(1);
    await market.control('POST', `/accounts/${sale.account}`, { slow_refunds: true });
    expect((await refund(id, { scope: 'order' })).text).toMatch(/€20\.00 is on its way back/);
    expect(await order(id)).toMatchObject({ status: 'paid', inventory: 'sold' });
    expect(await mailsOf(id, 'order-refunded')).toEqual([]);
    expect((await guest.open(url)).text).toMatch(/On its way.*Stripe has it/);
    const first = (await atStripe(id)).refunds[0]!.id;
    await market.control('POST', `/refunds/${first}`, { status: 'failed' });
    await market.settle();
    expect(await rowsOf(id)).toEqual([expect.objectContaining({ status: 'needs_attention' })]);
    const desk = await sale.browser.open(market.at(`/organizer/orders/${id}`));
    expect(desk.text).toMatch(/Stripe did not make it \(lost or stolen card\)/);
    await market.control('POST', `/accounts/${sale.account}`, { slow_refunds: false });
    await pressOn(desk, /attempts$/);
    // the first one is still in Stripe's list, as failed
    await market.settle();
    expect(await rowsOf(id)).toEqual([
      expect.objectContaining({ status: 'succeeded', send_number: 2, former_stripe_refund_ids: [first] }),
    ]);
    expect(await order(id)).toMatchObject({ status: 'refunded' });
    expect(await mailsOf(id, 'order-refunded')).toHaveLength(1);
  });

  test('given back and returned by the bank: the order waits for a person, and can be refunded again', async () => {
    const { id, guest, url } = await paidOrder(1);
    const before = await sold();
    await refund(id, { scope: 'order' });
    const first = (await atStripe(id)).refunds[0]!.id;
    await market.control('POST', `/refunds/${first}`, { status: 'failed' });
    await market.settle();
    expect(await order(id)).toMatchObject({ status: 'needs_attention', status_detail: 'refund_failed' });
    expect((await guest.open(url)).text).toMatch(/Not there yet Your bank did not take it/);
    const desk = await sale.browser.open(market.at(`/organizer/orders/${id}`));
    expect(desk.text).toMatch(/Came back.*the buyer’s bank returned it/);
    await pressOn(desk, /attempts$/);
    expect(await order(id)).toMatchObject({ status: 'refunded' });
    expect(await sold()).toBe(before - 1);
  });
});

describe('made in Stripe’s Dashboard', () => {
  test('a part asks which tickets it was for; all of it voids all', async () => {
    const { id } = await paidOrder(2);
    const before = await sold();
    expect((await atDashboard(id, '20')).status).toBe(303);
    await market.settle();
    expect(await order(id)).toMatchObject({ status: 'partially_refunded' });
    expect(await statuses(id)).toEqual(['valid', 'valid']);
    const desk = await sale.browser.open(market.at('/organizer'));
    expect(desk.text).toMatch(/Say which tickets of order \w+ were refunded/);
    const [row] = await rowsOf(id);
    const choose = await sale.browser.open(market.at(`/organizer/refunds/${row.id}/tickets`));
    const none = await sale.browser.submit(choose, { which: 'some' }, { action: /tickets$/ });
    expect([none.status, none.text]).toEqual([422, expect.stringMatching(/Choose at least one ticket/)]);
    const answers = await Promise.all(
      ['1', '2'].map((seq) =>
        sale.browser.submit(choose, { which: 'some', [`ticket.${seq}`]: '1' }, { action: /tickets$/ }),
      ),
    );
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    expect((await statuses(id)).sort()).toEqual(['valid', 'void']);
    expect(await sold()).toBe(before - 1);

    await atDashboard(id);
    await market.control('POST', '/webhooks', { mode: 'double' });
    await market.settle();
    expect(await order(id)).toMatchObject({ status: 'refunded', inventory: 'none' });
    expect(await sold()).toBe(before - 2);
    expect(await mailsOf(id, 'order-refunded')).toHaveLength(2);
  });

  test('while ours was under way: Stripe’s refusal ends it without a word to anybody, and nothing is counted twice', async () => {
    const { id } = await paidOrder(1);
    await market.control('POST', '/webhooks', { mode: 'muted' });
    await fault('reset_before', { times: 2 });
    await refund(id, { scope: 'order' });
    await atDashboard(id);
    const [ours] = await rowsOf(id);
    expect(await sendRefund(market.testApp.dependencies, ours.id)).toBe('done');
    const rows = await rowsOf(id);
    expect(rows.map((row) => [row.origin, row.status, row.last_error])).toEqual([
      ['request', 'failed', 'charge_already_refunded'],
      ['dashboard', 'succeeded', null],
    ]);
    expect(await order(id)).toMatchObject({ status: 'refunded', inventory: 'none' });
  });
});

describe('instead of one of ours that waits', () => {
  test('ends ours: nobody is asked to try again', async () => {
    const { id } = await paidOrder(1);
    await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: true });
    await refund(id, { scope: 'order' });
    await market.control('POST', `/accounts/${sale.account}`, { insufficient_balance: false });
    await atDashboard(id);
    await market.settle();
    expect((await rowsOf(id)).map((row) => [row.origin, row.status])).toEqual([
      ['request', 'failed'],
      ['dashboard', 'succeeded'],
    ]);
    expect(await order(id)).toMatchObject({ status: 'refunded', inventory: 'none' });
    expect((await sale.browser.open(market.at('/organizer'))).text).not.toMatch(/was not made/);
  });
});

describe('who else', () => {
  test('an admin, with a reason that the audit log keeps', async () => {
    const admin = await market.admin();
    const { id } = await paidOrder(1);
    const shown = await preview(id, { scope: 'order' }, admin, 'admin');
    expect(shown.text).toMatch(/Leaves the balance of Analytical Society €19\.20/);
    const without = await confirm(shown, {}, admin);
    expect([without.status, without.text]).toEqual([422, expect.stringMatching(/Enter the reason/)]);
    const done = await confirm(without, { reason: 'The organizer can not be reached' }, admin);
    expect(done.url).toContain(`/admin/orders/${id}`);
    expect(await order(id)).toMatchObject({ status: 'refunded' });
    expect(await market.db('audit_log').where({ subject_id: id }).first()).toMatchObject({
      actor: 'admin',
      action: 'refund.requested',
      reason: 'The organizer can not be reached',
    });
    const [mail] = await mailsOf(id, 'order-refunded');
    expect(mail.text_body).not.toMatch(/can not be reached/);
  });

  test('nobody, once the account is no longer connected: which account and where stands there', async () => {
    const lost = await market.eventOnSale({ name: 'Lost House' });
    const { url } = await market.buy(lost.slug, 1);
    const { id } = await market.orderOf(url);
    const open = await preview(id, { scope: 'order' }, lost.browser);
    await market.control('POST', `/accounts/${lost.account}/revoke`);
    await market.settle();
    const late = await confirm(open, {}, lost.browser);
    expect(late.status).toBe(409);
    for (const page of [late, await lost.browser.open(market.at(`/organizer/orders/${id}/refunds/new`))]) {
      expect(page.text).toContain(lost.account);
      expect(page.text).toMatch(
        /Foyer can’t refund this order.*no longer connected.*Refund the payment pi_\w+ in the Stripe Dashboard/,
      );
      expect(page.html).not.toMatch(/<form[^>]*refunds/);
    }
    expect(await rowsOf(id)).toEqual([]);
    expect(await order(id)).toMatchObject({ status: 'paid', inventory: 'sold' });
  });
});
