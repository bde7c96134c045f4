import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What buyers may cancel by themselves, until how many hours before the start, and what of the money goes back:
    -- "both:48:whole". Null: nothing. An order keeps what its buyer was shown (decision 0027).
    ALTER TABLE events ADD COLUMN self_cancellation text,
      ADD CONSTRAINT events_self_cancellation_is_known
        CHECK (self_cancellation ~ '^(free|paid|both):(0|[1-9][0-9]{0,3}):(whole|less_fee)$');
    ALTER TABLE orders ADD COLUMN self_cancellation text,
      ADD CONSTRAINT orders_self_cancellation_is_known
        CHECK (self_cancellation ~ '^(free|paid|both):(0|[1-9][0-9]{0,3}):(whole|less_fee)$');
    ALTER TABLE refunds DROP CONSTRAINT refunds_requested_as_is_known,
      ADD CONSTRAINT refunds_requested_as_is_known CHECK (requested_as IN ('organizer', 'admin', 'system', 'buyer'));
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    UPDATE refunds SET requested_as = 'system' WHERE requested_as = 'buyer';
    ALTER TABLE refunds DROP CONSTRAINT refunds_requested_as_is_known,
      ADD CONSTRAINT refunds_requested_as_is_known CHECK (requested_as IN ('organizer', 'admin', 'system'));
    ALTER TABLE orders DROP COLUMN self_cancellation;
    ALTER TABLE events DROP COLUMN self_cancellation;
  `);
}
