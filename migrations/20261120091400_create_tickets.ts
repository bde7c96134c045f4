import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE tickets (
      id uuid PRIMARY KEY,
      order_id uuid NOT NULL REFERENCES orders (id),
      event_id uuid NOT NULL REFERENCES events (id),
      ticket_type_id uuid NOT NULL REFERENCES ticket_types (id),
      seq integer NOT NULL,
      status text NOT NULL DEFAULT 'valid',
      checked_in_at timestamptz,
      checked_in_by uuid REFERENCES users (id) ON DELETE SET NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT tickets_order_seq_unique UNIQUE (order_id, seq),
      CONSTRAINT tickets_status_is_known CHECK (status IN ('valid', 'void'))
    );
    CREATE INDEX tickets_event_id ON tickets (event_id);
    CREATE INDEX tickets_ticket_type_id ON tickets (ticket_type_id);
    CREATE INDEX tickets_checked_in_by ON tickets (checked_in_by) WHERE checked_in_by IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE tickets;
  `);
}
