import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE ticket_types
      -- the platform's fee where the buyer pays it, part of the price; null: the organizer pays it out of the price
      ADD COLUMN passed_on_fee bigint,
      ADD CONSTRAINT ticket_types_passed_on_fee_is_sane CHECK (
        passed_on_fee IS NULL OR (kind = 'paid' AND passed_on_fee >= 0 AND 2 * passed_on_fee <= price));
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE ticket_types DROP COLUMN passed_on_fee;
  `);
}
