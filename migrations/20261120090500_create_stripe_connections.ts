import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- One row for each time an organizer connected an account; reconnecting makes a new row and the history stays.
    CREATE TABLE stripe_connections (
      id uuid PRIMARY KEY,
      organizer_id uuid NOT NULL REFERENCES organizers (id),
      stripe_user_id text NOT NULL,
      livemode boolean NOT NULL,
      scope text NOT NULL,
      publishable_key text,
      encrypted_refresh_token text,
      display_name text,
      country text,
      default_currency text,
      charges_enabled boolean NOT NULL DEFAULT false,
      payouts_enabled boolean NOT NULL DEFAULT false,
      requirements jsonb NOT NULL DEFAULT '{}',
      status text NOT NULL DEFAULT 'active',
      status_detail text,
      connected_by uuid REFERENCES users (id) ON DELETE SET NULL,
      connected_at timestamptz NOT NULL DEFAULT now(),
      checked_at timestamptz,
      last_event_at timestamptz,
      disconnect_requested_at timestamptz,
      disconnect_requested_by uuid REFERENCES users (id) ON DELETE SET NULL,
      ended_at timestamptz,
      ended_by text,
      end_reason text,
      CONSTRAINT stripe_connections_account_is_well_formed CHECK (stripe_user_id ~ '^acct_[A-Za-z0-9]+$'),
      CONSTRAINT stripe_connections_status_is_known CHECK (status IN ('active', 'disconnecting', 'disconnected')),
      CONSTRAINT stripe_connections_ended_by_is_known CHECK (ended_by IN ('organizer', 'admin', 'stripe')),
      CONSTRAINT stripe_connections_end_is_whole CHECK ((status = 'disconnected') = (ended_at IS NOT NULL AND ended_by IS NOT NULL))
    );
    -- Two organizers can't hold one account, and one can't hold it twice.
    CREATE UNIQUE INDEX stripe_connections_account_unique ON stripe_connections (stripe_user_id, livemode)
      WHERE status IN ('active', 'disconnecting');
    CREATE INDEX stripe_connections_organizer_id ON stripe_connections (organizer_id, connected_at);
    CREATE INDEX stripe_connections_connected_by ON stripe_connections (connected_by);
    CREATE INDEX stripe_connections_disconnect_requested_by ON stripe_connections (disconnect_requested_by);
    ALTER TABLE organizers
      ADD CONSTRAINT organizers_default_connection_fk FOREIGN KEY (default_connection_id) REFERENCES stripe_connections (id);
    CREATE INDEX organizers_default_connection_id ON organizers (default_connection_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE organizers DROP CONSTRAINT organizers_default_connection_fk;
    DROP INDEX organizers_default_connection_id;
    DROP TABLE stripe_connections;
  `);
}
