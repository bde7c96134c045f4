import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What an organizer's buyers agree to, version by version. A version is never changed: orders refer to it.
    CREATE TABLE organizer_terms (
      id uuid PRIMARY KEY,
      organizer_id uuid NOT NULL REFERENCES organizers (id),
      -- Markdown; '' = none
      terms text NOT NULL,
      refund_policy text NOT NULL,
      imprint text NOT NULL,
      content_hash text NOT NULL,
      created_by uuid REFERENCES users (id) ON DELETE SET NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT organizer_terms_version_unique UNIQUE (organizer_id, content_hash),
      CONSTRAINT organizer_terms_say_something CHECK (terms <> '' OR refund_policy <> '' OR imprint <> '')
    );
    CREATE INDEX organizer_terms_created_by ON organizer_terms (created_by) WHERE created_by IS NOT NULL;

    CREATE FUNCTION refuse_change_of_terms() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'a version of terms is never changed' USING ERRCODE = 'restrict_violation';
    END $$;
    CREATE TRIGGER organizer_terms_stay BEFORE UPDATE OF organizer_id, terms, refund_policy, imprint, content_hash, created_at
      ON organizer_terms FOR EACH ROW EXECUTE FUNCTION refuse_change_of_terms();

    -- The version that counts today; null = none.
    ALTER TABLE organizers ADD COLUMN current_terms_id uuid REFERENCES organizer_terms (id);
    CREATE INDEX organizers_current_terms_id ON organizers (current_terms_id) WHERE current_terms_id IS NOT NULL;
    CREATE TRIGGER notify_event_page_terms AFTER UPDATE OF current_terms_id
      ON organizers FOR EACH ROW EXECUTE FUNCTION notify_event_page();

    -- The version that the buyer saw and agreed to.
    ALTER TABLE orders ADD COLUMN agreed_terms_id uuid REFERENCES organizer_terms (id);
    CREATE INDEX orders_agreed_terms_id ON orders (agreed_terms_id) WHERE agreed_terms_id IS NOT NULL;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE orders DROP COLUMN agreed_terms_id;
    DROP TRIGGER notify_event_page_terms ON organizers;
    ALTER TABLE organizers DROP COLUMN current_terms_id;
    DROP TABLE organizer_terms;
    DROP FUNCTION refuse_change_of_terms();
  `);
}
