import { type Knex } from 'knex';

/** The worker says that it lives; `/readyz` and the admin's pages read it. */
export async function writeHeartbeat(db: Knex): Promise<void> {
  await db('worker_heartbeats').insert({ name: 'worker', at: db.fn.now() }).onConflict('name').merge();
}
