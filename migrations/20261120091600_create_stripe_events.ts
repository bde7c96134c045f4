import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- The webhook inbox: stored by Stripe's id before it is worked off, so that an event counts once.
    CREATE TABLE stripe_events (
      id text PRIMARY KEY,
      account text,
      type text NOT NULL,
      livemode boolean NOT NULL,
      created_at timestamptz NOT NULL,
      payload jsonb NOT NULL,
      received_at timestamptz NOT NULL DEFAULT now(),
      deliveries integer NOT NULL DEFAULT 1,
      attempts integer NOT NULL DEFAULT 0,
      processed_at timestamptz,
      outcome text,
      last_error text
    );
    CREATE INDEX stripe_events_waiting ON stripe_events (received_at) WHERE processed_at IS NULL;
    CREATE INDEX stripe_events_received_at ON stripe_events (received_at DESC);
    CREATE INDEX stripe_events_account ON stripe_events (account, received_at DESC);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE stripe_events;
  `);
}
