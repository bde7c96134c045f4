/**
 * The rig of the fault tests: Stripe's simulator and a mail server in this process; the built app as processes of their
 * own, each with a proxy of its own before Stripe and before Postgres; a load balancer in front of the web ones.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createDatabase } from '../../../src/db/connection';
import { createIdTokens } from '../../../src/lib/tokens';
import { startSimulator } from '../../../src/stripe-simulator/simulator';
import {
  buildApp,
  freePort,
  pause,
  type Patch,
  ROOT,
  runApp,
  type RunningApp,
  untilAnswers,
} from '../../support/built-app';
import { type Ledger, type StripeRequest } from '../../support/market';
import { createSales } from './sales';
import { startSmtpSink } from './smtp-sink';
import { type Address, startTcpProxy, type TcpProxy } from './tcp-proxy';
import { throwAwayFolder } from '../../support/throw-away-folder';

const KEYS = {
  secretKey: 'sk_test_platformOfTheFaults',
  clientId: 'ca_platformOfTheFaults',
  webhookSecret: 'whsec_ofTheFaultTestsOnly',
};
const SESSION_SECRET = 'the-session-secret-of-the-fault-tests';

export interface WorldOptions {
  database: { url: string; drop(): Promise<void> };
  /** what Stripe allows per second and endpoint; default: everything */
  stripeRequestsPerSecond?: number;
}

export interface StartOptions {
  /** default: a web server with its worker, as `npm start` runs it */
  role?: 'web' | 'worker';
  /** another build than the world's own */
  build?: string;
  /** this process believes that it is so much later */
  clockOffsetMs?: number;
  settings?: Record<string, string>;
  /** default: for web servers true */
  balanced?: boolean;
}

export interface AppProcess {
  app: RunningApp;
  url: string;
  stripe: TcpProxy;
  database: TcpProxy;
  /** SIGKILL */
  kill(): Promise<void>;
  /** SIGTERM; answers how it ended */
  stop(): Promise<number | NodeJS.Signals>;
  role: 'web' | 'worker';
  alive(): boolean;
  /** resident memory in MB */
  memory(): number;
  /** a worker alone: one round of sweeps, now */
  sweep(): Promise<void>;
}

export type World = Awaited<ReturnType<typeof openWorld>>;

/** The app as it is, or without some of its guards; with the worker's own entry point. */
export function buildForFaults(patches: Patch[] = []) {
  return buildApp({ patches, entries: [WORKER_ENTRY] });
}

export async function openWorld(build: { folder: string }, { database, ...options }: WorldOptions) {
  const dataDir = throwAwayFolder();
  const web = new Set<AppProcess>();
  const started: AppProcess[] = [];
  const balancer = await startTcpProxy(() => [...web].map(({ url }) => addressOf(url)));
  const url = `http://127.0.0.1:${balancer.port}`;
  const smtp = await startSmtpSink();
  const simulator = await startSimulator({
    port: 0,
    stateFile: null,
    platform: {
      name: 'Foyer',
      secretKey: KEYS.secretKey,
      publishableKey: 'pk_test_platform',
      clientId: KEYS.clientId,
      redirectUris: [`${url}/stripe/callback`],
    },
    webhook: { url: `${url}/webhooks/stripe`, secret: KEYS.webhookSecret },
    requestsPerSecond: options.stripeRequestsPerSecond ?? null,
  });
  const postgres = { target: addressOf(database.url) };
  const ownProxy = await startTcpProxy(() => [postgres.target]);
  const db = createDatabase({ url: through(ownProxy, database.url), poolSize: 6, patienceMs: 20_000 });
  const orderTokens = createIdTokens([SESSION_SECRET], 'order-address');

  const control = async (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown) => {
    const answer = await fetch(`${simulator.url}/_control${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };

  async function start(how: StartOptions = {}): Promise<AppProcess> {
    const role = how.role ?? 'web';
    const [stripe, databaseProxy] = await Promise.all([
      startTcpProxy(() => [addressOf(simulator.url)]),
      startTcpProxy(() => [postgres.target]),
    ]);
    const port = await freePort();
    const shell = how.clockOffsetMs === undefined ? [] : ['env', `CLOCK_OFFSET_MS=${how.clockOffsetMs}`];
    const app = await runApp(
      how.build ?? build.folder,
      {
        PORT: String(port),
        BASE_URL: url,
        DATA_DIR: dataDir,
        DATABASE_URL: through(databaseProxy, database.url),
        SESSION_SECRETS: SESSION_SECRET,
        ENCRYPTION_KEYS: Buffer.alloc(32, 7).toString('base64'),
        STRIPE_SECRET_KEY: KEYS.secretKey,
        STRIPE_CLIENT_ID: KEYS.clientId,
        STRIPE_WEBHOOK_SECRETS: KEYS.webhookSecret,
        STRIPE_API_URL: `http://127.0.0.1:${stripe.port}`,
        STRIPE_CONNECT_URL: `http://127.0.0.1:${stripe.port}`,
        SMTP_URL: smtp.url,
        TRUST_PROXY: '1',
        ...(how.clockOffsetMs === undefined ? {} : { NODE_OPTIONS: `--import ${CLOCK}` }),
        ...how.settings,
      },
      shell,
      role === 'web' ? 'src/server.js' : WORKER_ENTRY.replace(/\.ts$/, '.js'),
    );
    const running: AppProcess = {
      app,
      url: app.url,
      stripe,
      database: databaseProxy,
      role,
      alive: () => app.process.exitCode === null && app.process.signalCode === null,
      async kill() {
        web.delete(running);
        app.process.kill('SIGKILL');
        await app.ended;
      },
      async stop() {
        app.process.kill('SIGTERM');
        const how = await app.ended;
        web.delete(running);
        return how;
      },
      memory() {
        const status = readFileSync(`/proc/${app.process.pid}/status`, 'utf8');
        return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
      },
      async sweep() {
        const before = count(app.output(), 'swept');
        app.process.kill('SIGUSR2');
        // after a long soak there is much to do, and each item that Stripe refuses takes its time
        await until(() => count(app.output(), 'swept') > before, 'a round of sweeps ends', app, 150);
      },
    };
    started.push(running);
    if (role === 'web') await untilAnswers(app, '/readyz');
    else await until(() => app.output().includes('ready'), 'the worker starts', app);
    if (role === 'web' && how.balanced !== false) web.add(running);
    return running;
  }

  const world = {
    db,
    url,
    smtp,
    simulator,
    control,
    start,
    started,
    balancer,
    orderTokens,
    sales: createSales({ db, control }),
    /** Where Postgres is reached from now on, by everybody. */
    movePostgres(databaseUrl: string): void {
      postgres.target = addressOf(databaseUrl);
    },
    ledger: async () => (await control('GET', '/ledger')) as Ledger,
    requests: async () => ((await control('GET', '/requests')) as { requests: StripeRequest[] }).requests,
    faults: (...faults: Record<string, unknown>[]) => control('POST', '/faults', faults),
    /** A request of ours to Stripe, as somebody in the account's Dashboard could do it. */
    async stripeApi(
      method: 'GET' | 'POST',
      path: string,
      account: string,
      form: Record<string, string> = {},
    ) {
      const query = method === 'GET' ? `?${new URLSearchParams(form)}` : '';
      const answer = await fetch(`${simulator.url}/v1${path}${query}`, {
        method,
        headers: { Authorization: `Bearer ${KEYS.secretKey}`, 'Stripe-Account': account },
        ...(method === 'POST' ? { body: new URLSearchParams(form) } : {}),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    /** Every session of an account, dead or alive, newest first; none where access was revoked: nobody may look there. */
    async sessionsOf(account: string): Promise<StripeSession[]> {
      const all: StripeSession[] = [];
      for (;;) {
        const last = all.at(-1)?.id;
        const { status, body } = await world.stripeApi('GET', '/checkout/sessions', account, {
          limit: '100',
          ...(last ? { starting_after: last } : {}),
        });
        if (status === 403) return [];
        all.push(...(body['data'] as StripeSession[]));
        if (!body['has_more']) return all;
      }
    },
    orderOf: async (orderUrl: string) => {
      const token = /\/orders\/([^/?]+)/.exec(orderUrl)?.[1];
      return db('orders')
        .where({ id: orderTokens.verify(token) })
        .first();
    },
    orderUrl: (orderId: string) => `${url}/orders/${orderTokens.sign(orderId)}`,
    /** The clock of everything that the database remembers goes on: all of it is so much longer ago. */
    async passTime(minutes: number): Promise<void> {
      await letTimePass(db, minutes);
    },
    /** All that was printed by all processes so far. */
    outputs: () => started.map(({ app }) => app.output()).join('\n'),
    /** Kills what runs; what it printed is forgotten. */
    async endProcesses(): Promise<void> {
      for (const process of started) await process.kill();
      for (const { stripe, database: proxy } of started) await Promise.all([stripe.close(), proxy.close()]);
      started.length = 0;
    },
    async close(): Promise<void> {
      await world.endProcesses();
      await Promise.all([simulator.close(), balancer.close(), smtp.close(), db.destroy()]);
      await ownProxy.close();
      await database.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return world;
}

export interface StripeSession {
  id: string;
  status: 'open' | 'complete' | 'expired';
  payment_status: string;
  client_reference_id: string | null;
  payment_intent: string | null;
  url: string | null;
  metadata: Record<string, string>;
}

const WORKER_ENTRY = 'test/faults/rig/worker-process.ts';
const CLOCK = join(ROOT, 'test/faults/rig/clock.mjs');

async function letTimePass(db: World['db'], minutes: number): Promise<void> {
  const { rows } = await db.raw<{ rows: { schema: string; name: string; columns: string[] }[] }>(
    `SELECT table_schema AS schema, table_name AS name, array_agg(column_name::text) AS columns
       FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
      WHERE data_type = 'timestamp with time zone' AND table_type = 'BASE TABLE' AND table_name NOT LIKE '%migration%'
        AND (table_schema = 'public' OR (table_schema = 'graphile_worker' AND table_name = '_private_jobs'))
      GROUP BY 1, 2`,
  );
  for (const { schema, name, columns } of rows) {
    const shifted = columns.map((column) => [
      column,
      db.raw('?? - make_interval(mins => ?)', [column, minutes]),
    ]);
    // Others write meanwhile: one table after the other, and again where that was a deadlock.
    await again(4, () => db.withSchema(schema).from(name).update(Object.fromEntries(shifted)));
  }
}

async function again<T>(times: number, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      times -= 1;
      if (times === 0) throw error;
    }
  }
}

/** Waits until something is so; fails after `seconds` with what the process has printed. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  app?: RunningApp,
  seconds = 15,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end)
      throw new Error(`Not within ${seconds} s: ${what}\n${app?.output().slice(-4000) ?? ''}`);
    await pause(30);
  }
}

/** The same database, reached by way of a proxy. */
function through(proxy: TcpProxy, databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${proxy.port}`;
  return url.href;
}

function addressOf(url: string): Address {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

function count(text: string, word: string): number {
  return text.split(word).length - 1;
}
