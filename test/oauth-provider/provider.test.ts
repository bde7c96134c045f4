/** Foyer as an OAuth 2.0 provider: what people are asked, what programs get of it, and how it ends. */
import { createHash } from 'node:crypto';
import { Client } from 'pg';
import { setSuspension } from '../../src/admin/suspensions';
import { authenticateBearer } from '../../src/oauth-provider/authenticate-bearer';
import { sweepOnce } from '../../src/jobs/sweeps';
import { newId } from '../../src/lib/ids';
import {
  mailedLink,
  type OrganizerPerson,
  PASSWORD,
  type Person,
  postForm,
  readForm,
  signUp,
  signUpOrganizer,
  textOf,
} from '../support/people';
import { type Agent, createTestApp, type TestApp } from '../support/test-app';

const REDIRECT_URI = 'https://app.example/back';
const SCOPES = ['events:read' as const, 'orders:read' as const];
const BOX_OFFICE = {
  id: 'box-office',
  name: 'Box Office',
  secrets: ['the-present-secret-of-the-box-office', 'the-former-secret-of-the-box-office-'],
  redirectUris: ['https://app.example/other', REDIRECT_URI],
  scopes: SCOPES,
};
const POCKET = { ...BOX_OFFICE, id: 'pocket', name: 'Pocket Programme', secrets: [] };
const EVENTS_ONLY = { ...BOX_OFFICE, id: 'calendar', name: 'Calendar', scopes: [SCOPES[0]!] };

const VERIFIER = 'a-verifier-that-nobody-else-knows-0123456789';
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
const STATE = 'a state of the app';

let testApp: TestApp;
let ada: Person;
beforeAll(async () => {
  testApp = await createTestApp({ config: { oauthClients: [BOX_OFFICE, POCKET, EVENTS_ONLY] } });
  ada = await signUpOrganizer(testApp, { name: 'Ada' });
});
afterAll(() => testApp.close());
beforeEach(() => testApp.db('rate_limits').delete());

type Parameters = Record<string, string | undefined>;

/** What an app sends a person's browser to; a parameter that is undefined is left out. */
function authorizePath(changes: Parameters = {}): string {
  const parameters: Parameters = {
    response_type: 'code',
    client_id: 'box-office',
    redirect_uri: REDIRECT_URI,
    scope: SCOPES.join(' '),
    state: STATE,
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...changes,
  };
  const given = Object.entries(parameters).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return `/oauth/authorize?${new URLSearchParams(given)}`;
}

/** Where the page that follows a consent leads on to. */
function leadsTo(html: string): URL {
  const url = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(html)?.[1];
  if (!url) throw new Error(`Leads nowhere: ${html.slice(0, 2000)}`);
  return new URL(url.replaceAll('&amp;', '&').replaceAll('&#38;', '&').replaceAll('&#34;', '"'));
}

/** Opens the consent page and presses a button. */
async function consent(changes: Parameters = {}, allowed = 'true', agent: Agent = ada.agent): Promise<URL> {
  return leadsTo((await postForm(agent, authorizePath(changes), { allowed })).text);
}

async function codeOf(changes: Parameters = {}, agent?: Agent): Promise<string> {
  return (await consent(changes, 'true', agent)).searchParams.get('code')!;
}

interface Answer {
  status: number;
  body: Record<string, string>;
  headers: Headers;
}

const CREDENTIALS = `box-office:${BOX_OFFICE.secrets[0]}`;

async function ask(
  path: string,
  fields: Record<string, string>,
  credentials: string | null = CREDENTIALS,
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

async function read(
  path: string,
  token: string | null,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(testApp.url + path, {
    headers: { ...headers, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) },
  });
  return { status: answer.status, body: (await answer.json()) as Answer['body'], headers: answer.headers };
}

const whoami = (token: string | null) => read('/oauth/whoami', token);

async function tokens(changes: Parameters = {}, agent?: Agent): Promise<{ access: string; refresh: string }> {
  const { body } = await exchange(await codeOf(changes, agent));
  return { access: body.access_token!, refresh: body.refresh_token! };
}

const refused = (error: string, status = 400) => ({
  status,
  body: { error, error_description: expect.any(String) },
});

describe('a person', () => {
  test('is asked, allows, and the app knows who is there', async () => {
    const guest = testApp.agent();
    const toSignIn = await guest.get(authorizePath());
    expect(toSignIn.headers.location).toMatch(/^\/sign-in\?next=%2Foauth%2Fauthorize%3F/);
    const signedIn = await postForm(guest, toSignIn.headers.location!, {
      email: ada.email,
      password: PASSWORD,
    });
    const page = await guest.get(signedIn.headers.location!);
    expect(textOf(page)).toMatch(
      /Let Box Office see your data\?.*signed in as ada.*Your events.*Your orders.*Analytical Society.*app\.example/,
    );

    const form = readForm(page);
    const answer = await guest
      .post(form.action)
      .type('form')
      .send({ ...form.values, allowed: 'true' });
    const back = leadsTo(answer.text);
    expect([back.origin + back.pathname, Object.fromEntries(back.searchParams)]).toEqual([
      REDIRECT_URI,
      { code: expect.stringMatching(/^[\w-]{43}$/), state: STATE, iss: 'http://127.0.0.1' },
    ]);

    const { status, body, headers } = await exchange(back.searchParams.get('code')!);
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
    expect(Number(body.expires_in)).toBeLessThanOrEqual(3600);
    expect([headers.get('cache-control'), headers.get('set-cookie')]).toEqual(['no-store', null]);
    expect(await whoami(body.access_token!)).toMatchObject({
      status: 200,
      body: {
        id: ada.id,
        name: 'Ada',
        email: ada.email,
        email_verified: true,
        scopes: SCOPES,
        organizers: [{ name: 'Analytical Society', role: 'owner' }],
      },
    });
    expect((await authenticateBearer(testApp.dependencies, body.access_token!, 'orders:read'))?.user.id).toBe(
      ada.id,
    );

    const kept = JSON.stringify([
      await testApp.db('oauth_codes').select(),
      await testApp.db('oauth_tokens').select(),
    ]);
    expect([body.access_token!, body.refresh_token!].filter((secret) => kept.includes(secret))).toEqual([]);
  });

  test('who denies is sent back with that, and nothing was allowed', async () => {
    const before = await testApp.db('oauth_grants').count();
    const back = await consent({}, 'false');
    expect(Object.fromEntries(back.searchParams)).toMatchObject({ error: 'access_denied', state: STATE });
    expect(await testApp.db('oauth_grants').count()).toEqual(before);
  });

  test('whose address is not confirmed lets nobody in', async () => {
    const newcomer = await signUp(testApp, { confirmed: false });
    const page = await newcomer.agent.get(authorizePath());
    expect([page.status, textOf(page)]).toEqual([
      403,
      expect.stringContaining('Confirm your email address first'),
    ]);
    const values = { ...readForm(await ada.agent.get(authorizePath())).values, allowed: 'true' };
    const own = readForm(await newcomer.agent.get('/account'), '/account/name').values['_csrf'];
    const forced = await newcomer.agent
      .post('/oauth/authorize')
      .type('form')
      .send({ ...values, _csrf: own });
    expect(forced.status).toBe(403);
    expect(await testApp.db('oauth_grants').where({ user_id: newcomer.id })).toEqual([]);
  });

  test('gets a mail for an app that is new, sees it on the account page, and ends its access', async () => {
    const person = await signUp(testApp);
    const mails = () =>
      testApp.db('mails').where({ recipient: person.email, template: 'app-allowed' }).pluck('subject');
    const first = await tokens({}, person.agent);
    const second = await tokens({}, person.agent);
    const elsewhere = await tokens();
    expect(await mails()).toEqual(['Box Office can see data of your Foyer account']);
    await whoami(first.access);
    const page = await person.agent.get('/account');
    expect(textOf(page)).toMatch(
      /Apps that you let in .*Box Office, sees your events and orders .*20\d\d, .* UTC End access/,
    );
    await postForm(person.agent, '/account', {}, { action: '/account/apps/removal' });
    for (const { access } of [first, second])
      expect(await whoami(access)).toMatchObject(refused('invalid_token', 401));
    expect(await refresh(first.refresh)).toMatchObject(refused('invalid_grant'));
    expect(textOf(await person.agent.get('/account'))).not.toContain('Box Office');
    // somebody else's stays
    expect((await whoami(elsewhere.access)).status).toBe(200);
    const audit = await testApp
      .db('audit_log')
      .where({ subject_id: person.id })
      .orderBy('id')
      .pluck('action');
    expect(audit).toEqual(['user.app_allowed', 'user.app_allowed', 'user.app_access_ended']);
  });

  test('who chooses a new password, or is suspended, has let nobody in any more', async () => {
    const person = await signUp(testApp);
    const before = await tokens({}, person.agent);
    await postForm(person.agent, '/forgotten-password', { email: person.email });
    await testApp.runJobs();
    const link = await mailedLink(testApp.db, person.email, 'reset-password');
    expect((await postForm(testApp.agent(), link, { password: 'other words than before' })).status).toBe(303);
    expect((await whoami(before.access)).status).toBe(401);

    const again = await signUp(testApp);
    const suspended = await tokens({}, again.agent);
    await testApp.db('users').where({ id: again.id }).update({ disabled_at: new Date() });
    expect((await whoami(suspended.access)).status).toBe(401);
    expect(await refresh(suspended.refresh)).toMatchObject(refused('invalid_grant'));
    await testApp.db('users').where({ id: again.id }).update({ disabled_at: null });
    expect((await whoami(suspended.access)).status).toBe(200);
    const suspension = { kind: 'user' as const, id: again.id, adminId: ada.id, reason: 'Fraud' };
    await setSuspension(testApp.dependencies, { ...suspension, suspend: true });
    await setSuspension(testApp.dependencies, { ...suspension, suspend: false });
    expect((await whoami(suspended.access)).status).toBe(401);
  });

  test('who closes their account takes the grants along', async () => {
    const person = await signUp(testApp);
    const { access } = await tokens({}, person.agent);
    await postForm(person.agent, '/account/closure', { password: PASSWORD });
    expect((await whoami(access)).status).toBe(401);
    expect(await testApp.db('oauth_grants').where({ user_id: person.id })).toEqual([]);
  });

  test('whose session ends while they allow has allowed nothing', async () => {
    const person = await signUp(testApp);
    const form = readForm(await person.agent.get(authorizePath()));
    const reset = await testApp.db.transaction();
    await reset('users').where({ id: person.id }).forUpdate().select('id');
    await reset('sessions').where({ user_id: person.id }).delete();
    const answer = person.agent
      .post(form.action)
      .type('form')
      .send({ ...form.values, allowed: 'true' })
      .then();
    await untilWaiting();
    await reset.commit();
    expect((await answer).status).toBe(403);
    expect(await testApp.db('oauth_grants').where({ user_id: person.id })).toEqual([]);
  });
});

describe('a request to be let in', () => {
  test.each<[string, Parameters]>([
    ['of an unknown app', { client_id: 'nobody' }],
    ['without an app', { client_id: undefined }],
    ['to another address', { redirect_uri: 'https://evil.example/back' }],
    ['to an address that only begins the same', { redirect_uri: `${REDIRECT_URI}/more` }],
    ['to an address with a query', { redirect_uri: `${REDIRECT_URI}?a=1` }],
    ['to an address in other letters', { redirect_uri: 'https://APP.example/back' }],
    ['without an address', { redirect_uri: undefined }],
    ['that is too long to come back to', { state: 'x'.repeat(3000) }],
  ])('%s leads nowhere', async (_what, changes) => {
    for (const agent of [ada.agent, testApp.agent()]) {
      const page = await agent.get(authorizePath(changes));
      expect([page.status, page.headers.location, textOf(page)]).toEqual([
        400,
        undefined,
        expect.stringContaining('This app can’t be let in'),
      ]);
    }
  });

  test('with a parameter twice leads nowhere', async () => {
    const page = await ada.agent.get(`${authorizePath()}&client_id=pocket`);
    expect([page.status, page.headers.location]).toEqual([400, undefined]);
  });

  test.each<[string, string, Parameters]>([
    ['asks for more than its app may', 'invalid_scope', { client_id: 'calendar' }],
    ['asks for what there is not', 'invalid_scope', { scope: 'orders:write' }],
    ['wants a token at once', 'unsupported_response_type', { response_type: 'token' }],
    ['does not say what it wants', 'invalid_request', { response_type: undefined }],
    ['has no state', 'invalid_request', { state: undefined }],
    ['proves itself by plain text', 'invalid_request', { code_challenge_method: 'plain' }],
    ['does not say how it proves itself', 'invalid_request', { code_challenge_method: undefined }],
    ['says how, and does not', 'invalid_request', { code_challenge: undefined }],
    [
      'is a public app’s and without a proof',
      'invalid_request',
      { client_id: 'pocket', code_challenge: undefined, code_challenge_method: undefined },
    ],
  ])('that %s goes back with %s', async (_what, error, changes) => {
    const answer = await ada.agent.get(authorizePath(changes));
    const back = new URL(answer.headers.location!);
    expect([answer.status, back.origin + back.pathname]).toEqual([303, REDIRECT_URI]);
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error,
      error_description: expect.any(String),
      iss: 'http://127.0.0.1',
      ...('state' in changes ? {} : { state: STATE }),
    });
  });

  test('is checked once more when the form comes back', async () => {
    const form = readForm(await ada.agent.get(authorizePath()));
    const send = (changes: Record<string, string>) =>
      ada.agent
        .post(form.action)
        .type('form')
        .send({ ...form.values, allowed: 'true', ...changes });
    expect((await send({ redirect_uri: 'https://evil.example/back' })).status).toBe(400);
    expect(leadsTo((await send({ scope: 'orders:write' })).text).searchParams.get('error')).toBe(
      'invalid_scope',
    );
    expect((await send({ allowed: '' })).status).toBe(400);
  });

  test('without scopes is for all that its app may ask for', async () => {
    const { body } = await exchange(await codeOf({ scope: undefined }));
    expect(body.scope).toBe('events:read orders:read');
  });
});

describe('a code', () => {
  test('counts once, and the second time ends what the first gave', async () => {
    const code = await codeOf();
    const { body } = await exchange(code);
    expect(await exchange(code)).toMatchObject(refused('invalid_grant'));
    expect((await whoami(body.access_token!)).status).toBe(401);
    expect(await refresh(body.refresh_token!)).toMatchObject(refused('invalid_grant'));
  });

  test('that two present at once gives nothing that lasts', async () => {
    const code = await codeOf();
    const answers = await Promise.all([exchange(code), exchange(code)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    const { body } = answers.find(({ status }) => status === 200)!;
    expect((await whoami(body.access_token!)).status).toBe(401);
  });

  test.each<[string, string, Record<string, string>]>([
    ['with another verifier', 'invalid_grant', { code_verifier: VERIFIER.replace('9', '8') }],
    ['without its verifier', 'invalid_grant', { code_verifier: '' }],
    ['for another address', 'invalid_request', { redirect_uri: 'https://app.example/other' }],
  ])('is used up %s', async (_what, error, fields) => {
    const code = await codeOf();
    expect(await exchange(code, fields)).toMatchObject(refused(error));
    expect(await exchange(code)).toMatchObject(refused('invalid_grant'));
  });

  test('that has expired, or never was, is refused', async () => {
    const code = await codeOf();
    await testApp.db('oauth_codes').update({ expires_at: testApp.db.raw("now() - interval '1 second'") });
    expect(await exchange(code)).toMatchObject(refused('invalid_grant'));
    expect(await exchange('never-was')).toMatchObject(refused('invalid_grant'));
  });

  test('of one app is nothing to another', async () => {
    const code = await codeOf();
    expect(await exchange(code, { client_id: 'pocket' }, null)).toMatchObject(refused('invalid_grant'));
    expect((await exchange(code)).status).toBe(200);
  });
});

describe('an app', () => {
  test('proves itself by either of its secrets, in the header or the body', async () => {
    const [first, former] = BOX_OFFICE.secrets;
    expect((await exchange(await codeOf(), {}, `box-office:${former}`)).status).toBe(200);
    const inBody = { client_id: 'box-office', client_secret: first! };
    expect((await exchange(await codeOf(), inBody, null)).status).toBe(200);
  });

  test.each<[string, number, Record<string, string>, string | null]>([
    ['a wrong secret', 401, {}, 'box-office:another-secret-of-another-box-office'],
    ['a wrong secret in the body', 400, { client_id: 'box-office', client_secret: 'wrong' }, null],
    ['no secret, with a verifier', 400, { client_id: 'box-office' }, null],
    ['a secret that it has not', 401, {}, `pocket:${BOX_OFFICE.secrets[0]}`],
    ['nothing', 400, {}, null],
  ])('with %s gets nothing, and the code stays good', async (_what, status, fields, credentials) => {
    const code = await codeOf();
    const answer = await exchange(code, fields, credentials);
    expect(answer).toMatchObject(refused('invalid_client', status));
    if (status === 401) expect(answer.headers.get('www-authenticate')).toMatch(/^Basic /);
    expect((await exchange(code)).status).toBe(200);
  });

  test('without a secret proves itself by PKCE, and refreshes with its id', async () => {
    const code = await codeOf({ client_id: 'pocket' });
    const { status, body } = await exchange(code, { client_id: 'pocket' }, null);
    expect(status).toBe(200);
    const again = await refresh(body.refresh_token!, { client_id: 'pocket' }, null);
    expect(again.status).toBe(200);
  });

  test('gets no token for a password or for itself, and none twice asked', async () => {
    for (const grant_type of ['password', 'client_credentials', 'nonsense', ''])
      expect([grant_type, (await ask('/oauth/token', { grant_type })).status]).toEqual([grant_type, 400]);
    const twice = await fetch(`${testApp.url}/oauth/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=refresh_token&grant_type=authorization_code',
    });
    expect([twice.status, await twice.json()]).toMatchObject([400, { error: 'invalid_request' }]);
  });
});

describe('a refresh token', () => {
  test('is rotated at each use; less can be asked for, more can not', async () => {
    const first = await tokens();
    const second = await refresh(first.refresh, { scope: 'events:read' });
    expect([second.status, second.body.scope]).toEqual([200, 'events:read']);
    expect(second.body.refresh_token).not.toBe(first.refresh);
    expect(await read('/api/orders', second.body.access_token!)).toMatchObject(
      refused('insufficient_scope', 403),
    );
    const third = await refresh(second.body.refresh_token!, { scope: 'orders:write' });
    expect(third).toMatchObject(refused('invalid_scope'));
    // it was not used up by that
    expect((await refresh(second.body.refresh_token!)).body.scope).toBe('events:read orders:read');
  });

  test('that comes back ends all that came of the same consent, and nothing else', async () => {
    const [stolen, other] = [await tokens(), await tokens()];
    const { body: thief } = await refresh(stolen.refresh);
    await longAgo();
    expect(await refresh(stolen.refresh)).toMatchObject(refused('invalid_grant'));
    expect(await whoami(thief.access_token!)).toMatchObject(refused('invalid_token', 401));
    expect(await refresh(thief.refresh_token!)).toMatchObject(refused('invalid_grant'));
    expect((await whoami(other.access)).status).toBe(200);
    const ended = await testApp
      .db('audit_log')
      .where({ action: 'user.app_access_ended' })
      .orderBy('id', 'desc')
      .first();
    expect(ended).toMatchObject({
      subject_id: ada.id,
      details: { client: 'box-office', reason: 'replayed' },
    });
  });

  test('that two present at once gives new ones once, and the other may read them from where the first has put them', async () => {
    const { refresh: token } = await tokens();
    const answers = await Promise.all([1, 2, 3, 4].map(() => refresh(token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400]);
    const winner = answers.find(({ status }) => status === 200)!;
    expect((await whoami(winner.body.access_token!)).status).toBe(200);
    expect((await refresh(winner.body.refresh_token!)).status).toBe(200);
  });

  test('twin: without the lock and the condition several get tokens that work', async () => {
    const send = Client.prototype.query as (...args: unknown[]) => unknown;
    jest.spyOn(Client.prototype, 'query').mockImplementation(function (this: Client, ...args: unknown[]) {
      const [query, ...others] = args as [{ text?: string }];
      const text = query.text
        ?.replace(' for update', '')
        .replace(/^(update "oauth_tokens" .*) and "consumed_at" is null/, '$1');
      // under its own name the statement would run as it was prepared
      return send.call(this, text ? { ...query, text, name: undefined } : query, ...others) as never;
    });
    try {
      let most = 0;
      for (let n = 0; n < 20 && most < 2; n += 1) {
        const { refresh: token } = await tokens();
        const answers = await Promise.all([1, 2, 3, 4].map(() => refresh(token)));
        most = answers.filter(({ status }) => status === 200).length;
      }
      expect(most).toBeGreaterThan(1);
    } finally {
      jest.restoreAllMocks();
    }
  });

  test('dies when it was not used, and is swept then', async () => {
    const { refresh: token, access } = await tokens();
    const expire = (table: string) =>
      testApp.db(table).update({
        ...(table === 'oauth_grants' ? { created_at: testApp.db.raw("now() - interval '90 days'") } : {}),
        expires_at: testApp.db.raw("now() - interval '2 days'"),
      });
    await expire('oauth_tokens');
    expect(await refresh(token)).toMatchObject(refused('invalid_grant'));
    expect((await whoami(access)).status).toBe(401);
    await expire('oauth_grants');
    await sweepOnce(testApp.dependencies);
    for (const table of ['oauth_grants', 'oauth_codes', 'oauth_tokens'])
      expect([table, await testApp.db(table).select()]).toEqual([table, []]);
  });
});

describe('giving a token back', () => {
  test.each(['access', 'refresh'] as const)('ends all that came with an %s token', async (which) => {
    const mine = await tokens();
    const other = await tokens();
    expect(await ask('/oauth/revoke', { token: mine[which] })).toMatchObject({ status: 200, body: {} });
    expect((await whoami(mine.access)).status).toBe(401);
    expect(await refresh(mine.refresh)).toMatchObject(refused('invalid_grant'));
    expect((await whoami(other.access)).status).toBe(200);
    // and again, or one that never was
    expect((await ask('/oauth/revoke', { token: mine[which] })).status).toBe(200);
    expect((await ask('/oauth/revoke', { token: 'never-was' })).status).toBe(200);
  });

  test('is for the app that has it, with its secret', async () => {
    const { access } = await tokens();
    const wrong = await ask('/oauth/revoke', { token: access }, 'box-office:wrong');
    expect(wrong).toMatchObject(refused('invalid_client', 401));
    expect((await ask('/oauth/revoke', { token: access, client_id: 'pocket' }, null)).status).toBe(200);
    expect((await whoami(access)).status).toBe(200);
    expect(await ask('/oauth/revoke', {})).toMatchObject(refused('invalid_request'));
  });
});

describe('what a token opens', () => {
  test('nothing without one: not in the address, not by a cookie', async () => {
    const { access } = await tokens();
    const none = await whoami(null);
    expect([none.status, none.body, none.headers.get('www-authenticate')]).toEqual([
      401,
      { error: 'unauthorized' },
      'Bearer realm="Service"',
    ]);
    expect((await ada.agent.get('/api/orders')).status).toBe(401);
    expect((await read(`/oauth/whoami?access_token=${access}`, null)).status).toBe(400);
    expect((await read('/oauth/whoami', 'never-was')).headers.get('www-authenticate')).toContain(
      'invalid_token',
    );
    expect((await read('/oauth/whoami', null, { Authorization: 'Basic eDp5' })).status).toBe(400);
  });

  test('only what was allowed', async () => {
    const { access } = await tokens({ scope: 'events:read' });
    expect((await read('/api/events', access)).status).toBe(200);
    const orders = await read('/api/orders', access);
    expect(orders).toMatchObject(refused('insufficient_scope', 403));
    expect(orders.headers.get('www-authenticate')).toContain('insufficient_scope');
    expect(await authenticateBearer(testApp.dependencies, access, 'orders:read')).toBeNull();
  });

  test('only of organizers that the person belongs to, page by page', async () => {
    const [mine, others] = [await signUpOrganizer(testApp), await signUpOrganizer(testApp)];
    const events = [await eventOf(mine), await eventOf(mine), await eventOf(others)];
    const order = await orderOf(mine, events[0]!);
    const foreign = await orderOf(others, events[2]!);
    const { access } = await tokens({}, mine.agent);
    const list = async (path: string) =>
      (await read(path, access)).body as unknown as { data: { id: string }[]; next: string | null };

    const first = await list('/api/events?limit=1');
    expect(first).toMatchObject({
      data: [{ id: events[1], title: 'Engines', organizer: { name: 'Analytical Society' } }],
      next: events[1],
    });
    expect(await list(`/api/events?limit=1&after=${first.next}`)).toMatchObject({
      data: [{ id: events[0] }],
      next: null,
    });
    expect(await list('/api/orders')).toMatchObject({
      data: [
        {
          id: order,
          total_amount: 2500,
          currency: 'eur',
          buyer: { name: 'Charles' },
          event: { title: 'Engines' },
        },
      ],
      next: null,
    });
    expect((await list(`/api/orders?event=${events[2]}`)).data).toEqual([]);
    expect((await list(`/api/orders?event=${events[0]}`)).data).toHaveLength(1);
    // the twin: it is there for whom it belongs to
    const theirs = await tokens({}, others.agent);
    expect(await read('/api/orders', theirs.access)).toMatchObject({ body: { data: [{ id: foreign }] } });
    for (const query of ['limit=0', 'limit=101', 'after=x', 'event=%00', 'limit=1&limit=2'])
      expect([query, (await read(`/api/orders?${query}`, access)).status]).toEqual([query, 400]);

    await testApp.db('memberships').where({ user_id: mine.id }).delete();
    expect((await list('/api/events')).data).toEqual([]);
  });
});

test('no code, token, secret or state was logged', async () => {
  expect(testApp.logs()).toContain('a person answered an app');
  expect(testApp.logs()).not.toMatch(/[\w-]{43}|a(%20|\+| )state|secret-of-the-box-office/);
});

/** A used refresh token, as if its rotation were no race any more. */
async function longAgo(): Promise<void> {
  await testApp
    .db('oauth_tokens')
    .whereNotNull('consumed_at')
    .update({ consumed_at: testApp.db.raw("now() - interval '1 minute'") });
}

/** Somebody waits for a lock. */
async function untilWaiting(): Promise<void> {
  const waiting = () =>
    testApp
      .db('pg_stat_activity')
      .where({ wait_event_type: 'Lock', datname: testApp.db.raw('current_database()') })
      .first('pid');
  while (!(await waiting())) await new Promise((done) => setTimeout(done, 10));
}

async function eventOf({ organizer }: OrganizerPerson): Promise<string> {
  const id = newId();
  await testApp.db('events').insert({
    id,
    organizer_id: organizer.id,
    slug: id,
    title: 'Engines',
    starts_at: new Date('2030-01-01'),
    ends_at: new Date('2030-01-02'),
    time_zone: 'UTC',
    location_kind: 'venue',
    venue_name: 'Hall',
    currency: 'eur',
    livemode: false,
  });
  return id;
}

async function orderOf({ organizer }: OrganizerPerson, eventId: string): Promise<string> {
  const id = newId();
  await testApp.db('orders').insert({
    id,
    event_id: eventId,
    organizer_id: organizer.id,
    reference: id.slice(-8),
    status: 'paid',
    inventory: 'sold',
    currency: 'eur',
    total_amount: '2500',
    buyer_name: 'Charles',
    buyer_email: 'charles@example.com',
    livemode: false,
    hold_expires_at: new Date(),
    paid_at: new Date(),
  });
  return id;
}
