import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- The outbox: a mail is a row in the transaction that makes it necessary; the worker sends it at least once.
    CREATE TABLE mails (
      id uuid PRIMARY KEY,
      -- What this mail is about, once: "order-paid:<order id>".
      dedupe_key text NOT NULL,
      template text NOT NULL,
      recipient text NOT NULL,
      subject text NOT NULL,
      text_body text NOT NULL,
      html_body text NOT NULL,
      attachments jsonb NOT NULL DEFAULT '[]',
      order_id uuid REFERENCES orders (id) ON DELETE CASCADE,
      status text NOT NULL DEFAULT 'queued',
      attempts integer NOT NULL DEFAULT 0,
      next_attempt_at timestamptz NOT NULL DEFAULT now(),
      sent_at timestamptz,
      last_error text,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT mails_dedupe_key_unique UNIQUE (dedupe_key),
      CONSTRAINT mails_status_is_known CHECK (status IN ('queued', 'sent', 'kept', 'failed'))
    );
    CREATE INDEX mails_queued ON mails (next_attempt_at) WHERE status = 'queued';
    CREATE INDEX mails_order_id ON mails (order_id);
    CREATE INDEX mails_created_at ON mails (created_at DESC);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE mails;
  `);
}
