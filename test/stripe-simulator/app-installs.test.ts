/** The Stripe App's side of the simulator: the marketplace's page, rolling tokens, the uninstall. */
import { APP_ID, APP_REDIRECT_URI, type Harness, SECRET_KEY, startHarness } from './harness';

let harness: Harness;
let account: string;
beforeAll(async () => {
  harness = await startHarness();
  account = (await harness.control<{ id: string }>('/accounts', { email: 'ada@example.com' })).id;
});
afterAll(() => harness.close());
beforeEach(() => harness.control('/clock', { offsetSeconds: 0 }));

const PUBLISHED = '/oauth/v2/authorize';
const KEY = { Authorization: `Bearer ${SECRET_KEY}` };
const link = { client_id: APP_ID, redirect_uri: APP_REDIRECT_URI, state: 's&1' };
const open = (path: string, query: Record<string, string>) =>
  fetch(`${harness.url}${path}?${new URLSearchParams(query)}`);

/** Where the person is led to. */
async function decide(fields: Record<string, string>, path = PUBLISHED): Promise<URL> {
  const { location } = await harness.post(path, { ...link, ...fields });
  return new URL(location!);
}

async function newCode(): Promise<string> {
  return (await decide({ action: 'sign_in', account })).searchParams.get('code')!;
}
const exchange = (code: string) =>
  harness.post('/v1/oauth/token', { grant_type: 'authorization_code', code }, KEY);
const refresh = (refresh_token: string) =>
  harness.post('/v1/oauth/token', { grant_type: 'refresh_token', refresh_token }, KEY);
const reads = async (token: string) =>
  (await fetch(`${harness.url}/v1/account`, { headers: { Authorization: `Bearer ${token}` } })).status;

test.each([PUBLISHED, '/oauth/v2/chnlink_Test1/authorize'])(
  '%s shows the page and leads back',
  async (path) => {
    expect((await open(path, link)).status).toBe(200);
    const denied = await decide({ action: 'deny' }, path);
    expect(denied.origin + denied.pathname).toBe(APP_REDIRECT_URI);
    expect(Object.fromEntries(denied.searchParams)).toEqual({
      error: 'access_denied',
      error_description: 'The user denied your request',
      state: 's&1',
    });
    const allowed = await decide({ action: 'sign_in', account }, path);
    expect([...allowed.searchParams.keys()]).toEqual(['code', 'state']);
  },
);

test.each<[string, string, Record<string, string>]>([
  ['another app', PUBLISHED, { client_id: 'ca_other' }],
  ['another address to come back to', PUBLISHED, { redirect_uri: 'http://localhost:3000/other' }],
  ['a wrong form of the link', '/oauth/v2/preview_1/authorize', {}],
])('%s is told to the person and leads nowhere', async (_what, path, fields) => {
  const page = await open(path, { ...link, ...fields });
  expect([page.status, await page.text()]).toEqual([400, expect.stringContaining('OAuth link is invalid')]);
  const sent = await harness.post(path, { ...link, action: 'sign_in', account, ...fields });
  expect([sent.status, sent.location]).toEqual([400, null]);
});

test('a code is good once, for five minutes, with the developer’s key', async () => {
  const code = await newCode();
  expect((await harness.post('/v1/oauth/token', { grant_type: 'authorization_code', code })).status).toBe(
    401,
  );
  expect(await exchange(code)).toMatchObject({
    status: 200,
    body: { stripe_user_id: account, scope: 'stripe_apps', livemode: false, token_type: 'bearer' },
  });
  expect(await exchange(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  const late = await newCode();
  await harness.control('/clock', { offsetSeconds: 301 });
  expect(await exchange(late)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
});

test('refresh tokens roll: the old one dies, and with the app all of them do', async () => {
  const first = (await exchange(await newCode())).body;
  expect(await reads(first.access_token)).toBe(200);
  const second = (await refresh(first.refresh_token)).body;
  expect(await refresh(first.refresh_token)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  expect(await reads(second.access_token)).toBe(200);
  await harness.control('/clock', { offsetSeconds: 3601 });
  expect(await reads(second.access_token)).toBe(401);
  const third = (await refresh(second.refresh_token)).body;
  expect(await reads(third.access_token)).toBe(200);

  await harness.post(`/dashboard/${account}/applications/uninstall`, {});
  expect(await reads(third.access_token)).toBe(401);
  expect(await refresh(third.refresh_token)).toMatchObject({ status: 400 });
  const told = await harness.event('account.application.deauthorized');
  expect([told.account, (told.data.object as { id: string }).id]).toEqual([account, APP_ID]);
});
