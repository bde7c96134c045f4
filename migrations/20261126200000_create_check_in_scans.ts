import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE check_in_scans (
      id uuid PRIMARY KEY,
      event_id uuid NOT NULL REFERENCES events (id),
      ticket_id uuid REFERENCES tickets (id),
      user_id uuid REFERENCES users (id) ON DELETE SET NULL,
      outcome text NOT NULL,
      request_key uuid,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT check_in_scans_request_key_unique UNIQUE (event_id, request_key),
      CONSTRAINT check_in_scans_outcome_is_known CHECK (
        outcome IN ('admitted', 'already_in', 'void', 'blocked', 'other_event', 'unknown', 'event_cancelled', 'undone')
      )
    );
    CREATE INDEX check_in_scans_ticket_id ON check_in_scans (ticket_id, created_at);
    CREATE INDEX check_in_scans_user_id ON check_in_scans (user_id) WHERE user_id IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE check_in_scans;
  `);
}
