/**
 * Everything that can be set from outside. All problems are listed at once, by name, never with a value. Outside
 * production, secrets that are not given are made at random on first start and kept in DATA_DIR.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { currencyStep, isCurrency } from './lib/money';
import {
  findClient,
  type OAuthClient,
  readOAuthClients,
  STRIPE_APP_CLIENT_ID,
  stripeAppClient,
} from './oauth-provider/oauth-clients';

export class ConfigError extends Error {
  constructor(readonly problems: string[]) {
    super(
      `Foyer can't start with these settings:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
    this.name = 'ConfigError';
  }
}

/** The platform's keys for one mode. */
export interface StripeKeys {
  livemode: boolean;
  secretKey: string;
  clientId: string;
  webhookSecrets: string[];
  /** Foyer's Stripe App; absent where none is set up */
  app?: StripeAppKeys;
}

/** Foyer inside Stripe's Dashboard, in one mode. */
export interface StripeAppKeys {
  clientId: string;
  /** the whole address of the install page, which is another for an app that is not published yet */
  installUrl: string;
  /** check what the app's views send; the first signs */
  signingSecrets: string[];
  /** the developer's key that exchanges this app's codes; never a restricted one */
  secretKey: string;
}

export interface Config {
  production: boolean;
  /** templates are compiled once; off in development with LOG_LEVEL=debug, while one works on them */
  viewCache: boolean;
  port: number;
  baseUrl: string;
  databaseUrl: string | null;
  databaseDirectUrl: string | null;
  databasePoolSize: number;
  databasePrepared: boolean;
  dataDir: string;
  sessionSecrets: string[];
  encryptionKeys: string[];
  stripe: {
    simulated: boolean;
    simulatorPort: number;
    apiUrl: string;
    connectUrl: string;
    /** exactly as they are registered at Stripe; the first is the one of this Foyer's address */
    redirectUris: string[];
    /** what the Stripe App's manifest says beside this Foyer's address; checked when it is made */
    manifest: { appId: string | null; redirectUris: string[] };
    requestsPerSecond: number;
    /** when calls are put off because Stripe does not answer; default: stripe-circuit.ts knows */
    circuit?: { calls?: number; windowMs?: number; restMs?: number };
    /** The keys that new connections and new payments use. */
    primary: StripeKeys;
    /** Every mode we hold keys for: payments remember theirs. */
    modes: StripeKeys[];
  };
  /** programs that may ask people for access to what Foyer knows of them; `stripe-app` is our own app in the Dashboard */
  oauthClients: OAuthClient[];
  platformFee: { percentHundredths: number; fixed: Record<string, bigint> };
  /** what happens with the platform's fee when an organizer refunds: kept, or given back in proportion */
  platformFeeRefund: 'keep' | 'proportional';
  smtpUrl: string | null;
  mailFrom: string;
  logLevel: string;
  trustProxy: number | false;
}

const MINIMUM_SECRET_LENGTH = 32;
const MINIMUM_APP_SECRET_LENGTH = 16;
const INSTALL_URL = /^https?:\/\/\S+\/authorize$/;
const INSTALL_URL_WORDS = 'is the whole install link up to /authorize, without a query';

const text = z.string().trim();
const port = text.refine((value) => /^\d{1,5}$/.test(value) && Number(value) <= 65_535, 'is a port number');
const settings = z.object({
  NODE_ENV: text.pipe(z.enum(['production', 'development', 'test'])).default('development'),
  PORT: port.default('3000'),
  BASE_URL: text
    .regex(/^https?:\/\/[^/\s]+$/, 'is an address such as https://tickets.example.org, without a path')
    .optional(),
  DATABASE_URL: text.regex(/^postgres(ql)?:\/\//, 'begins with postgres://').optional(),
  DATABASE_DIRECT_URL: text.regex(/^postgres(ql)?:\/\//, 'begins with postgres://').optional(),
  DATABASE_POOL_SIZE: text.regex(/^[1-9]\d{0,2}$/, 'is a number from 1 to 999').default('10'),
  DATABASE_PREPARED: text.pipe(z.enum(['true', 'false'])).default('true'),
  DATA_DIR: text.default('.data'),
  SESSION_SECRETS: text.optional(),
  ENCRYPTION_KEYS: text.optional(),
  STRIPE_SECRET_KEY: text.regex(/^(sk|rk)_(test|live)_\w+$/, 'begins with sk_test_ or sk_live_').optional(),
  STRIPE_REDIRECT_URIS: text.optional(),
  STRIPE_CLIENT_ID: text.regex(/^ca_\w+$/, 'begins with ca_').optional(),
  STRIPE_WEBHOOK_SECRETS: text.optional(),
  STRIPE_TEST_SECRET_KEY: text.regex(/^(sk|rk)_test_\w+$/, 'begins with sk_test_').optional(),
  STRIPE_TEST_CLIENT_ID: text.regex(/^ca_\w+$/, 'begins with ca_').optional(),
  STRIPE_TEST_WEBHOOK_SECRETS: text.optional(),
  STRIPE_APP_ID: text.optional(),
  STRIPE_APP_REDIRECT_URIS: text.optional(),
  STRIPE_APP_CLIENT_ID: text.regex(/^ca_\w+$/, 'begins with ca_').optional(),
  STRIPE_APP_INSTALL_URL: text.regex(INSTALL_URL, INSTALL_URL_WORDS).optional(),
  STRIPE_APP_SIGNING_SECRETS: text.optional(),
  STRIPE_APP_SECRET_KEY: text.regex(/^sk_(test|live)_\w+$/, 'begins with sk_test_ or sk_live_').optional(),
  STRIPE_APP_TEST_CLIENT_ID: text.regex(/^ca_\w+$/, 'begins with ca_').optional(),
  STRIPE_APP_TEST_INSTALL_URL: text.regex(INSTALL_URL, INSTALL_URL_WORDS).optional(),
  STRIPE_APP_TEST_SIGNING_SECRETS: text.optional(),
  STRIPE_APP_TEST_SECRET_KEY: text.regex(/^sk_test_\w+$/, 'begins with sk_test_').optional(),
  STRIPE_API_URL: text.regex(/^https?:\/\/[^/\s]+$/, 'is an address without a path').optional(),
  STRIPE_CONNECT_URL: text.regex(/^https?:\/\/[^/\s]+$/, 'is an address without a path').optional(),
  STRIPE_SIMULATOR_PORT: port.default('4010'),
  STRIPE_REQUESTS_PER_SECOND: text.regex(/^[1-9]\d{0,3}$/, 'is a number of requests').default('25'),
  OAUTH_CLIENTS: text.optional(),
  PLATFORM_FEE_PERCENT: text.regex(/^\d{1,2}(\.\d{1,2})?$/, 'is a percentage such as 2.5').default('2.5'),
  PLATFORM_FEE_FIXED: text.default('eur:30,usd:30,gbp:25,chf:30,jpy:50'),
  PLATFORM_FEE_REFUND: text.pipe(z.enum(['keep', 'proportional'])).default('proportional'),
  SMTP_URL: text.regex(/^smtps?:\/\//, 'begins with smtp:// or smtps://').optional(),
  MAIL_FROM: text
    .regex(/^[^\r\n]*<?[^\s<>@]+@[^\s<>@]+>?$/, 'is a mail address')
    .default('Foyer <tickets@foyer.localhost>'),
  LOG_LEVEL: text
    .pipe(z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']))
    .default('info'),
  TRUST_PROXY: text.regex(/^\d{1,2}$/, 'is the number of proxies in front of Foyer').default('0'),
});

/** Reads and checks the settings. Throws `ConfigError` that names every problem. May create DATA_DIR/secrets.json. */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => name in settings.shape && (value ?? '').trim() !== ''),
  );
  const parsed = settings.safeParse(given);
  const problems: string[] = [];
  if (!parsed.success) {
    for (const issue of parsed.error.issues)
      problems.push(
        `${String(issue.path[0])}: ${issue.code === 'invalid_value' ? `is one of ${issue.values.join(', ')}` : issue.message}`,
      );
    throw new ConfigError(problems);
  }
  const values = parsed.data;
  const production = values.NODE_ENV === 'production';
  const realStripe = values.STRIPE_SECRET_KEY !== undefined;

  if (production || realStripe) {
    for (const name of REQUIRED_WHEN_REAL)
      if (given[name] === undefined)
        problems.push(`${name}: is required in production or with a real Stripe key`);
  }
  if (production) {
    // asked of what was given: MAIL_FROM has a default, for development
    for (const name of REQUIRED_IN_PRODUCTION)
      if (given[name] === undefined) problems.push(`${name}: is required in production`);
    if (values.BASE_URL?.startsWith('http://')) problems.push('BASE_URL: begins with https:// in production');
    if (values.STRIPE_SECRET_KEY && isTestKey(values.STRIPE_SECRET_KEY))
      problems.push(
        'STRIPE_SECRET_KEY: is a live key in production (the test key goes to STRIPE_TEST_SECRET_KEY)',
      );
  } else if (values.STRIPE_SECRET_KEY && !isTestKey(values.STRIPE_SECRET_KEY)) {
    problems.push('STRIPE_SECRET_KEY: is a live key, but NODE_ENV is not production');
  }
  const testPair = [
    values.STRIPE_TEST_SECRET_KEY,
    values.STRIPE_TEST_CLIENT_ID,
    values.STRIPE_TEST_WEBHOOK_SECRETS,
  ];
  if (testPair.some(Boolean) && !testPair.every(Boolean))
    problems.push(
      'STRIPE_TEST_SECRET_KEY, STRIPE_TEST_CLIENT_ID, STRIPE_TEST_WEBHOOK_SECRETS: are set together or not at all',
    );

  const sessionSecrets = list(values.SESSION_SECRETS);
  if (
    values.SESSION_SECRETS !== undefined &&
    (sessionSecrets.length === 0 || sessionSecrets.some((secret) => secret.length < MINIMUM_SECRET_LENGTH))
  ) {
    problems.push(`SESSION_SECRETS: each secret has at least ${MINIMUM_SECRET_LENGTH} characters`);
  }
  const encryptionKeys = list(values.ENCRYPTION_KEYS);
  if (
    values.ENCRYPTION_KEYS !== undefined &&
    (encryptionKeys.length === 0 || encryptionKeys.some((key) => Buffer.from(key, 'base64').length !== 32))
  ) {
    problems.push('ENCRYPTION_KEYS: each key is 32 bytes in base64');
  }
  const webhookSecrets = list(values.STRIPE_WEBHOOK_SECRETS);
  const testWebhookSecrets = list(values.STRIPE_TEST_WEBHOOK_SECRETS);
  for (const [name, secrets, set] of [
    ['STRIPE_WEBHOOK_SECRETS', webhookSecrets, values.STRIPE_WEBHOOK_SECRETS !== undefined],
    ['STRIPE_TEST_WEBHOOK_SECRETS', testWebhookSecrets, values.STRIPE_TEST_WEBHOOK_SECRETS !== undefined],
  ] as const) {
    if (set && (secrets.length === 0 || secrets.some((secret) => !/^whsec_\S+$/.test(secret))))
      problems.push(`${name}: each begins with whsec_`);
  }
  const app = realStripe ? readStripeApp('STRIPE_APP', values, values.STRIPE_SECRET_KEY!, problems) : null;
  const testApp = realStripe
    ? readStripeApp('STRIPE_APP_TEST', values, values.STRIPE_TEST_SECRET_KEY, problems)
    : null;
  const baseUrl = values.BASE_URL ?? `http://localhost:${values.PORT}`;
  const redirectUris = readRedirectUris(list(values.STRIPE_REDIRECT_URIS), { baseUrl, production }, problems);
  const oauthClients = readOAuthClients(values.OAUTH_CLIENTS, { production }, problems);
  if (production && (app ?? testApp) && !canSignInFromStripe(oauthClients, baseUrl))
    problems.push(
      `OAUTH_CLIENTS: has ${STRIPE_APP_CLIENT_ID} in it, with a secret and ${baseUrl}/api/oauth/authorise, as .env.example shows`,
    );
  const fixed = readFixedFees(values.PLATFORM_FEE_FIXED, problems);
  if (problems.length > 0) throw new ConfigError(problems);

  const dataDir = resolve(values.DATA_DIR);
  const made = production ? null : readOrMakeSecrets(dataDir);
  if (made && !findClient(oauthClients, STRIPE_APP_CLIENT_ID))
    oauthClients.push(stripeAppClient(baseUrl, made.stripeAppClientSecret));
  const simulatorUrl = `http://127.0.0.1:${values.STRIPE_SIMULATOR_PORT}`;
  const primary: StripeKeys = realStripe
    ? {
        livemode: !isTestKey(values.STRIPE_SECRET_KEY!),
        secretKey: values.STRIPE_SECRET_KEY!,
        clientId: values.STRIPE_CLIENT_ID!,
        webhookSecrets,
        ...(app && { app }),
      }
    : {
        livemode: false,
        secretKey: made!.stripeSimulatorSecretKey,
        clientId: made!.stripeSimulatorClientId,
        webhookSecrets: [made!.stripeSimulatorWebhookSecret],
        app: {
          clientId: made!.stripeSimulatorAppClientId,
          installUrl:
            values.STRIPE_APP_INSTALL_URL ??
            `${values.STRIPE_CONNECT_URL ?? simulatorUrl}/oauth/v2/authorize`,
          signingSecrets: [made!.stripeSimulatorAppSigningSecret],
          secretKey: made!.stripeSimulatorSecretKey,
        },
      };
  const test: StripeKeys | null =
    primary.livemode && values.STRIPE_TEST_SECRET_KEY
      ? {
          livemode: false,
          secretKey: values.STRIPE_TEST_SECRET_KEY,
          clientId: values.STRIPE_TEST_CLIENT_ID!,
          webhookSecrets: testWebhookSecrets,
          ...(testApp && { app: testApp }),
        }
      : null;

  return {
    production,
    viewCache: values.NODE_ENV !== 'development' || values.LOG_LEVEL !== 'debug',
    port: Number(values.PORT),
    baseUrl,
    databaseUrl: values.DATABASE_URL ?? null,
    databaseDirectUrl: values.DATABASE_DIRECT_URL ?? values.DATABASE_URL ?? null,
    databasePoolSize: Number(values.DATABASE_POOL_SIZE),
    databasePrepared: values.DATABASE_PREPARED === 'true',
    dataDir,
    sessionSecrets: sessionSecrets.length > 0 ? sessionSecrets : [made!.sessionSecret],
    encryptionKeys: encryptionKeys.length > 0 ? encryptionKeys : [made!.encryptionKey],
    stripe: {
      simulated: !realStripe,
      simulatorPort: Number(values.STRIPE_SIMULATOR_PORT),
      apiUrl: values.STRIPE_API_URL ?? (realStripe ? 'https://api.stripe.com' : simulatorUrl),
      connectUrl: values.STRIPE_CONNECT_URL ?? (realStripe ? 'https://connect.stripe.com' : simulatorUrl),
      redirectUris,
      manifest: {
        appId: values.STRIPE_APP_ID ?? null,
        redirectUris: list(values.STRIPE_APP_REDIRECT_URIS),
      },
      requestsPerSecond: Number(values.STRIPE_REQUESTS_PER_SECOND),
      primary,
      modes: test ? [primary, test] : [primary],
    },
    oauthClients,
    platformFee: { percentHundredths: readPercent(values.PLATFORM_FEE_PERCENT), fixed },
    platformFeeRefund: values.PLATFORM_FEE_REFUND,
    smtpUrl: values.SMTP_URL ?? null,
    mailFrom: values.MAIL_FROM,
    logLevel: values.LOG_LEVEL,
    trustProxy: values.TRUST_PROXY === '0' ? false : Number(values.TRUST_PROXY),
  };
}

/**
 * Where Stripe may send organizers back to. Stripe compares letter by letter and shows its refusal to the organizer, so a
 * list that lacks this Foyer's own address is found at the start.
 */
function readRedirectUris(
  given: string[],
  { baseUrl, production }: { baseUrl: string; production: boolean },
  problems: string[],
): string[] {
  const own = `${baseUrl}/stripe/callback`;
  if (given.length === 0) return [own];
  if (!given.includes(own))
    problems.push(`STRIPE_REDIRECT_URIS: has ${own} in it, as it is registered at Stripe`);
  if (given.some((uri) => !URL.canParse(uri) || (production && !uri.startsWith('https://'))))
    problems.push('STRIPE_REDIRECT_URIS: each is a whole address, with https:// in production');
  return [own, ...given.filter((uri) => uri !== own)];
}

/** Whether people at Stripe's Dashboard can sign in to this Foyer: its app is a client of Foyer's own, which proves itself. */
function canSignInFromStripe(clients: OAuthClient[], baseUrl: string): boolean {
  const own = findClient(clients, STRIPE_APP_CLIENT_ID);
  return (
    own !== null && own.secrets.length > 0 && own.redirectUris.includes(`${baseUrl}/api/oauth/authorise`)
  );
}

/** The settings of the Stripe App in one mode, all or none; what is wrong with them goes to `problems`. */
function readStripeApp(
  prefix: 'STRIPE_APP' | 'STRIPE_APP_TEST',
  values: z.infer<typeof settings>,
  platformKey: string | undefined,
  problems: string[],
): StripeAppKeys | null {
  const clientId = values[`${prefix}_CLIENT_ID`];
  const installUrl = values[`${prefix}_INSTALL_URL`];
  const signingSecrets = list(values[`${prefix}_SIGNING_SECRETS`]);
  const ownKey = values[`${prefix}_SECRET_KEY`];
  if (![clientId, installUrl, values[`${prefix}_SIGNING_SECRETS`], ownKey].some(Boolean)) return null;
  if (!clientId || !installUrl || signingSecrets.length === 0) {
    const names = ['CLIENT_ID', 'INSTALL_URL', 'SIGNING_SECRETS'].map((name) => `${prefix}_${name}`);
    problems.push(`${names.join(', ')}: are set together or not at all`);
    return null;
  }
  if (!platformKey) problems.push(`${prefix}_CLIENT_ID: needs STRIPE_TEST_SECRET_KEY too`);
  if (signingSecrets.some((secret) => secret.length < MINIMUM_APP_SECRET_LENGTH))
    problems.push(
      `${prefix}_SIGNING_SECRETS: each secret has at least ${MINIMUM_APP_SECRET_LENGTH} characters`,
    );
  const secretKey = ownKey ?? platformKey;
  if (platformKey && !secretKey?.startsWith('sk_'))
    problems.push(
      `${prefix}_SECRET_KEY: is required where the platform's key is none that begins with sk_: Stripe takes no restricted key for the app's codes`,
    );
  else if (secretKey && platformKey && isTestKey(secretKey) !== isTestKey(platformKey))
    problems.push(`${prefix}_SECRET_KEY: is a key of the same mode as the platform's`);
  return { clientId, installUrl, signingSecrets, secretKey: secretKey ?? '' };
}

const REQUIRED_WHEN_REAL = ['STRIPE_SECRET_KEY', 'STRIPE_CLIENT_ID', 'STRIPE_WEBHOOK_SECRETS'] as const;
const REQUIRED_IN_PRODUCTION = [
  'BASE_URL',
  'SESSION_SECRETS',
  'ENCRYPTION_KEYS',
  'SMTP_URL',
  'MAIL_FROM',
] as const;

function isTestKey(key: string): boolean {
  return /^(sk|rk)_test_/.test(key);
}

function list(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
}

/** "2.5" → 250 hundredths of a percent. */
function readPercent(value: string): number {
  const [whole, fraction = ''] = value.split('.');
  return Number(whole) * 100 + Number(fraction.padEnd(2, '0'));
}

/** "eur:30,jpy:50": minor units per paid ticket, by currency. */
function readFixedFees(value: string, problems: string[]): Record<string, bigint> {
  const fees: Record<string, bigint> = {};
  for (const item of list(value)) {
    const [currency, amount] = item.split(':');
    if (
      !isCurrency(currency) ||
      !/^\d{1,6}$/.test(amount ?? '') ||
      BigInt(amount!) % currencyStep(currency) !== 0n
    ) {
      problems.push(
        'PLATFORM_FEE_FIXED: is a list such as eur:30,usd:30,jpy:50 (minor units per paid ticket, in steps that the currency can be charged in)',
      );
      break;
    }
    fees[currency] = BigInt(amount!);
  }
  return fees;
}

const secretsFile = z.object({
  sessionSecret: z.string().min(MINIMUM_SECRET_LENGTH),
  encryptionKey: z.string(),
  stripeSimulatorSecretKey: z.string(),
  stripeSimulatorClientId: z.string(),
  stripeSimulatorWebhookSecret: z.string(),
  stripeSimulatorAppClientId: z.string(),
  stripeSimulatorAppSigningSecret: z.string(),
  stripeAppClientSecret: z.string(),
});

function readOrMakeSecrets(dataDir: string): z.infer<typeof secretsFile> {
  const file = join(dataDir, 'secrets.json');
  const made = {
    sessionSecret: randomBytes(32).toString('base64url'),
    encryptionKey: randomBytes(32).toString('base64'),
    stripeSimulatorSecretKey: `sk_test_simulator${randomBytes(12).toString('hex')}`,
    stripeSimulatorClientId: `ca_simulator${randomBytes(8).toString('hex')}`,
    stripeSimulatorWebhookSecret: `whsec_${randomBytes(24).toString('hex')}`,
    stripeSimulatorAppClientId: `ca_simulatedApp${randomBytes(8).toString('hex')}`,
    stripeSimulatorAppSigningSecret: `absec_${randomBytes(24).toString('hex')}`,
    stripeAppClientSecret: randomBytes(32).toString('base64url'),
  };
  try {
    const kept: unknown = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
    const secrets = secretsFile.parse({ ...made, ...(kept as object) });
    if (Object.keys(made).some((name) => !(name in (kept as object)))) {
      mkdirSync(dataDir, { recursive: true });
      writeFileSync(`${file}.new`, JSON.stringify({ ...(kept as object), ...secrets }, null, 2), {
        mode: 0o600,
      });
      renameSync(`${file}.new`, file);
    }
    return secrets;
  } catch (error) {
    throw new ConfigError([
      `DATA_DIR: the secrets in ${file} can't be read or written (${error instanceof Error ? error.name : 'unknown'})`,
    ]);
  }
}
