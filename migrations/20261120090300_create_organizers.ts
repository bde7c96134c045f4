import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE organizers (
      id uuid PRIMARY KEY,
      slug text NOT NULL,
      name text NOT NULL,
      contact_email text NOT NULL,
      website text,
      default_connection_id uuid,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT organizers_slug_unique UNIQUE (slug)
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE organizers;
  `);
}
