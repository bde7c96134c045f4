import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE platform_signs DROP CONSTRAINT platform_signs_name_is_known;
    ALTER TABLE platform_signs ADD CONSTRAINT platform_signs_name_is_known
      CHECK (name IN ('stripe_api', 'connect_oauth', 'oauth_registration'));
    -- Accounts that allowed Foyer and that nobody here knows are looked for among these.
    CREATE INDEX stripe_events_authorized ON stripe_events (account) WHERE type = 'account.application.authorized';
    -- Orders that are asked about again when their account comes back.
    CREATE INDEX orders_out_of_reach ON orders (stripe_account_id) WHERE status_detail = 'account_unreachable';
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP INDEX orders_out_of_reach;
    DROP INDEX stripe_events_authorized;
    DELETE FROM platform_signs WHERE name = 'oauth_registration';
    ALTER TABLE platform_signs DROP CONSTRAINT platform_signs_name_is_known;
    ALTER TABLE platform_signs ADD CONSTRAINT platform_signs_name_is_known CHECK (name IN ('stripe_api', 'connect_oauth'));
  `);
}
