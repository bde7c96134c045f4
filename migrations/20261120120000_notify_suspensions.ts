import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- A suspension takes a page away at once, like any other change of its words.
    CREATE TRIGGER notify_event_page_suspension AFTER UPDATE OF suspended_at, organizer_suspended
      ON events FOR EACH ROW EXECUTE FUNCTION notify_event_page();
    CREATE TRIGGER notify_event_page_suspension AFTER UPDATE OF suspended_at
      ON organizers FOR EACH ROW EXECUTE FUNCTION notify_event_page();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TRIGGER notify_event_page_suspension ON organizers;
    DROP TRIGGER notify_event_page_suspension ON events;
  `);
}
