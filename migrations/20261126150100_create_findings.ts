import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What the comparisons with Stripe and with ourselves found, and what nothing repairs by itself: a person closes it.
    CREATE TABLE findings (
      id uuid PRIMARY KEY,
      kind text NOT NULL,
      -- what it is about, once while it is open: "unknown_payment:cs_…"
      subject text NOT NULL,
      organizer_id uuid REFERENCES organizers (id) ON DELETE SET NULL,
      order_id uuid REFERENCES orders (id) ON DELETE SET NULL,
      stripe_account_id text,
      livemode boolean,
      details jsonb NOT NULL DEFAULT '{}',
      first_seen_at timestamptz NOT NULL DEFAULT now(),
      last_seen_at timestamptz NOT NULL DEFAULT now(),
      closed_at timestamptz,
      closed_by uuid REFERENCES users (id) ON DELETE SET NULL,
      close_reason text,
      CONSTRAINT findings_kind_is_known CHECK (kind IN (
        'unknown_payment', 'ledger_drift', 'counter_drift', 'slow_payment', 'dispute_after_void')),
      CONSTRAINT findings_closed_has_reason CHECK (closed_at IS NULL OR close_reason IS NOT NULL)
    );
    CREATE UNIQUE INDEX findings_one_open ON findings (subject) WHERE closed_at IS NULL;
    CREATE INDEX findings_organizer_id ON findings (organizer_id);
    CREATE INDEX findings_order_id ON findings (order_id);
    CREATE INDEX findings_closed_by ON findings (closed_by) WHERE closed_by IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE findings;
  `);
}
