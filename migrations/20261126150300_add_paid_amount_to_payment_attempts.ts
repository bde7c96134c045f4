import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What Stripe says was paid; it can differ from what we asked for, and then it is this that goes back.
    ALTER TABLE payment_attempts ADD COLUMN paid_amount bigint, ADD COLUMN paid_currency text;
    CREATE INDEX payment_attempts_paid_at ON payment_attempts (paid_at) WHERE paid_at IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP INDEX payment_attempts_paid_at;
    ALTER TABLE payment_attempts DROP COLUMN paid_amount, DROP COLUMN paid_currency;
  `);
}
