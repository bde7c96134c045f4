/** Every address of the table that changes something × every way to come without the token of one's own session. */
import { databaseState, sessionsOfPeople } from '../support/database-state';
import { addressOf, TABLE } from './route-table';
import { buildWorld, createVisitor, type Role, type SendOptions, type World } from './world';

/** By name: Stripe signs what it and its Dashboard send, and programs prove who they are; none has a session. */
const NO_BROWSER = [
  'POST /webhooks/stripe',
  'POST /oauth/token',
  'POST /oauth/revoke',
  'POST /api/oauth/logout',
];

/** And a guest's order is guarded by its address and by where the browser says it comes from. */
const WITHOUT_TOKEN = [
  ...NO_BROWSER,
  'POST /events/:slug/orders',
  'POST /events/:slug/report',
  'POST /find-my-tickets',
  'POST /orders/:token/answers',
  'POST /orders/:token/name',
  'POST /orders/:token/cancellation',
  'POST /orders/:token/extension',
  'POST /orders/:token/payment',
  'POST /orders/:token/release',
  'POST /orders/:token/mails',
];
const CHANGING = Object.keys(TABLE).filter((route) => !route.startsWith('GET '));
const WITH_TOKEN = CHANGING.filter((route) => !WITHOUT_TOKEN.includes(route));
const GUESTS_OWN = WITHOUT_TOKEN.filter((route) => !NO_BROWSER.includes(route));

const FROM_OTHER_SITES: [string, Record<string, string>][] = [
  ['cross-site', { 'Sec-Fetch-Site': 'cross-site' }],
  ['same-site', { 'Sec-Fetch-Site': 'same-site' }],
  ['a foreign origin', { Origin: 'https://tickets.example' }],
  ['an origin of null', { Origin: 'null' }],
];

let world: World;
beforeAll(async () => {
  world = await buildWorld();
}, 60_000);
afterAll(() => world.close());

const EXPIRED = /This form has expired.*Nothing was changed/;
const FROM_ELSEWHERE = /Form not accepted.*nothing was changed/;

describe.each(WITH_TOKEN)('%s', (route) => {
  test('is refused without the token of this session', async () => {
    const { role, fields, path } = await request(route);
    const visitor = world.visitor(role);
    const own = await visitor.ownToken();
    const form = new URLSearchParams(fields);
    const json = JSON.stringify({ ...fields, _csrf: own });
    const tries: [string, string, SendOptions][] = [
      ['none', path, { token: null }],
      ['empty', path, { body: `${form}&_csrf=` }],
      ['wrong', path, { token: own.slice(0, -2) + (own.endsWith('AA') ? 'BB' : 'AA') }],
      ['of another session', path, { token: await createVisitor(world.market).ownToken() }],
      ['of another person', path, { token: await world.visitor('other').ownToken() }],
      ['twice', path, { body: `${form}&_csrf=${own}&_csrf=${own}` }],
      ['as a list', path, { body: `${form}&_csrf[]=${own}` }],
      ['in the address', `${path}?_csrf=${own}`, { token: null }],
      ['in a header', path, { token: null, headers: { 'X-CSRF-Token': own, 'CSRF-Token': own } }],
      ['in JSON', path, { headers: { 'Content-Type': 'application/json' }, body: json }],
    ];
    const before = await everything();
    const answers: [string, number, boolean][] = [];
    for (const [name, address, options] of tries) {
      const answer = await visitor.send('POST', address, { fields, ...options });
      answers.push([name, answer.status, EXPIRED.test(answer.text)]);
    }
    expect(answers).toEqual(tries.map(([name]) => [name, 403, true]));
    expect(await everything()).toEqual(before);
  });

  test.each(FROM_OTHER_SITES)('is refused with it when the browser says %s', async (_what, headers) => {
    const { role, fields, path } = await request(route);
    const visitor = world.visitor(role);
    await visitor.ownToken();
    const before = await everything();
    const answer = await visitor.send('POST', path, { fields, headers });
    expect([answer.status, answer.text]).toEqual([403, expect.stringMatching(FROM_ELSEWHERE)]);
    expect(await everything()).toEqual(before);
  });
});

describe.each(GUESTS_OWN)('%s', (route) => {
  test.each(FROM_OTHER_SITES)('is refused when the browser says %s', async (_what, headers) => {
    const { role, fields, path } = await request(route);
    const before = await everything();
    const answer = await world.visitor(role).send('POST', path, { fields, headers, token: null });
    expect([answer.status, answer.text]).toEqual([403, expect.stringMatching(FROM_ELSEWHERE)]);
    expect(await everything()).toEqual(before);
  });
});

describe('what a browser of our own says', () => {
  test.each([
    ['its origin', () => ({ Origin: world.market.baseUrl })],
    ['same-origin', () => ({ 'Sec-Fetch-Site': 'same-origin', Origin: world.market.baseUrl })],
    ['that a person typed the address', () => ({ 'Sec-Fetch-Site': 'none' })],
  ])('%s is accepted at a form of a guest', async (_what, headers) => {
    const { fields, path } = await request('POST /events/:slug/orders');
    const answer = await world
      .visitor('guest')
      .send('POST', path, { fields, headers: headers(), token: null });
    expect(answer.status).toBe(303);
  });
});

// The twins: nothing but the token, or where it came from, was what was wrong above. In the table's order.
describe.each(CHANGING.filter((route) => !NO_BROWSER.includes(route)))('%s', (route) => {
  test('is accepted as our own form sends it', async () => {
    const { role, fields, path } = await request(route);
    const token = GUESTS_OWN.includes(route) ? null : undefined;
    const before = await databaseState(world.db);
    const answer = await world.visitor(role).send('POST', path, { fields, token });
    const expected = TABLE[route]!.outcomes[role];
    const leads = expected.status === 303;
    expect([answer.status, answer.location]).toEqual([
      expected.status,
      leads ? expect.stringMatching(expected.to ?? /^\//) : null,
    ]);
    expect(answer.text).not.toMatch(EXPIRED);
    const after = await databaseState(world.db);
    if (expected.changes) expect(after).not.toEqual(before);
    else expect(after).toEqual(before);
  });
});

/** Whoever may do it, what they send, and where to. */
async function request(route: string): Promise<{ role: Role; fields: Record<string, string>; path: string }> {
  const row = TABLE[route]!;
  const role = row.sender ?? 'member';
  return { role, fields: (await row.fields?.(world)) ?? {}, path: addressOf(route, world, role) };
}

async function everything(): Promise<unknown> {
  return { tables: await databaseState(world.db), people: await sessionsOfPeople(world.db) };
}
