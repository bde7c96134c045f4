import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE ticket_types (
      id uuid PRIMARY KEY,
      event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
      position integer NOT NULL,
      name text NOT NULL,
      description text NOT NULL DEFAULT '',
      kind text NOT NULL,
      price bigint NOT NULL,
      capacity integer NOT NULL,
      held integer NOT NULL DEFAULT 0,
      sold integer NOT NULL DEFAULT 0,
      min_per_order integer NOT NULL DEFAULT 1,
      max_per_order integer NOT NULL DEFAULT 10,
      sales_start timestamptz,
      sales_end timestamptz,
      visibility text NOT NULL DEFAULT 'public',
      removed_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT ticket_types_kind_is_known CHECK (kind IN ('paid', 'free', 'donation')),
      CONSTRAINT ticket_types_visibility_is_known CHECK (visibility IN ('public', 'hidden')),
      CONSTRAINT ticket_types_price_fits_kind CHECK (
        (kind = 'paid' AND price > 0) OR (kind = 'free' AND price = 0) OR (kind = 'donation' AND price >= 0)),
      CONSTRAINT ticket_types_price_is_chargeable CHECK (price <= 99999999),
      CONSTRAINT ticket_types_per_order_is_sane CHECK (min_per_order >= 1 AND max_per_order >= min_per_order AND max_per_order <= 100),
      CONSTRAINT ticket_types_window_is_sane CHECK (sales_end > sales_start),
      CONSTRAINT ticket_types_counters_fit CHECK (held >= 0 AND sold >= 0 AND held + sold <= capacity)
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
    CREATE INDEX ticket_types_event_id ON ticket_types (event_id, position);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE ticket_types;
  `);
}
