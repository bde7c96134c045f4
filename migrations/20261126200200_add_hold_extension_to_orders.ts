import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- when the buyer asked for more time, which they may once
    ALTER TABLE orders ADD COLUMN hold_extended_at timestamptz;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE orders DROP COLUMN hold_extended_at;
  `);
}
