import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- The organizer's search by a whole address. Holds nobody has named are not in it.
    CREATE INDEX orders_event_id_buyer_email ON orders (event_id, lower(buyer_email)) WHERE buyer_email IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP INDEX orders_event_id_buyer_email;
  `);
}
