import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What an organizer wrote to those who have tickets of an event.
    CREATE TABLE attendee_messages (
      id uuid PRIMARY KEY,
      event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
      -- the form it came from: pressed twice it is one message
      form_key uuid NOT NULL,
      subject text NOT NULL,
      body text NOT NULL,
      -- all · not_in: with a ticket that was not checked in · type: with a ticket of this type
      audience text NOT NULL,
      ticket_type_id uuid REFERENCES ticket_types (id) ON DELETE SET NULL,
      sent_by uuid REFERENCES users (id) ON DELETE SET NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      -- all its mails are in the outbox
      queued_at timestamptz,
      CONSTRAINT attendee_messages_form_key_unique UNIQUE (form_key),
      CONSTRAINT attendee_messages_audience_is_known CHECK (audience IN ('all', 'not_in', 'type'))
    );
    CREATE INDEX attendee_messages_event_id ON attendee_messages (event_id, created_at DESC);
    CREATE INDEX attendee_messages_unfinished ON attendee_messages (created_at) WHERE queued_at IS NULL;
    CREATE INDEX attendee_messages_ticket_type_id ON attendee_messages (ticket_type_id) WHERE ticket_type_id IS NOT NULL;
    CREATE INDEX attendee_messages_sent_by ON attendee_messages (sent_by) WHERE sent_by IS NOT NULL;

    -- The orders a message goes to, as they were when it was sent; queued_at: its mail is in the outbox.
    CREATE TABLE attendee_message_orders (
      message_id uuid NOT NULL REFERENCES attendee_messages (id) ON DELETE CASCADE,
      order_id uuid NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
      queued_at timestamptz,
      PRIMARY KEY (message_id, order_id)
    );
    CREATE INDEX attendee_message_orders_order_id ON attendee_message_orders (order_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE attendee_message_orders;
    DROP TABLE attendee_messages;
  `);
}
