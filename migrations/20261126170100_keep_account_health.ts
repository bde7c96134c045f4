import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE stripe_connections
      -- what Stripe lets accounts of this country charge in; null: not known
      ADD COLUMN charge_currencies text[],
      -- the platform that the account was connected to: a key of another one proves nothing about the account
      ADD COLUMN platform_account_id text,
      -- since when it can, or can't, take charges; null: as when it was first read
      ADD COLUMN health_changed_at timestamptz,
      -- an admin has stopped new paid sales; the same for all connections of the organizer
      ADD COLUMN paused_at timestamptz,
      -- an admin ends it although payments are still with a bank
      ADD COLUMN forced_at timestamptz,
      ADD COLUMN forced_by uuid REFERENCES users (id) ON DELETE SET NULL;
    CREATE INDEX stripe_connections_forced_by ON stripe_connections (forced_by);
    ALTER TABLE organizers
      ADD COLUMN paid_sales_paused_at timestamptz,
      ADD COLUMN paid_sales_pause_reason text,
      ADD CONSTRAINT organizers_pause_is_whole CHECK ((paid_sales_paused_at IS NULL) = (paid_sales_pause_reason IS NULL));
    CREATE TRIGGER notify_event_page_pause AFTER UPDATE OF paused_at
      ON stripe_connections FOR EACH ROW EXECUTE FUNCTION notify_event_page();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TRIGGER notify_event_page_pause ON stripe_connections;
    ALTER TABLE organizers DROP COLUMN paid_sales_paused_at, DROP COLUMN paid_sales_pause_reason;
    ALTER TABLE stripe_connections DROP COLUMN forced_by, DROP COLUMN forced_at, DROP COLUMN paused_at,
      DROP COLUMN health_changed_at, DROP COLUMN platform_account_id, DROP COLUMN charge_currencies;
  `);
}
