import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What guests report about an event's page; a queue for admins.
    CREATE TABLE abuse_reports (
      id uuid PRIMARY KEY,
      event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
      kind text NOT NULL,
      message text NOT NULL,
      -- empty where the reporter wants no answer
      reporter_email text,
      created_at timestamptz NOT NULL DEFAULT now(),
      decided_at timestamptz,
      decided_by uuid REFERENCES users (id) ON DELETE SET NULL,
      decision text,
      CONSTRAINT abuse_reports_kind_is_known CHECK (kind IN ('fraud', 'harmful', 'rights', 'other')),
      CONSTRAINT abuse_reports_decision_is_known CHECK (decision IN ('acted', 'dismissed')),
      CONSTRAINT abuse_reports_decision_is_whole CHECK ((decision IS NULL) = (decided_at IS NULL))
    );
    CREATE INDEX abuse_reports_open ON abuse_reports (created_at) WHERE decided_at IS NULL;
    CREATE INDEX abuse_reports_created_at ON abuse_reports (created_at DESC, id);
    CREATE INDEX abuse_reports_event_id ON abuse_reports (event_id);
    CREATE INDEX abuse_reports_decided_by ON abuse_reports (decided_by) WHERE decided_by IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE abuse_reports;
  `);
}
