import Stripe from 'stripe';
import { type Harness, startHarness } from './harness';

const PARAMS = {
  mode: 'payment',
  line_items: [
    { price_data: { currency: 'eur', unit_amount: 2000, product_data: { name: 'Seat <A>' } }, quantity: 2 },
    { price_data: { currency: 'eur', unit_amount: 500, product_data: { name: 'Programme' } }, quantity: 1 },
  ],
  payment_intent_data: { application_fee_amount: 225, metadata: { order: 'o1' } },
  success_url: 'http://localhost:3000/orders/1?session={CHECKOUT_SESSION_ID}',
  cancel_url: 'http://localhost:3000/orders/1',
  client_reference_id: 'o1',
  customer_email: 'grace@example.com',
  metadata: { order: 'o1' },
} satisfies Stripe.Checkout.SessionCreateParams;
const CARD = { card_number: '4242 4242 4242 4242', exp: '12/40', cvc: '123', name: 'Grace Hopper' };

let harness: Harness;
let account: string;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());
beforeEach(async () => {
  account = await harness.connectedAccount();
  harness.received.length = 0;
});
afterEach(async () => {
  await harness.control('/clock', { offsetSeconds: 0 });
});

function create(
  changes: Partial<Stripe.Checkout.SessionCreateParams> = {},
  options: Stripe.RequestOptions = {},
) {
  return harness.stripe.checkout.sessions.create(
    { ...PARAMS, ...changes },
    { stripeAccount: account, ...options },
  );
}
function read(id: string, expand: string[] = []) {
  return harness.stripe.checkout.sessions.retrieve(id, { expand }, { stripeAccount: account });
}
function pay(session: { id: string }, fields: Record<string, string> = {}) {
  return harness.post(`/c/pay/${session.id}`, { ...CARD, ...fields });
}
async function refusal(promise: Promise<unknown>): Promise<InstanceType<typeof Stripe.errors.StripeError>> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof Stripe.errors.StripeError) return error;
  throw new Error('This was not refused');
}
const totals = async () => {
  const ledger = await harness.control<{
    accounts: Record<string, { balance: object[] }>;
    platform: { balance: object[] };
  }>('/ledger');
  return ledger.accounts[account]!.balance[0];
};

describe('creating a session', () => {
  it('answers an open session with its address and what was asked', async () => {
    const session = await create();
    expect(session).toMatchObject({
      object: 'checkout.session',
      status: 'open',
      payment_status: 'unpaid',
      amount_total: 4500,
      currency: 'eur',
      payment_intent: null,
      client_reference_id: 'o1',
      customer_email: 'grace@example.com',
      metadata: { order: 'o1' },
      livemode: false,
      payment_method_types: ['card', 'sepa_debit'],
    });
    expect(session.url).toBe(`${harness.url}/c/pay/${session.id}`);
    expect(session.expires_at - session.created).toBe(24 * 3600);
    expect(session.lastResponse).toMatchObject({
      requestId: expect.stringMatching(/^req_/),
      stripeAccount: account,
    });
    const items = await harness.stripe.checkout.sessions.listLineItems(
      session.id,
      {},
      { stripeAccount: account },
    );
    expect(
      items.data.map(({ description, quantity, amount_total }) => [description, quantity, amount_total]),
    ).toEqual([
      ['Seat <A>', 2, 4000],
      ['Programme', 1, 500],
    ]);
  });

  it('has every field that the API returns', async () => {
    const session = await create();
    for (const name of [
      'after_expiration',
      'consent',
      'customer_details',
      'invoice',
      'shipping_cost',
      'wallet_options',
      'origin_context',
    ]) {
      expect(session).toHaveProperty(name, null);
    }
  });

  const item = (price: object) => [
    {
      price_data: { currency: 'eur', unit_amount: 2000, product_data: { name: 'Seat' }, ...price },
      quantity: 1,
    },
  ];
  it.each<[string, object, object]>([
    [
      'an unknown parameter',
      { sucess_url: 'http://x.test' },
      { code: 'parameter_unknown', param: 'sucess_url' },
    ],
    [
      'an unknown parameter inside another',
      { payment_intent_data: { fee: 1 } },
      { code: 'parameter_unknown', param: 'payment_intent_data[fee]' },
    ],
    [
      'transfer_data',
      { payment_intent_data: { transfer_data: { destination: 'acct_1' } } },
      { code: 'parameter_unknown' },
    ],
    [
      'payment_method_types',
      { payment_method_types: ['card'] },
      { code: 'payment_method_types_no_longer_supported' },
    ],
    [
      'a fee of zero',
      { payment_intent_data: { application_fee_amount: 0 } },
      { code: 'parameter_invalid_integer' },
    ],
    ['no mode', { mode: undefined }, { code: 'parameter_missing', param: 'mode' }],
    ['no items', { line_items: undefined }, { code: 'parameter_missing', param: 'line_items' }],
    ['no way back', { success_url: undefined }, { code: 'parameter_missing', param: 'success_url' }],
    ['a broken address', { success_url: '/orders/1' }, { code: 'url_invalid' }],
    ['a broken e-mail', { customer_email: 'grace' }, { code: 'email_invalid' }],
    ['half a cent', { line_items: item({ unit_amount: 10.5 }) }, { code: 'parameter_invalid_integer' }],
    [
      'an unknown currency',
      { line_items: item({ currency: 'xxx' }) },
      { param: 'line_items[0][price_data][currency]' },
    ],
    [
      'a price below the least',
      { line_items: item({ unit_amount: 49 }) },
      { code: 'amount_too_small', message: expect.stringContaining('must add up to at least €0.50 eur') },
    ],
    [
      'a price above the most',
      { line_items: item({ unit_amount: 100_000_000 }) },
      { code: 'amount_too_large' },
    ],
    [
      'two currencies',
      { line_items: [...item({}), ...item({ currency: 'usd' })] },
      { message: expect.stringContaining('same currency') },
    ],
    ['less than 30 minutes', { expires_at: Math.floor(Date.now() / 1000) + 1700 }, { param: 'expires_at' }],
    ['more than a day', { expires_at: Math.floor(Date.now() / 1000) + 86_500 }, { param: 'expires_at' }],
    [
      'a method that does not exist',
      { allowed_payment_method_types: ['cards'] },
      { param: 'allowed_payment_method_types[0]' },
    ],
    ['too long metadata', { metadata: { note: 'x'.repeat(501) } }, { param: 'metadata[note]' }],
  ])('refuses %s', async (_what, change, expected) => {
    const error = await refusal(create(change));
    expect(error).toMatchObject({ statusCode: 400, type: 'StripeInvalidRequestError', ...expected });
    expect((await harness.stripe.checkout.sessions.list({}, { stripeAccount: account })).data).toEqual([]);
  });

  it('refuses a fee without an account', async () => {
    const error = await refusal(harness.stripe.checkout.sessions.create(PARAMS));
    expect(error).toMatchObject({ statusCode: 400, param: 'payment_intent_data[application_fee_amount]' });
  });

  it('refuses an account that can not take charges', async () => {
    await harness.control(`/accounts/${account}`, { charges_enabled: false });
    expect(await refusal(create())).toMatchObject({
      statusCode: 400,
      message: expect.stringContaining('cannot currently make charges'),
    });
    expect((await harness.event('account.updated')).data).toMatchObject({
      object: {
        id: account,
        charges_enabled: false,
        requirements: { disabled_reason: 'requirements.past_due' },
      },
      previous_attributes: { charges_enabled: true },
    });
  });

  it('refuses a wrong key without repeating it, and an account that is not connected', async () => {
    expect(await refusal(create({}, { apiKey: 'sk_test_ofSomebodyElse1234' }))).toMatchObject({
      statusCode: 401,
      message: expect.stringMatching(/^Invalid API Key provided: sk_test_\*+1234$/),
    });
    await harness.control(`/accounts/${account}/revoke`, {});
    expect(await refusal(create())).toMatchObject({ statusCode: 403, code: 'account_invalid' });
  });

  it('counts in units of the currency', async () => {
    const isk = await refusal(create({ line_items: item({ currency: 'isk', unit_amount: 150 }) }));
    expect(isk.message).toContain('divisible by 100');
    const jpy = await create({ line_items: item({ currency: 'jpy', unit_amount: 50 }) });
    expect(jpy).toMatchObject({ amount_total: 50, payment_method_types: ['card'] });
  });
});

describe('reading sessions', () => {
  it('lists newest first, in pages, by what is asked', async () => {
    const [first, second, third] = [await create(), await create(), await create()];
    await harness.control(`/sessions/${second.id}/pay`, {});
    const options = { stripeAccount: account };
    const { sessions } = harness.stripe.checkout;
    const page = await sessions.list({ limit: 2 }, options);
    expect([page.has_more, ...page.data.map(({ id }) => id)]).toEqual([true, third.id, second.id]);
    const rest = await sessions.list({ limit: 2, starting_after: second.id }, options);
    expect([rest.has_more, ...rest.data.map(({ id }) => id)]).toEqual([false, first.id]);
    const paid = await sessions.list({ status: 'complete' }, options);
    expect(paid.data.map(({ id }) => id)).toEqual([second.id]);
    const { payment_intent: intent } = await read(second.id);
    expect((await sessions.list({ payment_intent: intent as string }, options)).data).toHaveLength(1);
    expect((await sessions.list({ created: { gte: first.created + 100 } }, options)).data).toEqual([]);
    expect(await refusal(sessions.list({ limit: 101 }, options))).toMatchObject({ param: 'limit' });
  });

  it('hides them from other accounts', async () => {
    const session = await create();
    const other = await harness.connectedAccount();
    const error = await refusal(
      harness.stripe.checkout.sessions.retrieve(session.id, {}, { stripeAccount: other }),
    );
    expect(error).toMatchObject({ statusCode: 404, code: 'resource_missing' });
    expect(await refusal(harness.stripe.checkout.sessions.retrieve(session.id))).toMatchObject({
      statusCode: 404,
    });
  });
});

describe('paying', () => {
  it('takes the money, the fee and the buyer back', async () => {
    const session = await create();
    const page = await (await fetch(session.url!)).text();
    expect(page).toContain('Seat &lt;A&gt;');
    expect(page).toContain('€45.00');
    expect(page).toContain('No money moves');
    const { status, location } = await pay(session);
    expect([status, location]).toEqual([303, `http://localhost:3000/orders/1?session=${session.id}`]);

    const paid = await read(session.id, ['payment_intent.latest_charge.balance_transaction', 'line_items']);
    expect(paid).toMatchObject({
      status: 'complete',
      payment_status: 'paid',
      url: null,
      customer_details: { email: 'grace@example.com', name: 'Grace Hopper' },
      payment_intent: {
        status: 'succeeded',
        amount_received: 4500,
        application_fee_amount: 225,
        metadata: { order: 'o1' },
        latest_charge: {
          paid: true,
          amount: 4500,
          application_fee_amount: 225,
          balance_transaction: { amount: 4500, fee: 225, net: 4275 },
        },
      },
    });
    expect(paid.line_items?.data).toHaveLength(2);
    expect(await totals()).toEqual({
      currency: 'eur',
      gross: 4500,
      refunds: 0,
      application_fees: 225,
      net: 4275,
    });
    const balance = await harness.stripe.balance.retrieve({}, { stripeAccount: account });
    expect(balance.available).toMatchObject([{ amount: 4275, currency: 'eur' }]);
    const charge = (paid.payment_intent as Stripe.PaymentIntent).latest_charge as Stripe.Charge;
    const fees = await harness.stripe.applicationFees.list({ charge: charge.id });
    expect(fees.data).toMatchObject([{ amount: 225, account, charge: charge.id }]);
  });

  it('has told the platform before the buyer is back', async () => {
    const session = await create();
    await pay(session);
    const completed = await harness.event('checkout.session.completed');
    expect(completed).toMatchObject({
      account,
      api_version: '2026-10-28.endive',
      livemode: false,
      data: { object: { id: session.id, status: 'complete', payment_status: 'paid' } },
    });
    await harness.event('payment_intent.succeeded');
    await harness.event('charge.succeeded');
  });

  it.each([
    ['4000000000000002', 'Your card was declined.', 'generic_decline'],
    ['4000000000009995', 'Your card has insufficient funds.', 'insufficient_funds'],
  ])('declines %s, says so, and can be tried again', async (card_number, message, decline_code) => {
    const session = await create();
    const declined = await pay(session, { card_number });
    expect(declined.status).toBe(402);
    expect(declined.text).toContain(message);
    const open = await read(session.id, ['payment_intent']);
    expect(open).toMatchObject({
      status: 'open',
      payment_status: 'unpaid',
      payment_intent: {
        status: 'requires_payment_method',
        last_payment_error: { code: 'card_declined', decline_code },
      },
    });
    expect((await pay(session)).status).toBe(303);
    const paid = await read(session.id, ['payment_intent']);
    expect(paid.payment_intent).toMatchObject({
      id: (open.payment_intent as Stripe.PaymentIntent).id,
      status: 'succeeded',
      last_payment_error: null,
    });
    expect(await totals()).toMatchObject({ gross: 4500 });
  });

  it('asks for 3-D Secure, which can fail and be tried again', async () => {
    const session = await create();
    const challenged = await pay(session, { card_number: '4000002500003155' });
    expect(challenged.location).toBe(`/c/pay/${session.id}/challenge`);
    expect(await (await fetch(harness.url + challenged.location)).text()).toContain(
      'Complete authentication',
    );
    const failed = await harness.post(`/c/pay/${session.id}/challenge`, { result: 'fail' });
    expect(failed.status).toBe(402);
    expect((await read(session.id)).status).toBe('open');
    await pay(session, { card_number: '4000002500003155' });
    const done = await harness.post(`/c/pay/${session.id}/challenge`, { result: 'complete' });
    expect(done.location).toContain(session.id);
    const paid = await read(session.id, ['payment_intent.latest_charge']);
    expect(paid).toMatchObject({
      payment_status: 'paid',
      payment_intent: {
        latest_charge: { payment_method_details: { card: { three_d_secure: { result: 'authenticated' } } } },
      },
    });
    const again = await harness.post(`/c/pay/${session.id}/challenge`, { result: 'complete' });
    expect(again.text).toContain('complete');
    expect(await totals()).toMatchObject({ gross: 4500 });
  });

  it.each([
    ['another number', { card_number: '4111111111111111' }],
    ['a month that is over', { exp: '01/20' }],
    ['no month', { exp: '13/40' }],
    ['no code', { cvc: 'x' }],
  ])('asks again for %s', async (_what, fields) => {
    const session = await create();
    const answer = await pay(session, { ...fields, name: 'Typed "name"' });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('value="Typed &#34;name&#34;"');
    expect((await read(session.id)).payment_intent).toBeNull();
  });

  it('asks for the e-mail where the platform gave none', async () => {
    const session = await create({ customer_email: undefined });
    expect((await pay(session, { email: 'nonsense' })).status).toBe(422);
    expect((await pay(session, { email: 'ada@example.com' })).status).toBe(303);
    expect((await read(session.id)).customer_details?.email).toBe('ada@example.com');
  });

  it('takes no second payment, however often the form is sent', async () => {
    const session = await create();
    const answers = await Promise.all([pay(session), pay(session), pay(session)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 303]);
    expect((await fetch(`${harness.url}/c/pay/${session.id}`)).status).toBe(200);
    expect(await totals()).toMatchObject({ gross: 4500 });
  });

  it('caps the fee at what was paid', async () => {
    const session = await create({ payment_intent_data: { application_fee_amount: 99_999 } });
    await pay(session);
    expect(await totals()).toMatchObject({ application_fees: 4500, net: 0 });
  });
});

describe('a method that takes its time', () => {
  it.each([
    ['success', 'checkout.session.async_payment_succeeded', 'paid', 4500],
    ['failure', 'checkout.session.async_payment_failed', 'unpaid', undefined],
  ])('completes unpaid and ends in %s', async (bank_outcome, type, status, gross) => {
    const session = await create();
    expect((await pay(session, { method: 'sepa_debit', bank_outcome })).status).toBe(303);
    expect(await read(session.id, ['payment_intent'])).toMatchObject({
      status: 'complete',
      payment_status: 'unpaid',
      payment_intent: { status: 'processing' },
    });
    expect((await harness.event('checkout.session.completed')).data.object).toMatchObject({
      payment_status: 'unpaid',
    });
    await harness.control('/clock', { offsetSeconds: 11 });
    expect((await harness.event(type)).data.object).toMatchObject({ id: session.id, payment_status: status });
    expect((await read(session.id)).payment_status).toBe(status);
    expect(await totals()).toEqual(gross ? expect.objectContaining({ gross }) : undefined);
  });

  it.each([
    ['allowed_payment_method_types', { allowed_payment_method_types: ['card'] }],
    ['excluded_payment_method_types', { excluded_payment_method_types: ['sepa_debit'] }],
  ])('is not offered, and not taken, where %s says so', async (_how, filter) => {
    const session = await create(filter as Partial<Stripe.Checkout.SessionCreateParams>);
    expect(session.payment_method_types).toEqual(['card']);
    expect(await (await fetch(session.url!)).text()).not.toContain('Bank debit');
    const { status } = await harness.post(`/c/pay/${session.id}`, {
      method: 'sepa_debit',
      bank_outcome: 'success',
    });
    expect(status).toBe(422);
  });
});

describe('the end of a session', () => {
  it('comes when the platform asks for it, once', async () => {
    const session = await create();
    const { sessions } = harness.stripe.checkout;
    const expired = await sessions.expire(session.id, {}, { stripeAccount: account });
    expect(expired).toMatchObject({ status: 'expired', url: null });
    expect(await harness.event('checkout.session.expired')).toMatchObject({
      data: { object: { id: session.id } },
      request: { id: expired.lastResponse.requestId },
    });
    expect(await refusal(sessions.expire(session.id, {}, { stripeAccount: account }))).toMatchObject({
      statusCode: 400,
    });
    expect((await pay(session)).text).toContain('expired');
    expect((await read(session.id)).payment_intent).toBeNull();
  });

  it('does not come after the payment', async () => {
    const session = await create();
    await pay(session);
    const error = await refusal(
      harness.stripe.checkout.sessions.expire(session.id, {}, { stripeAccount: account }),
    );
    expect(error).toMatchObject({ statusCode: 400, message: expect.stringContaining('complete') });
    expect((await read(session.id)).payment_status).toBe('paid');
  });

  it('comes by itself when its time is over', async () => {
    const session = await create({ expires_at: Math.floor(Date.now() / 1000) + 1900 });
    await harness.control('/clock', { offsetSeconds: 1901 });
    const event = await harness.event('checkout.session.expired');
    expect(event.data.object).toMatchObject({ id: session.id });
    expect((await pay(session)).text).toContain('expired');
  });

  it('cancels what was begun', async () => {
    const session = await create();
    await pay(session, { card_number: '4000002500003155' });
    await harness.stripe.checkout.sessions.expire(session.id, {}, { stripeAccount: account });
    const { payment_intent } = await read(session.id, ['payment_intent']);
    expect(payment_intent).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned' });
    expect((await harness.post(`/c/pay/${session.id}/challenge`, { result: 'complete' })).text).toContain(
      'expired',
    );
  });
});
