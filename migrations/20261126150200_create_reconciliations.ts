import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- How far an account's sessions and undelivered events were compared with our books.
    CREATE TABLE reconciliations (
      stripe_account_id text NOT NULL,
      livemode boolean NOT NULL,
      sessions_until timestamptz NOT NULL,
      events_until timestamptz NOT NULL,
      claimed_at timestamptz NOT NULL DEFAULT now(),
      ran_at timestamptz,
      figures jsonb NOT NULL DEFAULT '{}',
      last_error text,
      PRIMARY KEY (stripe_account_id, livemode)
    );
    CREATE TABLE ledger_checks (
      stripe_account_id text NOT NULL,
      livemode boolean NOT NULL,
      day date NOT NULL,
      figures jsonb NOT NULL,
      ran_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (stripe_account_id, livemode, day)
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE ledger_checks;
    DROP TABLE reconciliations;
  `);
}
