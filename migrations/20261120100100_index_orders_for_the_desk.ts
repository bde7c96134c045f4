import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- The organizer's list, filtered by state: without it a rare state is looked for in every order of the event.
    CREATE INDEX orders_event_id_status ON orders (event_id, status, created_at DESC, id);
    -- Its search, by the beginnings of words of name and address. Holds nobody has named are not in it. The expression
    -- stands once more in src/orders/order-list.ts.
    CREATE INDEX orders_search ON orders USING gin (
        to_tsvector('simple', translate(coalesce(buyer_name, '') || ' ' || buyer_email, '@._+-’', '      ')))
      WITH (gin_pending_list_limit = 256)
      WHERE buyer_email IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP INDEX orders_search;
    DROP INDEX orders_event_id_status;
  `);
}
