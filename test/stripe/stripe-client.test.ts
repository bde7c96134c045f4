import { checkoutSessionRequest } from '../../src/checkout/checkout-session-request';
import { createStripeClient } from '../../src/stripe/stripe-client';
import { fieldsOf, headersOf, record } from './recorder';

const API = 'https://api.stripe.com';
const TEST_KEY = 'sk_test_platformKey';
const LIVE_KEY = 'sk_live_platformKey';
const MODES = [
  { livemode: true, secretKey: LIVE_KEY, clientId: 'ca_live', webhookSecrets: [] },
  { livemode: false, secretKey: TEST_KEY, clientId: 'ca_test', webhookSecrets: [] },
];
const ORGANIZER = { account: 'acct_1Organizer', livemode: false };

/** On every request. */
const ALWAYS = {
  accept: 'application/json',
  authorization: `Bearer ${TEST_KEY}`,
  'content-type': 'application/x-www-form-urlencoded',
  'stripe-version': '2026-10-28.endive',
};
/** On every request for an organizer. */
const FOR_ORGANIZER = { ...ALWAYS, 'stripe-account': 'acct_1Organizer' };
/** What the SDK makes up for a POST that has no key of ours. */
const SOME_KEY = expect.stringMatching(/^stripe-node-retry-[0-9a-f-]{36}$/);

const SESSION = {
  id: 'cs_test_a1',
  object: 'checkout.session',
  status: 'open',
  payment_status: 'unpaid',
  amount_total: 4000,
  currency: 'eur',
  payment_intent: null,
  url: 'https://checkout.stripe.com/c/pay/cs_test_a1',
  client_reference_id: '0193a5c0-0000-7000-8000-000000000001',
  metadata: { foyer_attempt: '1' },
  expires_at: 1_795_000_000,
};
const REFUND = {
  id: 're_1',
  object: 'refund',
  status: 'succeeded',
  amount: 4000,
  currency: 'eur',
  payment_intent: 'pi_1',
  metadata: { foyer_refund: 'r1' },
};

const stripe = createStripeClient({ apiUrl: API, modes: MODES });

function requestFor(change: { applicationFee?: bigint; lines?: [string, number, bigint][] } = {}) {
  const request = checkoutSessionRequest({
    id: '0193a5c0-0000-7000-8000-000000000001',
    token: 'AZOlwAAAcACAAAAAAAAAAQ_theOrdersToken',
    attempt: 2,
    reference: '7XK2M9QP',
    currency: 'eur',
    applicationFee: change.applicationFee ?? 160n,
    buyerEmail: 'ada+tickets@people.example',
    eventTitle: 'Künste & Wörter',
    lines: (change.lines ?? [['Front row', 2, 2000n]]).map(
      ([ticketTypeName, quantity, unitPrice], index) => ({
        ticketTypeId: `type-${index}`,
        ticketTypeName,
        quantity,
        unitPrice,
        discount: 0n,
      }),
    ),
    baseUrl: 'https://tickets.foyer.example',
  });
  // as the first claim of an attempt adds it
  return { ...request, expires_at: 1_795_206_900 };
}

describe('making a Checkout Session', () => {
  const create = (request: ReturnType<typeof requestFor>) =>
    stripe.createCheckoutSession({ ...ORGANIZER, request, idempotencyKey: 'foyer-order-1-2' });

  it('is one direct charge on the account of the organizer, with the fee of the platform', async () => {
    const sent = record(API, { body: SESSION });
    await create(requestFor());

    expect(sent).toHaveLength(1);
    expect([sent[0]!.method, sent[0]!.path]).toEqual(['POST', '/v1/checkout/sessions']);
    expect(headersOf(sent[0]!)).toEqual({ ...FOR_ORGANIZER, 'idempotency-key': 'foyer-order-1-2' });
    expect(fieldsOf(sent[0]!)).toEqual(
      [
        'mode=payment',
        'client_reference_id=0193a5c0-0000-7000-8000-000000000001',
        'customer_email=ada+tickets@people.example',
        'line_items[0][quantity]=2',
        'line_items[0][price_data][currency]=eur',
        'line_items[0][price_data][unit_amount]=2000',
        'line_items[0][price_data][product_data][name]=Front row – Künste & Wörter',
        'payment_intent_data[application_fee_amount]=160',
        'payment_intent_data[description]=Foyer order 7XK2M9QP',
        'payment_intent_data[metadata][foyer_order]=0193a5c0-0000-7000-8000-000000000001',
        'payment_intent_data[metadata][foyer_attempt]=2',
        'metadata[foyer_order]=0193a5c0-0000-7000-8000-000000000001',
        'metadata[foyer_attempt]=2',
        'allowed_payment_method_types[0]=card',
        'success_url=https://tickets.foyer.example/orders/AZOlwAAAcACAAAAAAAAAAQ_theOrdersToken?returned=1',
        'cancel_url=https://tickets.foyer.example/orders/AZOlwAAAcACAAAAAAAAAAQ_theOrdersToken',
        'expires_at=1795206900',
      ].sort(),
    );
  });

  it('leaves out a fee of nothing', async () => {
    const sent = record(API, { body: SESSION });
    await create(requestFor({ applicationFee: 0n }));
    const names = fieldsOf(sent[0]!).map((field) => field.split('=')[0]);
    expect(names.filter((name) => name!.startsWith('payment_intent_data'))).toEqual([
      'payment_intent_data[description]',
      'payment_intent_data[metadata][foyer_attempt]',
      'payment_intent_data[metadata][foyer_order]',
    ]);
  });

  it('lists what costs something and leaves out what is free', async () => {
    const sent = record(API, { body: SESSION });
    await create(
      requestFor({
        lines: [
          ['Programme', 2, 0n],
          ['Stalls', 1, 1250n],
          ['Balcony', 3, 900n],
        ],
      }),
    );
    expect(fieldsOf(sent[0]!).filter((field) => field.startsWith('line_items'))).toEqual([
      'line_items[0][price_data][currency]=eur',
      'line_items[0][price_data][product_data][name]=Stalls – Künste & Wörter',
      'line_items[0][price_data][unit_amount]=1250',
      'line_items[0][quantity]=1',
      'line_items[1][price_data][currency]=eur',
      'line_items[1][price_data][product_data][name]=Balcony – Künste & Wörter',
      'line_items[1][price_data][unit_amount]=900',
      'line_items[1][quantity]=3',
    ]);
  });

  it('never sends payment_method_types, which Stripe refuses since endive', () => {
    expect(JSON.stringify(requestFor())).not.toContain('"payment_method_types"');
  });

  it('cuts a long name between letters, never inside one', async () => {
    const sent = record(API, { body: SESSION });
    await create(requestFor({ lines: [[`x${'🎻'.repeat(260)}`, 1, 2000n]] }));
    expect(fieldsOf(sent[0]!)).toContain(
      `line_items[0][price_data][product_data][name]=x${'🎻'.repeat(249)}`,
    );
  });

  it('is the same bytes and the same key when it is sent again', async () => {
    const sent = record(API, { status: 500, body: { error: { type: 'api_error' } } }, { body: SESSION });
    const frozen = JSON.parse(JSON.stringify(requestFor())) as ReturnType<typeof requestFor>;
    await create(frozen).catch(() => null);
    await create(frozen);
    expect(sent).toHaveLength(2);
    expect(sent[1]!.body).toBe(sent[0]!.body);
    expect(sent[1]!.headers['idempotency-key']).toBe(sent[0]!.headers['idempotency-key']);
  });

  it('answers in our own words', async () => {
    record(API, { body: SESSION });
    expect(await create(requestFor())).toEqual({
      id: 'cs_test_a1',
      status: 'open',
      paymentStatus: 'unpaid',
      amountTotal: 4000n,
      currency: 'eur',
      paymentIntentId: null,
      paymentIntentStatus: null,
      amountRefunded: null,
      disputed: null,
      url: 'https://checkout.stripe.com/c/pay/cs_test_a1',
      clientReferenceId: '0193a5c0-0000-7000-8000-000000000001',
      metadata: { foyer_attempt: '1' },
      expiresAt: new Date('2026-11-18T11:06:40.000Z'),
    });
  });
});

describe('reading a Checkout Session', () => {
  it('asks for its payment intent with it', async () => {
    const paid = {
      ...SESSION,
      status: 'complete',
      payment_status: 'paid',
      payment_intent: {
        id: 'pi_1',
        status: 'succeeded',
        latest_charge: { id: 'ch_1', amount_refunded: 500, disputed: true },
      },
    };
    const sent = record(API, { body: paid });
    const session = await stripe.retrieveCheckoutSession({ ...ORGANIZER, id: 'cs_test_a1' });

    expect(sent).toHaveLength(1);
    expect([sent[0]!.method, decodeURIComponent(sent[0]!.path), sent[0]!.body]).toEqual([
      'GET',
      '/v1/checkout/sessions/cs_test_a1?expand[0]=payment_intent.latest_charge',
      '',
    ]);
    expect(headersOf(sent[0]!)).toEqual(FOR_ORGANIZER);
    expect(session).toMatchObject({
      status: 'complete',
      paymentIntentId: 'pi_1',
      paymentIntentStatus: 'succeeded',
      amountRefunded: 500n,
      disputed: true,
    });
  });

  it('can not be led to another address by an id', async () => {
    const sent = record(API, { body: SESSION });
    await stripe.retrieveCheckoutSession({ ...ORGANIZER, id: '../accounts/acct_2?x=' });
    expect(sent[0]!.path).toMatch(/^\/v1\/checkout\/sessions\/\.\.%2Faccounts%2Facct_2%3Fx%3D\?/);
  });
});

test('expiring a Checkout Session sends nothing but its id', async () => {
  const sent = record(API, { body: { ...SESSION, status: 'expired' } });
  const session = await stripe.expireCheckoutSession({ ...ORGANIZER, id: 'cs_test_a1' });

  expect(sent).toHaveLength(1);
  expect([sent[0]!.method, sent[0]!.path, sent[0]!.body]).toEqual([
    'POST',
    '/v1/checkout/sessions/cs_test_a1/expire',
    '',
  ]);
  expect(headersOf(sent[0]!)).toEqual({ ...FOR_ORGANIZER, 'idempotency-key': SOME_KEY });
  expect(session.status).toBe('expired');
});

describe('looking for a Checkout Session', () => {
  const page = (has_more: boolean, ...ids: string[]) => ({
    body: {
      object: 'list',
      url: '/v1/checkout/sessions',
      has_more,
      data: ids.map((id) => ({ ...SESSION, id })),
    },
  });
  const find = (wanted: string) =>
    stripe.findCheckoutSession({
      ...ORGANIZER,
      since: new Date('2026-11-20T20:00:00.999Z'),
      matches: (session) => session.id === wanted,
    });

  it('reads page after page of those made since a time, until it is found', async () => {
    const sent = record(API, page(true, 'cs_1', 'cs_2'), page(true, 'cs_3', 'cs_4'), page(false, 'cs_5'));
    expect((await find('cs_4'))?.id).toBe('cs_4');

    expect(sent.map((request) => [request.method, decodeURIComponent(request.path)])).toEqual([
      ['GET', '/v1/checkout/sessions?created[gte]=1795204800&limit=100'],
      ['GET', '/v1/checkout/sessions?created[gte]=1795204800&limit=100&starting_after=cs_2'],
    ]);
    for (const request of sent) expect(headersOf(request)).toEqual(FOR_ORGANIZER);
  });

  it('answers null when the last page has it not', async () => {
    const sent = record(API, page(true, 'cs_1'), page(false, 'cs_2'));
    expect(await find('cs_9')).toBeNull();
    expect(sent).toHaveLength(2);
  });
});

describe('refunding', () => {
  const refund = (refundApplicationFee: boolean) =>
    stripe.createRefund({
      ...ORGANIZER,
      paymentIntentId: 'pi_1',
      amount: 4000n,
      refundApplicationFee,
      metadata: { foyer_order: 'o1', foyer_refund: 'r1' },
      idempotencyKey: 'foyer-refund-r1-1',
    });

  it.each([
    ['gives the fee back where there was one', true, ['refund_application_fee=true']],
    ['says nothing of a fee that there was not', false, []],
  ])('%s', async (_name, withFee, field) => {
    const sent = record(API, { body: REFUND });
    await refund(withFee);

    expect(sent).toHaveLength(1);
    expect([sent[0]!.method, sent[0]!.path]).toEqual(['POST', '/v1/refunds']);
    expect(headersOf(sent[0]!)).toEqual({ ...FOR_ORGANIZER, 'idempotency-key': 'foyer-refund-r1-1' });
    expect(fieldsOf(sent[0]!)).toEqual([
      'amount=4000',
      'metadata[foyer_order]=o1',
      'metadata[foyer_refund]=r1',
      'payment_intent=pi_1',
      ...field,
    ]);
  });

  it('answers in our own words', async () => {
    record(API, { body: { ...REFUND, status: 'failed', failure_reason: 'lost_or_stolen_card' } });
    expect(await refund(true)).toEqual({
      id: 're_1',
      status: 'failed',
      amount: 4000n,
      currency: 'eur',
      paymentIntentId: 'pi_1',
      chargeId: null,
      failureReason: 'lost_or_stolen_card',
      metadata: { foyer_refund: 'r1' },
    });
  });
});

test('listing refunds reads every page of a payment', async () => {
  const list = (has_more: boolean, id: string) => ({
    body: { object: 'list', url: '/v1/refunds', has_more, data: [{ ...REFUND, id }] },
  });
  const sent = record(API, list(true, 're_1'), list(false, 're_2'));
  const refunds = await stripe.listRefunds({ ...ORGANIZER, paymentIntentId: 'pi_1' });

  expect(refunds.map((refund) => refund.id)).toEqual(['re_1', 're_2']);
  expect(sent.map((request) => [request.method, request.path])).toEqual([
    ['GET', '/v1/refunds?payment_intent=pi_1&limit=100'],
    ['GET', '/v1/refunds?payment_intent=pi_1&limit=100&starting_after=re_1'],
  ]);
  for (const request of sent) expect(headersOf(request)).toEqual(FOR_ORGANIZER);
});

describe('reading what happened on an account', () => {
  const SPAN = { since: new Date('2026-11-20T00:00:00.900Z'), until: new Date('2026-11-21T00:00:00Z') };
  const list = (...data: object[]) => ({ object: 'list', data, has_more: false, url: '/v1/x' });
  const CREATED = 'created[gte]=1795132800&created[lt]=1795219200';
  const DISPUTE = {
    id: 'du_1',
    object: 'dispute',
    amount: 4000,
    currency: 'eur',
    status: 'needs_response',
    reason: 'fraudulent',
    payment_intent: 'pi_1',
    is_charge_refundable: false,
    evidence_details: { due_by: 1_795_700_000, submission_count: 0 },
    created: 1_795_000_000,
  };
  const OURS = {
    id: 'du_1',
    amount: 4000n,
    currency: 'eur',
    status: 'needs_response',
    reason: 'fraudulent',
    paymentIntentId: 'pi_1',
    chargeRefundable: false,
    evidenceDueAt: new Date(1_795_700_000_000),
    evidenceSubmitted: false,
    createdAt: new Date(1_795_000_000_000),
  };

  it.each([
    [
      'sessions',
      () => stripe.listCheckoutSessions({ ...ORGANIZER, ...SPAN }),
      `/v1/checkout/sessions?${CREATED}&limit=100`,
      SESSION,
      expect.objectContaining({ id: 'cs_test_a1', amountTotal: 4000n }),
    ],
    [
      'undelivered events',
      () => stripe.listUndeliveredEvents({ ...ORGANIZER, since: SPAN.since, types: ['charge.refunded'] }),
      '/v1/events?created[gte]=1795132800&delivery_success=false&types[0]=charge.refunded&limit=100',
      { id: 'evt_1', object: 'event' },
      { id: 'evt_1', object: 'event' },
    ],
    [
      'charges',
      () => stripe.listCharges({ ...ORGANIZER, ...SPAN }),
      `/v1/charges?${CREATED}&limit=100`,
      { id: 'ch_1', payment_intent: 'pi_1', paid: true, amount: 4000, amount_refunded: 0, currency: 'eur' },
      { id: 'ch_1', paymentIntentId: 'pi_1', paid: true, amount: 4000n, amountRefunded: 0n, currency: 'eur' },
    ],
    [
      'refunds',
      () => stripe.listRefundsWithin({ ...ORGANIZER, ...SPAN }),
      `/v1/refunds?${CREATED}&limit=100`,
      REFUND,
      expect.objectContaining({ id: 're_1', amount: 4000n, paymentIntentId: 'pi_1' }),
    ],
    [
      'the disputes of a payment',
      () => stripe.listDisputes({ ...ORGANIZER, paymentIntentId: 'pi_1' }),
      '/v1/disputes?payment_intent=pi_1&limit=100',
      DISPUTE,
      OURS,
    ],
  ])('reads %s of the organizer', async (_name, read, path, answer, ours) => {
    const sent = record(API, { body: list(answer) });
    expect(await read()).toEqual([ours]);
    expect(sent).toHaveLength(1);
    expect([sent[0]!.method, decodeURIComponent(sent[0]!.path), sent[0]!.body]).toEqual(['GET', path, '']);
    expect(headersOf(sent[0]!)).toEqual(FOR_ORGANIZER);
  });

  it('does not take something else for a dispute', async () => {
    record(API, { body: list({ ...DISPUTE, amount: '4000' }) });
    await expect(stripe.listDisputes({ ...ORGANIZER, paymentIntentId: 'pi_1' })).rejects.toMatchObject({
      problem: 'unanswered',
    });
  });
});

describe('reading accounts', () => {
  it('reads a connected account by its id, as the platform', async () => {
    const sent = record(API, {
      body: {
        id: 'acct_1Organizer',
        object: 'account',
        country: 'DE',
        default_currency: 'eur',
        charges_enabled: true,
        payouts_enabled: false,
        business_profile: { name: 'Analytical Society' },
        requirements: {
          currently_due: ['external_account'],
          past_due: [],
          pending_verification: ['individual.id_number'],
          errors: [
            {
              code: 'verification_failed_other',
              reason: 'The bank account is closed.',
              requirement: 'external_account',
            },
          ],
          disabled_reason: null,
          current_deadline: null,
        },
      },
    });
    const account = await stripe.retrieveAccount(ORGANIZER);

    expect(sent).toHaveLength(1);
    expect([sent[0]!.method, sent[0]!.path, sent[0]!.body]).toEqual([
      'GET',
      '/v1/accounts/acct_1Organizer',
      '',
    ]);
    expect(headersOf(sent[0]!)).toEqual(ALWAYS);
    expect(account).toEqual({
      id: 'acct_1Organizer',
      displayName: 'Analytical Society',
      country: 'DE',
      defaultCurrency: 'eur',
      chargesEnabled: true,
      payoutsEnabled: false,
      requirements: {
        currentlyDue: ['external_account'],
        pastDue: [],
        pendingVerification: ['individual.id_number'],
        errors: [{ requirement: 'external_account', reason: 'The bank account is closed.' }],
        disabledReason: null,
        currentDeadline: null,
      },
    });
  });

  it('can take no charges where Stripe does not say so', async () => {
    record(API, { body: { id: 'acct_1Organizer', object: 'account', charges_enabled: 'true' } });
    expect(await stripe.retrieveAccount(ORGANIZER)).toMatchObject({
      chargesEnabled: false,
      payoutsEnabled: false,
    });
  });

  it('asks in which currencies accounts of a country can charge, as the platform', async () => {
    const sent = record(API, {
      body: { id: 'BR', object: 'country_spec', supported_payment_currencies: ['brl'] },
    });
    expect(await stripe.listChargeCurrencies({ country: 'BR', livemode: false })).toEqual(['brl']);
    expect([sent[0]!.method, sent[0]!.path, sent[0]!.body]).toEqual(['GET', '/v1/country_specs/BR', '']);
    expect(headersOf(sent[0]!)).toEqual(ALWAYS);
  });

  it('takes nothing for a list of currencies that is none', async () => {
    record(API, { body: { id: 'BR', object: 'country_spec' } });
    await expect(stripe.listChargeCurrencies({ country: 'BR', livemode: false })).rejects.toMatchObject({
      problem: 'unanswered',
    });
  });

  it('reads the account of the platform itself', async () => {
    const sent = record(API, { body: { id: 'acct_1Platform', object: 'account' } });
    expect(await stripe.retrievePlatformAccountId(false)).toBe('acct_1Platform');
    expect([sent[0]!.method, sent[0]!.path]).toEqual(['GET', '/v1/account']);
    expect(headersOf(sent[0]!)).toEqual(ALWAYS);
  });
});

describe('modes and hosts', () => {
  it('uses the key of the mode that the payment was made in', async () => {
    const sent = record(API, { body: SESSION });
    await stripe.retrieveCheckoutSession({ account: 'acct_1Organizer', livemode: true, id: 'cs_live_1' });
    await stripe.retrieveCheckoutSession({ account: 'acct_1Organizer', livemode: false, id: 'cs_test_1' });
    expect(sent.map((request) => request.headers.authorization)).toEqual([
      `Bearer ${LIVE_KEY}`,
      `Bearer ${TEST_KEY}`,
    ]);
  });

  it('asks nobody where there is no key of that mode', async () => {
    const sent = record(API, { body: SESSION });
    const testOnly = createStripeClient({ apiUrl: API, modes: [MODES[1]!] });
    await expect(
      testOnly.retrieveCheckoutSession({ account: 'acct_1Organizer', livemode: true, id: 'cs_live_1' }),
    ).rejects.toMatchObject({ name: 'StripeFailure', problem: 'platform_key' });
    expect(sent).toHaveLength(0);
  });

  it('goes to the address that the settings give, with its port', async () => {
    const sent = record('http://127.0.0.1:4010', { body: SESSION });
    const simulated = createStripeClient({ apiUrl: 'http://127.0.0.1:4010', modes: MODES });
    await simulated.retrieveCheckoutSession({ ...ORGANIZER, id: 'cs_test_a1' });
    expect(sent).toHaveLength(1);
  });
});
