import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- When the next request to an endpoint of Stripe may go out, for all processes together. Lost in a crash without harm:
    -- a row that is missing means "now".
    CREATE UNLOGGED TABLE stripe_request_slots (
      livemode boolean NOT NULL,
      endpoint text NOT NULL,
      next_free_at timestamptz NOT NULL,
      PRIMARY KEY (livemode, endpoint)
    ) WITH (fillfactor = 20);

    -- Attempts are sent in the order of these numbers. Given by a default that old rows don't need.
    CREATE SEQUENCE payment_queue_numbers;
    ALTER TABLE payment_attempts ADD COLUMN queue_number bigint, ADD COLUMN next_send_at timestamptz;
    UPDATE payment_attempts SET queue_number = nextval('payment_queue_numbers') WHERE status = 'created';
    ALTER TABLE payment_attempts ALTER COLUMN queue_number SET DEFAULT nextval('payment_queue_numbers');
    ALTER SEQUENCE payment_queue_numbers OWNED BY payment_attempts.queue_number;
    CREATE INDEX payment_attempts_waiting ON payment_attempts (livemode, queue_number) WHERE status = 'created';
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP INDEX payment_attempts_waiting;
    ALTER TABLE payment_attempts DROP COLUMN queue_number, DROP COLUMN next_send_at;
    DROP TABLE stripe_request_slots;
  `);
}
