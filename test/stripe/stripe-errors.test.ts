import { ClientRequest } from 'node:http';
import nock from 'nock';
import { createDatabase, inTransaction } from '../../src/db/connection';
import { createAppOAuth } from '../../src/stripe/app-oauth';
import { createConnectOAuth } from '../../src/stripe/connect-oauth';
import { createStripeClient } from '../../src/stripe/stripe-client';
import { isWorthRetrying, type StripeFailure, type StripeProblem } from '../../src/stripe/stripe-errors';
import { createTestDatabase } from '../support/test-database';
import { type Answer, everythingOf, fieldsOf, record, startRudeServer, thrownBy } from './recorder';

const API = 'https://api.stripe.com';
const SECRET = 'sk_test_canarySecretKey';
const MODES = [
  {
    livemode: false,
    secretKey: SECRET,
    clientId: 'ca_test',
    webhookSecrets: [],
    app: { clientId: 'ca_app', installUrl: API, signingSecrets: ['absec_x'], secretKey: SECRET },
  },
];
const ORGANIZER = { account: 'acct_1Organizer', livemode: false };

const stripe = createStripeClient({ apiUrl: API, modes: MODES });

const create = (client = stripe) =>
  client.createCheckoutSession({
    ...ORGANIZER,
    request: { mode: 'payment', customer_email: 'canary@people.example' },
    idempotencyKey: 'foyer-order-1-1',
  });
const refund = () =>
  stripe.createRefund({
    ...ORGANIZER,
    paymentIntentId: 'pi_1',
    amount: 1n,
    refundApplicationFee: false,
    metadata: {},
    idempotencyKey: 'foyer-refund-1-1',
  });
const failureOf = async (call: Promise<unknown>) => (await thrownBy(call)) as StripeFailure;

/** Stripe's own shape, quoting the key as a careless host might. */
function refusal(status: number, error: Record<string, unknown> = {}): Answer {
  return {
    status,
    body: {
      error: { type: 'invalid_request_error', message: `No: ${SECRET} canary@people.example`, ...error },
    },
    headers: { 'Request-Id': 'req_1' },
  };
}

describe('what an answer of Stripe means', () => {
  const table: [string, Answer, StripeProblem, boolean][] = [
    ['400', refusal(400, { code: 'amount_too_small', param: 'line_items' }), 'refused', false],
    ['402', refusal(402, { type: 'card_error', code: 'card_declined' }), 'refused', false],
    ['404', refusal(404, { code: 'resource_missing' }), 'refused', false],
    ['400 for a reused key', refusal(400, { type: 'idempotency_error' }), 'key_reused', false],
    ['401', refusal(401), 'platform_key', true],
    ['403', refusal(403, { code: 'account_invalid' }), 'access_lost', false],
    ['409', refusal(409, { code: 'idempotency_key_in_use' }), 'busy', true],
    ['429', refusal(429, { code: 'rate_limit' }), 'rate_limited', true],
    ['400 for the rate', refusal(400, { code: 'rate_limit' }), 'rate_limited', true],
    ['500', refusal(500, { type: 'api_error' }), 'unanswered', true],
    ['503', refusal(503, { type: 'api_error' }), 'unanswered', true],
    ['500 as HTML', { status: 500, body: '<h1>Bad gateway</h1>' }, 'unanswered', true],
    ['200 as HTML', { body: '<h1>Welcome to the hotel</h1>' }, 'unanswered', true],
    ['200 cut off', { body: '{"id":"cs_test_1","object":"checkout.ses' }, 'unanswered', true],
    ['200 with nothing', { body: '' }, 'unanswered', true],
    ['200 of another kind', { body: { object: 'balance' } }, 'unanswered', true],
    ['200 of a list', { body: [] }, 'unanswered', true],
    ['200 of null', { body: 'null' }, 'unanswered', true],
  ];

  it.each(table)('%s', async (_name, answer, problem, worthRetrying) => {
    for (const call of [create, refund, () => stripe.retrieveAccount(ORGANIZER)]) {
      const sent = record(API, answer);
      const failure = await failureOf(call());
      expect(failure).toMatchObject({ name: 'StripeFailure', problem });
      expect(isWorthRetrying(failure)).toBe(worthRetrying);
      // Whoever waits decides about another try; the client makes none by itself.
      expect(sent).toHaveLength(1);
      nock.cleanAll();
    }
  });

  it('keeps what helps to find the request at Stripe', async () => {
    record(API, refusal(400, { code: 'amount_too_small', param: 'line_items' }));
    expect(await failureOf(create())).toMatchObject({
      code: 'amount_too_small',
      param: 'line_items',
      requestId: 'req_1',
      httpStatus: 400,
    });
  });

  it('shows no key, no address and no body of an answer in an error', async () => {
    for (const [, answer] of table) {
      record(API, answer);
      const shown = everythingOf(await failureOf(create()));
      expect(shown).not.toMatch(/canary|sk_test_|hotel|Bad gateway/);
      nock.cleanAll();
    }
  });

  const session = {
    id: 'cs_test_1',
    status: 'open',
    payment_status: 'unpaid',
    amount_total: 1,
    currency: 'eur',
    expires_at: 1_795_000_000,
  };

  it.each([
    ['without an amount', { amount_total: undefined }],
    ['with half a cent', { amount_total: 0.5 }],
    ['with an amount in words', { amount_total: 'one' }],
    ['without an end', { expires_at: undefined }],
  ])('a Checkout Session %s is no answer', async (_name, change) => {
    record(API, { body: session });
    expect(await create()).toMatchObject({ id: 'cs_test_1', amountTotal: 1n });
    nock.cleanAll();
    record(API, { body: { ...session, ...change } });
    expect(await failureOf(create())).toMatchObject({ problem: 'unanswered' });
  });

  it('a refund of half a cent is no answer', async () => {
    record(API, { body: { id: 're_1', status: 'succeeded', amount: 0.5, currency: 'eur' } });
    expect(await failureOf(refund())).toMatchObject({ problem: 'unanswered' });
  });
});

describe('when nothing comes back', () => {
  it('gives up after eight seconds, and does not send again by itself', async () => {
    nock.restore(); // it stands in for http's own ClientRequest
    const setTimeout = ClientRequest.prototype.setTimeout;
    const asked = jest.spyOn(ClientRequest.prototype, 'setTimeout').mockImplementation(function (
      this: ClientRequest,
      milliseconds,
      callback,
    ) {
      return setTimeout.call(this, milliseconds / 100, callback);
    });
    const server = await startRudeServer(() => {});
    const failure = await failureOf(create(createStripeClient({ apiUrl: server.url, modes: MODES })));
    await server.close();

    expect(failure).toMatchObject({ problem: 'unanswered' });
    expect(asked.mock.calls.map(([milliseconds]) => milliseconds)).toEqual([8000]);
    expect(server.requests).toHaveLength(1);
    asked.mockRestore();
    nock.activate();
  });

  it('sends the same again at most once after a reset, with the same key', async () => {
    const server = await startRudeServer((socket) => socket.resetAndDestroy());
    const client = createStripeClient({ apiUrl: server.url, modes: MODES });
    const failure = await failureOf(create(client));
    await server.close();

    expect(failure).toMatchObject({ problem: 'unanswered' });
    expect(everythingOf(failure)).not.toMatch(/canary|sk_test_/);
    const keys = server.requests.map((request) => /idempotency-key: (\S+)/i.exec(request)?.[1]);
    expect(keys).toEqual(['foyer-order-1-1', 'foyer-order-1-1']);
    expect(new Set(server.requests.map((request) => request.split('\r\n\r\n')[1])).size).toBe(1);
  });

  it('says so when nobody listens', async () => {
    const server = await startRudeServer(() => {});
    await server.close();
    const client = createStripeClient({ apiUrl: server.url, modes: MODES });
    expect(await failureOf(create(client))).toMatchObject({ problem: 'unanswered' });
  });
});

describe('inside a database transaction', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let db: ReturnType<typeof createDatabase>;
  beforeAll(async () => {
    database = await createTestDatabase();
    db = createDatabase({ url: database.url, poolSize: 2 });
  });
  afterAll(async () => {
    await db.destroy();
    await database.drop();
  });

  const oauth = createConnectOAuth({
    connectUrl: 'https://connect.stripe.com',
    baseUrl: 'https://tickets.foyer.example',
    modes: MODES,
  });
  const app = createAppOAuth({
    apiUrl: API,
    baseUrl: 'https://tickets.foyer.example',
    modes: MODES.map((mode) => ({
      ...mode,
      app: { clientId: 'ca_app', installUrl: 'https://x/authorize', signingSecrets: [], secretKey: SECRET },
    })),
  });
  const session = { ...ORGANIZER, id: 'cs_test_1' };
  const secret = { ...ORGANIZER, user: 'usr_1', name: 'sign_in' };
  const calls: Record<string, () => Promise<unknown>> = {
    createCheckoutSession: () => create(),
    retrieveCheckoutSession: () => stripe.retrieveCheckoutSession(session),
    expireCheckoutSession: () => stripe.expireCheckoutSession(session),
    findCheckoutSession: () =>
      stripe.findCheckoutSession({ ...ORGANIZER, since: new Date(), matches: () => true }),
    createRefund: refund,
    listRefunds: () => stripe.listRefunds({ ...ORGANIZER, paymentIntentId: 'pi_1' }),
    readFeeRefunded: () => stripe.readFeeRefunded({ livemode: false, chargeId: 'ch_1' }),
    retrieveAccount: () => stripe.retrieveAccount(ORGANIZER),
    listChargeCurrencies: () => stripe.listChargeCurrencies({ country: 'DE', livemode: false }),
    retrievePlatformAccountId: () => stripe.retrievePlatformAccountId(false),
    listDisputes: () => stripe.listDisputes({ ...ORGANIZER, paymentIntentId: 'pi_1' }),
    listCheckoutSessions: () => stripe.listCheckoutSessions({ ...ORGANIZER, since: new Date() }),
    listUndeliveredEvents: () =>
      stripe.listUndeliveredEvents({ ...ORGANIZER, since: new Date(), types: ['charge.refunded'] }),
    listCharges: () => stripe.listCharges({ ...ORGANIZER, since: new Date() }),
    listRefundsWithin: () => stripe.listRefundsWithin({ ...ORGANIZER, since: new Date() }),
    setSecret: () => stripe.setSecret({ ...secret, payload: 'canary' }),
    findSecret: () => stripe.findSecret(secret),
    deleteSecret: () => stripe.deleteSecret(secret),
    exchangeCode: () => oauth.exchangeCode({ code: 'ac_1', livemode: false }),
    deauthorize: () => oauth.deauthorize({ stripeUserId: 'acct_1Organizer', livemode: false }),
    'app.exchangeCode': () => app.exchangeCode({ code: 'ac_1', livemode: false }),
    'app.refresh': () => app.refresh({ refreshToken: 'rt_1', livemode: false }),
    'app.checkToken': () => app.checkToken({ accessToken: 'sk_test_1', stripeUserId: 'acct_1Organizer' }),
  };

  it('knows every verb that asks Stripe', () => {
    const verbs = [
      ...Object.keys(stripe),
      ...Object.keys(oauth),
      ...Object.keys(app).map((verb) => `app.${verb}`),
    ];
    // askRegistration throws nothing that Stripe says; its own test stands with the others of OAuth
    const askNobody = [
      'redirectUri',
      'authorizeUrl',
      'askRegistration',
      'isAway',
      'circuits',
      'close',
    ].concat(['redirectUri', 'modes', 'isApp', 'clientIds', 'installUrl'].map((verb) => `app.${verb}`));
    expect(verbs.filter((verb) => !askNobody.includes(verb))).toEqual(Object.keys(calls));
  });

  it.each(Object.keys(calls))('%s refuses to be called, and sends nothing', async (verb) => {
    const sent = [record(API, refusal(404)), record('https://connect.stripe.com', refusal(404))];
    await expect(inTransaction(db, () => calls[verb]!())).rejects.toThrow('inside a database transaction');
    expect(sent.flat()).toHaveLength(0);
  });

  it.each(Object.keys(calls))('%s asks Stripe after the commit', async (verb) => {
    const sent = [record(API, refusal(400)), record('https://connect.stripe.com', refusal(400))];
    await inTransaction(db, (trx) => trx.raw('SELECT 1'));
    await expect(calls[verb]!()).rejects.toMatchObject({ name: expect.stringMatching(/Failure$/) });
    expect(sent.flat()).toHaveLength(1);
  });
});

test('the twin of the pinned requests: a field more or less would be seen', async () => {
  const sent = record(API, refusal(400));
  const extra = { mode: 'payment', payment_method_types: ['card'] } as never;
  await thrownBy(stripe.createCheckoutSession({ ...ORGANIZER, request: extra, idempotencyKey: 'k' }));
  expect(fieldsOf(sent[0]!)).toEqual(['mode=payment', 'payment_method_types[0]=card']);
});
