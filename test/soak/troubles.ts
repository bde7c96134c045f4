/** What goes wrong during a soak, by chance: at Stripe, on the way to Postgres, to the mails, to the processes. */
import { stripe, when } from '../faults/rig/points';
import { type AppProcess, until } from '../faults/rig/world';
import { pause } from '../support/built-app';
import { type Random } from './random';
import { type Stage } from './stage';

/** A process that was killed is missed for a moment; what it had in its hands shows as 503 or as a cut connection. */
const RECOVERY_SECONDS = 6;

export async function makeTrouble(stage: Stage, random: Random): Promise<void> {
  const troubles = [
    stripeAnswersBadly,
    stripeAnswersBadly,
    stripeAnswersBadly,
    webhooksGoAstray,
    webhooksGoAstray,
    stripeIsAway,
    postgresIsCut,
    postgresIsSlow,
    mailServerIsAway,
    killSomebody,
    killBetweenStripeAndUs,
    replaceSomebody,
    stopSomebodyForAWhile,
  ];
  while (!stage.over()) {
    await pause(random.whole(100, 900));
    if (stage.over()) return;
    const trouble = random.pick(troubles);
    stage.note(trouble.name);
    await trouble(stage, random);
  }
}

async function stripeAnswersBadly({ world }: Stage, random: Random): Promise<void> {
  const path = random.pick([
    '/v1/checkout/sessions',
    '/v1/refunds',
    '/v1/accounts',
    '/v1/',
    '/oauth/deauthorize',
  ]);
  const fault = random.pick([
    'error_before',
    'error_after',
    'reset_before',
    'reset_after',
    'rate_limit',
    'truncated_json',
    'html',
    'slow',
    'hang',
    'hang_after',
  ]);
  const ms = fault === 'slow' ? random.whole(100, 1500) : 4000;
  await world.faults({ fault, ms, match: { path }, times: random.whole(1, 6), skip: random.whole(0, 3) });
}

/** Late, twice, in another order, or never: then the books find out when they are compared with Stripe's. */
async function webhooksGoAstray({ world }: Stage, random: Random): Promise<void> {
  const mode = random.pick(['double', 'reversed', 'hold', 'muted']);
  await world.control('POST', '/webhooks', { mode });
  await pause(random.whole(500, 3000));
  await world.control('POST', '/webhooks', { mode: 'normal' });
  if (mode === 'hold') await world.control('POST', '/webhooks/release', { reversed: random.chance(0.5) });
}

async function stripeIsAway({ world }: Stage, random: Random): Promise<void> {
  const reached = running(world.started);
  for (const process of reached) {
    process.stripe.setMode('refusing');
    process.stripe.cut();
  }
  await pause(random.whole(500, 4000));
  for (const process of reached) process.stripe.setMode('open');
}

async function postgresIsCut(stage: Stage, random: Random): Promise<void> {
  stage.excuse(RECOVERY_SECONDS);
  random.pick(running(stage.world.started)).database.cut();
}

async function postgresIsSlow(stage: Stage, random: Random): Promise<void> {
  const process = random.pick(running(stage.world.started));
  stage.excuse(RECOVERY_SECONDS + 3);
  process.database.setDelay(random.whole(5, 60));
  await pause(random.whole(500, 2500));
  process.database.setDelay(0);
}

async function mailServerIsAway({ world }: Stage, random: Random): Promise<void> {
  world.smtp.setAway(true);
  await pause(random.whole(500, 3000));
  world.smtp.setAway(false);
}

async function killSomebody(stage: Stage, random: Random): Promise<void> {
  stage.excuse(RECOVERY_SECONDS);
  const victim = random.pick(mortal(stage));
  await victim.kill();
  await stage.world.start({ role: victim.role });
}

/** At the worst moment: Stripe has done it, and the process that asked will never know. */
async function killBetweenStripeAndUs(stage: Stage, random: Random): Promise<void> {
  const victim = random.pick(mortal(stage));
  const point = stripe(/^POST \/v1\/(checkout\/sessions|refunds)/, 'hears');
  const { reached, forget } = when(victim, point, () => {
    stage.excuse(RECOVERY_SECONDS);
    return victim.kill();
  });
  await Promise.race([reached, pause(3000)]);
  forget();
  if (!victim.alive()) await stage.world.start({ role: victim.role });
}

/** A deployment of one process. */
async function replaceSomebody(stage: Stage, random: Random): Promise<void> {
  const victim = random.pick(mortal(stage));
  await stage.world.start({ role: victim.role });
  await victim.stop();
}

async function stopSomebodyForAWhile(stage: Stage, random: Random): Promise<void> {
  const victim = random.pick(mortal(stage));
  stage.excuse(RECOVERY_SECONDS + 4);
  victim.app.process.kill('SIGSTOP');
  await pause(random.whole(500, 3500));
  victim.app.process.kill('SIGCONT');
}

function running(processes: AppProcess[]): AppProcess[] {
  return processes.filter((process) => process.alive());
}

/** Everybody but the first: that one lives through all of it, so that its memory can be watched. */
function mortal({ world }: Stage): AppProcess[] {
  return running(world.started).slice(1);
}

/** Lets nothing of the troubles last beyond the soak. */
export async function endTroubles({ world }: Stage): Promise<void> {
  for (const process of running(world.started)) {
    process.app.process.kill('SIGCONT');
    process.stripe.setMode('open');
    process.database.setDelay(0);
  }
  world.smtp.setAway(false);
  await until(() => running(world.started).length >= 2, 'somebody is alive');
}
