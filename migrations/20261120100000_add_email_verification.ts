import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- When the person has shown that mails to this address reach them. Needed to publish, not to draft.
    ALTER TABLE users ADD COLUMN email_verified_at timestamptz;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE users DROP COLUMN email_verified_at;
  `);
}
