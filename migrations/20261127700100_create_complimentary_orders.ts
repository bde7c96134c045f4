import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Orders that a member gave to somebody, without money.
    CREATE TABLE complimentary_orders (
      order_id uuid PRIMARY KEY REFERENCES orders (id) ON DELETE CASCADE,
      -- the form it came from: pressed twice it is one order
      form_key uuid NOT NULL,
      reason text NOT NULL,
      given_by uuid REFERENCES users (id) ON DELETE SET NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT complimentary_orders_form_key_unique UNIQUE (form_key)
    );
    CREATE INDEX complimentary_orders_given_by ON complimentary_orders (given_by) WHERE given_by IS NOT NULL;

    -- cancelled: an order that cost nothing was given up; there is no money to give back
    ALTER TABLE orders
      DROP CONSTRAINT orders_status_is_known,
      DROP CONSTRAINT orders_inventory_fits_status,
      ADD CONSTRAINT orders_status_is_known CHECK (status IN (
        'held', 'creating_session', 'awaiting_payment', 'processing', 'expiring', 'paid', 'partially_refunded', 'refunded',
        'refund_pending', 'failed', 'expired', 'cancelled', 'needs_attention')),
      ADD CONSTRAINT orders_inventory_fits_status CHECK (CASE
        WHEN status IN ('held', 'creating_session', 'awaiting_payment', 'processing', 'expiring') THEN inventory = 'held'
        WHEN status IN ('paid', 'partially_refunded') THEN inventory = 'sold'
        WHEN status IN ('refunded', 'refund_pending', 'failed', 'expired', 'cancelled') THEN inventory = 'none'
        ELSE true END),
      ADD CONSTRAINT orders_cancelled_cost_nothing CHECK (status <> 'cancelled' OR total_amount = 0);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE complimentary_orders;
    UPDATE orders SET status = 'expired' WHERE status = 'cancelled';
    ALTER TABLE orders
      DROP CONSTRAINT orders_cancelled_cost_nothing,
      DROP CONSTRAINT orders_status_is_known,
      DROP CONSTRAINT orders_inventory_fits_status,
      ADD CONSTRAINT orders_status_is_known CHECK (status IN (
        'held', 'creating_session', 'awaiting_payment', 'processing', 'expiring', 'paid', 'partially_refunded', 'refunded',
        'refund_pending', 'failed', 'expired', 'needs_attention')),
      ADD CONSTRAINT orders_inventory_fits_status CHECK (CASE
        WHEN status IN ('held', 'creating_session', 'awaiting_payment', 'processing', 'expiring') THEN inventory = 'held'
        WHEN status IN ('paid', 'partially_refunded') THEN inventory = 'sold'
        WHEN status IN ('refunded', 'refund_pending', 'failed', 'expired') THEN inventory = 'none'
        ELSE true END);
  `);
}
