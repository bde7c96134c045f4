/** The end of a scenario: Stripe and Postgres are reached again, time passes, and whatever was begun comes to its end. */
import { pause } from '../../support/built-app';
import { findings } from './invariants';
import { type World } from './world';

const MOST_ROUNDS = 8;

/** Long enough for every hold and every session to be over, by the database's clock. */
const ALL_HOLDS_MINUTES = 45;

/** Lets the world come to rest: only what nobody would ever finish is left undone then. Answers the rounds it took. */
export async function comeToRest(world: World): Promise<number> {
  await world.control('DELETE', '/faults');
  await world.control('POST', '/webhooks', { mode: 'normal' });
  world.smtp.setAway(false);
  for (const { stripe, database, alive } of world.started) {
    if (!alive()) continue;
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
  await world.passTime(ALL_HOLDS_MINUTES);
  for (let round = 1; ; round += 1) {
    await worker.sweep();
    await untilJobsAreDone(world);
    const { stuck } = await findings(world);
    if (stuck.length === 0 || round === MOST_ROUNDS) return round;
    await world.passTime(round < 4 ? 4 : 61);
  }
}

/** Stripe's events arrive; those of a receiver that was away come by themselves later, and nobody may need them. */
async function untilDelivered(world: World): Promise<void> {
  for (let waited = 0; waited < 2500; waited += 50) {
    const { pending } = (await world.control('GET', '/webhooks')) as { pending: unknown[] };
    if (pending.length === 0) return;
    await pause(50);
  }
}

async function untilJobsAreDone({ db }: World): Promise<void> {
  for (let waited = 0; waited < 5000; waited += 50) {
    const { rows } = await db.raw(
      `SELECT count(*)::integer AS due FROM graphile_worker.jobs WHERE run_at <= now() AND attempts < max_attempts`,
    );
    if (rows[0].due === 0) return;
    await pause(50);
  }
}
