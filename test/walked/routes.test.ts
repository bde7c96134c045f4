/** Every route × everybody who may knock: what they get, and that whoever is refused changes nothing. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import express, { Router } from 'express';
import { createApp } from '../../src/app';
import { paths } from '../../src/paths';
import { databaseState } from '../support/database-state';
import { routesOf } from '../support/routes';
import { addressOf, ROLES, TABLE } from './route-table';
import { buildWorld, type World } from './world';

let world: World;
beforeAll(async () => {
  world = await buildWorld();
}, 60_000);
afterAll(() => world.close());

describe('the list of routes', () => {
  const listed = () =>
    routesOf(world.market.testApp.app).routes.map(({ method, path }) => `${method} ${path}`);

  test('has a row in the table for each, and no row without one', () => {
    expect([...listed()].sort()).toEqual(Object.keys(TABLE).sort());
  });

  test('is whole: as many as the sources declare', () => {
    const sources = filesBelow(join(__dirname, '../../src')).filter(
      (file) => file.endsWith('.ts') && !file.includes('stripe-simulator'),
    );
    const declared = sources.flatMap((file) => [
      ...readFileSync(file, 'utf8').matchAll(
        /\b(?:router|app)\s*\.(?:get|post|put|patch|delete|head|options|all|route)\(\s*(?:'|`|"|\[|\w+\.)/g,
      ),
    ]);
    expect(listed()).toHaveLength(declared.length);
  });

  test('holds every address that our links can point to', () => {
    const shapes = routesOf(world.market.testApp.app).routes.map(
      ({ path }) => new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`),
    );
    const addresses = Object.values(paths).map(
      (path) => (path as (...parts: string[]) => string)('x', 'y').split('?')[0]!,
    );
    const nowhere = addresses.filter((address) => !shapes.some((shape) => shape.test(address)));
    // a named exception: files
    expect(nowhere).toEqual(['/assets/x']);
  });

  test('leaves out nothing but files and what runs for many routes', () => {
    const { assets, middleware } = routesOf(world.market.testApp.app);
    expect(assets).toEqual([
      '/assets/fonts/newsreader',
      '/assets/fonts/source-sans-3',
      '/assets/qr-scanner',
      '/assets/fonts',
      '/assets',
    ]);
    const ours = '<anonymous>';
    expect(middleware.map(({ name, path }) => `${name} ${path}`)).toEqual([
      'securityHeadersOfAll /', // and the order form of an event, before the log
      'result /', // the request log
      'compressedFilesOf /assets',
      'fromAnyOrigin /api/oauth/userinfo',
      'fromAnyOrigin /api/oauth/login',
      'fromAnyOrigin /api/oauth/logout',
      'fromAnyOrigin /api/payments',
      `${ours} /api/oauth/userinfo`, // its refusals in JSON
      `${ours} /api/oauth/login`,
      `${ours} /api/oauth/logout`,
      `${ours} /api/payments`,
      'urlencodedParser /',
      `${ours} /`, // same origin only
      'compressGuestPages /',
      'noStore /orders',
      'noStore /find-my-tickets',
      'noStore /orders',
      'noStore /tickets',
      'noStore /dev',
      'noStore /',
      'session /',
      `${ours} /`, // the current user
      'notices /',
      'coverUpload /organizer/events/:id/cover', // a form with a file is read before its token
      'csrf /',
      `${ours} /`, // keeps what was typed into a form that has expired
      'forgetKeptForm /',
      'requireUser /account',
      'requireUser /account/two-factor',
      'requireRecentPassword /account/two-factor',
      'requireUser /organizer',
      `${ours} /organizer/events`, // the current organizer
      `${ours} /organizer/drafts`,
      `${ours} /organizer/payout-preview`,
      'organizerOfEvent /organizer/events/:id',
      'requireUser /admin',
      'requireAdmin /admin',
      'pageNotFound /',
      `${ours} /`, // the error handler
    ]);
  });

  test('sees into nested and mounted routers, lists of paths and all methods; refuses what it can not see into', () => {
    const answer = () => {};
    const inner = Router().get('/', answer).post(['/one', '/two'], answer);
    inner.route('/three').get(answer).delete(answer);
    const outer = Router().use('/inner/:id', inner).all('/any', answer);
    const app = express().use('/outer', outer).use(answer);
    expect(routesOf(app).routes.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /outer/inner/:id',
      'POST /outer/inner/:id/one',
      'POST /outer/inner/:id/two',
      'GET /outer/inner/:id/three',
      'DELETE /outer/inner/:id/three',
      'ALL /outer/any',
    ]);
    expect(() => routesOf(express().use('/whole', express()))).toThrow('/whole');
    expect(() => routesOf(express().get(/^\/pattern/, answer))).toThrow('pattern');
  });

  test('is shorter in production: nobody reads mails there', () => {
    const { dependencies } = world.market.testApp;
    const config = { ...dependencies.config, production: true, baseUrl: 'https://foyer.example' };
    const inProduction = routesOf(createApp({ ...dependencies, config })).routes.map(({ path }) => path);
    expect(inProduction.filter((path) => path.startsWith('/dev'))).toEqual([]);
    expect(inProduction).toHaveLength(listed().filter((route) => !route.includes('/dev/')).length);
  });
});

describe('A12: whose password was given too long ago is asked for it, and changes nothing, at', () => {
  /** All that an admin does to others, and what ends payments or changes how a person signs in. */
  const dangerous = Object.keys(TABLE).filter(
    (route) =>
      route.startsWith('POST /admin/') ||
      route.startsWith('POST /account/two-factor') ||
      /^POST \/stripe\/connections\/:id\/(disconnection|default)$/.test(route) ||
      route === 'POST /account/email',
  );
  beforeAll(() => agePasswords(11 * 60));
  afterAll(() => agePasswords(0));

  test.each(dangerous)('%s', async (route) => {
    const { sender: role = 'member', fields } = TABLE[route]!;
    const path = addressOf(route, world, role);
    const before = await databaseState(world.db);
    const answers = [await world.visitor(role).send('POST', path, { fields: await fields?.(world) })];
    if (TABLE[route.replace('POST', 'GET')]) answers.push(await world.visitor(role).send('GET', path));
    for (const answer of answers)
      expect([answer.status, answer.location]).toEqual([
        303,
        expect.stringMatching(/^\/confirm-password\?next=/),
      ]);
    expect(await databaseState(world.db)).toEqual(before);
  });

  async function agePasswords(seconds: number): Promise<void> {
    await world
      .db('sessions')
      .whereNotNull('user_id')
      .update({
        data: world.db.raw(
          `jsonb_set(data, '{authenticatedAt}', to_jsonb(extract(epoch from now())::int - ?))`,
          [seconds],
        ),
      });
  }
});

describe('another organizer', () => {
  test.each(['GET /organizer', 'GET /organizer/events', 'GET /organizer/payments'])(
    'reads nothing of the first at %s',
    async (route) => {
      const mine = await world.visitor('member').send('GET', addressOf(route, world, 'member'));
      const theirs = await world.visitor('other').send('GET', addressOf(route, world, 'other'));
      const secrets = [world.event, world.connection, 'A Draft of the Engine', 'Analytical Society'];
      expect(secrets.filter((secret) => theirs.html.includes(secret))).toEqual([]);
      // the twin: they do stand on the pages of whom they belong to
      expect(secrets.some((secret) => mine.html.includes(secret))).toBe(true);
    },
  );
});

describe.each(Object.keys(TABLE))('%s', (route) => {
  const [method = '', path = ''] = route.split(' ');
  const { outcomes, fields } = TABLE[route]!;

  test.each(ROLES)('%s', async (role) => {
    const expected = outcomes[role];
    const sent = await fields?.(world);
    const before = await databaseState(world.db);
    const foreign = role === 'other' && /^\/(organizer|stripe)/.test(path);
    const firstBefore = foreign && (await databaseState(world.db, { organizerId: world.organizerId }));
    const answer = await world.visitor(role).send(method, addressOf(route, world, role), { fields: sent });
    const after = await databaseState(world.db);

    expect({ status: answer.status, location: answer.location }).toEqual({
      status: expected.status,
      location: expected.status === 303 ? expect.stringMatching(expected.to ?? /^\/(?!sign-in)/) : null,
    });
    if (expected.changes) expect(after).not.toEqual(before);
    else expect(after).toEqual(before);
    if (foreign)
      expect(await databaseState(world.db, { organizerId: world.organizerId })).toEqual(firstBefore);
    if (answer.status >= 400) expect(answer.html).not.toContain(world.connection);
  });
});

test('the walk left no error behind that a person must look at', () => {
  const levels = world.market.testApp
    .logs()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { level: number; msg: string });
  expect(levels.filter(({ level }) => level >= 50)).toEqual([]);
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
}
