/** What this machine can do, measured in the same run: Express alone, and Postgres alone under pgbench. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Pool } from 'pg';
import { type BenchEvent, load, startHello, type World } from './world';

export async function helloPerSecond(seconds: number): Promise<number> {
  const hello = await startHello();
  const plan = { ports: [hello.port], connections: 64, requests: [{ method: 'GET' as const, path: '/' }] };
  await load({ ...plan, seconds: 1 });
  const { perSecond } = await load({ ...plan, seconds });
  await hello.stop();
  return perSecond;
}

/** The same rows in the same tables as a hold of ours, in one statement. */
const HOLD = (typeId: string, event: string, organizer: string) => `
WITH type AS (
  UPDATE ticket_types SET held = held + 1 WHERE id = ${typeId} AND held + sold < capacity RETURNING id, event_id, name, price
), placed AS (
  INSERT INTO orders (id, event_id, organizer_id, reference, currency, total_amount, livemode, hold_expires_at)
  SELECT gen_random_uuid(), ${event}, ${organizer}, md5(random()::text), 'eur', price, false, now() + interval '15 minutes' FROM type
  RETURNING id
), lines AS (
  INSERT INTO order_lines (order_id, ticket_type_id, ticket_type_name, quantity, unit_price)
  SELECT placed.id, type.id, type.name, 1, type.price FROM placed, type
)
INSERT INTO order_timeline (order_id, to_status, actor, reason) SELECT id, 'held', 'buyer', 'tickets chosen' FROM placed;`;

export async function pgbenchOneRow(world: World, event: BenchEvent, seconds: number): Promise<number> {
  const sql = HOLD(`'${event.typeIds[0]}'`, `'${event.id}'`, `'${world.market.organizerId}'`);
  return runPgbench(world, sql.replaceAll('\n', ' '), 8, seconds);
}

/** Five round trips in one transaction, the counter last, as a plain application would write it. */
export async function pgbenchFiveStatements(
  world: World,
  events: BenchEvent[],
  seconds: number,
): Promise<number> {
  await world.db.raw(
    'CREATE TABLE IF NOT EXISTS bench_types (n integer PRIMARY KEY, type_id uuid, event_id uuid)',
  );
  await world.db('bench_types').delete();
  await world
    .db('bench_types')
    .insert(events.map((event, n) => ({ n, type_id: event.typeIds[0], event_id: event.id })));
  await world.db.raw('ANALYZE bench_types');
  const script = `\\set n random(0, ${events.length - 1})
BEGIN;
SELECT quote_literal(gen_random_uuid()::text) AS id, quote_literal(type_id::text) AS type_id, quote_literal(event_id::text) AS event_id FROM bench_types WHERE n = :n \\gset
INSERT INTO orders (id, event_id, organizer_id, reference, currency, total_amount, livemode, hold_expires_at) VALUES (:id, :event_id, '${world.market.organizerId}', md5(random()::text), 'eur', 2000, false, now() + interval '15 minutes');
INSERT INTO order_lines (order_id, ticket_type_id, ticket_type_name, quantity, unit_price) VALUES (:id, :type_id, 'Row 1', 1, 2000);
INSERT INTO order_timeline (order_id, to_status, actor, reason) VALUES (:id, 'held', 'buyer', 'tickets chosen');
UPDATE ticket_types SET held = held + 1 WHERE id = :type_id AND held + sold < capacity;
COMMIT;`;
  return runPgbench(world, script, 32, seconds);
}

async function runPgbench(world: World, script: string, clients: number, seconds: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'foyer-pgbench-'));
  const file = join(folder, 'script.sql');
  writeFileSync(file, `${script}\n`);
  try {
    const { stdout } = await promisify(execFile)('pgbench', [
      ...['-n', '-f', file, '-c', String(clients), '-j', '1', '-T', String(seconds)],
      // \gset text variables and prepared statements don't go together in every version
      ...(script.includes('gset') ? [] : ['-M', 'prepared']),
      world.databaseUrl,
    ]);
    return Math.round(Number(/tps = ([\d.]+)/.exec(stdout)![1]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return runWithPg(world, script, clients, seconds);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where pgbench is not installed: the same statement through `pg`, prepared. */
async function runWithPg(world: World, script: string, clients: number, seconds: number): Promise<number> {
  if (script.includes('gset')) throw new Error('pgbench is needed for the five-statement hold');
  const pool = new Pool({ connectionString: world.databaseUrl, max: clients });
  const end = Date.now() + seconds * 1000;
  let done = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (Date.now() < end) {
        await pool.query({ name: 'hold', text: script });
        done += 1;
      }
    }),
  );
  await pool.end();
  return Math.round(done / seconds);
}
