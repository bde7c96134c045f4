import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE oauth_states (
      state_hash text PRIMARY KEY,
      session_hash text NOT NULL,
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      organizer_id uuid NOT NULL REFERENCES organizers (id) ON DELETE CASCADE,
      livemode boolean NOT NULL,
      return_to text NOT NULL,
      draft_id uuid REFERENCES event_drafts (id) ON DELETE SET NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      consumed_at timestamptz,
      outcome text,
      CONSTRAINT oauth_states_return_to_is_known CHECK (return_to IN ('payments', 'event_draft'))
    );
    CREATE INDEX oauth_states_user_id ON oauth_states (user_id);
    CREATE INDEX oauth_states_organizer_id ON oauth_states (organizer_id);
    CREATE INDEX oauth_states_draft_id ON oauth_states (draft_id);
    CREATE INDEX oauth_states_expires_at ON oauth_states (expires_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE oauth_states;
  `);
}
