/** What a measurement stands on: a durable Postgres of its own, filled and analysed tables, and the built app as processes. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Knex } from 'knex';
import { createDatabase } from '../../src/db/connection';
import { startEmbeddedServer } from '../../src/db/embedded-server';
import { migrateToLatest } from '../../src/db/migrations';
import { newId } from '../../src/lib/ids';
import { freePort, pause } from '../support/built-app';
import { type BuyersPlan, type BuyersResult } from './buyers';
import { type LoadPlan, type LoadResult } from './load';

const ROOT = join(__dirname, '../../..');
const FILLING_MS = 10 * 60_000;

export type World = Awaited<ReturnType<typeof createWorld>>;

export async function createWorld() {
  const dataDir = mkdtempSync(join(tmpdir(), 'foyer-bench-'));
  const server = await startEmbeddedServer({ dataDir });
  await migrateToLatest(server.url);
  // filling and analysing a million orders takes longer than any page may wait
  const db = createDatabase({ url: server.url, poolSize: 4, patienceMs: FILLING_MS });
  const secrets = join(dataDir, 'app');
  return {
    db,
    databaseUrl: server.url,
    market: await fillMarket(db),
    /** where the app keeps the secrets that it makes */
    secretsFolder: secrets,
    /** The built app with these settings, ready to answer. */
    startApp: (settings: Record<string, string> = {}, options?: { watched: boolean }) =>
      startApp({ DATABASE_URL: server.url, DATA_DIR: secrets, ...settings }, options),
    async close() {
      await db.destroy();
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export interface AppProcess {
  port: number;
  url: string;
  /** resident memory in MB: now, and the most there ever was */
  memory(): { now: number; peak: number };
  /** The most is counted anew from here. */
  forgetPeak(): void;
  process: ChildProcess;
  stop(): Promise<void>;
}

/** What `npm start` runs, so that the process has the same settings for its memory. */
function startCommand(): { settings: Record<string, string>; flags: string[] } {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const words = scripts.start.split(' ');
  return {
    settings: Object.fromEntries(
      words.filter((word) => /^[A-Z_]+=/.test(word)).map((word) => word.split('=')),
    ),
    flags: words.filter((word) => word.startsWith('--')),
  };
}

export async function startApp(
  settings: Record<string, string>,
  { watched } = { watched: false },
): Promise<AppProcess> {
  const port = Number(settings.PORT ?? (await freePort()));
  const start = startCommand();
  const watcher = watched ? ['--require', join(__dirname, 'watched.js')] : [];
  const child = spawn(process.execPath, [...start.flags, ...watcher, join(ROOT, 'dist/src/server.js')], {
    cwd: ROOT,
    env: {
      ...start.settings,
      PATH: process.env.PATH,
      PORT: String(port),
      STRIPE_SIMULATOR_PORT: String(await freePort()),
      LOG_LEVEL: 'warn',
      ...settings,
    },
    stdio: ['ignore', 'ignore', 'inherit', ...(watched ? ['ipc' as const] : [])],
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await answers(`${url}/readyz`))) {
    if (child.exitCode !== null) throw new Error('the app did not start');
    await pause(25);
  }
  return {
    ...{ port, url, process: child, memory: () => memoryOf(child), stop: () => stopProcess(child) },
    forgetPeak: () => writeFileSync(`/proc/${child.pid}/clear_refs`, '5'),
  };
}

export async function startHello(): Promise<{ port: number; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [join(__dirname, 'hello.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((done) => {
    child.stdout.once('data', (text: Buffer) => done(Number(text.toString())));
  });
  return { port, stop: () => stopProcess(child) };
}

export interface SimulatorRequest {
  at: number;
  method: string;
  path: string;
  idempotencyKey: string;
  status: number | null;
}

/** Stripe's simulator alone, with the app's secrets; its events go to an app that is started at `platformUrl`. */
export async function startSimulator(secretsFolder: string) {
  const [port, appPort] = [await freePort(), await freePort()];
  const platformUrl = `http://127.0.0.1:${appPort}`;
  const child = spawn(process.execPath, [join(ROOT, 'dist/src/stripe-simulator/server.js')], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      DATA_DIR: secretsFolder,
      BASE_URL: platformUrl,
      STRIPE_SIMULATOR_PORT: String(port),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  const control = async (path: string, body?: object): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${url}/_control${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { 'Content-Type': 'application/json' },
      body: body ? JSON.stringify(body) : undefined,
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json() as Promise<Record<string, unknown>>;
  };
  while (!(await answers(`${url}/_control/faults`))) {
    if (child.exitCode !== null) throw new Error('the simulator did not start');
    await pause(25);
  }
  return {
    url,
    platformUrl,
    control,
    async connectAccount(): Promise<string> {
      const { id } = await control('/accounts', { email: 'house@example.com', charges_enabled: true });
      await control(`/accounts/${id as string}/connect`, {});
      return id as string;
    },
    requests: async () => (await control('/requests'))['requests'] as SimulatorRequest[],
    stop: () => stopProcess(child),
  };
}

/** Guests who buy, in a process of their own. */
export async function buyersOf(plan: BuyersPlan): Promise<BuyersResult> {
  return inProcess('buyers.js', plan) as Promise<BuyersResult>;
}

/** Loads from a process of its own. */
export async function load(plan: LoadPlan): Promise<LoadResult> {
  return inProcess('load.js', plan) as Promise<LoadResult>;
}

async function inProcess(script: string, plan: object): Promise<unknown> {
  const running = promisify(execFile)(process.execPath, [join(__dirname, script)]);
  running.child.stdin!.end(JSON.stringify(plan));
  return JSON.parse((await running).stdout);
}

export interface BenchEvent {
  id: string;
  slug: string;
  typeIds: string[];
}

/** One organizer with a connected account, and orders of former events, so that no table is small. */
async function fillMarket(db: Knex) {
  const [organizerId, connectionId] = [newId(), newId()];
  await db('organizers').insert({
    id: organizerId,
    slug: 'house',
    name: 'House',
    contact_email: 'house@example.com',
  });
  await db('stripe_connections').insert({
    id: connectionId,
    organizer_id: organizerId,
    stripe_user_id: 'acct_bench',
    livemode: false,
    scope: 'read_write',
    charges_enabled: true,
    // asked about just now: Stripe does not know this account
    checked_at: new Date(),
  });
  await db('organizers').where({ id: organizerId }).update({ default_connection_id: connectionId });
  let events = 0;

  async function addEvent(options: {
    types?: number;
    capacity: number;
    kind?: 'paid' | 'free';
  }): Promise<BenchEvent> {
    const id = newId();
    const slug = `event-${(events += 1)}`;
    const typeIds = Array.from({ length: options.types ?? 1 }, () => newId());
    await db('events').insert({
      id,
      organizer_id: organizerId,
      slug,
      title: 'An Evening with the Engine',
      description:
        'How do you add without thinking? We take a working model apart and turn the crank.\n\n'.repeat(8),
      starts_at: new Date(Date.now() + 30 * 86_400_000),
      ends_at: new Date(Date.now() + 31 * 86_400_000),
      time_zone: 'Europe/Berlin',
      location_kind: 'venue',
      venue_name: 'Old Library',
      venue_address: 'Hauptstraße 1, Berlin',
      currency: 'eur',
      livemode: false,
      status: 'published',
      published_at: new Date(),
    });
    await db('ticket_types').insert(
      typeIds.map((typeId, position) => ({
        id: typeId,
        event_id: id,
        position,
        name: `Row ${position + 1}`,
        description: 'Numbered seats, step-free access',
        kind: options.kind ?? 'paid',
        price: options.kind === 'free' ? 0 : 2000 + 500 * position,
        capacity: options.capacity,
      })),
    );
    return { id, slug, typeIds };
  }

  return {
    organizerId,
    addEvent,
    /** The organizer's account, where there is a Stripe that knows one. */
    connectTo: (account: string) =>
      db('stripe_connections').where({ id: connectionId }).update({ stripe_user_id: account }),
    /** Paid orders of one event, written as they would stand there. */
    async addOrders(event: BenchEvent, count: number): Promise<void> {
      await db.raw("SET statement_timeout = '10min'");
      await db.raw(
        `WITH made AS (
           INSERT INTO orders (id, event_id, organizer_id, reference, status, inventory, currency, total_amount,
                               application_fee_amount, buyer_name, buyer_email, livemode, hold_expires_at, paid_at, created_at)
           SELECT gen_random_uuid(), :eventId, :organizerId,
                  upper(substr(md5(:eventId::text || n), 1, 12)), 'paid', 'sold', 'eur', 2000, 80,
                  (ARRAY['Ada','Charles','Emmy','Grace','Alan','Sofia'])[1 + n % 6] || ' ' || initcap(substr(md5(n::text), 1, 7)),
                  'buyer' || n || '@example.com', false, now() - interval '1 day', now() - interval '1 day',
                  now() - make_interval(secs => n)
             FROM generate_series(1, :count) n
           RETURNING id
         ), lines AS (
           INSERT INTO order_lines (order_id, ticket_type_id, ticket_type_name, quantity, unit_price)
           SELECT id, :typeId, 'Row 1', 1, 2000 FROM made
         )
         INSERT INTO order_timeline (order_id, to_status, actor, reason) SELECT id, 'paid', 'stripe', 'paid' FROM made`,
        { eventId: event.id, organizerId, typeId: event.typeIds[0]!, count },
      );
      await db('ticket_types')
        .where({ id: event.typeIds[0]! })
        .update({ capacity: count + 1000, sold: count });
      await db('events').where({ id: event.id }).update({ sold: count });
      await db.raw('VACUUM ANALYZE orders, order_lines, order_timeline, events, ticket_types');
      await db.raw("SET statement_timeout = '5s'");
    },
    analyse: () => db.raw('VACUUM ANALYZE events, ticket_types, orders, order_lines, order_timeline'),
  };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}

async function stopProcess(child: ChildProcess): Promise<void> {
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await ended;
}

function memoryOf(child: ChildProcess): { now: number; peak: number } {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const of = (name: string) =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  return { now: of('VmRSS'), peak: of('VmHWM') };
}
