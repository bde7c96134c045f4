/** What a stolen copy of the database gives away, and what a change of secrets costs nobody. */
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { Secret, TOTP } from 'otpauth';
import Stripe from 'stripe';
import { createListener } from '../../src/app';
import { createDependencies } from '../../src/dependencies';
import { openMarket, PASSWORD } from '../support/market';
import { formsOf } from '../support/html';
import { buildWorld, createVisitor, type World } from '../walked/world';

let world: World;
let totpKey: string;
let recoveryCodes: string[];
let state: string;

beforeAll(async () => {
  world = await buildWorld(await openMarket());
  const other = world.visitor('other');
  await other.send('POST', '/account/two-factor/setup');
  const { html } = await other.send('GET', '/account/two-factor');
  totpKey = /<code[^>]*>([A-Z2-7 ]+)<\/code>/.exec(html)![1]!.replaceAll(' ', '');
  const code = new TOTP({ secret: Secret.fromBase32(totpKey) }).generate();
  const on = await other.send('POST', '/account/two-factor', { fields: { code } });
  recoveryCodes = [...on.html.matchAll(/<code>([\w-]{10,})<\/code>/g)].map((match) => match[1]!);
  const authorize = await other.send('POST', '/stripe/connect');
  state = new URL(authorize.location!).searchParams.get('state')!;
}, 60_000);
afterAll(() => world.close());

describe('R2: a stolen copy of the database', () => {
  /** Each secret, by what it would open. */
  async function secrets(): Promise<Record<string, string[]>> {
    const { config } = world.market.testApp.dependencies;
    const visited = Object.values(world.browsers).flatMap((browser) => browser.visited);
    const inAddresses = (name: string) =>
      visited.map((address) => new URL(address).searchParams.get(name)).filter((value) => value !== null);
    return {
      passwords: [PASSWORD],
      sessions: (['member', 'colleague', 'other', 'admin'] as const).map((role) =>
        sessionIdOf(world.visitor(role).cookies.get('sid')!),
      ),
      'reset and confirmation links': [world.passwordReset, world.emailConfirmation].map((link) =>
        link.split('/').pop()!,
      ),
      'states of OAuth': [state, ...inAddresses('state')],
      'authorization codes': inAddresses('code'),
      'addresses of orders': Object.values(world.tokens),
      tickets: [world.ticketCode],
      'keys of second factors': [totpKey],
      'recovery codes': recoveryCodes.flatMap((code) => [code, code.replaceAll('-', '')]),
      'our own secrets': [
        config.stripe.primary.secretKey,
        ...config.stripe.primary.webhookSecrets,
        ...config.sessionSecrets,
        ...config.encryptionKeys,
      ],
    };
  }

  const tablesWith = (secret: string) => tablesWhere('position(? in row::text) > 0', secret);

  /** Tables, those of the worker's jobs too. Mails wait in theirs to be sent: they carry links. */
  async function tablesWhere(condition: string, value: string): Promise<string[]> {
    const tables: { schema: string; name: string }[] = await world
      .db('information_schema.tables')
      .whereNotIn('table_schema', ['pg_catalog', 'information_schema'])
      .where({ table_type: 'BASE TABLE' })
      .whereNot({ table_name: 'mails' })
      .select('table_schema as schema', 'table_name as name');
    const { rows } = await world.db.raw(
      tables.map(() => `SELECT ?::text AS name FROM ??.?? row WHERE ${condition}`).join(' UNION '),
      tables.flatMap(({ schema, name }) => [name, schema, name, value]),
    );
    return rows.map(({ name }: { name: string }) => name);
  }

  test('opens nothing: no table holds a password, session, link, state, code or token as it is', async () => {
    const found: Record<string, unknown> = {};
    for (const [what, values] of Object.entries(await secrets())) {
      expect([what, values.length, values.filter((value) => (value?.length ?? 0) < 8)]).toEqual([
        what,
        expect.any(Number),
        [],
      ]);
      expect(values.length).toBeGreaterThan(0);
      for (const value of values) {
        const tables = await tablesWith(value);
        if (tables.length > 0) found[what] = tables;
      }
    }
    // a request to Stripe is repeated to the letter, with the addresses that lead back from there
    expect(found).toEqual({ 'addresses of orders': ['payment_attempts'] });
  });

  test('holds nothing that has the shape of a credential of Stripe', async () => {
    const shapes = String.raw`(sk|rk)_(test|live)_[A-Za-z0-9]|whsec_|\m(ac|rt)_[A-Za-z0-9]{8}`;
    expect(await tablesWhere('row::text ~ ?', shapes)).toEqual([]);
    // accounts have the shape next to it, and are there
    expect(await tablesWhere('row::text ~ ?', String.raw`\macct_[A-Za-z0-9]{8}`)).toEqual(
      expect.arrayContaining(['stripe_connections', 'payment_attempts']),
    );
  });

  test('the twin: what is meant to stand there is found', async () => {
    expect(await tablesWith(world.memberEmail)).toEqual(expect.arrayContaining(['users']));
    expect(await tablesWith(world.slug)).toEqual(expect.arrayContaining(['events']));
  });

  test('has passwords as Argon2id, sessions and links as hashes, refresh tokens as ciphertext', async () => {
    expect(
      new Set((await world.db('users').pluck('password_hash')).map((hash) => hash.slice(0, 10))),
    ).toEqual(new Set(['$argon2id$']));
    for (const [table, column] of [
      ['sessions', 'id_hash'],
      ['mailed_links', 'token_hash'],
      ['oauth_states', 'state_hash'],
    ] as const)
      for (const hash of await world.db(table).pluck(column)) expect(hash).toMatch(/^[\w+/=-]{43,64}$/);
  });
});

describe('R4: after a change of secrets', () => {
  test('sessions, order addresses and tickets of before are good, and webhooks signed with either secret arrive', async () => {
    const { config, logger } = world.market.testApp.dependencies;
    const primary = {
      ...config.stripe.primary,
      webhookSecrets: ['whsec_newSecretOfTheTests', config.stripe.primary.webhookSecrets[0]!],
    };
    const dependencies = createDependencies(
      {
        ...config,
        databaseUrl: world.market.testApp.databaseUrl,
        sessionSecrets: ['the-session-secret-of-the-tests-only-the-next', ...config.sessionSecrets],
        encryptionKeys: [Buffer.alloc(32, 9).toString('base64'), ...config.encryptionKeys],
        stripe: { ...config.stripe, primary, modes: [primary] },
      },
      { logger },
    );
    const server = createServer(createListener(dependencies));
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const jar = world.visitor('member').cookies;
      const member = createVisitor({ baseUrl }, { cookies: () => jar } as never);
      const desk = await member.send('GET', '/account');
      expect(desk.status).toBe(200);
      // a form of before the change is good after it
      const before = await world.visitor('member').send('GET', '/account');
      const token = formsOf(before.html).find(({ action }) => action === '/account/name')!.values['_csrf']!;
      expect(
        (await member.send('POST', '/account/name', { token, fields: { name: 'Ada Byron' } })).status,
      ).toBe(303);
      const guest = createVisitor({ baseUrl });
      expect((await guest.send('GET', `/orders/${world.tokens.paid}`)).status).toBe(200);
      expect((await guest.send('GET', `/tickets/${world.ticketCode}`)).status).toBe(200);
      // codes of second factors are read with the former key
      const { id, email } = await world
        .db('users')
        .whereIn('id', world.db('two_factor').select('user_id'))
        .first('id', 'email');
      expect(id).toBeDefined();
      await guest.send('POST', '/sign-in', { fields: { email, password: PASSWORD } });
      expect((await guest.send('POST', '/sign-in/code', { fields: { code: '000000' } })).status).toBe(422);

      for (const [n, secret] of [...primary.webhookSecrets, 'whsec_anotherOne'].entries()) {
        const payload = JSON.stringify({
          id: `evt_rotation_${n}`,
          object: 'event',
          type: 'account.updated',
          livemode: false,
          created: Math.floor(Date.now() / 1000),
          account: 'acct_nobodyKnows',
          data: { object: { id: 'acct_nobodyKnows', object: 'account' } },
        });
        const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret });
        const answer = await fetch(`${baseUrl}/webhooks/stripe`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', 'Stripe-Signature': signature },
          body: payload,
        });
        expect([secret, answer.status]).toEqual([secret, secret === 'whsec_anotherOne' ? 400 : 200]);
      }
    } finally {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await dependencies.close();
    }
  });

  test('the twin: without the former secret they are not', async () => {
    const { config, logger } = world.market.testApp.dependencies;
    const dependencies = createDependencies(
      {
        ...config,
        databaseUrl: world.market.testApp.databaseUrl,
        sessionSecrets: ['another-session-secret-of-the-tests-only'],
      },
      { logger },
    );
    const server = createServer(createListener(dependencies));
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const jar = new Map(world.visitor('member').cookies);
      const stranger = createVisitor({ baseUrl }, { cookies: () => jar } as never);
      expect((await stranger.send('GET', '/account')).status).toBe(303);
      expect((await stranger.send('GET', `/orders/${world.tokens.paid}`)).status).toBe(404);
      expect((await stranger.send('GET', `/tickets/${world.ticketCode}`)).status).toBe(404);
    } finally {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await dependencies.close();
    }
  });
});

/** The id in a signed cookie: `s:id.signature`. */
function sessionIdOf(cookie: string): string {
  return decodeURIComponent(cookie).slice(2).split('.')[0]!;
}
