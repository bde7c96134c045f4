/** The end of a scenario: Stripe and Postgres are reached again, time passes, and whatever was begun comes to its end. */
import { pause } from '../../support/built-app';
import { findings } from './invariants';
import { type AppProcess, type World } from './world';

const MOST_ROUNDS = 8;

/** By the database's clock every hold and every session is over then, and every account is due to be compared again. */
const ALL_IS_DUE_MINUTES = 61;

/** Lets the world come to rest: only what nobody would ever finish is left undone then. Answers the rounds it took. */
export async function comeToRest(world: World, mostRounds = MOST_ROUNDS): Promise<number> {
  await world.control('DELETE', '/faults');
  await world.control('POST', '/webhooks', { mode: 'normal' });
  world.smtp.setAway(false);
  for (const { app, stripe, database, alive } of world.started) {
    if (!alive()) continue;
    app.process.kill('SIGCONT');
    for (const proxy of [stripe, database]) {
      proxy.setMode('open');
      proxy.setDelay(0);
    }
  }
  // A new worker: what the others have learned of Stripe's troubles is no longer so.
  for (const old of world.started.filter(({ role, alive }) => role === 'worker' && alive())) await old.kill();
  const worker = await world.start({ role: 'worker' });
  if (!world.started.some(({ role, alive }) => role === 'web' && alive())) await world.start();
  await untilDelivered(world);
  await world.passTime(ALL_IS_DUE_MINUTES);
  await untilCompared(world, worker);
  for (let round = 1; ; round += 1) {
    await worker.sweep();
    await untilJobsAreDone(world);
    const { stuck } = await findings(world);
    if (stuck.length === 0 || round === mostRounds) return round;
    await world.passTime(round < 4 ? 4 : 61);
  }
}

/** Every account's sessions and undelivered events are compared with the books: what no news ever said is found there. */
async function untilCompared(world: World, worker: AppProcess): Promise<void> {
  const countDue = async () => {
    const { rows } = await world.db.raw(
      `SELECT count(*)::integer AS due FROM stripe_connections c
        WHERE status = 'active' AND status_detail IS NULL AND NOT EXISTS (
          SELECT 1 FROM reconciliations r WHERE r.stripe_account_id = c.stripe_user_id AND r.livemode = c.livemode
             AND r.claimed_at > now() - interval '1 hour')`,
    );
    return rows[0].due as number;
  };
  // some fifty in a round; those of accounts that let nobody in any more stay
  for (let before = Infinity, due = await countDue(); due > 0 && due < before; due = await countDue()) {
    before = due;
    await worker.sweep();
    // an account with thousands of sessions takes its time
    await untilJobsAreDone(world, { patienceMs: 120_000, task: 'reconcile_account' });
  }
}

/** Stripe's events arrive; those of a receiver that was away are not waited for, and nobody may need them. */
async function untilDelivered(world: World): Promise<void> {
  for (let waited = 0; waited < 2500; waited += 50) {
    const { pending } = (await world.control('GET', '/webhooks')) as { pending: unknown[] };
    if (pending.length === 0) return;
    await pause(50);
  }
}

async function untilJobsAreDone(
  { db }: World,
  { patienceMs = 5000, task = null }: { patienceMs?: number; task?: string | null } = {},
): Promise<void> {
  for (let waited = 0; waited < patienceMs; waited += 50) {
    const { rows } = await db.raw(
      `SELECT count(*)::integer AS due FROM graphile_worker.jobs
        WHERE run_at <= now() AND attempts < max_attempts AND task_identifier = coalesce(:task, task_identifier)`,
      { task },
    );
    if (rows[0].due === 0) return;
    await pause(50);
  }
}
