import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE refunds (
      id uuid PRIMARY KEY,
      order_id uuid NOT NULL REFERENCES orders (id),
      payment_attempt_id uuid NOT NULL REFERENCES payment_attempts (id),
      origin text NOT NULL,
      amount bigint NOT NULL,
      currency text NOT NULL,
      reason text NOT NULL,
      status text NOT NULL DEFAULT 'requested',
      send_number integer NOT NULL DEFAULT 1,
      idempotency_key text,
      stripe_refund_id text,
      first_sent_at timestamptz,
      last_sent_at timestamptz,
      last_error text,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT refunds_key_unique UNIQUE (idempotency_key),
      CONSTRAINT refunds_stripe_refund_unique UNIQUE (stripe_refund_id),
      -- late_payment: made by Foyer for a payment it could not honour · duplicate_payment · dashboard: made at Stripe
      CONSTRAINT refunds_origin_is_known CHECK (origin IN ('late_payment', 'duplicate_payment', 'dashboard', 'request')),
      CONSTRAINT refunds_status_is_known CHECK (status IN ('requested', 'pending', 'succeeded', 'failed', 'needs_attention')),
      CONSTRAINT refunds_amount_is_positive CHECK (amount > 0)
    );
    CREATE INDEX refunds_order_id ON refunds (order_id);
    CREATE INDEX refunds_unfinished ON refunds (status, updated_at) WHERE status IN ('requested', 'pending', 'needs_attention');
    -- One payment that can't be honoured is given back once.
    CREATE UNIQUE INDEX refunds_one_automatic ON refunds (payment_attempt_id) WHERE origin IN ('late_payment', 'duplicate_payment');
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE refunds;
  `);
}
