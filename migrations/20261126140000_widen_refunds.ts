import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Giving back all orders of a cancelled event: asked for once, done by the worker, resumed from the orders themselves.
    CREATE TABLE event_refunds (
      id uuid PRIMARY KEY,
      event_id uuid NOT NULL REFERENCES events (id),
      requested_by uuid REFERENCES users (id) ON DELETE SET NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT event_refunds_event_unique UNIQUE (event_id)
    );
    CREATE INDEX event_refunds_requested_by ON event_refunds (requested_by) WHERE requested_by IS NOT NULL;

    ALTER TABLE refunds
      -- order: all that is left, and all tickets · tickets: those that point here · amount: no ticket
      ADD COLUMN scope text NOT NULL DEFAULT 'order',
      -- what of the platform's fee goes back with it, as asked for; what really went back stands at the payment
      ADD COLUMN fee_amount bigint NOT NULL DEFAULT 0,
      -- the form it came from: pressed twice it is one refund
      ADD COLUMN form_key uuid,
      ADD COLUMN requested_as text,
      ADD COLUMN requested_by uuid REFERENCES users (id) ON DELETE SET NULL,
      ADD COLUMN event_refund_id uuid REFERENCES event_refunds (id),
      -- refunds at Stripe that earlier attempts made, and that failed
      ADD COLUMN former_stripe_refund_ids text[] NOT NULL DEFAULT '{}',
      ADD COLUMN server_errors integer NOT NULL DEFAULT 0,
      ADD COLUMN send_after timestamptz NOT NULL DEFAULT now(),
      ADD COLUMN checked_at timestamptz,
      ADD COLUMN succeeded_at timestamptz,
      -- made at Stripe for a part of the payment: when a person said which tickets it was for
      ADD COLUMN tickets_decided_at timestamptz,
      DROP CONSTRAINT refunds_status_is_known,
      -- requested · sent: Stripe may have acted · pending: Stripe has it · succeeded · failed: no money, for good
      -- needs_attention: no money, and somebody can try again
      ADD CONSTRAINT refunds_status_is_known
        CHECK (status IN ('requested', 'sent', 'pending', 'succeeded', 'failed', 'needs_attention')),
      ADD CONSTRAINT refunds_scope_is_known CHECK (scope IN ('order', 'tickets', 'amount')),
      ADD CONSTRAINT refunds_requested_as_is_known CHECK (requested_as IN ('organizer', 'admin', 'system')),
      ADD CONSTRAINT refunds_fee_is_sane CHECK (fee_amount >= 0 AND fee_amount <= amount);
    CREATE UNIQUE INDEX refunds_form_key_unique ON refunds (form_key);
    CREATE UNIQUE INDEX refunds_one_for_an_event ON refunds (event_refund_id, payment_attempt_id) WHERE event_refund_id IS NOT NULL;
    CREATE INDEX refunds_requested_by ON refunds (requested_by) WHERE requested_by IS NOT NULL;
    CREATE INDEX refunds_to_send ON refunds (send_after) WHERE status IN ('requested', 'sent');

    -- A ticket whose money goes back points to the refund; it is in one at most.
    ALTER TABLE tickets ADD COLUMN refund_id uuid REFERENCES refunds (id);
    CREATE INDEX tickets_refund_id ON tickets (refund_id) WHERE refund_id IS NOT NULL;

    -- Places of this line that were given back: what still counts as sold is quantity - refunded_quantity.
    ALTER TABLE order_lines
      ADD COLUMN refunded_quantity integer NOT NULL DEFAULT 0,
      ADD CONSTRAINT order_lines_refunded_is_sane CHECK (refunded_quantity >= 0 AND refunded_quantity <= quantity);

    ALTER TABLE payment_attempts
      ADD COLUMN application_fee_refunded bigint,
      ADD CONSTRAINT payment_attempts_fee_refunded_is_sane CHECK (application_fee_refunded >= 0);

    -- The second wall behind the order's lock: what we ask Stripe for never adds up to more than was paid.
    CREATE FUNCTION refuse_refunds_beyond_the_payment() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE paid bigint; others bigint;
    BEGIN
      -- what Stripe says was paid, where it is known
      SELECT coalesce(paid_amount, amount) INTO paid FROM payment_attempts WHERE id = NEW.payment_attempt_id FOR NO KEY UPDATE;
      SELECT coalesce(sum(amount), 0) INTO others FROM refunds
       WHERE payment_attempt_id = NEW.payment_attempt_id AND status <> 'failed' AND id <> NEW.id;
      IF others + NEW.amount > paid THEN
        RAISE EXCEPTION 'refunds of % beside % are more than the payment of %', NEW.amount, others, paid
          USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_fit_the_payment';
      END IF;
      RETURN NEW;
    END $$;
    -- What was made at Stripe is booked as it is: Stripe has counted it.
    CREATE TRIGGER refunds_fit_the_payment_when_made BEFORE INSERT ON refunds
      FOR EACH ROW WHEN (NEW.origin <> 'dashboard' AND NEW.status <> 'failed')
      EXECUTE FUNCTION refuse_refunds_beyond_the_payment();
    CREATE TRIGGER refunds_fit_the_payment_when_changed BEFORE UPDATE ON refunds
      FOR EACH ROW WHEN (NEW.origin <> 'dashboard' AND NEW.status <> 'failed'
        AND (OLD.status = 'failed' OR NEW.amount <> OLD.amount))
      EXECUTE FUNCTION refuse_refunds_beyond_the_payment();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TRIGGER refunds_fit_the_payment_when_changed ON refunds;
    DROP TRIGGER refunds_fit_the_payment_when_made ON refunds;
    DROP FUNCTION refuse_refunds_beyond_the_payment();
    ALTER TABLE payment_attempts DROP COLUMN application_fee_refunded;
    ALTER TABLE order_lines DROP COLUMN refunded_quantity;
    ALTER TABLE tickets DROP COLUMN refund_id;
    UPDATE refunds SET status = 'requested' WHERE status = 'sent';
    ALTER TABLE refunds
      DROP CONSTRAINT refunds_status_is_known,
      ADD CONSTRAINT refunds_status_is_known CHECK (status IN ('requested', 'pending', 'succeeded', 'failed', 'needs_attention')),
      DROP COLUMN scope, DROP COLUMN fee_amount, DROP COLUMN form_key, DROP COLUMN requested_as, DROP COLUMN requested_by,
      DROP COLUMN event_refund_id, DROP COLUMN former_stripe_refund_ids, DROP COLUMN server_errors, DROP COLUMN send_after,
      DROP COLUMN checked_at, DROP COLUMN succeeded_at, DROP COLUMN tickets_decided_at;
    DROP TABLE event_refunds;
  `);
}
