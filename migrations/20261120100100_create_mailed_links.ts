import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- One-time links. The token is in the mail alone; here is its hash.
    CREATE TABLE mailed_links (
      token_hash text PRIMARY KEY,
      purpose text NOT NULL,
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      -- the address that the link was sent to
      email text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      used_at timestamptz,
      CONSTRAINT mailed_links_purpose_is_known CHECK (purpose IN ('reset_password', 'verify_email', 'change_email')),
      CONSTRAINT mailed_links_expires_later CHECK (expires_at > created_at)
    );
    CREATE INDEX mailed_links_user_id ON mailed_links (user_id);
    CREATE INDEX mailed_links_expires_at ON mailed_links (expires_at);

    -- A mail that carries such a link is not kept in the outbox after it was sent.
    ALTER TABLE mails ADD COLUMN carries_secret boolean NOT NULL DEFAULT false;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE mails DROP COLUMN carries_secret;
    DROP TABLE mailed_links;
  `);
}
