import { CLIENT_ID, type Harness, REDIRECT_URI, SECRET_KEY, startHarness } from './harness';

const QUERY = {
  response_type: 'code',
  client_id: CLIENT_ID,
  scope: 'read_write',
  redirect_uri: REDIRECT_URI,
  state: 'st&te 1',
};
const KEY = { Authorization: `Bearer ${SECRET_KEY}` };

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

async function authorize(fields: Record<string, string> = {}): Promise<URL> {
  const { status, location } = await harness.post('/oauth/authorize', {
    ...QUERY,
    action: 'create',
    email: 'ada@example.com',
    business_name: 'Analytical Society',
    country: 'GB',
    ...fields,
  });
  expect(status).toBe(303);
  return new URL(location!);
}

async function codeFor(fields: Record<string, string> = {}): Promise<string> {
  return (await authorize(fields)).searchParams.get('code')!;
}

function exchange(fields: Record<string, string>, headers: Record<string, string> = KEY) {
  return harness.post('/oauth/token', fields, headers);
}

async function connect(): Promise<string> {
  const { body } = await exchange({ grant_type: 'authorization_code', code: await codeFor() });
  return body.stripe_user_id;
}

describe('the page that asks for authorization', () => {
  it('shows the forms with what the platform knows, and leaves out what is not valid', async () => {
    const query = new URLSearchParams({
      ...QUERY,
      'stripe_user[email]': 'grace@example.com',
      'stripe_user[business_name]': '<Compilers & Co>',
      'stripe_user[country]': 'Atlantis',
    });
    const page = await (await fetch(`${harness.url}/oauth/authorize?${query}`)).text();
    expect(page).toContain('value="grace@example.com"');
    expect(page).toContain('value="&lt;Compilers &amp; Co&gt;"');
    expect(page).toContain('No money moves');
    expect(page).not.toContain('value="Atlantis" selected');
  });

  it.each([
    ['no response type', { response_type: '' }, 'invalid_request'],
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['no client', { client_id: '' }, 'invalid_request'],
    ['an unknown client', { client_id: 'ca_other' }, 'invalid_client'],
    ['an unknown scope', { scope: 'admin' }, 'invalid_scope'],
    [
      'a redirect URI that only begins alike',
      { redirect_uri: `${REDIRECT_URI}/more` },
      'invalid_redirect_uri',
    ],
  ])('answers %s itself and redirects nobody', async (_what, change, error) => {
    const query = new URLSearchParams({ ...QUERY, ...change });
    const response = await fetch(`${harness.url}/oauth/authorize?${query}`, { redirect: 'manual' });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error, error_description: expect.any(String), state: 'st&te 1' });
    const posted = await harness.post('/oauth/authorize', {
      ...QUERY,
      ...change,
      action: 'create',
      email: 'a@example.com',
    });
    expect(posted.status).toBe(400);
  });

  it('goes back with a code, the scope and the state', async () => {
    const target = await authorize();
    expect(target.origin + target.pathname).toBe(REDIRECT_URI);
    expect(Object.fromEntries(target.searchParams)).toEqual({
      code: expect.stringMatching(/^ac_/),
      scope: 'read_write',
      state: 'st&te 1',
    });
  });

  it('goes back with access_denied when the person declines', async () => {
    const { location } = await harness.post('/oauth/authorize', { ...QUERY, action: 'deny' });
    expect(location).toBe(
      `${REDIRECT_URI}?error=access_denied&error_description=The%20user%20denied%20your%20request&state=st%26te%201`,
    );
  });

  it('uses the first registered address when none is given', async () => {
    const { redirect_uri: _, ...rest } = QUERY;
    const { location } = await harness.post('/oauth/authorize', { ...rest, action: 'deny' });
    expect(location).toMatch(new RegExp(`^${REDIRECT_URI}\\?error=access_denied`));
  });

  it('signs in to an account that exists, by choice or by e-mail', async () => {
    const made = await harness.control<{ id: string }>('/accounts', { email: 'Joan@example.com' });
    for (const fields of [
      { account: made.id, email: '' },
      { account: '', email: 'joan@example.COM' },
    ]) {
      const code = await codeFor({ action: 'sign_in', ...fields });
      expect((await exchange({ grant_type: 'authorization_code', code })).body.stripe_user_id).toBe(made.id);
    }
  });

  it('shows the page again, with what was typed, when there is no such account', async () => {
    const { status, text } = await harness.post('/oauth/authorize', {
      ...QUERY,
      action: 'create',
      email: 'nonsense',
      business_name: 'Kept',
    });
    expect(status).toBe(422);
    expect(text).toContain('value="Kept"');
    expect(
      (await harness.post('/oauth/authorize', { ...QUERY, action: 'sign_in', email: 'nobody@example.com' }))
        .status,
    ).toBe(422);
  });
});

describe('the exchange of a code', () => {
  it.each([
    ['Bearer', KEY, {}],
    ['Basic', { Authorization: `Basic ${Buffer.from(`${SECRET_KEY}:`).toString('base64')}` }, {}],
    ['client_secret', {}, { client_secret: SECRET_KEY }],
  ])('connects the account (key as %s)', async (_how, headers, fields) => {
    const code = await codeFor();
    const { status, body } = await exchange({ grant_type: 'authorization_code', code, ...fields }, headers);
    expect(status).toBe(200);
    expect(body).toEqual({
      access_token: expect.stringMatching(/^sk_test_/),
      livemode: false,
      refresh_token: expect.stringMatching(/^rt_/),
      scope: 'read_write',
      stripe_publishable_key: expect.stringMatching(/^pk_test_/),
      stripe_user_id: expect.stringMatching(/^acct_\w+$/),
      token_type: 'bearer',
    });
    const account = await harness.stripe.accounts.retrieve(body.stripe_user_id);
    expect(account).toMatchObject({
      type: 'standard',
      country: 'GB',
      default_currency: 'gbp',
      charges_enabled: true,
    });
    expect(account.settings?.dashboard.display_name).toBe('Analytical Society');
  });

  it('revokes the connection when a code is presented again', async () => {
    const code = await codeFor();
    const { body } = await exchange({ grant_type: 'authorization_code', code });
    const again = await exchange({ grant_type: 'authorization_code', code });
    expect(again.status).toBe(400);
    expect(again.body).toMatchObject({
      error: 'invalid_grant',
      error_description: expect.stringContaining('already been used'),
    });
    await expect(harness.stripe.accounts.retrieve(body.stripe_user_id)).rejects.toMatchObject({
      statusCode: 403,
      code: 'account_invalid',
      message: expect.stringContaining('Application access may have been revoked'),
    });
    const event = await harness.until(
      () =>
        harness.received.find(
          (one) => one.type === 'account.application.deauthorized' && one.account === body.stripe_user_id,
        ),
      'the news of the revocation',
    );
    expect(event.data.object).toEqual({ id: CLIENT_ID, object: 'application', name: 'Foyer' });
  });

  it('refuses a code after five minutes', async () => {
    const code = await codeFor();
    await harness.control('/clock', { offsetSeconds: 301 });
    const { status, body } = await exchange({ grant_type: 'authorization_code', code });
    await harness.control('/clock', { offsetSeconds: 0 });
    expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_grant' });
  });

  it.each([
    ['no grant type', {}, 400, 'invalid_request'],
    ['another grant type', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['no code', { grant_type: 'authorization_code' }, 400, 'invalid_request'],
    ['an unknown code', { grant_type: 'authorization_code', code: 'ac_unknown' }, 400, 'invalid_grant'],
    [
      'an unknown refresh token',
      { grant_type: 'refresh_token', refresh_token: 'rt_unknown' },
      400,
      'invalid_grant',
    ],
    ['no refresh token', { grant_type: 'refresh_token' }, 400, 'invalid_request'],
  ])('refuses %s', async (_what, fields, status, error) => {
    const answer = await exchange(fields as unknown as Record<string, string>);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({ error, error_description: expect.any(String) });
  });

  it('refuses a wrong key without repeating it', async () => {
    const { status, body } = await exchange(
      { grant_type: 'authorization_code', code: 'x' },
      { Authorization: 'Bearer sk_test_somebodyElse' },
    );
    expect(status).toBe(401);
    expect(body).toMatchObject({
      error: 'invalid_client',
      error_description: expect.stringContaining('No such API key'),
    });
    expect(JSON.stringify(body)).not.toContain('somebodyElse');
  });

  it('gives new access for a refresh token, of no wider scope', async () => {
    const first = (
      await exchange({ grant_type: 'authorization_code', code: await codeFor({ scope: 'read_only' }) })
    ).body;
    const refresh = { grant_type: 'refresh_token', refresh_token: first.refresh_token };
    expect((await exchange(refresh)).body).toMatchObject({
      stripe_user_id: first.stripe_user_id,
      scope: 'read_only',
    });
    expect((await exchange({ ...refresh, scope: 'read_write' })).body.error).toBe('invalid_scope');
  });
});

describe('the end of a connection', () => {
  it('is asked for by the platform', async () => {
    const account = await connect();
    const answer = await harness.post(
      '/oauth/deauthorize',
      { client_id: CLIENT_ID, stripe_user_id: account },
      KEY,
    );
    expect(answer).toMatchObject({ status: 200, body: { stripe_user_id: account } });
    await harness.until(
      () =>
        harness.received.some(
          (one) => one.type === 'account.application.deauthorized' && one.account === account,
        ),
      'the news of the end',
    );
  });

  it('tells an account that is not connected from a client id that is wrong, by the description alone', async () => {
    const account = await connect();
    const gone = await harness.post(
      '/oauth/deauthorize',
      { client_id: CLIENT_ID, stripe_user_id: 'acct_unknown' },
      KEY,
    );
    const wrong = await harness.post(
      '/oauth/deauthorize',
      { client_id: 'ca_other', stripe_user_id: account },
      KEY,
    );
    expect([gone.body.error, wrong.body.error]).toEqual(['invalid_client', 'invalid_client']);
    expect(gone.body.error_description).toMatch(/not connected to stripe account acct_unknown/);
    expect(wrong.body.error_description).toMatch(/No such application: 'ca_other'/);
    expect((await harness.stripe.accounts.retrieve(account)).id).toBe(account);
  });

  it('refuses requests that lack a part', async () => {
    expect((await harness.post('/oauth/deauthorize', { client_id: CLIENT_ID }, KEY)).body.error).toBe(
      'invalid_request',
    );
    expect((await harness.post('/oauth/deauthorize', { stripe_user_id: 'acct_1' }, KEY)).body.error).toBe(
      'invalid_request',
    );
  });
});

describe('planned faults', () => {
  afterEach(() => harness.control('/faults', undefined, 'DELETE'));
  const plan = (fault: object) => harness.control('/faults', { match: { path: '/oauth/token' }, ...fault });
  const exchangeOnce = async () => exchange({ grant_type: 'authorization_code', code: await codeFor() });
  const connections = async () => {
    const { events } = await harness.control<{ events: { type: string }[] }>('/events');
    return events.filter(({ type }) => type === 'account.application.authorized').length;
  };

  it('spoil what the exchange answers', async () => {
    await plan({ fault: 'merge_body', body: { livemode: true, stripe_user_id: null, scope: 'read_only' } });
    const { status, body } = await exchangeOnce();
    expect([status, body.livemode, body.scope]).toEqual([200, true, 'read_only']);
    expect(body).not.toHaveProperty('stripe_user_id');
  });

  it.each([
    ['error_before', 500, 0],
    ['error_after', 500, 1],
    ['html', 200, 0],
    ['rate_limit', 429, 0],
  ])('%s', async (fault, status, made) => {
    const before = await connections();
    await plan({ fault });
    expect((await exchangeOnce()).status).toBe(status);
    expect((await connections()) - before).toBe(made);
  });

  it.each([
    ['reset_before', 0],
    ['reset_after', 1],
    ['hang', 0],
    ['hang_after', 1],
  ])('%s: no answer', async (fault, made) => {
    const before = await connections();
    await plan({ fault, ms: 50 });
    await expect(exchangeOnce()).rejects.toThrow();
    expect((await connections()) - before).toBe(made);
  });
});
