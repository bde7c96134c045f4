import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- The desk's search by the code that is printed on a ticket: the end of its id.
    CREATE INDEX tickets_short_code ON tickets (event_id, right(id::text, 8));
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP INDEX tickets_short_code;
  `);
}
