import { inspect } from 'node:util';
import nock from 'nock';
import { createConnectOAuth } from '../../src/stripe/connect-oauth';
import { type OAuthFailure, type OAuthProblem } from '../../src/stripe/oauth-request';
import { type Answer, everythingOf, fieldsOf, record, startRudeServer, thrownBy } from './recorder';

const CONNECT = 'https://connect.stripe.com';
const MODES = [
  { livemode: true, secretKey: 'sk_live_canaryKey', clientId: 'ca_live', webhookSecrets: [] },
  { livemode: false, secretKey: 'sk_test_canaryKey', clientId: 'ca_test', webhookSecrets: [] },
];
const CODE = 'ac_canaryCode';
const HEADERS = {
  authorization: 'Bearer sk_test_canaryKey',
  'content-type': 'application/x-www-form-urlencoded',
  accept: 'application/json',
};
const SECRETS = /canary|sk_(test|live)_|rt_|ac_/;

function oauthAt(connectUrl: string) {
  return createConnectOAuth({ connectUrl, baseUrl: 'https://tickets.foyer.example', modes: MODES });
}

const oauth = oauthAt(CONNECT);
const exchange = (client = oauth) => client.exchangeCode({ code: CODE, livemode: false });
const deauthorize = (client = oauth) =>
  client.deauthorize({ stripeUserId: 'acct_1Organizer', livemode: false });
const failureOf = async (call: Promise<unknown>) => (await thrownBy(call)) as OAuthFailure;

/** A refusal as Stripe words it. */
function refusal(error: string, description = '', status = 400): Answer {
  return {
    status,
    body: { error, error_description: description },
    headers: { 'Request-Id': 'req_oauth' },
  };
}

describe('the address where the organizer allows the connection', () => {
  it('carries these parameters and no others', () => {
    const url = new URL(oauth.authorizeUrl({ livemode: false, state: 'st&te=1', prefill: {} }));
    expect(url.origin + url.pathname).toBe('https://connect.stripe.com/oauth/authorize');
    expect([...url.searchParams]).toEqual([
      ['response_type', 'code'],
      ['client_id', 'ca_test'],
      ['scope', 'read_write'],
      ['redirect_uri', 'https://tickets.foyer.example/stripe/callback'],
      ['state', 'st&te=1'],
    ]);
  });

  it('uses the client id of the mode, and fills in what is known of the organizer', () => {
    const url = new URL(
      oauth.authorizeUrl({
        livemode: true,
        state: 's',
        landing: 'register',
        prefill: { email: 'ada@people.example', business_name: 'Künste & Co', url: '', country: 'DE' },
      }),
    );
    expect([...url.searchParams].slice(1)).toEqual([
      ['client_id', 'ca_live'],
      ['scope', 'read_write'],
      ['redirect_uri', 'https://tickets.foyer.example/stripe/callback'],
      ['state', 's'],
      ['stripe_landing', 'register'],
      ['stripe_user[email]', 'ada@people.example'],
      ['stripe_user[business_name]', 'Künste & Co'],
      ['stripe_user[country]', 'DE'],
    ]);
  });

  it('keeps protocol and port of the address in the settings', () => {
    const local = oauthAt('http://127.0.0.1:4010');
    expect(local.authorizeUrl({ livemode: false, state: 's', prefill: {} })).toMatch(
      /^http:\/\/127\.0\.0\.1:4010\/oauth\/authorize\?/,
    );
  });
});

describe('the address to come back to', () => {
  it('is only ever this Foyer’s own, and must be among those that are registered', () => {
    const settings = { connectUrl: CONNECT, baseUrl: 'https://tickets.foyer.example', modes: MODES };
    const own = 'https://tickets.foyer.example/stripe/callback';
    const registered = createConnectOAuth({ ...settings, redirectUris: ['https://old.example/cb', own] });
    expect(
      new URL(registered.authorizeUrl({ livemode: false, state: 's', prefill: {} })).searchParams.get(
        'redirect_uri',
      ),
    ).toBe(own);
    expect(() => createConnectOAuth({ ...settings, redirectUris: ['https://old.example/cb'] })).toThrow(
      'not among the redirect URIs',
    );
  });
});

describe('asking whether anybody can connect', () => {
  it('is one GET of the address where organizers go, without a state of anybody', async () => {
    const sent = record(CONNECT, { status: 200, body: '<html>Stripe</html>' });
    expect(await oauth.askRegistration(false)).toEqual({ refused: false, code: null });
    expect(sent).toHaveLength(1);
    const url = new URL(sent[0]!.path, CONNECT);
    expect([sent[0]!.method, url.pathname]).toEqual(['GET', '/oauth/authorize']);
    expect([...url.searchParams]).toEqual([
      ['response_type', 'code'],
      ['client_id', 'ca_test'],
      ['scope', 'read_write'],
      ['redirect_uri', 'https://tickets.foyer.example/stripe/callback'],
      ['state', 'registration-check'],
    ]);
    expect(sent[0]!.headers.authorization).toBeUndefined();
  });

  it.each<[string, Answer, { refused: boolean; code: string | null }]>([
    [
      'an error of the reference',
      refusal('invalid_redirect_uri'),
      { refused: true, code: 'invalid_redirect_uri' },
    ],
    ['an error of the client', refusal('invalid_client', '', 401), { refused: true, code: 'invalid_client' }],
    ['a redirect to the sign-in', { status: 302, body: '' }, { refused: false, code: null }],
    ['a page that forbids', { status: 403, body: '<html>No robots</html>' }, { refused: false, code: null }],
    ['an error of its own', refusal('server_error', '', 500), { refused: false, code: null }],
    ['too many requests', refusal('rate_limit', '', 429), { refused: false, code: null }],
    ['a sentence for a code', refusal('You can not do this'), { refused: false, code: null }],
  ])('%s', async (_name, answer, expected) => {
    record(CONNECT, answer);
    expect(await oauth.askRegistration(false)).toEqual(expected);
  });

  it('takes silence for no refusal', async () => {
    expect(await oauthAt('http://127.0.0.1:9').askRegistration(false)).toEqual({
      refused: false,
      code: null,
    });
  });
});

describe('exchanging the code', () => {
  const answer = {
    token_type: 'bearer',
    scope: 'read_write',
    livemode: false,
    stripe_user_id: 'acct_1Organizer',
    access_token: 'sk_test_canaryAccessToken',
    refresh_token: 'rt_canaryRefreshToken',
    stripe_publishable_key: 'pk_test_organizer',
  };

  it('is one POST with the code and the key of its mode', async () => {
    const sent = record(CONNECT, { body: answer });
    await exchange();

    expect(sent).toHaveLength(1);
    expect([sent[0]!.method, sent[0]!.path]).toEqual(['POST', '/oauth/token']);
    expect(sent[0]!.headers).toEqual({ ...HEADERS, host: 'connect.stripe.com' });
    expect(fieldsOf(sent[0]!)).toEqual(['code=ac_canaryCode', 'grant_type=authorization_code']);
  });

  it('uses the live key for a live code', async () => {
    const sent = record(CONNECT, { body: { ...answer, livemode: true } });
    await oauth.exchangeCode({ code: CODE, livemode: true });
    expect(sent[0]!.headers.authorization).toBe('Bearer sk_live_canaryKey');
  });

  it('passes on what is kept, and never the access token', async () => {
    record(CONNECT, { body: answer });
    const grant = await exchange();
    expect(grant).toEqual({
      stripeUserId: 'acct_1Organizer',
      livemode: false,
      scope: 'read_write',
      refreshToken: 'rt_canaryRefreshToken',
      publishableKey: 'pk_test_organizer',
    });
    expect(inspect(grant)).not.toContain('AccessToken');
  });

  it('needs only the four fields that today’s reference shows', async () => {
    record(CONNECT, {
      body: { token_type: 'bearer', scope: 'read_write', livemode: false, stripe_user_id: 'acct_1' },
    });
    expect(await exchange()).toMatchObject({
      stripeUserId: 'acct_1',
      refreshToken: null,
      publishableKey: null,
    });
  });

  it('can not be done without a key of that mode', async () => {
    const sent = record(CONNECT, { body: answer });
    const testOnly = createConnectOAuth({ connectUrl: CONNECT, baseUrl: 'http://x', modes: [MODES[1]!] });
    expect(await failureOf(testOnly.exchangeCode({ code: CODE, livemode: true }))).toMatchObject({
      problem: 'platform',
    });
    expect(sent).toHaveLength(0);
  });

  const table: [string, Answer, OAuthProblem][] = [
    [
      'an expired or used code',
      refusal('invalid_grant', `Authorization code does not exist: ${CODE}`),
      'code_rejected',
    ],
    [
      'a code of another platform',
      refusal('invalid_grant', 'Authorization code provided does not belong to you'),
      'code_rejected',
    ],
    ['a wrong key', refusal('invalid_client', 'No such API key: sk_test_canaryKey', 401), 'platform'],
    [
      'a wrong key, as the API says it',
      {
        status: 401,
        body: { error: { type: 'invalid_request_error', message: 'Invalid API Key: sk_test_canaryKey' } },
      },
      'platform',
    ],
    ['a request that is not whole', refusal('invalid_request'), 'platform'],
    ['a scope that is not known', refusal('invalid_scope'), 'platform'],
    ['a grant type that is not known', refusal('unsupported_grant_type'), 'platform'],
    [
      'too many requests',
      { status: 429, body: { error: { type: 'invalid_request_error', code: 'rate_limit' } } },
      'unanswered',
    ],
    ['500', { status: 500, body: { error: { type: 'api_error' } } }, 'unanswered'],
    ['500 as HTML', { status: 500, body: '<h1>canary</h1>' }, 'unanswered'],
    ['400 as HTML', { status: 400, body: '<h1>canary</h1>' }, 'unanswered'],
    ['an error that is a sentence', refusal(`the code ${CODE} is not good`), 'unanswered'],
    ['200 as HTML', { body: '<h1>canary</h1>' }, 'nonsense'],
    ['200 cut off', { body: '{"stripe_user_id":"acct_1Organizer","livemode":fa' }, 'nonsense'],
    ['200 without an account', { body: { ...answer, stripe_user_id: undefined } }, 'nonsense'],
    ['200 with an account that is none', { body: { ...answer, stripe_user_id: 'acct_1/../x' } }, 'nonsense'],
    ['200 with two accounts', { body: { ...answer, stripe_user_id: ['acct_1', 'acct_2'] } }, 'nonsense'],
    ['200 without a mode', { body: { ...answer, livemode: undefined } }, 'nonsense'],
    ['200 with a mode in words', { body: { ...answer, livemode: 'false' } }, 'nonsense'],
    ['200 without a scope', { body: { ...answer, scope: undefined } }, 'nonsense'],
    ['200 with an error', { body: { error: 'invalid_grant' } }, 'nonsense'],
    ['200 of null', { body: 'null' }, 'nonsense'],
  ];

  it.each(table)('answers %s with the right problem, after one try', async (_name, response, problem) => {
    const sent = record(CONNECT, response);
    const failure = await failureOf(exchange());
    expect(failure).toMatchObject({ name: 'OAuthFailure', problem });
    expect(sent).toHaveLength(1);
    expect(everythingOf(failure)).not.toMatch(SECRETS);
  });

  it.each([302, 307, 308])('does not carry code and key to where a %d points', async (status) => {
    const elsewhere = await startRudeServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n{}'));
    const server = await startRudeServer((socket) =>
      socket.end(
        `HTTP/1.1 ${status} Moved\r\nLocation: ${elsewhere.url}/oauth/token\r\nContent-Length: 0\r\n\r\n`,
      ),
    );
    const failure = await failureOf(exchange(oauthAt(server.url)));
    await Promise.all([server.close(), elsewhere.close()]);
    expect(failure).toMatchObject({ problem: 'unanswered' });
    expect([server.requests.length, elsewhere.requests.length]).toEqual([1, 0]);
  });

  it('keeps the request id to ask Stripe about', async () => {
    record(CONNECT, refusal('invalid_grant'));
    expect(await failureOf(exchange())).toMatchObject({ code: 'invalid_grant', requestId: 'req_oauth' });
  });

  it('is sent once when the connection is reset, and nobody is connected', async () => {
    nock(CONNECT).persist().post('/oauth/token').replyWithError(reset());
    expect(await failureOf(exchange())).toMatchObject({ problem: 'unanswered' });

    const server = await startRudeServer((socket) => socket.resetAndDestroy());
    const failure = await failureOf(exchange(oauthAt(server.url)));
    await pause(50);
    await server.close();
    expect(failure).toMatchObject({ problem: 'unanswered' });
    expect(server.requests).toHaveLength(1);
    expect(everythingOf(failure)).not.toMatch(SECRETS);
  });

  it('is sent once when the answer breaks off after Stripe has acted', async () => {
    const server = await startRudeServer((socket) => {
      socket.write(
        'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"stripe_us',
      );
      setTimeout(() => socket.resetAndDestroy(), 10);
    });
    const failure = await failureOf(exchange(oauthAt(server.url)));
    await pause(50);
    await server.close();
    expect(failure).toMatchObject({ problem: 'unanswered' });
    expect(server.requests).toHaveLength(1);
  });

  it('is sent once when no answer comes within eight seconds', async () => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const asked = jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(ms / 100));
    const server = await startRudeServer(() => {});
    const failure = await failureOf(exchange(oauthAt(server.url)));
    await pause(50);
    await server.close();
    asked.mockRestore();
    expect(failure).toMatchObject({ problem: 'unanswered' });
    expect(server.requests).toHaveLength(1);
  });

  it('is given eight seconds, not eighty', async () => {
    const asked = jest.spyOn(AbortSignal, 'timeout');
    record(CONNECT, { body: answer });
    await exchange();
    expect(asked).toHaveBeenCalledWith(8000);
    asked.mockRestore();
  });
});

describe('ending a connection', () => {
  it('names the application and the account', async () => {
    const sent = record(CONNECT, { body: { stripe_user_id: 'acct_1Organizer' } });
    await deauthorize();

    expect(sent).toHaveLength(1);
    expect([sent[0]!.method, sent[0]!.path]).toEqual(['POST', '/oauth/deauthorize']);
    expect(sent[0]!.headers).toEqual({ ...HEADERS, host: 'connect.stripe.com' });
    expect(fieldsOf(sent[0]!)).toEqual(['client_id=ca_test', 'stripe_user_id=acct_1Organizer']);
  });

  const notConnected =
    'This application is not connected to stripe account acct_1Organizer, or that account does not exist.';
  const table: [string, Answer, OAuthProblem][] = [
    ['not connected any more', refusal('invalid_client', notConnected), 'not_connected'],
    ['not connected any more, with 401', refusal('invalid_client', notConnected, 401), 'not_connected'],
    [
      'another account that is not connected',
      refusal('invalid_client', notConnected.replace('1Organizer', '2Other')),
      'platform',
    ],
    ['a wrong client id', refusal('invalid_client', "No such application: 'ca_test'"), 'platform'],
    ['a wrong key', refusal('invalid_client', 'No such API key: sk_test_canaryKey', 401), 'platform'],
    ['no description at all', refusal('invalid_client'), 'platform'],
    ['a controlled account', refusal('no_deauth_on_controlled_account'), 'controlled'],
    ['a request that is not whole', refusal('invalid_request'), 'platform'],
    [
      'too many requests',
      { status: 429, body: { error: { type: 'invalid_request_error', code: 'rate_limit' } } },
      'unanswered',
    ],
    ['500', { status: 500, body: { error: { type: 'api_error' } } }, 'unanswered'],
    ['500 with the words of an end', refusal('api_error', notConnected, 500), 'unanswered'],
    ['200 as HTML', { body: '<h1>canary</h1>' }, 'unanswered'],
    ['200 for another account', { body: { stripe_user_id: 'acct_2Other' } }, 'unanswered'],
    ['200 with nothing', { body: {} }, 'unanswered'],
    ['200 of null', { body: 'null' }, 'unanswered'],
  ];

  it.each(table)('answers %s with the right problem', async (_name, response, problem) => {
    const sent = record(CONNECT, response);
    const failure = await failureOf(deauthorize());
    expect(failure).toMatchObject({ name: 'OAuthFailure', problem });
    expect(sent).toHaveLength(1);
    expect(everythingOf(failure)).not.toMatch(SECRETS);
  });

  it('is not taken for done when the connection is reset', async () => {
    nock(CONNECT).persist().post('/oauth/deauthorize').replyWithError(reset());
    expect(await failureOf(deauthorize())).toMatchObject({ problem: 'unanswered' });
  });
});

function reset(): Error {
  return Object.assign(new Error(`read ECONNRESET while sending ${CODE}`), { code: 'ECONNRESET' });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
