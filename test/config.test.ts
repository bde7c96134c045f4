import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type Config, ConfigError, loadConfig } from '../src/config';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'foyer-config-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const KEY = Buffer.alloc(32, 1).toString('base64');
const OLD_KEY = Buffer.alloc(32, 2).toString('base64');
/** Everything that production needs, and no more. */
const PRODUCTION = {
  NODE_ENV: 'production',
  BASE_URL: 'https://tickets.foyer.example',
  SESSION_SECRETS: 'canary-session-secret-of-32-characters',
  ENCRYPTION_KEYS: KEY,
  STRIPE_SECRET_KEY: 'sk_live_canary',
  STRIPE_CLIENT_ID: 'ca_canary',
  STRIPE_WEBHOOK_SECRETS: 'whsec_canary',
  SMTP_URL: 'smtps://user:canary@mail.example',
  MAIL_FROM: 'Foyer <tickets@foyer.example>',
};
const REAL_TEST_KEYS = {
  STRIPE_SECRET_KEY: 'sk_test_canary',
  STRIPE_CLIENT_ID: 'ca_canary',
  STRIPE_WEBHOOK_SECRETS: 'whsec_canary',
};

type Env = Record<string, string | undefined>;

const load = (env: Env): Config => loadConfig({ DATA_DIR: dataDir, ...env });

/** The problems, or none; and whatever is printed of them, no value is. */
function problemsOf(env: Env): string[] {
  try {
    load(env);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/canary/);
    return (error as ConfigError).problems;
  }
}

describe('with nothing set', () => {
  it('runs on this machine alone: the simulator, an embedded database, mails that are kept', () => {
    expect(load({})).toMatchObject({
      production: false,
      port: 3000,
      baseUrl: 'http://localhost:3000',
      databaseUrl: null,
      databaseDirectUrl: null,
      databasePoolSize: 10,
      databasePrepared: true,
      smtpUrl: null,
      trustProxy: false,
      stripe: { simulated: true, apiUrl: 'http://127.0.0.1:4010', connectUrl: 'http://127.0.0.1:4010' },
      platformFee: { percentHundredths: 250, fixed: { eur: 30n, jpy: 50n } },
    });
  });

  it('makes its secrets once, for its own eyes, and keeps them', () => {
    const first = load({});
    const file = join(dataDir, 'secrets.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const kept = readFileSync(file, 'utf8');

    const second = load({});
    expect(second).toEqual(first);
    expect(readFileSync(file, 'utf8')).toBe(kept);
    expect(existsSync(`${file}.new`)).toBe(false);
    expect(first.sessionSecrets[0]!.length).toBeGreaterThanOrEqual(32);
    expect(Buffer.from(first.encryptionKeys[0]!, 'base64')).toHaveLength(32);
    expect(first.stripe.primary).toEqual({
      livemode: false,
      secretKey: expect.stringMatching(/^sk_test_simulator\w{24}$/),
      clientId: expect.stringMatching(/^ca_simulator\w{16}$/),
      webhookSecrets: [expect.stringMatching(/^whsec_\w{48}$/)],
      app: {
        clientId: expect.stringMatching(/^ca_simulatedApp\w{16}$/),
        installUrl: 'http://127.0.0.1:4010/oauth/v2/authorize',
        signingSecrets: [expect.stringMatching(/^absec_\w{48}$/)],
        secretKey: first.stripe.primary.secretKey,
      },
    });
  });

  it('adds a secret that an older version did not know, and keeps the others', () => {
    const file = join(dataDir, 'secrets.json');
    const sessionSecret = 'a-session-secret-that-was-made-before';
    writeFileSync(file, JSON.stringify({ sessionSecret }), { mode: 0o600 });
    expect(load({}).sessionSecrets).toEqual([sessionSecret]);
    expect(load({}).encryptionKeys).toEqual(load({}).encryptionKeys);
  });

  it.each([
    ['cut off', '{"sessionSecret": "canary'],
    ['too weak', '{"sessionSecret": "canary"}'],
    ['no object', '"canary"'],
  ])('says which file is wrong when the secrets are %s', (_name, text) => {
    writeFileSync(join(dataDir, 'secrets.json'), text);
    expect(problemsOf({})).toEqual([
      expect.stringMatching(/^DATA_DIR: the secrets in .*secrets\.json can't be read/),
    ]);
  });

  it('does not read what is not a setting of ours', () => {
    expect(inspect(load({ SOMETHING: 'canary', npm_config_foo: 'canary' }))).not.toContain('canary');
  });
});

describe('in production', () => {
  it('needs these settings and makes no secrets by itself', () => {
    expect(load(PRODUCTION)).toMatchObject({
      production: true,
      viewCache: true,
      baseUrl: 'https://tickets.foyer.example',
      stripe: {
        simulated: false,
        apiUrl: 'https://api.stripe.com',
        connectUrl: 'https://connect.stripe.com',
        primary: { livemode: true, secretKey: 'sk_live_canary' },
        modes: [{ livemode: true }],
      },
    });
    expect(existsSync(join(dataDir, 'secrets.json'))).toBe(false);
  });

  it('lists every setting that is missing, at once', () => {
    const problems = problemsOf({ NODE_ENV: 'production' });
    const names = problems.map((problem) => problem.split(':')[0]);
    expect(names.sort()).toEqual(
      Object.keys(PRODUCTION)
        .filter((name) => name !== 'NODE_ENV')
        .sort(),
    );
  });

  const needed = Object.keys(PRODUCTION).filter((name) => name !== 'NODE_ENV');

  it.each(needed)('does not start without %s, nor with nothing in it', (name) => {
    for (const value of [undefined, '', '   ', '\t\n']) {
      const problems = problemsOf({ ...PRODUCTION, [name]: value });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(new RegExp(`^${name}: is required in production`));
    }
  });

  it.each([
    ['SESSION_SECRETS', 'canary', 'each secret has at least 32 characters'],
    ['SESSION_SECRETS', `${PRODUCTION.SESSION_SECRETS},canary`, 'each secret has at least 32 characters'],
    ['SESSION_SECRETS', ' , ,', 'each secret has at least 32 characters'],
    ['ENCRYPTION_KEYS', 'canary', 'each key is 32 bytes in base64'],
    ['ENCRYPTION_KEYS', `${KEY},canary`, 'each key is 32 bytes in base64'],
    ['ENCRYPTION_KEYS', ',', 'each key is 32 bytes in base64'],
    ['STRIPE_WEBHOOK_SECRETS', ' , ', 'each begins with whsec_'],
    ['STRIPE_WEBHOOK_SECRETS', 'undefined', 'each begins with whsec_'],
    ['STRIPE_WEBHOOK_SECRETS', 'whsec_', 'each begins with whsec_'],
    ['STRIPE_WEBHOOK_SECRETS', 'whsec_canary, canary', 'each begins with whsec_'],
    [
      'STRIPE_SECRET_KEY',
      'sk_test_canary',
      'is a live key in production (the test key goes to STRIPE_TEST_SECRET_KEY)',
    ],
    [
      'STRIPE_SECRET_KEY',
      'rk_test_canary',
      'is a live key in production (the test key goes to STRIPE_TEST_SECRET_KEY)',
    ],
    ['STRIPE_SECRET_KEY', 'pk_live_canary', 'begins with sk_test_ or sk_live_'],
    ['STRIPE_CLIENT_ID', 'canary', 'begins with ca_'],
    ['BASE_URL', 'http://tickets.foyer.example', 'begins with https:// in production'],
    [
      'BASE_URL',
      'https://tickets.foyer.example/canary',
      'is an address such as https://tickets.example.org, without a path',
    ],
    [
      'BASE_URL',
      'tickets.foyer.example',
      'is an address such as https://tickets.example.org, without a path',
    ],
    ['SMTP_URL', 'https://canary.example', 'begins with smtp:// or smtps://'],
    ['MAIL_FROM', 'canary', 'is a mail address'],
    ['MAIL_FROM', 'Foyer <a@b.example>\r\nBcc: canary@b.example', 'is a mail address'],
    ['NODE_ENV', 'canary', 'is one of production, development, test'],
  ])('says what is wrong with %s=%s', (name, value, problem) => {
    expect(problemsOf({ ...PRODUCTION, [name]: value })).toEqual([`${name}: ${problem}`]);
  });

  it('takes lists with the newest first, for a rotation', () => {
    const config = load({
      ...PRODUCTION,
      SESSION_SECRETS: ` ${'n'.repeat(32)} , ${'o'.repeat(32)} ,`,
      ENCRYPTION_KEYS: `${KEY} ,${OLD_KEY}`,
      STRIPE_WEBHOOK_SECRETS: ' whsec_new,whsec_old ',
    });
    expect(config.sessionSecrets).toEqual(['n'.repeat(32), 'o'.repeat(32)]);
    expect(config.encryptionKeys).toEqual([KEY, OLD_KEY]);
    expect(config.stripe.primary.webhookSecrets).toEqual(['whsec_new', 'whsec_old']);
  });

  it('takes the keys of test mode beside the live ones, all three or none', () => {
    const test = {
      STRIPE_TEST_SECRET_KEY: 'sk_test_canary',
      STRIPE_TEST_CLIENT_ID: 'ca_test',
      STRIPE_TEST_WEBHOOK_SECRETS: 'whsec_test',
    };
    expect(load({ ...PRODUCTION, ...test }).stripe.modes).toEqual([
      expect.objectContaining({ livemode: true, clientId: 'ca_canary' }),
      { livemode: false, secretKey: 'sk_test_canary', clientId: 'ca_test', webhookSecrets: ['whsec_test'] },
    ]);
    for (const name of Object.keys(test)) {
      expect(problemsOf({ ...PRODUCTION, ...test, [name]: ' ' })).toEqual([
        'STRIPE_TEST_SECRET_KEY, STRIPE_TEST_CLIENT_ID, STRIPE_TEST_WEBHOOK_SECRETS: are set together or not at all',
      ]);
    }
    expect(problemsOf({ ...PRODUCTION, ...test, STRIPE_TEST_SECRET_KEY: 'sk_live_canary' })).toEqual([
      'STRIPE_TEST_SECRET_KEY: begins with sk_test_',
    ]);
  });
});

describe('the Stripe App', () => {
  const app = {
    STRIPE_APP_CLIENT_ID: 'ca_app',
    STRIPE_APP_INSTALL_URL: 'https://marketplace.stripe.com/oauth/v2/chnlink_canary/authorize',
    STRIPE_APP_SIGNING_SECRETS: 'absec_new_canary_1, absec_old_canary_2',
    OAUTH_CLIENTS: JSON.stringify([
      {
        id: 'stripe-app',
        name: 'Foyer for Stripe',
        secrets: ['canary-secret-of-the-client-of-the-stripe-app'],
        redirect_uris: ['https://tickets.foyer.example/api/oauth/authorise'],
      },
    ]),
  };
  const test = {
    STRIPE_TEST_SECRET_KEY: 'sk_test_canary',
    STRIPE_TEST_CLIENT_ID: 'ca_test',
    STRIPE_TEST_WEBHOOK_SECRETS: 'whsec_test',
  };
  const testApp = Object.fromEntries(
    Object.entries(app).map(([name, value]) => [name.replace('APP_', 'APP_TEST_'), value]),
  );

  it('is one thing more: there is none without its settings, and it takes the key of its mode', () => {
    expect(load(PRODUCTION).stripe.primary.app).toBeUndefined();
    const read = {
      clientId: 'ca_app',
      installUrl: app.STRIPE_APP_INSTALL_URL,
      signingSecrets: ['absec_new_canary_1', 'absec_old_canary_2'],
    };
    expect(load({ ...PRODUCTION, ...app, ...test, ...testApp }).stripe.modes.map((mode) => mode.app)).toEqual(
      [
        { ...read, secretKey: 'sk_live_canary' },
        { ...read, secretKey: 'sk_test_canary' },
      ],
    );
    expect(
      load({ ...PRODUCTION, ...app, STRIPE_APP_SECRET_KEY: 'sk_live_own' }).stripe.primary.app,
    ).toMatchObject({ secretKey: 'sk_live_own' });
  });

  it.each<[string, Env, string]>([
    ['is set up by halves', { STRIPE_APP_CLIENT_ID: ' ' }, 'are set together or not at all'],
    ['has no secret in its list', { STRIPE_APP_SIGNING_SECRETS: ',' }, 'are set together or not at all'],
    [
      'has a weak secret',
      { STRIPE_APP_SIGNING_SECRETS: 'canary' },
      'STRIPE_APP_SIGNING_SECRETS: each secret has at least 16 characters',
    ],
    [
      'has only a restricted key',
      { STRIPE_SECRET_KEY: 'rk_live_canary' },
      'STRIPE_APP_SECRET_KEY: is required where',
    ],
    [
      'has a key of the other mode',
      { STRIPE_APP_SECRET_KEY: 'sk_test_canary' },
      'STRIPE_APP_SECRET_KEY: is a key of the same mode',
    ],
    [
      'has an install link with a query',
      { STRIPE_APP_INSTALL_URL: 'https://marketplace.stripe.com/oauth/v2/authorize?client_id=canary' },
      'STRIPE_APP_INSTALL_URL: is the whole install link',
    ],
    [
      'has a test side without a test key',
      testApp,
      'STRIPE_APP_TEST_CLIENT_ID: needs STRIPE_TEST_SECRET_KEY',
    ],
    [
      'has no way for people to sign in from there',
      { OAUTH_CLIENTS: '' },
      'OAUTH_CLIENTS: has stripe-app in it',
    ],
    [
      'has its way back at another Foyer',
      { OAUTH_CLIENTS: app.OAUTH_CLIENTS.replace('tickets.', 'staging.') },
      'OAUTH_CLIENTS: has stripe-app in it',
    ],
  ])('does not start where it %s', (_name, env, problem) => {
    expect(problemsOf({ ...PRODUCTION, ...app, ...env })).toEqual([expect.stringContaining(problem)]);
  });
});

describe('outside production with a real key', () => {
  it('needs three lines and no more', () => {
    expect(load(REAL_TEST_KEYS).stripe).toMatchObject({
      simulated: false,
      apiUrl: 'https://api.stripe.com',
      connectUrl: 'https://connect.stripe.com',
      primary: {
        livemode: false,
        secretKey: 'sk_test_canary',
        clientId: 'ca_canary',
        webhookSecrets: ['whsec_canary'],
      },
    });
  });

  it.each([undefined, 'development', 'test'])('refuses a live key when NODE_ENV is %s', (NODE_ENV) => {
    expect(problemsOf({ ...REAL_TEST_KEYS, NODE_ENV, STRIPE_SECRET_KEY: 'sk_live_canary' })).toEqual([
      'STRIPE_SECRET_KEY: is a live key, but NODE_ENV is not production',
    ]);
  });

  it.each(['STRIPE_CLIENT_ID', 'STRIPE_WEBHOOK_SECRETS'])('does not start without %s', (name) => {
    expect(problemsOf({ ...REAL_TEST_KEYS, [name]: ' ' })).toEqual([
      `${name}: is required in production or with a real Stripe key`,
    ]);
  });
});

describe('single settings', () => {
  it.each([
    ['PORT', '0', true],
    ['PORT', ' 8080 ', true],
    ['PORT', '65535', true],
    ['PORT', '65536', false],
    ['PORT', '99999', false],
    ['PORT', '3000x', false],
    ['PORT', '1e3', false],
    ['STRIPE_SIMULATOR_PORT', '70000', false],
    ['DATABASE_URL', 'postgresql://foyer@localhost/foyer', true],
    ['DATABASE_URL', 'mysql://localhost', false],
    ['DATABASE_POOL_SIZE', '0', false],
    ['DATABASE_PREPARED', 'no', false],
    ['TRUST_PROXY', '2', true],
    ['TRUST_PROXY', 'true', false],
    ['LOG_LEVEL', 'loud', false],
    ['PLATFORM_FEE_PERCENT', '0', true],
    ['PLATFORM_FEE_PERCENT', '99.99', true],
    ['PLATFORM_FEE_PERCENT', '100', false],
    ['PLATFORM_FEE_PERCENT', '-1', false],
    ['PLATFORM_FEE_PERCENT', '2,5', false],
    ['PLATFORM_FEE_PERCENT', '2.555', false],
    ['PLATFORM_FEE_REFUND', 'keep', true],
    ['PLATFORM_FEE_REFUND', 'proportional', true],
    ['PLATFORM_FEE_REFUND', 'half', false],
    ['PLATFORM_FEE_FIXED', 'eur:30, jpy:50 ,', true],
    ['PLATFORM_FEE_FIXED', 'kwd:50,isk:3000', true],
    ['PLATFORM_FEE_FIXED', 'eur:0.30', false],
    ['PLATFORM_FEE_FIXED', 'eur', false],
    ['PLATFORM_FEE_FIXED', 'eur:-1', false],
    ['PLATFORM_FEE_FIXED', 'EUR:30', false],
    ['PLATFORM_FEE_FIXED', 'xyz:30', false],
    // what Stripe could not charge: fils go by tens, krónur are whole
    ['PLATFORM_FEE_FIXED', 'kwd:55', false],
    ['PLATFORM_FEE_FIXED', 'isk:30', false],
  ])('%s=%s is good: %s', (name, value, good) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toEqual(
      good ? [] : [expect.stringMatching(new RegExp(`^${name}: is|^${name}: begins`))],
    );
  });

  it('reads percentages without a float', () => {
    for (const [text, hundredths] of [
      ['2.5', 250],
      ['0.07', 7],
      ['10', 1000],
      ['1.15', 115],
    ] as const)
      expect(load({ PLATFORM_FEE_PERCENT: text }).platformFee.percentHundredths).toBe(hundredths);
  });

  it('lists what is wrong with several at once', () => {
    expect(problemsOf({ PORT: 'x', TRUST_PROXY: 'x', STRIPE_CLIENT_ID: 'x' })).toHaveLength(3);
  });

  it('follows the port in its address, and an address that was given', () => {
    expect(load({ PORT: '8080' }).baseUrl).toBe('http://localhost:8080');
    expect(load({ PORT: '8080', BASE_URL: 'http://foyer.test:81' }).baseUrl).toBe('http://foyer.test:81');
  });

  it('sends the worker past a pooler', () => {
    const DATABASE_URL = 'postgres://pooler/foyer';
    expect(load({ DATABASE_URL }).databaseDirectUrl).toBe(DATABASE_URL);
    expect(load({ DATABASE_URL, DATABASE_DIRECT_URL: 'postgres://direct/foyer' })).toMatchObject({
      databaseUrl: DATABASE_URL,
      databaseDirectUrl: 'postgres://direct/foyer',
    });
  });
});

describe('OAUTH_CLIENTS', () => {
  const client = {
    id: 'box-office',
    name: 'Box Office',
    secrets: ['canary-secret-of-thirty-two-letters-'],
    redirect_uris: ['https://app.example/back'],
    scopes: ['orders:read'],
  };
  const json = (...clients: object[]) => JSON.stringify(clients);

  it('makes the Stripe App a client on this machine, with a secret that stays, and none in production', () => {
    const [made] = load({ OAUTH_CLIENTS: json(client) }).oauthClients.slice(1);
    expect(made).toMatchObject({
      id: 'stripe-app',
      secrets: [expect.stringMatching(/^[\w-]{43}$/)],
      redirectUris: [
        'http://localhost:3000/api/oauth/authorise',
        'http://localhost:3000/api/oauth/authorize',
      ],
    });
    expect(load({}).oauthClients).toEqual([made]);
    expect(load(PRODUCTION).oauthClients).toEqual([]);
    const own = { ...client, id: 'stripe-app' };
    expect(load({ OAUTH_CLIENTS: json(own) }).oauthClients).toMatchObject([{ secrets: client.secrets }]);
  });

  it.each<[string, string]>([
    ['no JSON', 'canary'],
    ['no list', '{"canary":1}'],
    ['a short secret', json({ ...client, secrets: ['canary'] })],
    ['a scope that is none', json({ ...client, scopes: ['canary'] })],
    ['a field that is none', json({ ...client, canary: '1' })],
    ['no address', json({ ...client, redirect_uris: [] })],
    ['an id twice', json(client, client)],
    ['http in production', json({ ...client, redirect_uris: ['http://canary.example/back'] })],
    ['a query', json({ ...client, redirect_uris: ['https://canary.example/back?a=1'] })],
    ['a fragment', json({ ...client, redirect_uris: ['https://canary.example/back#'] })],
    ['no path', json({ ...client, redirect_uris: ['https://canary.example'] })],
    ['a script', json({ ...client, redirect_uris: ['javascript:canary'] })],
  ])('refuses %s', (_what, OAUTH_CLIENTS) => {
    expect(problemsOf({ ...PRODUCTION, OAUTH_CLIENTS })).toEqual([expect.stringMatching(/^OAUTH_CLIENTS: /)]);
    expect(problemsOf({ ...PRODUCTION, OAUTH_CLIENTS: json(client) })).toEqual([]);
  });
});
