import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- An attempt is committed before Stripe is asked. Its request and key never change; another request is another attempt.
    CREATE TABLE payment_attempts (
      id uuid PRIMARY KEY,
      order_id uuid NOT NULL REFERENCES orders (id),
      n integer NOT NULL,
      status text NOT NULL DEFAULT 'created',
      stripe_account_id text NOT NULL,
      livemode boolean NOT NULL,
      idempotency_key text NOT NULL,
      request jsonb NOT NULL,
      amount bigint NOT NULL,
      currency text NOT NULL,
      session_expires_at timestamptz NOT NULL,
      checkout_session_id text,
      checkout_url text,
      payment_intent_id text,
      -- sends that may have acted: raised before each send, lowered again when Stripe surely did not act
      unanswered_sends integer NOT NULL DEFAULT 0,
      first_sent_at timestamptz,
      last_sent_at timestamptz,
      answered_at timestamptz,
      checked_at timestamptz,
      paid_at timestamptz,
      last_error text,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT payment_attempts_number_unique UNIQUE (order_id, n),
      CONSTRAINT payment_attempts_key_unique UNIQUE (idempotency_key),
      CONSTRAINT payment_attempts_session_unique UNIQUE (checkout_session_id),
      CONSTRAINT payment_attempts_payment_intent_unique UNIQUE (payment_intent_id),
      -- created: perhaps sent, no answer kept · open: a session that can be paid · processing: completed but unpaid
      -- paid · expired: dead at Stripe · refused: Stripe said no, there is no session · abandoned: never existed at Stripe
      CONSTRAINT payment_attempts_status_is_known CHECK (status IN ('created', 'open', 'processing', 'paid', 'expired', 'refused', 'abandoned')),
      CONSTRAINT payment_attempts_open_has_session CHECK (status NOT IN ('open', 'processing', 'paid') OR checkout_session_id IS NOT NULL),
      CONSTRAINT payment_attempts_amount_is_positive CHECK (amount > 0)
    );
    CREATE UNIQUE INDEX payment_attempts_one_open ON payment_attempts (order_id) WHERE status IN ('created', 'open', 'processing');
    CREATE INDEX payment_attempts_account ON payment_attempts (stripe_account_id, created_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE payment_attempts;
  `);
}
