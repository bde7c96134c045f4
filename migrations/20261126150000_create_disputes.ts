import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- A buyer's bank takes a payment back, for now or for good. Always as Stripe says it; what follows is in payments/dispute.ts.
    CREATE TABLE disputes (
      id uuid PRIMARY KEY,
      order_id uuid NOT NULL REFERENCES orders (id),
      payment_attempt_id uuid NOT NULL REFERENCES payment_attempts (id),
      stripe_dispute_id text NOT NULL,
      amount bigint NOT NULL,
      currency text NOT NULL,
      reason text NOT NULL,
      -- Stripe's own word, of which there can be new ones; the stage is what we make of it
      status text NOT NULL,
      stage text NOT NULL,
      charge_refundable boolean NOT NULL DEFAULT false,
      evidence_due_at timestamptz,
      evidence_submitted boolean NOT NULL DEFAULT false,
      opened_at timestamptz NOT NULL,
      closed_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT disputes_stripe_dispute_unique UNIQUE (stripe_dispute_id),
      -- inquiry: asked, no money taken · open: the money is taken until it is decided · won · lost · closed: ended without a loss
      CONSTRAINT disputes_stage_is_known CHECK (stage IN ('inquiry', 'open', 'won', 'lost', 'closed')),
      CONSTRAINT disputes_amount_is_positive CHECK (amount > 0)
    );
    CREATE INDEX disputes_order_id ON disputes (order_id);
    CREATE INDEX disputes_payment_attempt_id ON disputes (payment_attempt_id);
    CREATE INDEX disputes_opened_at ON disputes (opened_at DESC, id);
    CREATE INDEX disputes_open ON disputes (evidence_due_at) WHERE stage IN ('inquiry', 'open');
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE disputes;
  `);
}
