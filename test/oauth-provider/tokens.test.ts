/** What programs get of Foyer as an OAuth 2.0 provider: codes and refresh tokens count once, and nothing outlives its grant. */
import { createHash } from 'node:crypto';
import { authenticateBearer } from '../../src/oauth-provider/authenticate-bearer';
import { createGrantsStore } from '../../src/oauth-provider/grants-store';
import { newSecretToken } from '../../src/lib/tokens';
import { type Person, signUpOrganizer } from '../support/people';
import { createTestApp, type TestApp } from '../support/test-app';

const REDIRECT_URI = 'https://app.example/back';
const CONFIDENTIAL = {
  id: 'box-office',
  name: 'Box Office',
  secrets: ['the-present-secret-of-the-box-office', 'the-former-secret-of-the-box-office-'],
  redirectUris: [REDIRECT_URI],
  scopes: ['events:read' as const, 'orders:read' as const],
};
const PUBLIC = { ...CONFIDENTIAL, id: 'pocket', name: 'Pocket', secrets: [] };

let testApp: TestApp;
let ada: Person;
beforeAll(async () => {
  testApp = await createTestApp({ config: { oauthClients: [CONFIDENTIAL, PUBLIC] } });
  ada = await signUpOrganizer(testApp, { name: 'Ada' });
});
afterAll(() => testApp.close());

const VERIFIER = 'a-verifier-that-nobody-else-knows-0123456789';
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

/** A code as a consent gives it; with PKCE unless it is said otherwise. */
async function consent(
  options: {
    client?: string;
    codeChallenge?: string | null;
    scopes?: ('events:read' | 'orders:read')[];
  } = {},
): Promise<string> {
  const code = newSecretToken();
  await createGrantsStore(testApp.db).create(
    {
      userId: ada.id,
      clientId: options.client ?? 'box-office',
      scopes: options.scopes ?? CONFIDENTIAL.scopes,
    },
    {
      code,
      redirectUri: REDIRECT_URI,
      codeChallenge: options.codeChallenge === undefined ? CHALLENGE : options.codeChallenge,
    },
  );
  return code;
}

interface Answer {
  status: number;
  body: Record<string, string>;
  headers: Headers;
}

async function ask(
  path: string,
  fields: Record<string, string>,
  credentials: string | null = `box-office:${CONFIDENTIAL.secrets[0]}`,
): Promise<Answer> {
  const answer = await fetch(testApp.url + path, {
    method: 'POST',
    headers: credentials ? { Authorization: `Basic ${Buffer.from(credentials).toString('base64')}` } : {},
    body: new URLSearchParams(fields),
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : {}, headers: answer.headers };
}

const exchange = (code: string, fields: Record<string, string> = {}, credentials?: string | null) =>
  ask(
    '/oauth/token',
    {
      grant_type: 'authorization_code',
      code,
      redirect_uri: REDIRECT_URI,
      code_verifier: VERIFIER,
      ...fields,
    },
    credentials,
  );

const refresh = (token: string, fields: Record<string, string> = {}, credentials?: string | null) =>
  ask('/oauth/token', { grant_type: 'refresh_token', refresh_token: token, ...fields }, credentials);

async function whoami(token: string | null): Promise<Answer> {
  const headers: Record<string, string> = token === null ? {} : { Authorization: `Bearer ${token}` };
  const answer = await fetch(`${testApp.url}/oauth/whoami`, { headers });
  return { status: answer.status, body: (await answer.json()) as Answer['body'], headers: answer.headers };
}

test('a code becomes tokens, which say who is there', async () => {
  const { status, body, headers } = await exchange(await consent());
  expect([status, body]).toEqual([
    200,
    {
      access_token: expect.stringMatching(/^[\w-]{43}$/),
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      refresh_token: expect.stringMatching(/^[\w-]{43}$/),
      scope: 'events:read orders:read',
    },
  ]);
  expect(body.expires_in).toBeGreaterThan(3590);
  expect(body.expires_in).toBeLessThanOrEqual(3600);
  expect([headers.get('cache-control'), headers.get('set-cookie')]).toEqual(['no-store', null]);
  expect(await whoami(body.access_token!)).toMatchObject({
    status: 200,
    body: {
      id: ada.id,
      name: 'Ada',
      email: ada.email,
      email_verified: true,
      scopes: ['events:read', 'orders:read'],
      organizers: [{ name: 'Analytical Society', role: 'owner' }],
    },
  });
  const bearer = await authenticateBearer(testApp.dependencies, body.access_token!, 'orders:read');
  expect(bearer?.user.id).toBe(ada.id);
  const kept = await testApp.db('oauth_tokens').pluck('token_hash');
  expect(kept).not.toContain(body.access_token);
});

async function tokens(
  options: Parameters<typeof consent>[0] = {},
): Promise<{ access: string; refresh: string }> {
  const { body } = await exchange(await consent(options));
  return { access: body.access_token!, refresh: body.refresh_token! };
}

const refused = (error: string, status = 400) => ({
  status,
  body: { error, error_description: expect.any(String) },
});

describe('a refresh token', () => {
  test('is rotated at each use, and the new one works', async () => {
    const first = await tokens();
    const second = await refresh(first.refresh);
    expect(second.status).toBe(200);
    expect(second.body.refresh_token).not.toBe(first.refresh);
    expect((await whoami(second.body.access_token!)).status).toBe(200);
    expect((await refresh(second.body.refresh_token!)).status).toBe(200);
  });

  test('that comes back ends all that came of the same consent, and nothing else', async () => {
    const [stolen, other] = [await tokens(), await tokens()];
    const { body: thief } = await refresh(stolen.refresh);
    await testApp
      .db('oauth_tokens')
      .whereNotNull('consumed_at')
      .update({ consumed_at: testApp.db.raw("now() - interval '1 minute'") });
    expect(await refresh(stolen.refresh)).toMatchObject(refused('invalid_grant'));
    expect(await whoami(thief.access_token!)).toMatchObject(refused('invalid_token', 401));
    expect(await refresh(thief.refresh_token!)).toMatchObject(refused('invalid_grant'));
    expect((await whoami(other.access)).status).toBe(200);
    const audit = await testApp.db('audit_log').where({ action: 'user.app_access_ended' }).select();
    expect(audit).toMatchObject([
      { subject_id: ada.id, details: { client: 'box-office', reason: 'replayed' } },
    ]);
  });
});
