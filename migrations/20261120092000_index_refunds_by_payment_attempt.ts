import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- refunds_one_automatic has the automatic ones alone: it is of no use to who looks for all refunds of a payment.
    CREATE INDEX refunds_payment_attempt_id ON refunds (payment_attempt_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP INDEX refunds_payment_attempt_id;
  `);
}
