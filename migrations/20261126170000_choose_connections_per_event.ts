import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- An organizer may hold several accounts: the default stays named after its end, so that nothing falls back to another.
    UPDATE organizers SET default_connection_id = (
        SELECT id FROM stripe_connections WHERE organizer_id = organizers.id
         ORDER BY status = 'disconnected', connected_at DESC LIMIT 1)
      WHERE default_connection_id IS NULL;
    -- Nobody's money goes to an account of another organizer.
    ALTER TABLE stripe_connections ADD CONSTRAINT stripe_connections_id_organizer_unique UNIQUE (id, organizer_id);
    ALTER TABLE events ADD CONSTRAINT events_connection_is_the_organizers
      FOREIGN KEY (stripe_connection_id, organizer_id) REFERENCES stripe_connections (id, organizer_id);
    ALTER TABLE organizers ADD CONSTRAINT organizers_default_connection_is_theirs
      FOREIGN KEY (default_connection_id, id) REFERENCES stripe_connections (id, organizer_id);
    CREATE INDEX events_stripe_connection ON events (stripe_connection_id, organizer_id);
    CREATE INDEX organizers_default_connection ON organizers (default_connection_id, id);
    DROP INDEX events_stripe_connection_id;
    DROP INDEX organizers_default_connection_id;

    -- What a person went to Stripe for: a first account, one more, or one that was connected before.
    ALTER TABLE oauth_states
      ADD COLUMN purpose text NOT NULL DEFAULT 'first',
      ADD COLUMN reconnects uuid REFERENCES stripe_connections (id) ON DELETE SET NULL,
      ADD CONSTRAINT oauth_states_purpose_is_known CHECK (purpose IN ('first', 'another', 'again'));
    CREATE INDEX oauth_states_reconnects ON oauth_states (reconnects);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE oauth_states DROP COLUMN reconnects, DROP COLUMN purpose;
    CREATE INDEX organizers_default_connection_id ON organizers (default_connection_id);
    CREATE INDEX events_stripe_connection_id ON events (stripe_connection_id);
    DROP INDEX organizers_default_connection;
    DROP INDEX events_stripe_connection;
    ALTER TABLE organizers DROP CONSTRAINT organizers_default_connection_is_theirs;
    ALTER TABLE events DROP CONSTRAINT events_connection_is_the_organizers;
    ALTER TABLE stripe_connections DROP CONSTRAINT stripe_connections_id_organizer_unique;
  `);
}
