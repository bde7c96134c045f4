import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Pictures that were drawn anew from what was uploaded, under a name made from their content.
    CREATE TABLE event_covers (
      event_id uuid PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
      content_hash text NOT NULL,
      wide bytea NOT NULL,
      small bytea NOT NULL,
      share bytea NOT NULL,
      uploaded_by uuid REFERENCES users (id) ON DELETE SET NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT event_covers_hash_is_hex CHECK (content_hash ~ '^[0-9a-f]{32}$')
    );
    CREATE INDEX event_covers_content_hash ON event_covers (content_hash);
    CREATE INDEX event_covers_uploaded_by ON event_covers (uploaded_by) WHERE uploaded_by IS NOT NULL;
    ALTER TABLE events ADD COLUMN cover_hash text;
    ALTER TABLE events ADD COLUMN cover_alt text;
    CREATE TRIGGER notify_event_cover AFTER UPDATE OF cover_hash, cover_alt
      ON events FOR EACH ROW EXECUTE FUNCTION notify_event_page();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TRIGGER notify_event_cover ON events;
    ALTER TABLE events DROP COLUMN cover_alt;
    ALTER TABLE events DROP COLUMN cover_hash;
    DROP TABLE event_covers;
  `);
}
