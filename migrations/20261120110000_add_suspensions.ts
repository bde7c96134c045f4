import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Set by an admin: the pages are gone and nothing is sold; orders and tickets stay. Who and why is in the audit log.
    ALTER TABLE organizers ADD COLUMN suspended_at timestamptz;
    -- Its organizer's suspension stands in the event's own row too: sales are decided under that row's lock alone.
    ALTER TABLE events
      ADD COLUMN suspended_at timestamptz,
      ADD COLUMN organizer_suspended boolean NOT NULL DEFAULT false;
    -- The admin's lists, newest first.
    CREATE INDEX users_created_at ON users (created_at DESC, id);
    CREATE INDEX organizers_created_at ON organizers (created_at DESC, id);
    CREATE INDEX events_created_at ON events (created_at DESC, id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP INDEX events_created_at;
    DROP INDEX organizers_created_at;
    DROP INDEX users_created_at;
    ALTER TABLE events DROP COLUMN organizer_suspended, DROP COLUMN suspended_at;
    ALTER TABLE organizers DROP COLUMN suspended_at;
  `);
}
