import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- States of sign-ins that began in Stripe's Dashboard. What one is about stands, encrypted, in the state itself.
    CREATE TABLE dashboard_sign_ins (
      state_hash text PRIMARY KEY,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      consumed_at timestamptz
    );
    CREATE INDEX dashboard_sign_ins_expires_at ON dashboard_sign_ins (expires_at);

    -- Who renews a person's tokens at this moment, and how long nobody else may. The tokens themselves lie at Stripe.
    CREATE TABLE dashboard_refreshes (
      person_hash text PRIMARY KEY,
      lease uuid NOT NULL,
      leased_until timestamptz NOT NULL
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE dashboard_refreshes;
    DROP TABLE dashboard_sign_ins;
  `);
}
