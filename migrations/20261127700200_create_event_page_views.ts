import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- How often an event's page was looked at, by the days of its zone. Nothing of who looked.
    CREATE TABLE event_page_views (
      event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
      day date NOT NULL,
      views integer NOT NULL,
      PRIMARY KEY (event_id, day),
      CONSTRAINT event_page_views_views_is_positive CHECK (views > 0)
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE event_page_views;
  `);
}
