import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE events (
      id uuid PRIMARY KEY,
      organizer_id uuid NOT NULL REFERENCES organizers (id),
      slug text NOT NULL,
      title text NOT NULL,
      description text NOT NULL DEFAULT '',
      starts_at timestamptz NOT NULL,
      ends_at timestamptz NOT NULL,
      time_zone text NOT NULL,
      location_kind text NOT NULL,
      venue_name text,
      venue_address text,
      online_url text,
      currency text NOT NULL,
      capacity integer,
      held integer NOT NULL DEFAULT 0,
      sold integer NOT NULL DEFAULT 0,
      livemode boolean NOT NULL,
      status text NOT NULL DEFAULT 'draft',
      stripe_connection_id uuid REFERENCES stripe_connections (id),
      published_at timestamptz,
      cancelled_at timestamptz,
      cancellation_reason text,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT events_slug_unique UNIQUE (slug),
      CONSTRAINT events_status_is_known CHECK (status IN ('draft', 'published', 'cancelled')),
      CONSTRAINT events_location_is_whole CHECK (
        (location_kind = 'venue' AND venue_name IS NOT NULL) OR (location_kind = 'online' AND online_url IS NOT NULL)),
      CONSTRAINT events_end_after_start CHECK (ends_at > starts_at),
      CONSTRAINT events_capacity_is_positive CHECK (capacity > 0),
      CONSTRAINT events_counters_fit CHECK (held >= 0 AND sold >= 0 AND (capacity IS NULL OR held + sold <= capacity))
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
    CREATE INDEX events_organizer_id ON events (organizer_id, starts_at);
    CREATE INDEX events_stripe_connection_id ON events (stripe_connection_id);
    CREATE INDEX events_programme ON events (starts_at) WHERE status = 'published';
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE events;
  `);
}
