import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE discount_codes (
      id uuid PRIMARY KEY,
      event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
      code text NOT NULL,
      kind text NOT NULL,
      percent integer,
      -- off each ticket, minor units of the currency beside it
      amount bigint,
      currency text NOT NULL,
      unlocks_hidden boolean NOT NULL DEFAULT false,
      use_limit integer,
      -- orders that hold tickets with it, and orders that have sold ones: counted under the event's lock, like tickets
      held integer NOT NULL DEFAULT 0,
      used integer NOT NULL DEFAULT 0,
      valid_from timestamptz,
      valid_until timestamptz,
      switched_off_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT discount_codes_code_unique UNIQUE (event_id, code),
      CONSTRAINT discount_codes_code_is_plain CHECK (code ~ '^[A-Z0-9][A-Z0-9_-]{2,31}$'),
      CONSTRAINT discount_codes_kind_is_known CHECK (kind IN ('percent', 'amount', 'access')),
      CONSTRAINT discount_codes_value_fits_kind CHECK (
        (kind = 'percent') = (percent IS NOT NULL) AND (kind = 'amount') = (amount IS NOT NULL)
        AND percent BETWEEN 1 AND 100 AND amount > 0 IS NOT FALSE AND (kind <> 'access' OR unlocks_hidden)),
      CONSTRAINT discount_codes_window_is_sane CHECK (valid_until > valid_from),
      CONSTRAINT discount_codes_limit_is_sane CHECK (use_limit >= 1),
      CONSTRAINT discount_codes_counters_fit CHECK (held >= 0 AND used >= 0 AND held + used <= use_limit IS NOT FALSE)
    ) WITH (fillfactor = 50);

    -- none: the code is for all ticket types
    CREATE TABLE discount_code_ticket_types (
      discount_code_id uuid NOT NULL REFERENCES discount_codes (id) ON DELETE CASCADE,
      ticket_type_id uuid NOT NULL REFERENCES ticket_types (id) ON DELETE CASCADE,
      PRIMARY KEY (discount_code_id, ticket_type_id)
    );
    CREATE INDEX discount_code_ticket_types_ticket_type_id ON discount_code_ticket_types (ticket_type_id);

    ALTER TABLE orders ADD COLUMN discount_code_id uuid REFERENCES discount_codes (id);
    CREATE INDEX orders_discount_code_id ON orders (discount_code_id) WHERE discount_code_id IS NOT NULL;

    -- what the code took off each ticket; unit_price is what is paid for it
    ALTER TABLE order_lines ADD COLUMN discount bigint NOT NULL DEFAULT 0;
    ALTER TABLE order_lines ADD CONSTRAINT order_lines_discount_is_sane CHECK (discount >= 0);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE order_lines DROP COLUMN discount;
    ALTER TABLE orders DROP COLUMN discount_code_id;
    DROP TABLE discount_code_ticket_types;
    DROP TABLE discount_codes;
  `);
}
