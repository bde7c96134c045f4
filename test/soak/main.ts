/**
 * `npm run soak -- [--minutes 1] [--seed 7] [--json FILE]`: buyers, refunds, cancellations, disconnects and kills under
 * faults by chance; then everything comes to rest, and is judged. Exit code 1 if a promise was broken. Loopback only.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startEmbeddedServer } from '../../src/db/embedded-server';
import { migrateToLatest } from '../../src/db/migrations';
import { choose } from '../faults/rig/guests';
import { brokenPromises, findings, lookAtOutputs } from '../faults/rig/invariants';
import { comeToRest } from '../faults/rig/rest';
import { buildForFaults, openWorld, type World } from '../faults/rig/world';
import { pause, type Patch } from '../support/built-app';
import { buyUntilTheEnd } from './buyers';
import { createRandom } from './random';
import { countFindings, isGood, print, type Report } from './report';
import { comeAndGo, disputeNowAndThen, letHoldsRunOut, refundAtDesk, refundAtStripe } from './sellers';
import { createStage, type Stage } from './stage';
import { endTroubles, makeTrouble } from './troubles';
import { throwAwayFolder } from '../support/throw-away-folder';

const BUYERS = 8;

/** Below this a process has not yet reached its usual size. */
const MINUTES_TO_JUDGE_MEMORY = 10;
const MEMORY_GROWTH_ALLOWED = 30;

/** Guards that a run can be made without, to see that it then fails. */
const GUARDS: Record<string, Patch[]> = {
  settling: [
    {
      file: 'src/orders/settle-order.ts',
      find: 'return applyPaid(trx, dependencies, order, attempt, session);',
      replace: 'return;',
    },
  ],
  'session-answer': [
    {
      file: 'src/orders/release-order.ts',
      find: 'await applySession(dependencies, attempt.id, session);',
      replace: "await applySession(dependencies, attempt.id, { ...session, status: 'expired' });",
    },
  ],
  'attempt-key': [
    {
      file: 'src/checkout/send-attempt.ts',
      find: 'idempotencyKey: attempt.idempotencyKey,',
      replace: 'idempotencyKey: attempt.idempotencyKey + Math.random(),',
    },
  ],
};

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      json: { type: 'string' },
      without: { type: 'string' },
    },
  });
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  if (!(minutes > 0 && minutes <= 24 * 60)) throw new Error('--minutes is a number from 0 to 1440');
  if (!Number.isSafeInteger(seed)) throw new Error('--seed is a whole number');
  const patches = values.without ? GUARDS[values.without] : [];
  if (!patches) throw new Error(`--without is one of ${Object.keys(GUARDS).join(', ')}`);

  console.log(`${minutes} min, seed ${seed}${values.without ? `, without ${values.without}` : ''}`);
  const report = await withWorld(patches, (world) =>
    // without a guard there is nothing to wait for
    soak(world, { minutes, seed, ...(patches.length > 0 ? { mostRounds: 2 } : {}) }),
  );
  print(report);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  return isGood(report);
}

async function withWorld<T>(patches: Patch[], work: (world: World) => Promise<T>): Promise<T> {
  const dataDir = throwAwayFolder();
  const build = await buildForFaults(patches);
  const server = await startEmbeddedServer({ dataDir, fast: true });
  try {
    await migrateToLatest(server.url);
    const database = { url: server.url, drop: async () => {} };
    const world = await openWorld(build, { database, stripeRequestsPerSecond: 25 });
    try {
      return await work(world);
    } finally {
      await world.close();
    }
  } finally {
    await server.stop();
    build.remove();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function soak(
  world: World,
  { minutes, seed, mostRounds }: { minutes: number; seed: number; mostRounds?: number },
): Promise<Report> {
  const random = createRandom(seed);
  const elder = await world.start();
  await world.start();
  await world.start({ role: 'worker' });
  const began = Date.now();
  const stage = createStage(world, began + minutes * 60_000);
  stage.sales.push(
    await world.sales.open({ places: [40] }),
    await world.sales.open({ places: [1500 * Math.ceil(minutes), 60], capacity: 1200 * Math.ceil(minutes) }),
    await world.sales.open({ places: [100 * Math.ceil(minutes)], price: 0 }),
  );
  const lasting = [...stage.sales];
  const memory: number[] = [];
  await Promise.all([
    ...Array.from({ length: BUYERS }, () => buyUntilTheEnd(stage, random.fork())),
    makeTrouble(stage, random.fork()),
    letHoldsRunOut(stage, random.fork()),
    refundAtStripe(stage, random.fork()),
    refundAtDesk(stage, random.fork()),
    comeAndGo(stage, random.fork()),
    disputeNowAndThen(stage, random.fork()),
    watchMemory(stage, () => memory.push(elder.memory())),
    watchMachine(stage),
  ]);
  await endTroubles(stage);
  const restRounds = await comeToRest(world, mostRounds);
  const { counts, examples } = countFindings(await findings(world));
  const undersold = await findUndersold(world, lasting);
  const pages = (await brokenPromises(world)).filter((broken) =>
    /^(page of|nonsense|a secret|Stripe was called)/.test(broken),
  );
  const { seen } = stage;
  const kills = ['killSomebody', 'killBetweenStripeAndUs'].reduce(
    (sum, name) => sum + (seen.troubles[name] ?? 0),
    0,
  );
  const early = average(memory.slice(Math.floor(memory.length * 0.25), Math.ceil(memory.length * 0.35)));
  const late = average(memory.slice(Math.floor(memory.length * 0.9)));
  return {
    seed,
    minutes,
    requests: seen.requests,
    orders: await count(world, 'orders'),
    payments: await count(world, 'payment_attempts', { status: 'paid' }),
    refunds: await count(world, 'refunds', { status: 'succeeded' }),
    kills,
    troubles: seen.troubles,
    cutConnections: seen.cut,
    honest503: seen.unavailable,
    restRounds,
    memoryMb: { early, late },
    mustBeZero: {
      ...counts,
      undersold: undersold.length,
      deadlocks: await deadlocks(world),
      unexpected5xx: seen.unexpected5xx.length,
      dishonestPages: pages.length,
      secretsPrinted: lookAtOutputs(world.outputs()).length,
    },
    memoryGrowthPercent: Math.round(((late - early) / early) * 100),
    memoryGrowthAllowed: minutes >= MINUTES_TO_JUDGE_MEMORY ? MEMORY_GROWTH_ALLOWED : null,
    examples: {
      ...examples,
      ...(undersold.length > 0 ? { undersold } : {}),
      ...(seen.unexpected5xx.length > 0 ? { unexpected5xx: seen.unexpected5xx.slice(0, 10) } : {}),
      ...(pages.length > 0 ? { pages: pages.slice(0, 10) } : {}),
    },
  };
}

async function watchMemory({ over }: Stage, look: () => void): Promise<void> {
  while (!over()) {
    look();
    await pause(1000);
  }
}

/** A machine that has no time for a timer has none for Postgres either: that Foyer is busy then is the truth. */
async function watchMachine(stage: Stage): Promise<void> {
  while (!stage.over()) {
    const began = Date.now();
    await pause(100);
    if (Date.now() - began < 400) continue;
    stage.note('the machine was too busy');
    stage.excuse(5);
  }
}

/** Places that are free, and that nobody can have. */
async function findUndersold(world: World, sales: Stage['sales']): Promise<string[]> {
  const undersold: string[] = [];
  for (const sale of sales) {
    const event = await world.db('events').where({ id: sale.id }).first('capacity', 'held', 'sold');
    for (const typeId of sale.typeIds) {
      const type = await world.db('ticket_types').where({ id: typeId }).first('capacity', 'held', 'sold');
      const left = Math.min(
        type.capacity - type.held - type.sold,
        event.capacity === null ? Infinity : event.capacity - event.held - event.sold,
      );
      if (left === 0) continue;
      const { status } = await choose(world, { ...sale, typeIds: [typeId] });
      if (status !== 303)
        undersold.push(`${sale.slug}: ${left} places are free, and a buyer is told ${status}`);
    }
  }
  return undersold;
}

async function count({ db }: World, table: string, which: Record<string, string> = {}): Promise<number> {
  const row = await db(table).where(which).count('* as n').first();
  return Number(row?.['n']);
}

async function deadlocks({ db }: World): Promise<number> {
  const { rows } = await db.raw('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()');
  return Number(rows[0].deadlocks);
}

function average(values: number[]): number {
  return Math.round(values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length));
}

main().then(
  (good) => process.exit(good ? 0 : 1),
  (error: unknown) => {
    console.error(error);
    process.exit(2);
  },
);
