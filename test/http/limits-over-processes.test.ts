/** Each limit over two processes on one database: what one has counted closes the other, with words and a time to come back. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createListener } from '../../src/app';
import { MAX_OPEN_HOLDS_PER_VISITOR } from '../../src/checkout/allocate';
import { createDependencies, type Dependencies } from '../../src/dependencies';
import { openDashboard, signatureOf } from '../stripe-app/dashboard';
import { createGrantsStore } from '../../src/oauth-provider/grants-store';
import { type Market, openMarket, PASSWORD } from '../support/market';
import { addressOf, TABLE } from '../walked/route-table';
import { type Answer, buildWorld, createVisitor, type Visitor, type World } from '../walked/world';

let world: World;
let market: Market;
let accessToken: string;
let second: { dependencies: Dependencies; server: Server; baseUrl: string };

beforeAll(async () => {
  // a proxy in front, so that visitors have addresses of their own
  market = await openMarket({ config: { trustProxy: 1 } });
  world = await buildWorld(market);
  const { config, logger } = market.testApp.dependencies;
  const { databaseUrl } = market.testApp;
  const dependencies = createDependencies({ ...config, databaseUrl }, { logger });
  const server = createServer(createListener(dependencies));
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  second = { dependencies, server, baseUrl };
}, 60_000);
beforeAll(async () => {
  accessToken = await letInApp();
});
beforeEach(() => world.db('rate_limits').delete());
afterAll(async () => {
  second.server.closeAllConnections();
  await new Promise((done) => second.server.close(done));
  await second.dependencies.close();
  await world.close();
});

async function letInApp(): Promise<string> {
  const grants = createGrantsStore(world.db);
  const scopes = ['events:read' as const];
  const grantId = await grants.create(
    { userId: world.memberId, clientId: 'stripe-app', scopes },
    { code: 'of-nobody', redirectUri: 'http://127.0.0.1/', codeChallenge: null },
  );
  return (await grants.issueTokens(grantId, scopes)).accessToken;
}

/** The same browser at the other process: one jar of cookies. */
function atSecond(visitor: Visitor): Visitor {
  return createVisitor({ baseUrl: second.baseUrl }, {
    cookies: () => visitor.cookies,
  } as unknown as NonNullable<Parameters<typeof createVisitor>[1]>);
}

type Act = (visitor: Visitor) => Promise<Answer>;
const sends =
  (path: string | (() => string), fields: Record<string, string> = {}): Act =>
  (visitor) =>
    visitor.send('POST', typeof path === 'string' ? path : path(), { fields });

/** As Stripe's Dashboard asks, signed. */
const asDashboard =
  (path: string): Act =>
  (visitor) => {
    const { identity, signed } = openDashboard(market.baseUrl, 'acct_1Limited');
    return visitor.send('GET', `${path}?${new URLSearchParams({ ...identity, mode: 'test' })}`, {
      headers: { Accept: 'application/json', 'Stripe-Signature': signatureOf(signed) },
    });
  };

const CHANGE_NOTICE = 'POST /organizer/events/:id/change-notice';

/** the limit, who runs into it, and how */
const LIMITS: [string, () => Visitor, Act][] = [
  [
    'sign-in-account',
    guest,
    sends('/sign-in', { email: 'ada@example.com', password: 'a wrong one of mine' }),
  ],
  [
    'sign-in-network',
    guest,
    sends('/sign-in', { email: 'bob@example.com', password: 'a wrong one of mine' }),
  ],
  [
    'sign-up',
    guest,
    (visitor) => {
      const taken = { name: 'Ada', email: world.memberEmail, password: 'other words than hers' };
      return visitor.send('POST', '/sign-up', { fields: taken });
    },
  ],
  ['dashboard-extension', guest, asDashboard('/api/oauth/userinfo')],
  ['dashboard-sign-in', guest, asDashboard('/api/oauth/login')],
  ['oauth-token', guest, (visitor) => visitor.send('POST', '/oauth/token', { token: null })],
  [
    'oauth-consent',
    () => world.visitor('member'),
    async (visitor) =>
      visitor.send('POST', '/oauth/authorize', {
        fields: await TABLE['POST /oauth/authorize']!.fields!(world),
      }),
  ],
  [
    'oauth-api',
    guest,
    (visitor) => visitor.send('GET', '/api/events', { headers: { Authorization: `Bearer ${accessToken}` } }),
  ],
  ['reset-account', guest, sends('/forgotten-password', { email: 'ada@example.com' })],
  ['reset-network', guest, sends('/forgotten-password', { email: 'bob@example.com' })],
  ['account-mail', () => world.visitor('colleague'), sends('/account/verification-mails')],
  ['account-mail', () => world.visitor('member'), sends('/account/email', { email: 'other@example.com' })],
  ['confirm-password', () => world.visitor('member'), sends('/confirm-password', { password: 'not mine' })],
  // before the desk is another organizer's
  [
    'connection-refresh',
    () => world.visitor('member'),
    sends(() => `/stripe/connections/${world.connection}/refresh`),
  ],
  [
    'new-organizer',
    () => world.visitor('member'),
    sends('/organizer/organizers', { name: 'One More', contact_email: 'more@example.com' }),
  ],
  [
    'message-test',
    () => world.visitor('member'),
    async (visitor) =>
      visitor.send('POST', `/organizer/events/${world.event}/messages`, {
        fields: {
          ...(await TABLE['POST /organizer/events/:id/messages']!.fields!(world)),
          action: 'test',
        },
      }),
  ],
  [
    'complimentary-order',
    () => world.visitor('member'),
    async (visitor) =>
      visitor.send('POST', `/organizer/events/${world.event}/complimentary-orders`, {
        fields: await TABLE['POST /organizer/events/:id/complimentary-orders']!.fields!(world),
      }),
  ],
  ['discount-codes', guest, (visitor) => visitor.send('GET', `/events/${world.slug}?code=GUESSED`)],
  [
    'cover-upload',
    () => world.visitor('member'),
    sends(() => `/organizer/events/${world.event}/cover`, { alt: '' }),
  ],
  [
    'abuse-report',
    guest,
    sends(() => `/events/${world.slug}/report`, { kind: 'fraud', message: 'There is no hall', email: '' }),
  ],
  ['find-tickets-address', guest, sends('/find-my-tickets', { email: 'ada@example.com' })],
  ['find-tickets-network', guest, sends('/find-my-tickets', { email: 'bob@example.com' })],
  ['order-look-up', guest, (visitor) => visitor.send('GET', `/orders/${'B'.repeat(43)}`)],
  ['order-look-up', guest, (visitor) => visitor.send('GET', '/tickets/nothing')],
  [
    'event-change',
    () => world.visitor('member'),
    async (visitor) =>
      visitor.send('POST', addressOf(CHANGE_NOTICE, world, 'member'), {
        fields: await TABLE[CHANGE_NOTICE]!.fields!(world),
      }),
  ],
  [
    'order-name',
    () => world.visitor('buyer'),
    sends(() => `/orders/${world.tokens.paid}/name`, { name: 'Charles Babbage' }),
  ],
  [
    'order-answers',
    () => world.visitor('buyer'),
    async (visitor) =>
      visitor.send('POST', `/orders/${world.tokens.paid}/answers`, {
        fields: await TABLE['POST /orders/:token/answers']!.fields!(world),
      }),
  ],
  ['stripe-app-install', guest, sends('/stripe-app/installations')],
  ['order-mail', () => world.visitor('buyer'), sends(() => `/orders/${world.tokens.paid}/mails`)],
];

test('every limit of the sources is tried here', () => {
  const folder = join(__dirname, '../../src');
  const used = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [
      ...readFileSync(join(folder, name), 'utf8').matchAll(/rateLimits\.consume\(\s*([^,]+),/g),
    ])
    .map((match) => match[1]!.replaceAll("'", ''));
  const tried = [...LIMITS.map(([limit]) => limit), 'sign-in-code'];
  expect([...new Set(used)].sort()).toEqual([...new Set(tried)].sort());
});

test.each(LIMITS)('%s', async (limit, person, act) => {
  const visitor = person();
  const first = await act(visitor);
  expect(first.status).not.toBe(429);
  // as if all the tries that are allowed had been made; how many those are has tests of its own
  const counted = world.db('rate_limits').where('key', 'like', `${limit}:%`);
  expect(await counted.clone().update({ points: 10_000 })).toBe(1);
  const closed = await act(atSecond(visitor));
  expect(closed.status).toBe(429);
  expect(Number(closed.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(closed.text).toMatch(/Too many tries.*([Ww]ait|later|again|tomorrow)/);
  // the twin: it was this count that closed
  await counted.delete();
  expect((await act(atSecond(visitor))).status).toBe(first.status);
});

test('sign-in-code', async () => {
  const { id } = await world.db('users').where({ email: world.memberEmail }).first('id');
  const visitor = guest();
  await world.db('two_factor').insert({
    user_id: id,
    secret_encrypted: market.testApp.dependencies.encryption.encrypt('JBSWY3DPEHPK3PXP', `two-factor:${id}`),
    confirmed_at: new Date(),
  });
  await visitor.send('POST', '/sign-in', { fields: { email: world.memberEmail, password: PASSWORD } });
  const tryCode = sends('/sign-in/code', { code: '000000' });
  expect((await tryCode(visitor)).status).toBe(422);
  await world.db('rate_limits').where('key', 'like', 'sign-in-code:%').update({ points: 10_000 });
  const closed = await tryCode(atSecond(visitor));
  expect([closed.status, closed.text]).toEqual([429, expect.stringMatching(/too many tries with codes/)]);
  expect(Number(closed.headers.get('retry-after'))).toBeGreaterThan(0);
  await world.db('two_factor').where({ user_id: id }).delete();
});

describe('holds', () => {
  const hold = (visitor: Visitor, address: string) =>
    visitor.send('POST', `/events/${world.slug}/orders`, {
      fields: { [`quantity.${world.typeId}`]: '1', [`price.${world.typeId}`]: world.price },
      headers: { 'X-Forwarded-For': address },
      token: null,
    });

  test('of one browser', async () => {
    const visitor = guest();
    const other = atSecond(visitor);
    const answers = [];
    for (let n = 0; n < 6; n += 1) answers.push(await hold(n % 2 ? other : visitor, `192.0.2.${n}`));
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303, 303, 303, 429]);
    expect(answers[5]!.headers.get('retry-after')).toBe('900');
    expect(answers[5]!.text).toContain('Too many unfinished orders');
  });

  test('of one network, in new browsers', async () => {
    await world.db('ticket_types').where({ id: world.typeId }).update({ capacity: 1000 });
    const answers = [];
    for (let n = 0; n <= MAX_OPEN_HOLDS_PER_VISITOR; n += 1)
      answers.push(await hold(n % 2 ? atSecond(guest()) : guest(), '198.51.100.7'));
    const last = answers.pop()!;
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303]));
    expect([last.status, last.headers.get('retry-after')]).toEqual([429, '900']);
    // somebody else can buy all the same
    expect((await hold(guest(), '198.51.100.8')).status).toBe(303);
  });
});

function guest(): Visitor {
  return createVisitor(market);
}
