import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What an admin has agreed with an organizer, for one currency; where there is no row, the platform's settings hold.
    CREATE TABLE organizer_fees (
      organizer_id uuid NOT NULL REFERENCES organizers (id) ON DELETE CASCADE,
      currency text NOT NULL,
      percent_hundredths integer NOT NULL,
      fixed bigint NOT NULL,
      least bigint NOT NULL,
      most bigint,
      set_by uuid REFERENCES users (id) ON DELETE SET NULL,
      set_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (organizer_id, currency),
      CONSTRAINT organizer_fees_percentage_is_sane CHECK (percent_hundredths BETWEEN 0 AND 9999),
      CONSTRAINT organizer_fees_amounts_are_sane CHECK (
        fixed BETWEEN 0 AND 99999999 AND least BETWEEN 0 AND 99999999 AND most BETWEEN least AND 99999999)
    );
    CREATE INDEX organizer_fees_set_by ON organizer_fees (set_by);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE organizer_fees;
  `);
}
