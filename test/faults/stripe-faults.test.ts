/** Stripe hangs, asks to slow down, is busy with the same request, or is away for a while. */
import { pause } from '../support/built-app';
import { ask } from './rig/ask';
import { choose, endHere, giveDetails, hold, payAtStripe, untilStatus } from './rig/guests';
import { stripe, when } from './rig/points';
import { useWorld } from './rig/scenario';
import { until } from './rig/world';

const world = useWorld({ stripeRequestsPerSecond: 25 });
const SESSIONS = { method: 'POST', path: '/^\\/v1\\/checkout\\/sessions$/' };

test('S1: Stripe hangs: the buyer waits no longer than ten seconds and is told so; the same key makes one session', async () => {
  await world().start();
  const sale = await world().sales.open();
  await world().faults({ fault: 'hang', match: SESSIONS, times: 1 });
  const order = await hold(world(), sale);
  const began = Date.now();
  const answer = await giveDetails(order);
  expect(Date.now() - began).toBeLessThan(10_000);
  expect(answer.status).toBe(303);
  expect((await ask('GET', `${order.url}/payment`)).text).toMatch(/Preparing your payment/);
  expect(await world().db('orders').where({ id: order.id }).first()).toMatchObject({ inventory: 'held' });

  await world().passTime(1);
  const worker = await world().start({ role: 'worker' });
  await worker.sweep();
  await untilStatus(world(), order.id, 'awaiting_payment');
  const sends = await sendsOf(order.id);
  expect(sends.length).toBeGreaterThan(1);
  expect(new Set(sends.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
  expect(await world().sessionsOf(sale.account)).toHaveLength(1);
});

test('S4: many pay at once, more than Stripe takes in a second: nobody sees an error, nobody loses the hold', async () => {
  await world().start();
  await world().start();
  const sale = await world().sales.open();
  const orders = await Promise.all(Array.from({ length: 80 }, () => hold(world(), sale)));
  const answers = await Promise.all(orders.map(giveDetails));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303]));
  const worker = await world().start({ role: 'worker' });
  await until(
    async () => {
      const open = await world().db('orders').where({ event_id: sale.id, status: 'awaiting_payment' });
      if (open.length < 80) {
        await world().passTime(1);
        await worker.sweep();
      }
      return open.length === 80;
    },
    'all have a payment to make',
    worker.app,
    40,
  );
  expect(await world().sessionsOf(sale.account)).toHaveLength(80);
}, 90_000);

test('S7: a process that was stopped in the middle of a send: another one is told to wait, and there is one session', async () => {
  const first = await world().start();
  const worker = await world().start({ role: 'worker' });
  const sale = await world().sales.open();
  const order = await hold(world(), sale);
  await world().faults({ fault: 'slow', ms: 5000, match: SESSIONS, times: 1 });
  const { reached } = when(first, stripe(/^POST \/v1\/checkout\/sessions /, 'asks'), () => {
    // the request goes out, and the process knows nothing of the time that follows
    setTimeout(() => first.app.process.kill('SIGSTOP'), 100);
    return 'pass';
  });
  const answer = giveDetails(order);
  await reached;
  await until(async () => (await sendsOf(order.id)).length === 1, 'Stripe is at it');
  await world().passTime(1);
  await worker.sweep();
  expect((await sendsOf(order.id)).map(({ status }) => status)).toContain(409);
  expect(await world().db('orders').where({ id: order.id }).first()).toMatchObject({
    status: 'creating_session',
    inventory: 'held',
  });
  await until(async () => (await sendsOf(order.id))[0]!.status === 200, 'Stripe has made the session');
  await world().passTime(1);
  await worker.sweep();
  await untilStatus(world(), order.id, 'awaiting_payment');
  first.app.process.kill('SIGCONT');
  expect((await answer).status).toBe(303);
  expect(await world().sessionsOf(sale.account)).toHaveLength(1);
  expect(
    await world().db('order_timeline').where({ order_id: order.id, to_status: 'awaiting_payment' }),
  ).toHaveLength(1);
});

test('S18: Stripe is away: pages go on, buyers are told the truth; afterwards all is done once', async () => {
  const web = await world().start();
  const worker = await world().start({ role: 'worker' });
  const sale = await world().sales.open();
  const paidMeanwhile = await hold(world(), sale);
  await giveDetails(paidMeanwhile);
  const goAway = (mode: 'refusing' | 'open') => {
    for (const process of [web, worker]) {
      process.stripe.setMode(mode);
      process.stripe.cut();
    }
  };
  goAway('refusing');
  await world().control('POST', '/webhooks', { mode: 'muted' });
  await payAtStripe(world(), paidMeanwhile.id);

  for (const path of [
    '/',
    `/events/${sale.slug}`,
    '/sign-in',
    '/readyz',
    new URL(paidMeanwhile.url).pathname,
  ])
    expect([path, (await ask('GET', world().url + path)).status]).toEqual([path, 200]);
  const orders = await Promise.all(Array.from({ length: 10 }, () => hold(world(), sale)));
  const answers = await Promise.all(orders.map(giveDetails));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([303]));
  let page = '';
  await until(async () => {
    page = (await ask('GET', `${orders[0]!.url}/payment`)).text;
    return page.includes('Stripe does not answer right now');
  }, 'the page says that Stripe is away');
  expect(page).toMatch(/not (been )?charged/);
  await world().passTime(4);
  await worker.sweep();
  expect((await choose(world(), sale)).status).toBe(303);
  expect(await world().db('orders').where({ event_id: sale.id, inventory: 'held' })).toHaveLength(12);

  goAway('open');
  // The circuit breakers leave Stripe alone for a little longer. No hold may run out meanwhile.
  let looked = 0;
  await until(
    async () => {
      looked += 1;
      if (looked <= 3) await world().passTime(1);
      else await pause(400);
      await worker.sweep();
      const rows = await world().db('orders').where({ event_id: sale.id });
      const begun = rows.filter(({ status }) => status === 'awaiting_payment').length;
      const paid = rows.filter(({ status }) => status === 'paid').length;
      return begun === 10 && paid === 1;
    },
    'ten wait for their buyers, one is paid',
    worker.app,
    30,
  );
  expect(await world().sessionsOf(sale.account)).toHaveLength(11);
}, 90_000);

test('S9: paid, and nobody has told us: who presses "pay" again is asked about at Stripe first, and is in', async () => {
  await world().start();
  const sale = await world().sales.open();
  const order = await hold(world(), sale);
  await giveDetails(order);
  await untilStatus(world(), order.id, 'awaiting_payment');
  await world().control('POST', '/webhooks', { mode: 'muted' });
  await payAtStripe(world(), order.id);
  await world().passTime(1);
  const again = await ask('GET', `${order.url}/payment`);
  expect([again.status, again.location]).toEqual([303, new URL(order.url).pathname]);
  expect((await ask('GET', order.url)).text).toMatch(/Yes, 1 ticket/);
});

test.each([
  ['is not answered', 'hang_after'],
  ['ends in a 500 after it was made', 'error_after'],
  ['is cut off', 'reset_after'],
])('S15: a refund that %s is made once, and the buyer has all of it back', async (_how, fault) => {
  await world().start();
  const sale = await world().sales.open({ places: [1] });
  const late = await hold(world(), sale);
  await giveDetails(late);
  await untilStatus(world(), late.id, 'awaiting_payment');
  await endHere(world(), late.id);
  await hold(world(), sale);
  await world().faults({ fault, ms: 500, match: { method: 'POST', path: '/v1/refunds' }, times: 2 });
  await payAtStripe(world(), late.id);
  await until(
    async () => refundsAtStripe(sale.account).then((all) => all.length === 1),
    'Stripe has made it',
  );
  const worker = await world().start({ role: 'worker' });
  await until(
    async () => {
      await world().passTime(2);
      await worker.sweep();
      return (await world().db('orders').where({ id: late.id }).first()).status === 'refunded';
    },
    'we know of it',
    worker.app,
    30,
  );
  expect(await refundsAtStripe(sale.account)).toMatchObject([{ amount: 2000, status: 'succeeded' }]);
});

async function refundsAtStripe(account: string) {
  return (await world().ledger()).accounts[account]!.refunds;
}

async function sendsOf(orderId: string) {
  return (await world().requests()).filter(({ method, path, params }) => {
    return method === 'POST' && path === '/v1/checkout/sessions' && params['client_reference_id'] === orderId;
  });
}
