import nock from 'nock';
import { createStripeClient } from '../../src/stripe/stripe-client';
import { everythingOf, fieldsOf, headersOf, record, thrownBy } from './recorder';

const API = 'https://api.stripe.com';
const APP = { clientId: 'ca_app', installUrl: `${API}/authorize`, signingSecrets: ['absec_ofTheseTests'] };
const stripe = createStripeClient({
  apiUrl: API,
  modes: [
    {
      livemode: true,
      secretKey: 'sk_live_platformKey',
      clientId: 'ca_live',
      webhookSecrets: [],
      app: { ...APP, secretKey: 'sk_live_developerKey' },
    },
    {
      livemode: false,
      secretKey: 'sk_test_platformKey',
      clientId: 'ca_test',
      webhookSecrets: [],
      app: { ...APP, secretKey: 'sk_test_developerKey' },
    },
  ],
});
const CALL = { account: 'acct_1Organizer', livemode: false, user: 'usr_1Person', name: 'foyer_sign_in' };
const SECRET = { id: 'appsecret_1', object: 'apps.secret', name: 'foyer_sign_in', payload: 'canary payload' };

/** With the key of the app's developer, not the platform's, on the account whose Dashboard it is. */
const HEADERS = {
  accept: 'application/json',
  authorization: 'Bearer sk_test_developerKey',
  'content-type': 'application/x-www-form-urlencoded',
  'stripe-version': '2026-10-28.endive',
  'stripe-account': 'acct_1Organizer',
};
const SOME_KEY = expect.stringMatching(/^stripe-node-retry-[0-9a-f-]{36}$/);
const MISSING = { status: 404, body: { error: { type: 'invalid_request_error', code: 'resource_missing' } } };

it('keeps a secret for one user of an account, by name', async () => {
  const sent = record(API, { body: SECRET });
  await stripe.setSecret({ ...CALL, payload: 'canary payload', expiresAt: new Date(1_800_000_000_900) });
  expect(sent.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /v1/apps/secrets']);
  expect(headersOf(sent[0]!)).toEqual({ ...HEADERS, 'idempotency-key': SOME_KEY });
  expect(fieldsOf(sent[0]!)).toEqual([
    'expires_at=1800000000',
    'name=foyer_sign_in',
    'payload=canary payload',
    'scope[type]=user',
    'scope[user]=usr_1Person',
  ]);
});

it('finds it, with what is in it', async () => {
  const sent = record(API, { body: SECRET });
  expect(await stripe.findSecret(CALL)).toBe('canary payload');
  const [path, query] = sent[0]!.path.split('?');
  expect([sent[0]!.method, path]).toEqual(['GET', '/v1/apps/secrets/find']);
  expect(headersOf(sent[0]!)).toEqual(HEADERS);
  expect([...new URLSearchParams(query)]).toEqual(
    expect.arrayContaining([
      ['name', 'foyer_sign_in'],
      ['scope[type]', 'user'],
      ['scope[user]', 'usr_1Person'],
      ['expand[0]', 'payload'],
    ]),
  );
  expect([...new URLSearchParams(query)]).toHaveLength(4);
});

it('deletes it, in live mode with the live key', async () => {
  const sent = record(API, { body: { ...SECRET, deleted: true } });
  await stripe.deleteSecret({ ...CALL, livemode: true });
  expect(sent.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /v1/apps/secrets/delete']);
  expect(headersOf(sent[0]!)).toEqual({
    ...HEADERS,
    authorization: 'Bearer sk_live_developerKey',
    'idempotency-key': SOME_KEY,
  });
  expect(fieldsOf(sent[0]!)).toEqual(['name=foyer_sign_in', 'scope[type]=user', 'scope[user]=usr_1Person']);
});

it('a secret that is gone is found as none, and deleted as done', async () => {
  record(API, MISSING);
  expect(await stripe.findSecret(CALL)).toBeNull();
  await stripe.deleteSecret(CALL);
  expect(await thrownBy(stripe.setSecret({ ...CALL, payload: 'x' }))).toMatchObject({ problem: 'refused' });
});

it.each([
  ['without what is in it', { ...SECRET, payload: undefined }],
  ['of another name', { ...SECRET, name: 'other' }],
  ['that is none', { object: 'balance' }],
])('an answer %s is no answer', async (_what, body) => {
  record(API, { body });
  expect(await thrownBy(stripe.findSecret(CALL))).toMatchObject({ problem: 'unanswered' });
});

it('shows nothing of what is in it when Stripe says no', async () => {
  record(API, {
    status: 400,
    body: { error: { type: 'invalid_request_error', message: 'No: canary payload' } },
  });
  const failure = await thrownBy(stripe.setSecret({ ...CALL, payload: 'canary payload' }));
  expect(everythingOf(failure)).not.toMatch(/canary|developerKey/);
});

it('is not there without an app', async () => {
  const sent = record(API, { body: SECRET });
  const client = createStripeClient({
    apiUrl: API,
    modes: [{ livemode: false, secretKey: 'sk_test_x', clientId: 'ca_x', webhookSecrets: [] }],
  });
  expect(await thrownBy(client.findSecret(CALL))).toMatchObject({ problem: 'platform_key' });
  expect(sent).toEqual([]);
  nock.cleanAll();
});
