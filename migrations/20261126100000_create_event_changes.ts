import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- A change of when or where that people with tickets were told of: what it was, what it is, and in whose words.
    CREATE TABLE event_changes (
      id uuid PRIMARY KEY,
      event_id uuid NOT NULL REFERENCES events (id),
      changed_by uuid REFERENCES users (id) ON DELETE SET NULL,
      -- [{ "label": "When", "before": "…", "after": "…" }], in the words that were mailed
      changes jsonb NOT NULL,
      message text NOT NULL DEFAULT '',
      orders_told integer NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT event_changes_says_something CHECK (jsonb_array_length(changes) > 0),
      CONSTRAINT event_changes_told_somebody CHECK (orders_told > 0)
    );
    CREATE INDEX event_changes_event_id ON event_changes (event_id, created_at);
    CREATE INDEX event_changes_changed_by ON event_changes (changed_by) WHERE changed_by IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE event_changes;
  `);
}
