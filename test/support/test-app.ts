import { EventEmitter } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { Logger, runOnce, type TaskList } from 'graphile-worker';
import { type Knex } from 'knex';
import { type Express } from 'express';
import supertest from 'supertest';
import { createApp, createListener } from '../../src/app';
import { type Config } from '../../src/config';
import { createDependencies, type Dependencies } from '../../src/dependencies';
import { createLogger } from '../../src/http/request-log';
import { createTasks } from '../../src/jobs/tasks';
import { stripeAppClient } from '../../src/oauth-provider/oauth-clients';
import { keepLog } from './kept-logs';
import { createTestDatabase } from './test-database';

export type Agent = ReturnType<typeof supertest.agent>;

export interface TestApp {
  app: Express;
  /** Where it listens: `http://127.0.0.1:port`. */
  url: string;
  dependencies: Dependencies;
  db: Knex;
  /** The same database for a connection of one's own. */
  databaseUrl: string;
  /** A browser with a cookie jar of its own and nobody signed in. */
  agent(): Agent;
  /** Works off all jobs that are due, and what they add, as the worker does. Answers what went wrong in them. */
  runJobs(): Promise<Error[]>;
  /** All that was logged so far, to look for what must not be there. */
  logs(): string;
  close(): Promise<void>;
}

export interface TestAppOverrides {
  /** listens already, so that its address could be told to others; default: one of its own */
  server?: Server;
  config?: Partial<Omit<Config, 'stripe'>>;
  stripe?: Partial<Config['stripe']>;
  dependencies?: Partial<Dependencies>;
}

/** The whole app on a database of its own, listening on a free port: sessions, CSRF and limits as they are in production. */
export async function createTestApp(overrides: TestAppOverrides = {}): Promise<TestApp> {
  const database = await createTestDatabase();
  const lines: string[] = [];
  const config = { ...testConfig(overrides), databaseUrl: database.url };
  const dependencies = createDependencies(config, {
    logger: createLogger(config.logLevel, { write: (line) => lines.push(line) }),
    ...overrides.dependencies,
  });
  const app = createApp(dependencies);
  const server = overrides.server ?? (await listen());
  server.on('request', createListener(dependencies, app));

  return {
    app,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    dependencies,
    db: dependencies.db,
    databaseUrl: database.url,
    agent: () => supertest.agent(server),
    runJobs: () => runDueJobs(database.url, createTasks(dependencies)),
    logs: () => lines.join(''),
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await dependencies.close();
      keepLog(lines.join(''));
      await database.drop();
    },
  };
}

/** A server on a free port that nobody else can take any more. It answers nothing yet. */
export async function listen(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((ready, fail) => {
    server.once('error', fail);
    server.listen(0, '127.0.0.1', ready);
  });
  return server;
}

/** Nothing listens there: whoever asks Stripe without having said where is refused at once. */
const NOWHERE = 'http://127.0.0.1:9';

export function testConfig(overrides: TestAppOverrides = {}): Config {
  const keys = {
    livemode: false,
    secretKey: 'sk_test_platformOfTheTests',
    clientId: 'ca_platformOfTheTests',
    webhookSecrets: ['whsec_currentSecretOfTheTests', 'whsec_formerSecretOfTheTests'],
    app: {
      clientId: 'ca_appOfTheTests',
      installUrl: `${overrides.stripe?.connectUrl ?? NOWHERE}/oauth/v2/authorize`,
      signingSecrets: ['absec_currentSecretOfTheTests', 'absec_formerSecretOfTheTests'],
      secretKey: 'sk_test_platformOfTheTests',
    },
  };
  return {
    production: false,
    viewCache: true,
    port: 0,
    baseUrl: 'http://127.0.0.1',
    databaseUrl: null,
    databaseDirectUrl: null,
    databasePoolSize: 5,
    databasePrepared: true,
    dataDir: tmpdir(),
    sessionSecrets: ['the-session-secret-of-the-tests-only'],
    encryptionKeys: [Buffer.alloc(32, 7).toString('base64')],
    stripe: {
      simulated: true,
      simulatorPort: 9,
      apiUrl: NOWHERE,
      connectUrl: NOWHERE,
      redirectUris: [`${overrides.config?.baseUrl ?? 'http://127.0.0.1'}/stripe/callback`],
      manifest: { appId: null, redirectUris: [] },
      requestsPerSecond: 1000,
      primary: keys,
      modes: [keys],
      ...overrides.stripe,
    },
    oauthClients: [
      stripeAppClient(
        overrides.config?.baseUrl ?? 'http://127.0.0.1',
        'the-secret-of-the-stripe-app-in-tests',
      ),
    ],
    platformFee: { percentHundredths: 250, fixed: { eur: 30n, usd: 30n, gbp: 25n, chf: 30n, jpy: 50n } },
    platformFeeRefund: 'proportional',
    smtpUrl: null,
    mailFrom: 'Foyer <tickets@foyer.example>',
    logLevel: 'info',
    trustProxy: false,
    ...overrides.config,
  };
}

async function runDueJobs(connectionString: string, taskList: TaskList): Promise<Error[]> {
  const failures: Error[] = [];
  const events = new EventEmitter();
  events.on('job:error', ({ error }: { error: unknown }) =>
    failures.push(error instanceof Error ? error : new Error(String(error))),
  );
  await runOnce({ connectionString, taskList, events, noHandleSignals: true, logger: silent });
  return failures;
}

const silent = new Logger(() => () => {});
