import { type Knex } from 'knex';

/** The worker says that it lives; `/readyz` and the admin's pages read it. */
export async function writeHeartbeat(db: Knex): Promise<void> {
  await db('worker_heartbeats').insert({ name: WORKER, at: db.fn.now() }).onConflict('name').merge(['at']);
}

const WORKER = 'worker';
const ROUND = 'round: ';

/** One of the worker's rounds has ended: how long it took, how many items it found, and what went wrong in it. */
export async function writeRound(
  db: Knex,
  round: { name: string; tookMs: number; items: number; error: string | null },
): Promise<void> {
  const fields = { at: db.fn.now(), took_ms: round.tookMs, items: round.items };
  await db('worker_heartbeats')
    .insert({ name: ROUND + round.name, ...fields })
    .onConflict('name')
    .merge({
      ...fields,
      ...(round.error ? { last_error: round.error, failed_at: db.fn.now() } : {}),
    } as never);
}

export interface Round {
  name: string;
  at: Date;
  tookMs: number;
  items: number;
  lastError: string | null;
  failedAt: Date | null;
}

export async function listRounds(db: Knex): Promise<Round[]> {
  const rows = await db('worker_heartbeats').whereLike('name', `${ROUND}%`).orderBy('name');
  return rows.map((row) => ({
    name: row.name.slice(ROUND.length),
    at: row.at,
    tookMs: row.took_ms,
    items: row.items,
    lastError: row.last_error,
    failedAt: row.failed_at,
  }));
}

/** True for one caller in so many hours, over all workers. */
export async function claimDue(db: Knex, name: string, hours: number): Promise<boolean> {
  const { rows } = await db.raw<{ rows: unknown[] }>(
    `INSERT INTO worker_heartbeats (name) VALUES (?)
     ON CONFLICT (name) DO UPDATE SET at = now() WHERE worker_heartbeats.at <= now() - make_interval(hours => ?)
     RETURNING name`,
    [name, hours],
  );
  return rows.length > 0;
}
