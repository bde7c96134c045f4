import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE platform_signs DROP CONSTRAINT platform_signs_name_is_known;
    ALTER TABLE platform_signs ADD CONSTRAINT platform_signs_name_is_known
      CHECK (name IN ('stripe_api', 'connect_oauth', 'oauth_registration', 'app_oauth'));
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DELETE FROM platform_signs WHERE name = 'app_oauth';
    ALTER TABLE platform_signs DROP CONSTRAINT platform_signs_name_is_known;
    ALTER TABLE platform_signs ADD CONSTRAINT platform_signs_name_is_known
      CHECK (name IN ('stripe_api', 'connect_oauth', 'oauth_registration'));
  `);
}
