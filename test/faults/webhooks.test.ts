/** Stripe's events come when a process dies, too early, in a flood, or never. */
import { connect } from 'node:net';
import { giveDetails, hold, payAtStripe, untilStatus } from './rig/guests';
import { ask } from './rig/ask';
import { stripe, when } from './rig/points';
import { useWorld } from './rig/scenario';
import { until } from './rig/world';

const world = useWorld();

test('W3: killed while an event was being worked off: it is worked off by another process, and once', async () => {
  const first = await world().start();
  const sale = await world().sales.open();
  const order = await hold(world(), sale);
  await giveDetails(order);
  const { reached } = when(first, stripe(/^GET \/v1\/checkout\/sessions\/cs_/, 'asks'), first.kill);
  await payAtStripe(world(), order.id);
  await reached;
  const stored = await world().db('stripe_events').where({ type: 'checkout.session.completed' });
  expect(stored).toMatchObject([{ processed_at: null }]);

  await world().start();
  // A second delivery hurries it: it is stored already, and not put aside for that.
  await world().control('POST', `/events/${stored[0].id}/resend`);
  await untilStatus(world(), order.id, 'paid');
  await until(
    async () => (await world().db('stripe_events').whereNull('processed_at')).length === 0,
    'all events are worked off',
  );
  expect(await world().db('order_timeline').where({ order_id: order.id, to_status: 'paid' })).toHaveLength(1);
});

test('W16: the event of a payment comes before we have stored its session: it is adopted', async () => {
  const web = await world().start();
  const sale = await world().sales.open();
  const order = await hold(world(), sale);
  // Stripe's answer stays on its way until the buyer has paid and the event was worked off.
  when(web, stripe(/^POST \/v1\/checkout\/sessions /, 'hears'), async () => {
    const [session] = await world().sessionsOf(sale.account);
    await world().control('POST', `/sessions/${session!.id}/pay`);
    await untilStatus(world(), order.id, 'paid', 6);
    return 'pass';
  });
  expect((await giveDetails(order)).status).toBe(303);
  expect(await world().db('payment_attempts').where({ order_id: order.id })).toMatchObject([
    { n: 1, status: 'paid' },
  ]);
  expect(await world().db('stripe_events').where({ outcome: 'adopted and settled' })).toHaveLength(1);
});

test('W18: a flood of unsigned nonsense is refused before the database hears of it, and buyers go on', async () => {
  const web = await world().start();
  const sale = await world().sales.open();
  const heard: string[] = [];
  web.database.watch((chunk, direction) => {
    if (direction === 'out' && chunk.includes('evt_forged')) heard.push(chunk.toString('latin1'));
  });
  const flood = startFlood(new URL(web.url).port);
  const bought: number[] = [];
  try {
    for (let order = 0; order < 10; order += 1)
      bought.push((await giveDetails(await hold(world(), sale))).status);
  } finally {
    flood.stop();
  }
  const answered = flood.stop();
  expect(answered.refused).toBeGreaterThan(200);
  expect(answered.others).toEqual([]);
  expect(heard).toEqual([]);
  expect(bought).toEqual(Array.from({ length: 10 }, () => 303));
});

test('W20: no event ever arrives: every payment is found within fifteen minutes', async () => {
  await world().control('POST', '/webhooks', { mode: 'muted' });
  await world().start();
  const worker = await world().start({ role: 'worker' });
  const sale = await world().sales.open();
  const orders = await Promise.all(Array.from({ length: 5 }, () => hold(world(), sale)));
  await Promise.all(orders.map(giveDetails));
  for (const { id } of orders) await payAtStripe(world(), id);
  for (let minutes = 0; minutes < 15; minutes += 5) {
    await world().passTime(5);
    await worker.sweep();
  }
  for (const { id } of orders) await untilStatus(world(), id, 'paid', 1);
  expect(await world().db('stripe_events')).toEqual(
    await world().db('stripe_events').whereNotNull('processed_at'),
  );
});

/** Posts garbage over and over on 20 kept connections, each as soon as it was answered; at most 2,000 in a second. */
function startFlood(port: string) {
  const body = '{"id":"evt_forged","object":"event"'.padEnd(2000, ' ');
  const now = Math.floor(Date.now() / 1000);
  const message = [
    'POST /webhooks/stripe HTTP/1.1',
    'Host: 127.0.0.1',
    `Stripe-Signature: t=${now},v1=${'0'.repeat(64)}`,
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
  let refused = 0;
  let over = false;
  const others: string[] = [];
  const sockets = Array.from({ length: 20 }, () => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(message));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const statuses = chunk.toString('latin1').match(/HTTP\/1\.1 \d{3}/g) ?? [];
      for (const status of statuses) {
        if (status.endsWith('400')) refused += 1;
        else others.push(status);
        setTimeout(() => !over && socket.write(message), 10);
      }
    });
    return socket;
  });
  return {
    stop() {
      over = true;
      for (const socket of sockets) socket.destroy();
      return { refused, others };
    },
  };
}

test('readiness and liveness are told apart while the database is away', async () => {
  const web = await world().start();
  web.database.setMode('refusing');
  web.database.cut();
  expect((await ask('GET', `${web.url}/healthz`)).status).toBe(200);
  expect((await ask('GET', `${web.url}/readyz`)).status).toBe(503);
});
