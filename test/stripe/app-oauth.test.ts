import { type AppGrant, createAppOAuth } from '../../src/stripe/app-oauth';
import { type OAuthFailure, type OAuthProblem } from '../../src/stripe/oauth-request';
import { type Answer, everythingOf, fieldsOf, record, startRudeServer, thrownBy } from './recorder';

const API = 'https://api.stripe.com';
const mode = (name: 'live' | 'test', installUrl: string) => ({
  livemode: name === 'live',
  secretKey: `sk_${name}_canaryPlatform`,
  clientId: `ca_${name}Platform`,
  webhookSecrets: [],
  app: {
    clientId: `ca_${name}App`,
    installUrl,
    signingSecrets: ['absec_canarySecretOfTheApp'],
    secretKey: `sk_${name}_canaryDeveloper`,
  },
});
const MODES = [
  mode('live', 'https://marketplace.stripe.com/oauth/v2/authorize'),
  mode('test', 'https://marketplace.stripe.com/oauth/v2/chnlink_canary1/authorize'),
];
const oauthAt = (apiUrl: string) =>
  createAppOAuth({ apiUrl, baseUrl: 'https://tickets.foyer.example', modes: MODES });
const oauth = oauthAt(API);
const HEADERS = {
  authorization: 'Bearer sk_test_canaryDeveloper',
  'content-type': 'application/x-www-form-urlencoded',
  accept: 'application/json',
  host: 'api.stripe.com',
};
const TOKENS = {
  access_token: 'sk_test_canaryAccessToken',
  livemode: false,
  refresh_token: 'rt_canaryRefreshToken',
  scope: 'stripe_apps',
  stripe_publishable_key: 'pk_test_organizer',
  stripe_user_id: 'acct_1Organizer',
  token_type: 'bearer',
};
const exchange = (client = oauth) => client.exchangeCode({ code: 'ac_canaryCode', livemode: false });
const refresh = (client = oauth) => client.refresh({ refreshToken: 'rt_canaryOld', livemode: false });
const check = (client = oauth) =>
  client.checkToken({ accessToken: 'sk_test_canaryAccessToken', stripeUserId: 'acct_1Organizer' });
const failureOf = async (call: Promise<unknown>) => (await thrownBy(call)) as OAuthFailure;

test('the install link is the one of the mode, with these parameters and no others', () => {
  const url = new URL(oauth.installUrl({ livemode: false, state: 'st&te=1' }));
  expect(url.origin + url.pathname).toBe(MODES[1]!.app.installUrl);
  expect([...url.searchParams]).toEqual([
    ['client_id', 'ca_testApp'],
    ['redirect_uri', 'https://tickets.foyer.example/stripe-app/callback'],
    ['state', 'st&te=1'],
  ]);
  expect(oauth.installUrl({ livemode: true, state: 's' })).toMatch(
    /^https:\/\/marketplace\.stripe\.com\/oauth\/v2\/authorize\?client_id=ca_liveApp&/,
  );
  expect(oauth.isApp('ca_testApp', false)).toBe(true);
  for (const [id, livemode] of [
    ['ca_testApp', true],
    ['ca_testPlatform', false],
    [undefined, false],
  ] as const)
    expect(oauth.isApp(id, livemode)).toBe(false);
});

test.each<[string, () => Promise<AppGrant>, string[]]>([
  ['a code', exchange, ['code=ac_canaryCode', 'grant_type=authorization_code']],
  ['a refresh token', refresh, ['grant_type=refresh_token', 'refresh_token=rt_canaryOld']],
])('exchanging %s is one POST with the developer’s key of its mode', async (_name, call, fields) => {
  const sent = record(API, { body: TOKENS });
  expect(await call()).toEqual({
    stripeUserId: 'acct_1Organizer',
    livemode: false,
    scope: 'stripe_apps',
    accessToken: 'sk_test_canaryAccessToken',
    refreshToken: 'rt_canaryRefreshToken',
  });
  expect(sent).toHaveLength(1);
  expect([sent[0]!.method, sent[0]!.path]).toEqual(['POST', '/v1/oauth/token']);
  expect(sent[0]!.headers).toEqual(HEADERS);
  expect(fieldsOf(sent[0]!)).toEqual(fields);
});

test('a live code goes out with the live key', async () => {
  const sent = record(API, { body: { ...TOKENS, livemode: true } });
  expect(await oauth.exchangeCode({ code: 'ac_1', livemode: true })).toMatchObject({ livemode: true });
  expect(sent[0]!.headers.authorization).toBe('Bearer sk_live_canaryDeveloper');
});

test.each<[string, Answer, OAuthProblem]>([
  [
    'invalid_grant',
    { status: 400, body: { error: 'invalid_grant', error_description: 'canary' } },
    'code_rejected',
  ],
  [
    'a wrong key',
    { status: 401, body: { error: { type: 'invalid_request_error', message: 'canary' } } },
    'platform',
  ],
  ['an unknown grant type', { status: 400, body: { error: 'unsupported_grant_type' } }, 'platform'],
  ['too many requests', { status: 429, body: { error: { type: 'rate_limit' } } }, 'unanswered'],
  ['a broken host', { status: 502, body: '<h1>Bad gateway</h1>' }, 'unanswered'],
  ['a refusal without a word', { status: 400, body: '' }, 'unanswered'],
  ['a page', { body: '<h1>Hotel</h1>' }, 'nonsense'],
  ['no refresh token', { body: { ...TOKENS, refresh_token: undefined } }, 'nonsense'],
  ['no account', { body: { ...TOKENS, stripe_user_id: '' } }, 'nonsense'],
])('%s is told by its kind, and nothing of it is kept in the error', async (_name, answer, problem) => {
  record(API, answer);
  for (const call of [exchange, refresh]) {
    const failure = await failureOf(call());
    expect(failure).toMatchObject({ name: 'OAuthFailure', problem });
    expect(everythingOf(failure)).not.toMatch(/canary|sk_test_|rt_|ac_/);
  }
});

test('a reset is not tried again: neither a code nor a refresh token is good for a second use', async () => {
  const server = await startRudeServer((socket) => socket.resetAndDestroy());
  const client = oauthAt(server.url);
  for (const call of [exchange, refresh, check])
    expect(await failureOf(call(client) as Promise<unknown>)).toMatchObject({ problem: 'unanswered' });
  await server.close();
  expect(server.requests).toHaveLength(3);
});

test('the check is one GET with the access token alone', async () => {
  const sent = record(API, { body: { id: 'acct_1Organizer', object: 'account' } });
  expect(await check()).toBe('accepted');
  expect(sent).toHaveLength(1);
  expect([sent[0]!.method, sent[0]!.path, sent[0]!.body]).toEqual(['GET', '/v1/account', '']);
  expect(sent[0]!.headers).toEqual({
    authorization: 'Bearer sk_test_canaryAccessToken',
    accept: 'application/json',
    host: 'api.stripe.com',
  });
});

test.each<[string, Answer, string]>([
  ['another account', { body: { id: 'acct_1Other' } }, 'other_account'],
  ['401', { status: 401, body: {} }, 'refused'],
  ['403: known, but without that permission', { status: 403, body: {} }, 'accepted'],
])('the check understands %s', async (_name, answer, expected) => {
  record(API, answer);
  expect(await check()).toBe(expected);
});

test('the check does not take silence or a page for an answer', async () => {
  for (const answer of [{ status: 500, body: {} }, { body: '<h1>Hotel</h1>' }, { status: 429, body: {} }]) {
    record(API, answer);
    expect(await failureOf(check())).toMatchObject({ problem: 'unanswered' });
  }
});
