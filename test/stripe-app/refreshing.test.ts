/** Refresh tokens are good for one use: one refresh at a time over all processes, and what happens without that. */
import { Client } from 'pg';
import { reencrypt } from '../../src/db/reencrypt';
import { createDependencies, type Dependencies } from '../../src/dependencies';
import { createEncryption } from '../../src/lib/encryption';
import { accessTokenOf } from '../../src/stripe-app/access-token';
import { checkInstallation } from '../../src/stripe-app/check-installation';
import { createInstallationsStore } from '../../src/stripe-app/installations-store';
import { createBrowser } from '../support/browser';
import { type Market, openMarket } from '../support/market';

let market: Market;
let second: Dependencies;
let email: string;
let account: string;
let id: string;

beforeAll(async () => {
  market = await openMarket();
  const { config, logger } = market.testApp.dependencies;
  second = createDependencies({ ...config, databaseUrl: market.testApp.databaseUrl }, { logger });
  const organizer = await market.organizer();
  email = organizer.email;
  await market.connect(organizer.browser, await organizer.browser.open(market.at('/organizer/payments')));
  account = (await market.db('stripe_connections').first()).stripe_user_id;
});
afterAll(async () => {
  await second.close();
  await market.close();
});
/** Installed anew, with an access token that has run out. */
beforeEach(async () => {
  await market.control('DELETE', '/faults');
  const guest = createBrowser();
  const atStripe = await guest.followRefresh(await guest.submit(await guest.open(market.at('/stripe-app'))));
  await guest.submit(atStripe, { action: 'sign_in', account, email: '' }, { action: /oauth\/v2\/authorize/ });
  id = (await store().findByAccount(account, false))!.id;
  await market
    .db('stripe_app_installations')
    .where({ id })
    .update({ access_token_expires_at: market.db.raw("now() + interval '1 minute'") });
  await market.db('mails').delete();
  await market.control('DELETE', '/requests');
});

const store = () => createInstallationsStore(market.db);
const first = () => market.testApp.dependencies;
const refreshes = async () =>
  (await market.requests()).filter(({ path }) => path === '/v1/oauth/token').map(({ status }) => status);
const mails = () => market.db('mails').where({ recipient: email, template: 'install-app-again' });
const fault = (fields: object) =>
  market.control('POST', '/faults', { match: { path: '/v1/oauth/token' }, ...fields });

/** Both processes want a token while the first one's refresh is slow to begin. */
async function race() {
  await fault({ fault: 'slow', ms: 250 });
  const tokens = await Promise.all([accessTokenOf(first(), id), accessTokenOf(second, id)]);
  return {
    tokens: new Set(tokens.map((answer) => ('token' in answer ? answer.token : answer.outcome))),
    refreshes: (await refreshes()).sort(),
    mails: (await mails()).length,
    status: (await store().find(id))!.status,
  };
}

/** Statements go out changed, as if they had been written without a guard. */
async function without<T>(guard: (sql: string) => string, work: () => Promise<T>): Promise<T> {
  const send = Client.prototype.query as (...args: unknown[]) => unknown;
  const careless = jest.spyOn(Client.prototype, 'query').mockImplementation(function (
    this: Client,
    ...args: unknown[]
  ) {
    const [query, ...others] = args as [{ text?: string } | undefined];
    const text = query?.text && guard(query.text);
    // under its own name the statement would run as it was prepared
    const sent = text === query?.text ? query : { ...query, name: undefined, text };
    return send.call(this, sent, ...others) as never;
  });
  try {
    return await work();
  } finally {
    careless.mockRestore();
  }
}
const noLease = (sql: string) => sql.replace('coalesce(refresh_leased_until, now()) <= now()', 'true');
const noVersion = (sql: string) =>
  sql.replace(
    /"token_version" = (\$\d+) and "status" = (\$\d+) returning/,
    '$1::int > 0 and "status" = $2 returning',
  );

test('two processes at once: one refresh, the same new token for both', async () => {
  const { tokens, ...rest } = await race();
  expect(rest).toEqual({ refreshes: [200], mails: 0, status: 'installed' });
  expect([...tokens]).toEqual([expect.stringMatching(/^sk_test_app\w{40}$/)]);
  expect(await second.appOAuth.checkToken({ accessToken: [...tokens][0]!, stripeUserId: account })).toBe(
    'accepted',
  );
});

test('twin: without the lease a dead token is presented; the one who has lost reads again, and nobody is told', async () => {
  const { tokens, ...rest } = await without(noLease, race);
  expect(rest).toEqual({ refreshes: [200, 400], mails: 0, status: 'installed' });
  expect(tokens.size).toBe(1);
});

test('twin: without the lease and the version, an installation that is good is to be installed again', async () => {
  const { tokens, ...rest } = await without((sql) => noVersion(noLease(sql)), race);
  expect(rest).toEqual({ refreshes: [200, 400], mails: 1, status: 'install_again' });
  expect([...tokens]).toContain('install_again');
});

test('a token that is good for a while is used as it is; the lease of a process that has died is taken over', async () => {
  const held = {
    refresh_lease: '00000000-0000-4000-8000-000000000000',
    refresh_leased_until: market.db.raw('now()'),
  };
  await market.db('stripe_app_installations').where({ id }).update(held);
  const fresh = await accessTokenOf(first(), id);
  expect(await accessTokenOf(second, id)).toEqual(fresh);
  expect(await refreshes()).toEqual([200]);
});

test('an answer that was lost: nothing is known, and the next refresh says that the app has to be installed again', async () => {
  await fault({ fault: 'reset_after' });
  expect(await accessTokenOf(first(), id)).toEqual({ outcome: 'unanswered' });
  expect(await store().find(id)).toMatchObject({ status: 'installed' });
  expect(await accessTokenOf(second, id)).toEqual({ outcome: 'install_again' });
  expect(await accessTokenOf(first(), id)).toEqual({ outcome: 'install_again' });
  expect((await refreshes()).filter((status) => status === 400)).toHaveLength(1);
  expect(await mails()).toHaveLength(1);
});

test('a new pair that comes late heals what was given up for want of it; but not what has ended meanwhile', async () => {
  const { tokenVersion } = (await store().find(id))!;
  await store().markInstallAgain(id, tokenVersion, 'refresh_refused');
  const pair = { access: 'v1.a', refresh: 'v1.b' };
  expect(await store().replaceTokens(id, tokenVersion, pair)).toBe(true);
  expect(await store().find(id)).toMatchObject({ status: 'installed', statusDetail: null });
  expect(await store().replaceTokens(id, tokenVersion, pair)).toBe(false);
});

test('an app that is uninstalled while it is refreshed stays uninstalled, without tokens', async () => {
  await fault({ fault: 'slow', ms: 200 });
  const asking = accessTokenOf(first(), id);
  while ((await refreshes()).length === 0) await new Promise((done) => setTimeout(done, 10));
  await store().end({ stripeUserId: account, livemode: false }, 'stripe');
  expect(await asking).toEqual({ outcome: 'uninstalled' });
  expect(await market.db('stripe_app_installations').where({ id }).first()).toMatchObject({
    status: 'uninstalled',
    encrypted_access_token: null,
  });
});

test('a new token is used only when it is kept: a database that stumbles gets more tries, one that fails keeps it from use', async () => {
  let failures = 2;
  const stumbling = (sql: string) =>
    sql.includes('"token_version" =') && sql.includes('"refreshed_at" =') && (failures -= 1) >= 0
      ? sql.replace('"refreshed_at" =', '"no_such_column" =')
      : sql;
  expect(await without(stumbling, () => checkInstallation(first(), id))).toBe('accepted');
  await market
    .db('stripe_app_installations')
    .where({ id })
    .update({ access_token_expires_at: market.db.fn.now() });
  await market.control('DELETE', '/requests');
  failures = 99;
  await expect(without(stumbling, () => checkInstallation(first(), id))).rejects.toThrow('no_such_column');
  expect(await refreshes()).toEqual([200]);
  expect((await market.requests()).filter(({ path }) => path === '/v1/account')).toEqual([]);
});

test('both tokens go on under a new key', async () => {
  const next = Buffer.alloc(32, 9).toString('base64');
  await reencrypt(market.db, createEncryption([next, ...first().config.encryptionKeys]));
  const rotated = { ...first(), encryption: createEncryption([next]) };
  expect(await accessTokenOf(rotated, id)).toMatchObject({ outcome: 'token' });
  expect(await accessTokenOf(rotated, id)).toMatchObject({ outcome: 'token' });
  expect(await refreshes()).toEqual([200]);
});
