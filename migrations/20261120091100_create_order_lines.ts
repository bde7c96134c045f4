import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE order_lines (
      order_id uuid NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
      ticket_type_id uuid NOT NULL REFERENCES ticket_types (id),
      ticket_type_name text NOT NULL,
      quantity integer NOT NULL,
      unit_price bigint NOT NULL,
      PRIMARY KEY (order_id, ticket_type_id),
      CONSTRAINT order_lines_quantity_is_positive CHECK (quantity > 0),
      CONSTRAINT order_lines_price_is_sane CHECK (unit_price >= 0)
    );
    CREATE INDEX order_lines_ticket_type_id ON order_lines (ticket_type_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE order_lines;
  `);
}
