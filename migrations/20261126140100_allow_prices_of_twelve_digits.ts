import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Eight digits in most currencies, twelve in IDR; which one holds is lib/money's to know.
    ALTER TABLE ticket_types
      DROP CONSTRAINT ticket_types_price_is_chargeable,
      ADD CONSTRAINT ticket_types_price_is_chargeable CHECK (price <= 999999999999);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE ticket_types
      DROP CONSTRAINT ticket_types_price_is_chargeable,
      ADD CONSTRAINT ticket_types_price_is_chargeable CHECK (price <= 99999999);
  `);
}
