import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- A form's raw values: an unfinished or invalid form survives an error, a sign-in that ran out, and the trip to Stripe.
    CREATE TABLE event_drafts (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      organizer_id uuid NOT NULL REFERENCES organizers (id) ON DELETE CASCADE,
      event_id uuid REFERENCES events (id) ON DELETE CASCADE,
      form_values jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX event_drafts_user_id ON event_drafts (user_id, updated_at);
    CREATE INDEX event_drafts_organizer_id ON event_drafts (organizer_id);
    CREATE INDEX event_drafts_event_id ON event_drafts (event_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE event_drafts;
  `);
}
