import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE memberships (
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      organizer_id uuid NOT NULL REFERENCES organizers (id) ON DELETE CASCADE,
      role text NOT NULL DEFAULT 'owner',
      created_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (user_id, organizer_id),
      CONSTRAINT memberships_role_is_known CHECK (role IN ('owner', 'member'))
    );
    CREATE INDEX memberships_organizer_id ON memberships (organizer_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE memberships;
  `);
}
