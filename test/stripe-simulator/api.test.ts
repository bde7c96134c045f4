import type Stripe from 'stripe';
import { type Harness, startHarness } from './harness';

let harness: Harness;
let account: string;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());
beforeEach(async () => {
  account = await harness.connectedAccount();
});
afterEach(async () => {
  await harness.control('/faults', undefined, 'DELETE');
  await harness.control('/clock', { offsetSeconds: 0 });
});

function create(
  idempotencyKey?: string,
  amount = 2000,
  changes: Partial<Stripe.Checkout.SessionCreateParams> = {},
) {
  return harness.stripe.checkout.sessions.create(
    {
      mode: 'payment',
      line_items: [
        { price_data: { currency: 'eur', unit_amount: amount, product_data: { name: 'Seat' } }, quantity: 1 },
      ],
      success_url: 'http://localhost:3000/',
      ...changes,
    },
    { stripeAccount: account, ...(idempotencyKey ? { idempotencyKey } : {}) },
  );
}
const count = async () =>
  (await harness.stripe.checkout.sessions.list({ limit: 100 }, { stripeAccount: account })).data.length;
const fault = (fault: string, more: object = {}) =>
  harness.control('/faults', [{ match: { method: 'POST', path: '/v1/checkout/sessions' }, fault, ...more }]);

describe('idempotency', () => {
  it('answers the same request with the same answer, once carried out', async () => {
    const first = await create('k-replay');
    const second = await create('k-replay');
    expect(second.id).toBe(first.id);
    expect(second.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(first.lastResponse.headers).not.toHaveProperty('idempotent-replayed');
    expect(await count()).toBe(1);
  });

  it('refuses the key for other parameters', async () => {
    await create('k-other');
    await expect(create('k-other', 3000)).rejects.toMatchObject({
      statusCode: 400,
      type: 'StripeIdempotencyError',
    });
  });

  it('keeps keys by account', async () => {
    const first = await create('k-account');
    account = await harness.connectedAccount();
    expect((await create('k-account')).id).not.toBe(first.id);
  });

  it('answers 409 while the first request is in progress', async () => {
    await fault('slow', { ms: 300 });
    const first = create('k-slow');
    await harness.until(
      async () => (await harness.control<{ requests: object[] }>('/requests')).requests.length > 0,
      'the first request',
    );
    await expect(create('k-slow')).rejects.toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });
    expect((await create('k-slow-after')).id).not.toBe((await first).id);
    expect((await create('k-slow')).id).toBe((await first).id);
  });

  it('keeps a refusal that came in carrying out, and forgets one of the form', async () => {
    await expect(create('k-refused', 10)).rejects.toMatchObject({ code: 'amount_too_small' });
    await expect(create('k-refused', 10)).rejects.toMatchObject({
      code: 'amount_too_small',
      headers: expect.objectContaining({ 'idempotent-replayed': 'true' }),
    });
    await expect(create('k-form', 2000, { locale: '' })).rejects.toMatchObject({
      code: 'parameter_invalid_empty',
    });
    expect((await create('k-form')).status).toBe('open');
  });

  it('forgets keys after a day', async () => {
    const first = await create('k-day');
    await harness.control('/clock', { offsetSeconds: 25 * 3600 });
    expect((await create('k-day')).id).not.toBe(first.id);
  });
});

describe('planned faults', () => {
  it.each([
    ['error_before', {}, { statusCode: 500, type: 'StripeAPIError' }, 0],
    ['error_after', {}, { statusCode: 500, type: 'StripeAPIError' }, 1],
    ['rate_limit', {}, { statusCode: 429, code: 'rate_limit' }, 0],
    [
      'status',
      { status: 403, body: { error: { message: 'No', code: 'account_invalid' } } },
      { statusCode: 403, code: 'account_invalid' },
      0,
    ],
    ['html', {}, { type: 'StripeAPIError' }, 0],
    ['truncated_json', {}, { type: 'StripeAPIError' }, 1],
    // The SDK sends a request again after a reset: both are spoiled here.
    ['reset_before', { times: 2 }, { type: 'StripeConnectionError' }, 0],
    ['reset_after', { times: 2 }, { type: 'StripeConnectionError' }, 1],
    ['hang', { ms: 50, times: 2 }, { type: 'StripeConnectionError' }, 0],
    ['hang_after', { ms: 50, times: 2 }, { type: 'StripeConnectionError' }, 1],
  ])('%s', async (kind, more, error, made) => {
    await fault(kind, more);
    await expect(create(`k-${kind}`)).rejects.toMatchObject(error);
    expect(await count()).toBe(made);
  });

  it('replays the error of a request that was carried out, and carries out one that was not', async () => {
    await fault('error_after');
    await expect(create('k-after')).rejects.toMatchObject({ statusCode: 500 });
    await expect(create('k-after')).rejects.toMatchObject({ statusCode: 500 });
    await fault('error_before');
    await expect(create('k-before')).rejects.toMatchObject({ statusCode: 500 });
    expect((await create('k-before')).status).toBe('open');
    expect(await count()).toBe(2);
  });

  it('gives the session of a cut connection to the next request with the key', async () => {
    await fault('reset_after', { times: 2 });
    await expect(create('k-cut')).rejects.toMatchObject({ type: 'StripeConnectionError' });
    const adopted = await create('k-cut');
    expect(await count()).toBe(1);
    expect(adopted.status).toBe('open');
  });

  it('changes answers: merges what is given, removes what is null', async () => {
    await fault('merge_body', { body: { amount_total: 1, metadata: { a: 'b' }, url: null } });
    const session = await create();
    expect(session).toMatchObject({ amount_total: 1, metadata: { a: 'b' } });
    expect(session).not.toHaveProperty('url');
    expect(
      (await harness.stripe.checkout.sessions.retrieve(session.id, {}, { stripeAccount: account }))
        .amount_total,
    ).toBe(2000);
  });

  it('meet only the requests that match, as often as planned', async () => {
    await harness.control('/faults', [
      {
        match: { path: '/^/v1/checkout/sessions$/', account: 'acct_other' },
        fault: 'error_before',
        times: -1,
      },
      {
        match: { method: 'post', path: '/^/v1/checkout/sessions$/', account },
        fault: 'error_before',
        skip: 1,
        times: 1,
      },
    ]);
    await create();
    await expect(create()).rejects.toMatchObject({ statusCode: 500 });
    await create();
    await expect(harness.control('/faults', { fault: 'explode' })).rejects.toThrow(/fault is one of/);
  });
});

describe('what the simulator tells of itself', () => {
  it('shows what was received, without secrets', async () => {
    await harness.control('/requests', undefined, 'DELETE');
    await create('k-log');
    await harness.post('/oauth/token', {
      grant_type: 'authorization_code',
      code: 'ac_secret',
      client_secret: 'sk_test_secret',
    });
    const { requests } = await harness.control<{ requests: object[] }>('/requests');
    expect(requests).toMatchObject([
      {
        method: 'POST',
        path: '/v1/checkout/sessions',
        account,
        idempotencyKey: 'k-log',
        status: 200,
        params: { mode: 'payment', 'line_items[0][price_data][unit_amount]': '2000' },
      },
      { path: '/oauth/token', status: 401, params: { grant_type: 'authorization_code' } },
    ]);
    expect(JSON.stringify(requests)).not.toMatch(/ac_secret|sk_test/);
  });

  it('is closed to web pages', async () => {
    for (const headers of [{ Origin: 'http://evil.test' }, { 'Sec-Fetch-Site': 'cross-site' }] as Record<
      string,
      string
    >[]) {
      expect((await fetch(`${harness.url}/_control/ledger`, { headers })).status).toBe(403);
    }
  });

  it('says 404 in the manner of the address', async () => {
    const api = await fetch(`${harness.url}/v1/customers`);
    expect([api.status, await api.json()]).toEqual([
      404,
      { error: expect.objectContaining({ type: 'invalid_request_error' }) },
    ]);
    const page = await fetch(`${harness.url}/nowhere`);
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect((await fetch(`${harness.url}/c/pay/%E0%A4%A`)).status).toBe(400);
  });

  it("knows the platform's own account", async () => {
    const own = await harness.stripe.accounts.retrieveCurrent();
    expect(own.id).toMatch(/^acct_\w+$/);
    expect((await harness.stripe.accounts.retrieve(own.id)).id).toBe(own.id);
  });
});

describe('the rate limit', () => {
  it('counts by account and endpoint, and says which limit it was', async () => {
    const limited = await startHarness({ requestsPerSecond: 3 });
    try {
      const [a, b] = [await limited.connectedAccount(), await limited.connectedAccount()];
      const list = (stripeAccount: string) => limited.stripe.checkout.sessions.list({}, { stripeAccount });
      const answers = await Promise.allSettled(Array.from({ length: 6 }, () => list(a)));
      const refused = answers.flatMap((answer) =>
        answer.status === 'rejected' ? [answer.reason as Stripe.errors.StripeRateLimitError] : [],
      );
      expect(refused.length).toBeGreaterThanOrEqual(2);
      expect(refused[0]).toMatchObject({
        statusCode: 429,
        code: 'rate_limit',
        headers: { 'stripe-rate-limited-reason': 'endpoint-rate' },
      });
      expect((await list(b)).data).toEqual([]);
      await limited.stripe.accounts.retrieve(a);
    } finally {
      await limited.close();
    }
  });
});
