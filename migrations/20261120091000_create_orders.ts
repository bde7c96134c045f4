import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE orders (
      id uuid PRIMARY KEY,
      event_id uuid NOT NULL REFERENCES events (id),
      organizer_id uuid NOT NULL,
      reference text NOT NULL,
      status text NOT NULL DEFAULT 'held',
      -- Which counter this order's tickets stand in: the sum over orders is what held and sold must say.
      inventory text NOT NULL DEFAULT 'held',
      currency text NOT NULL,
      total_amount bigint NOT NULL,
      application_fee_amount bigint NOT NULL DEFAULT 0,
      buyer_name text,
      buyer_email text,
      visitor_hash text,
      stripe_connection_id uuid,
      stripe_account_id text,
      livemode boolean NOT NULL,
      hold_expires_at timestamptz NOT NULL,
      opened_at timestamptz,
      paid_at timestamptz,
      status_detail text,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT orders_reference_unique UNIQUE (reference),
      CONSTRAINT orders_status_is_known CHECK (status IN (
        'held', 'creating_session', 'awaiting_payment', 'processing', 'expiring', 'paid', 'partially_refunded', 'refunded',
        'refund_pending', 'failed', 'expired', 'needs_attention')),
      CONSTRAINT orders_inventory_is_known CHECK (inventory IN ('held', 'sold', 'none')),
      CONSTRAINT orders_inventory_fits_status CHECK (CASE
        WHEN status IN ('held', 'creating_session', 'awaiting_payment', 'processing', 'expiring') THEN inventory = 'held'
        WHEN status IN ('paid', 'partially_refunded') THEN inventory = 'sold'
        WHEN status IN ('refunded', 'refund_pending', 'failed', 'expired') THEN inventory = 'none'
        ELSE true END),
      CONSTRAINT orders_amounts_are_sane CHECK (
        total_amount >= 0 AND application_fee_amount >= 0 AND application_fee_amount <= total_amount),
      CONSTRAINT orders_buyer_is_known_when_paid CHECK (
        status NOT IN ('paid', 'partially_refunded') OR (buyer_email IS NOT NULL AND paid_at IS NOT NULL))
    ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
    CREATE INDEX orders_event_id ON orders (event_id, created_at DESC, id);
    CREATE INDEX orders_organizer_id ON orders (organizer_id, created_at DESC, id);
    -- What sweeps look for: every order that still holds tickets, by its deadline.
    CREATE INDEX orders_open ON orders (hold_expires_at) WHERE inventory = 'held';
    CREATE INDEX orders_open_by_visitor ON orders (event_id, visitor_hash) WHERE inventory = 'held';
    CREATE INDEX orders_open_by_connection ON orders (stripe_connection_id)
      WHERE status IN ('creating_session', 'awaiting_payment', 'processing', 'expiring');
    CREATE INDEX orders_unfinished ON orders (status, updated_at) WHERE status IN ('refund_pending', 'needs_attention', 'processing');
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE orders;
  `);
}
