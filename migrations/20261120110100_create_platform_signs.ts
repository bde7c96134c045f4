import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What was last seen of the platform's own standing with Stripe, over all processes.
    CREATE TABLE platform_signs (
      name text PRIMARY KEY,
      -- Asking is claimed here first, so that Stripe is asked once by one process.
      asked_at timestamptz NOT NULL DEFAULT now(),
      seen_at timestamptz,
      ok boolean,
      detail text,
      CONSTRAINT platform_signs_name_is_known CHECK (name IN ('stripe_api', 'connect_oauth'))
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE platform_signs;
  `);
}
