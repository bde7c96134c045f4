import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE audit_log (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      at timestamptz NOT NULL DEFAULT now(),
      actor text NOT NULL,
      actor_user_id uuid REFERENCES users (id) ON DELETE SET NULL,
      action text NOT NULL,
      organizer_id uuid REFERENCES organizers (id) ON DELETE SET NULL,
      subject_type text NOT NULL,
      subject_id text NOT NULL,
      reason text,
      details jsonb NOT NULL DEFAULT '{}'
    );
    CREATE INDEX audit_log_at ON audit_log (at DESC);
    CREATE INDEX audit_log_organizer_id ON audit_log (organizer_id, at DESC);
    CREATE INDEX audit_log_actor_user_id ON audit_log (actor_user_id) WHERE actor_user_id IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE audit_log;
  `);
}
