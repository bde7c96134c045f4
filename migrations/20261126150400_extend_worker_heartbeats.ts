import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- One row for the worker, one for each of its rounds.
    ALTER TABLE worker_heartbeats ADD COLUMN took_ms integer, ADD COLUMN items integer, ADD COLUMN last_error text, ADD COLUMN failed_at timestamptz;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE worker_heartbeats DROP COLUMN took_ms, DROP COLUMN items, DROP COLUMN last_error, DROP COLUMN failed_at;
  `);
}
