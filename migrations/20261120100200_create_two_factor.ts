import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE two_factor (
      user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
      secret_encrypted text NOT NULL,
      -- null while it is being set up
      confirmed_at timestamptz,
      -- the time step (RFC 6238) of the newest code that was taken: none counts twice
      last_step bigint,
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE recovery_codes (
      user_id uuid NOT NULL REFERENCES two_factor (user_id) ON DELETE CASCADE,
      code_hash text NOT NULL,
      used_at timestamptz,
      PRIMARY KEY (user_id, code_hash)
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE recovery_codes;
    DROP TABLE two_factor;
  `);
}
