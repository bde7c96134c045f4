import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What a person allowed a program: the family of all codes and tokens that came of one consent.
    CREATE TABLE oauth_grants (
      id uuid PRIMARY KEY,
      user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      -- as OAUTH_CLIENTS names it
      client_id text NOT NULL,
      scopes text[] NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      -- when its code, later its newest refresh token, can be used no more
      expires_at timestamptz NOT NULL,
      last_used_at timestamptz,
      ended_at timestamptz,
      end_reason text,
      CONSTRAINT oauth_grants_expires_later CHECK (expires_at > created_at),
      CONSTRAINT oauth_grants_end_has_its_reason CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
      CONSTRAINT oauth_grants_end_reason_is_known
        CHECK (end_reason IN ('person', 'client', 'replayed', 'password', 'disabled'))
    );
    CREATE INDEX oauth_grants_user_id ON oauth_grants (user_id);
    CREATE INDEX oauth_grants_expires_at ON oauth_grants (expires_at);

    -- Codes and tokens are kept by their hash, used ones too, so that a second use is noticed.
    CREATE TABLE oauth_codes (
      code_hash text PRIMARY KEY,
      grant_id uuid NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
      redirect_uri text NOT NULL,
      -- PKCE with S256 (RFC 7636); a client with a secret may do without
      code_challenge text,
      expires_at timestamptz NOT NULL,
      consumed_at timestamptz
    );
    CREATE INDEX oauth_codes_grant_id ON oauth_codes (grant_id);

    CREATE TABLE oauth_tokens (
      token_hash text PRIMARY KEY,
      grant_id uuid NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
      kind text NOT NULL,
      scopes text[] NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      consumed_at timestamptz,
      CONSTRAINT oauth_tokens_kind_is_known CHECK (kind IN ('access', 'refresh')),
      CONSTRAINT oauth_tokens_only_refresh_is_consumed CHECK (consumed_at IS NULL OR kind = 'refresh')
    );
    CREATE INDEX oauth_tokens_grant_id ON oauth_tokens (grant_id);
    CREATE INDEX oauth_tokens_expires_at ON oauth_tokens (expires_at);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE oauth_tokens;
    DROP TABLE oauth_codes;
    DROP TABLE oauth_grants;
  `);
}
