import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- One row for each time that an account installed Foyer's Stripe App; installing again makes a new row, the history stays.
    CREATE TABLE stripe_app_installations (
      id uuid PRIMARY KEY,
      organizer_id uuid REFERENCES organizers (id) ON DELETE SET NULL,
      stripe_user_id text NOT NULL,
      livemode boolean NOT NULL,
      scope text NOT NULL,
      status text NOT NULL DEFAULT 'installed',
      status_detail text,
      encrypted_access_token text,
      access_token_expires_at timestamptz,
      encrypted_refresh_token text,
      refresh_token_expires_at timestamptz,
      -- Rises with every refresh: who read an older one has lost the race, and reads again.
      token_version integer NOT NULL DEFAULT 1,
      -- Who refreshes at this moment, and how long nobody else may.
      refresh_lease uuid,
      refresh_leased_until timestamptz,
      refreshed_at timestamptz,
      checked_at timestamptz,
      installed_by uuid REFERENCES users (id) ON DELETE SET NULL,
      installed_at timestamptz NOT NULL DEFAULT now(),
      status_changed_at timestamptz NOT NULL DEFAULT now(),
      ended_at timestamptz,
      ended_by text,
      CONSTRAINT stripe_app_installations_account_is_well_formed CHECK (stripe_user_id ~ '^acct_[A-Za-z0-9]+$'),
      CONSTRAINT stripe_app_installations_status_is_known CHECK (status IN ('installed', 'install_again', 'uninstalled')),
      CONSTRAINT stripe_app_installations_ended_by_is_known CHECK (ended_by IN ('stripe', 'new_install')),
      CONSTRAINT stripe_app_installations_end_is_whole
        CHECK ((status = 'uninstalled') = (ended_at IS NOT NULL AND ended_by IS NOT NULL)),
      CONSTRAINT stripe_app_installations_tokens_while_installed
        CHECK (num_nonnulls(encrypted_access_token, access_token_expires_at, encrypted_refresh_token, refresh_token_expires_at)
               = CASE WHEN status = 'installed' THEN 4 ELSE 0 END),
      CONSTRAINT stripe_app_installations_lease_is_whole CHECK ((refresh_lease IS NULL) = (refresh_leased_until IS NULL))
    );
    CREATE UNIQUE INDEX stripe_app_installations_account_unique ON stripe_app_installations (stripe_user_id, livemode)
      WHERE status <> 'uninstalled';
    CREATE INDEX stripe_app_installations_organizer_id ON stripe_app_installations (organizer_id);
    CREATE INDEX stripe_app_installations_installed_by ON stripe_app_installations (installed_by);
    -- The daily check finds whose turn it is.
    CREATE INDEX stripe_app_installations_checked_at ON stripe_app_installations (checked_at NULLS FIRST)
      WHERE status = 'installed';

    -- Installing may be begun by somebody who is not signed in: such a state is bound to the session and the mode alone.
    ALTER TABLE oauth_states
      ADD COLUMN kind text NOT NULL DEFAULT 'connect',
      ALTER COLUMN user_id DROP NOT NULL,
      ALTER COLUMN organizer_id DROP NOT NULL,
      DROP CONSTRAINT oauth_states_return_to_is_known,
      ADD CONSTRAINT oauth_states_return_to_is_known CHECK (return_to IN ('payments', 'event_draft', 'stripe_app')),
      ADD CONSTRAINT oauth_states_kind_is_known CHECK (kind IN ('connect', 'stripe_app')),
      ADD CONSTRAINT oauth_states_connect_is_bound_to_a_person
        CHECK (kind <> 'connect' OR (user_id IS NOT NULL AND organizer_id IS NOT NULL));
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DELETE FROM oauth_states WHERE kind <> 'connect';
    ALTER TABLE oauth_states
      DROP CONSTRAINT oauth_states_connect_is_bound_to_a_person,
      DROP CONSTRAINT oauth_states_kind_is_known,
      DROP CONSTRAINT oauth_states_return_to_is_known,
      ADD CONSTRAINT oauth_states_return_to_is_known CHECK (return_to IN ('payments', 'event_draft')),
      ALTER COLUMN user_id SET NOT NULL,
      ALTER COLUMN organizer_id SET NOT NULL,
      DROP COLUMN kind;
    DROP TABLE stripe_app_installations;
  `);
}
