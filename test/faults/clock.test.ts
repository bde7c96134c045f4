/** The clocks of the machines disagree. Decisions use the database's; what can't is refused, and found another way. */
import { giveDetails, hold, payAtStripe, untilStatus } from './rig/guests';
import { useWorld } from './rig/scenario';
import { until } from './rig/world';

const world = useWorld();

test.each([
  ['fast', 6],
  ['slow', -6],
])(
  'P13: the clock of a web process is six minutes %s: no hold is freed or refused for it, payments are found',
  async (_how, minutes) => {
    const web = await world().start({ clockOffsetMs: minutes * 60_000 });
    const sale = await world().sales.open();
    const left = await hold(world(), sale);
    const order = await hold(world(), sale);
    await giveDetails(order);
    await untilStatus(world(), order.id, 'awaiting_payment');
    const { rows } = await world().db.raw(
      'SELECT extract(epoch FROM hold_expires_at - now()) / 60 AS minutes FROM orders WHERE id = ?',
      [left.id],
    );
    expect(Number(rows[0].minutes)).toBeGreaterThan(14);
    expect(Number(rows[0].minutes)).toBeLessThanOrEqual(15);

    // Stripe's signatures look old (or of the future) to this process: it refuses them, and says why.
    await payAtStripe(world(), order.id);
    await until(() => web.app.output().includes('clock'), 'the alarm', web.app);
    expect(await world().db('stripe_events').where({ account: sale.account })).toEqual([]);
    expect(await world().db('orders').where({ id: left.id }).first()).toMatchObject({ status: 'held' });

    const worker = await world().start({ role: 'worker', clockOffsetMs: minutes * 60_000 });
    await world().passTime(5);
    await worker.sweep();
    await untilStatus(world(), order.id, 'paid', 1);
  },
);

test('P13: the clock jumps by a day between hold and payment: the hold still ends by the database’s time', async () => {
  await world().start();
  const sale = await world().sales.open();
  const order = await hold(world(), sale);
  await world().endProcesses();
  await world().start({ clockOffsetMs: 24 * 3_600_000 });
  const worker = await world().start({ role: 'worker', clockOffsetMs: 24 * 3_600_000 });
  await worker.sweep();
  expect(await world().db('orders').where({ id: order.id }).first()).toMatchObject({ status: 'held' });
  expect((await giveDetails({ ...order, url: world().orderUrl(order.id) })).status).toBe(303);
  await untilStatus(world(), order.id, 'awaiting_payment');
});
