/** Buyers, one after the other, each in a hurry or undecided in a way of their own. */
import { newGuest } from '../faults/rig/guests';
import { type Sale } from '../faults/rig/sales';
import { pause } from '../support/built-app';
import { type Random } from './random';
import { type Stage } from './stage';

export async function buyUntilTheEnd(stage: Stage, random: Random): Promise<void> {
  while (!stage.over()) {
    await buyOnce(stage, random, random.pick(stage.sales));
    await pause(random.whole(5, 120));
  }
}

async function buyOnce(stage: Stage, random: Random, sale: Sale): Promise<void> {
  const { world, visit } = stage;
  const { email, headers } = newGuest();
  const form = { [`quantity.${random.pick(sale.typeIds)}`]: String(random.whole(1, 4)) };
  if (random.chance(0.3)) await visit('GET', `${world.url}/events/${sale.slug}`, { headers });
  const chosen = await visit('POST', `${world.url}/events/${sale.slug}/orders`, { form, headers });
  if (chosen?.status !== 303) return;
  const url = new URL(chosen.location!, world.url).href;
  if (random.chance(0.1)) return; // never seen again
  await visit('GET', url, { headers });
  if (random.chance(0.07)) return void (await visit('POST', `${url}/release`, { headers }));
  const details = () => visit('POST', `${url}/payment`, { form: { name: 'Charles', email }, headers });
  const presses = random.chance(0.2) ? 3 : 1;
  await Promise.all(Array.from({ length: presses }, details));
  if (random.chance(0.08)) return void (await visit('POST', `${url}/release`, { headers }));
  const session = await findSession(stage, random, url, headers);
  if (session) await payOrNot(stage, random, session);
  if (random.chance(0.5)) await visit('GET', `${url}?returned=1`, { headers });
}

/** Waits on the page that leads on to Stripe; impatient ones go away. */
async function findSession(
  { visit }: Stage,
  random: Random,
  url: string,
  headers: Record<string, string>,
): Promise<string | null> {
  for (let looked = 0, patience = random.whole(1, 12); looked < patience; looked += 1) {
    const page = await visit('GET', `${url}/payment`, { headers });
    const session = /\/c\/pay\/(cs_test_\w+)/.exec(page?.text ?? '')?.[1];
    if (session) return session;
    if (page && page.status !== 200) return null; // nothing is to be paid here any more
    await pause(random.whole(200, 900));
  }
  return null;
}

/** At Stripe: pays, is declined, thinks it over, leaves, or pays by a way that takes its time. */
async function payOrNot({ world }: Stage, random: Random, session: string): Promise<void> {
  const pay = (outcome: string) =>
    world.control('POST', `/sessions/${session}/pay`, { outcome }).catch(() => 'it was over');
  await pause(random.whole(0, 400));
  if (random.chance(0.12)) return;
  if (random.chance(0.1)) await pay('decline');
  if (random.chance(0.08)) {
    await pay('async_pending');
    await pause(random.whole(50, 1500));
    await pay(random.chance(0.7) ? 'async_success' : 'async_failure');
  } else await pay('success');
}
