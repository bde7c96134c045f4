/** A new version is put in place while buyers are buying. */
import { readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { buildApp, ROOT } from '../support/built-app';
import { buy, giveDetails, hold, untilStatus } from './rig/guests';
import { type Sale } from './rig/sales';
import { useWorld } from './rig/scenario';
import { until } from './rig/world';

const world = useWorld();

test('P4: processes are replaced one by one under load: no request fails, and each ends in order', async () => {
  const old = [await world().start(), await world().start()];
  const sale = await world().sales.open({ places: [100_000] });
  const load = startLoad(sale);
  await until(() => load.seen.length > 50, 'buyers are buying');
  const exits: (number | NodeJS.Signals)[] = [];
  for (const process of old) {
    await world().start();
    const began = Date.now();
    exits.push(await process.stop());
    expect(Date.now() - began).toBeLessThan(12_000);
  }
  const replaced = load.seen.length;
  await until(() => load.seen.length > replaced + 50, 'they go on');
  await load.stop();
  expect(exits).toEqual([0, 0]);
  expect(load.failures).toEqual([]);
  expect([...new Set(load.seen)].sort()).toEqual([200, 303]);
  // What the old ones had in their hands is nobody's for four hours: the state of the rows is enough.
  const order = await hold(world(), sale);
  await giveDetails(order);
  await untilStatus(world(), order.id, 'awaiting_payment');
});

test('P16: the version before starts and sells on the schema of the next one, while that one is put in place', async () => {
  const newest = readdirSync(join(ROOT, 'migrations')).sort().at(-1)!;
  const before = await buildApp({ without: [join('migrations', newest)] });
  try {
    await world().start({ build: before.folder });
    await world().start();
    const sale = await world().sales.open({ places: [100_000] });
    const load = startLoad(sale);
    await until(() => load.seen.length > 30, 'buyers are buying');
    // Expand: columns that nobody knows yet come to every table that a sale touches.
    for (const table of [
      'events',
      'ticket_types',
      'orders',
      'order_lines',
      'payment_attempts',
      'tickets',
      'mails',
    ])
      await world().db.raw('ALTER TABLE ?? ADD COLUMN of_a_later_version text', [table]);
    const changed = load.seen.length;
    await until(() => load.seen.length > changed + 30, 'they go on');
    await load.stop();
    expect(load.failures).toEqual([]);
    expect([...new Set(load.seen)].sort()).toEqual([200, 303]);
    await buy(world(), sale, [2]);
    // It can be started anew, too: a process that died in the middle of a deployment comes back.
    await world().start({ build: before.folder });
  } finally {
    await world().endProcesses();
    before.remove();
  }
}, 60_000);

test('P16: a migration that fails half-way leaves nothing of itself, and the old processes go on', async () => {
  await world().start();
  const broken = await buildApp({
    extra: {
      'migrations/20990101000000_half_way.ts': `export const up = (knex: any) => knex.raw('CREATE TABLE half_way (id int); SELECT 1 / 0;');
        export const down = () => Promise.resolve();`,
    },
  });
  try {
    await expect(world().start({ build: broken.folder })).rejects.toThrow(/division by zero|half_way/);
  } finally {
    broken.remove();
  }
  expect(await world().db.schema.hasTable('half_way')).toBe(false);
  await hold(world(), await world().sales.open());
});

/**
 * Buyers behind a proxy that tries once more where a connection was closed before the answer began; that is all it does
 * for them.
 */
function startLoad(sale: Sale) {
  const agent = new Agent({ keepAlive: true, maxSockets: 10 });
  const seen: number[] = [];
  const failures: string[] = [];
  let over = false;
  const send = (method: string, path: string, body = '', again = false): Promise<number> =>
    new Promise((resolve, reject) => {
      const url = new URL(world().url);
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': body.length };
      const sent = request(
        { host: url.hostname, port: url.port, method, path, headers: { ...headers, Host: url.host }, agent },
        (answer) => answer.resume().once('end', () => resolve(answer.statusCode!)),
      );
      sent.once('error', (error: NodeJS.ErrnoException) => {
        // Not one byte of an answer: nothing was begun there that could not be asked for again.
        if (error.code === 'ECONNRESET' && !again) resolve(send(method, path, body, true));
        else reject(error);
      });
      sent.end(body);
    });
  const buyers = Array.from({ length: 6 }, async (_, buyer) => {
    while (!over) {
      const page = buyer % 2 === 0;
      await (
        page
          ? send('GET', `/events/${sale.slug}`)
          : send('POST', `/events/${sale.slug}/orders`, `quantity.${sale.typeIds[0]}=1`)
      ).then(
        (status) => seen.push(status),
        (error: Error) => failures.push(error.message),
      );
    }
  });
  return {
    seen,
    failures,
    async stop() {
      over = true;
      await Promise.all(buyers);
      agent.destroy();
    },
  };
}
