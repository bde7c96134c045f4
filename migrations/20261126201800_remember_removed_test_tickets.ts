import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Tickets of test orders that were removed: printed or mailed, they may come to the door, which says what they were.
    CREATE TABLE removed_test_tickets (
      ticket_id uuid PRIMARY KEY,
      event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
      removed_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX removed_test_tickets_event_id ON removed_test_tickets (event_id);
    ALTER TABLE check_in_scans
      DROP CONSTRAINT check_in_scans_outcome_is_known,
      ADD CONSTRAINT check_in_scans_outcome_is_known CHECK (outcome IN (
        'admitted', 'already_in', 'void', 'blocked', 'other_event', 'unknown', 'event_cancelled', 'undone', 'test_ticket'));
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    UPDATE check_in_scans SET outcome = 'unknown' WHERE outcome = 'test_ticket';
    ALTER TABLE check_in_scans
      DROP CONSTRAINT check_in_scans_outcome_is_known,
      ADD CONSTRAINT check_in_scans_outcome_is_known CHECK (
        outcome IN ('admitted', 'already_in', 'void', 'blocked', 'other_event', 'unknown', 'event_cancelled', 'undone'));
    DROP TABLE removed_test_tickets;
  `);
}
