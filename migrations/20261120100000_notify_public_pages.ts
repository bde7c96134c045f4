import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Tells web processes which public pages a commit has changed. Not for the counters: a notification makes commits
    -- wait for each other, and holds are too many. What is left is never shown older than a second anyway.
    CREATE FUNCTION notify_event_page() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM pg_notify('foyer_event_pages', CASE TG_TABLE_NAME
        WHEN 'events' THEN 'event:' || (to_jsonb(coalesce(NEW, OLD)) ->> 'id')
        WHEN 'ticket_types' THEN 'event:' || (to_jsonb(coalesce(NEW, OLD)) ->> 'event_id')
        WHEN 'organizers' THEN 'organizer:' || (to_jsonb(coalesce(NEW, OLD)) ->> 'id')
        ELSE 'organizer:' || (to_jsonb(coalesce(NEW, OLD)) ->> 'organizer_id') END);
      RETURN NULL;
    END $$;
    CREATE TRIGGER notify_event_page AFTER DELETE OR UPDATE OF slug, title, description, starts_at, ends_at, time_zone,
        location_kind, venue_name, venue_address, online_url, currency, capacity, livemode, status, stripe_connection_id,
        published_at, cancelled_at, cancellation_reason
      ON events FOR EACH ROW EXECUTE FUNCTION notify_event_page();
    CREATE TRIGGER notify_event_page AFTER INSERT OR DELETE OR UPDATE OF position, name, description, kind, price, capacity,
        min_per_order, max_per_order, sales_start, sales_end, visibility, removed_at
      ON ticket_types FOR EACH ROW EXECUTE FUNCTION notify_event_page();
    CREATE TRIGGER notify_event_page AFTER UPDATE OF slug, name, default_connection_id
      ON organizers FOR EACH ROW EXECUTE FUNCTION notify_event_page();
    CREATE TRIGGER notify_event_page AFTER INSERT OR DELETE OR UPDATE OF status, charges_enabled, status_detail
      ON stripe_connections FOR EACH ROW EXECUTE FUNCTION notify_event_page();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TRIGGER notify_event_page ON stripe_connections;
    DROP TRIGGER notify_event_page ON organizers;
    DROP TRIGGER notify_event_page ON ticket_types;
    DROP TRIGGER notify_event_page ON events;
    DROP FUNCTION notify_event_page();
  `);
}
