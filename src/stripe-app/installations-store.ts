import { type Knex } from 'knex';
import { isUuid } from '../lib/ids';
import { ACCESS_TOKEN_SECONDS, REFRESH_TOKEN_DAYS } from '../stripe/app-oauth';
import { type Installation } from './installation';

interface InstallationRow {
  id: string;
  organizer_id: string | null;
  stripe_user_id: string;
  livemode: boolean;
  scope: string;
  status: Installation['status'];
  status_detail: Installation['statusDetail'];
  access_token_expires_at: Date | null;
  refresh_token_expires_at: Date | null;
  token_version: number;
  checked_at: Date | null;
  installed_by: string | null;
  installed_at: Date;
  status_changed_at: Date;
  ended_at: Date | null;
  ended_by: Installation['endedBy'];
}

/** Encrypted, as they are kept. */
export interface KeptTokens {
  access: string;
  refresh: string;
}

/** An access token is taken for good only while this much of its life is left. */
const SPARE_SECONDS = 5 * 60;

/** A new pair begins its life now: Stripe does not say how long, its documentation does. */
const lives = (db: Knex) => ({
  access_token_expires_at: db.raw('now() + make_interval(secs => ?)', [ACCESS_TOKEN_SECONDS]),
  refresh_token_expires_at: db.raw('now() + make_interval(days => ?)', [REFRESH_TOKEN_DAYS]),
});

const NO_TOKENS = {
  encrypted_access_token: null,
  access_token_expires_at: null,
  encrypted_refresh_token: null,
  refresh_token_expires_at: null,
  refresh_lease: null,
  refresh_leased_until: null,
};

/** SQL of installations. Give it a transaction to work inside one. */
export function createInstallationsStore(db: Knex) {
  const installations = () => db<InstallationRow>('stripe_app_installations');

  return {
    /** The one that has not ended of an account in a mode: `installed`, or to be installed again. */
    async findByAccount(stripeUserId: string, livemode: boolean): Promise<Installation | null> {
      const row = await installations()
        .where({ stripe_user_id: stripeUserId, livemode })
        .whereNot('status', 'uninstalled')
        .first();
      return row ? toInstallation(row) : null;
    },

    /** The same under its row lock. */
    async lockByAccount(account: { stripeUserId: string; livemode: boolean }): Promise<Installation | null> {
      const row = await installations()
        .where({ stripe_user_id: account.stripeUserId, livemode: account.livemode })
        .whereNot('status', 'uninstalled')
        .forUpdate()
        .first();
      return row ? toInstallation(row) : null;
    },

    async find(id: string): Promise<Installation | null> {
      if (!isUuid(id)) return null;
      const row = await installations().where({ id }).first();
      return row ? toInstallation(row) : null;
    },

    /** The newest of an account in a mode, ended or not. */
    async findLatestOfAccount(stripeUserId: string, livemode: boolean): Promise<Installation | null> {
      const row = await installations()
        .where({ stripe_user_id: stripeUserId, livemode })
        .orderByRaw("status = 'uninstalled', installed_at DESC")
        .first();
      return row ? toInstallation(row) : null;
    },

    /** What an access token is made of; `fresh` by the database's clock. Null when the installation has ended. */
    async readTokens(id: string): Promise<{
      installation: Installation;
      tokens: KeptTokens | null;
      fresh: boolean;
    } | null> {
      const row = await db('stripe_app_installations')
        .where({ id })
        .whereNot('status', 'uninstalled')
        .first(
          '*',
          db.raw('access_token_expires_at > now() + make_interval(secs => ?) AS fresh', [SPARE_SECONDS]),
        );
      if (!row) return null;
      return {
        installation: toInstallation(row),
        tokens:
          row.status === 'installed'
            ? { access: row.encrypted_access_token, refresh: row.encrypted_refresh_token }
            : null,
        fresh: row.fresh === true,
      };
    },

    /** Takes the right to refresh this very pair, alone, for a while. False: somebody has it, or has done it. */
    async claimLease(id: string, version: number, lease: { id: string; seconds: number }): Promise<boolean> {
      const claimed = await db('stripe_app_installations')
        .where({ id, status: 'installed', token_version: version })
        .whereRaw('coalesce(refresh_leased_until, now()) <= now()')
        .update({
          refresh_lease: lease.id,
          refresh_leased_until: db.raw('now() + make_interval(secs => ?)', [lease.seconds]),
        });
      return claimed === 1;
    },

    async giveLeaseBack(id: string, lease: string): Promise<void> {
      await db('stripe_app_installations')
        .where({ id, refresh_lease: lease })
        .update({ refresh_lease: null, refresh_leased_until: null });
    },

    /**
     * Keeps a new pair in the place of the one with this version; false when another has taken its place already. What was
     * to be installed again only for want of this pair is installed.
     */
    async replaceTokens(id: string, version: number, tokens: KeptTokens): Promise<boolean> {
      const kept = await db('stripe_app_installations')
        .where({ id, token_version: version })
        .whereNot('status', 'uninstalled')
        .update({
          status: 'installed',
          status_detail: null,
          status_changed_at: db.raw("CASE WHEN status = 'installed' THEN status_changed_at ELSE now() END"),
          encrypted_access_token: tokens.access,
          encrypted_refresh_token: tokens.refresh,
          ...lives(db),
          token_version: version + 1,
          refreshed_at: db.fn.now(),
          refresh_lease: null,
          refresh_leased_until: null,
        });
      return kept === 1;
    },

    /** Stripe takes this pair no more. Null when it is another pair by now. */
    async markInstallAgain(
      id: string,
      version: number,
      why: NonNullable<Installation['statusDetail']>,
    ): Promise<Installation | null> {
      const [row] = await db('stripe_app_installations')
        .where({ id, token_version: version, status: 'installed' })
        .update({
          ...NO_TOKENS,
          status: 'install_again',
          status_detail: why,
          status_changed_at: db.fn.now(),
        })
        .returning('*');
      return row ? toInstallation(row) : null;
    },

    async markChecked(id: string): Promise<void> {
      await db('stripe_app_installations').where({ id }).update({ checked_at: db.fn.now() });
    },

    /** Ends the installation of an account that has not ended; its tokens are gone with that. */
    async end(
      account: { stripeUserId: string; livemode: boolean },
      by: NonNullable<Installation['endedBy']>,
    ): Promise<Installation | null> {
      const [row] = await db('stripe_app_installations')
        .where({ stripe_user_id: account.stripeUserId, livemode: account.livemode })
        .whereNot('status', 'uninstalled')
        .update({
          ...NO_TOKENS,
          status: 'uninstalled',
          status_changed_at: db.fn.now(),
          ended_at: db.fn.now(),
          ended_by: by,
        })
        .returning('*');
      return row ? toInstallation(row) : null;
    },

    async create(row: {
      id: string;
      organizerId: string | null;
      stripeUserId: string;
      livemode: boolean;
      scope: string;
      installedBy: string | null;
      tokens: KeptTokens;
    }): Promise<void> {
      await db('stripe_app_installations').insert({
        id: row.id,
        organizer_id: row.organizerId,
        stripe_user_id: row.stripeUserId,
        livemode: row.livemode,
        scope: row.scope,
        installed_by: row.installedBy,
        encrypted_access_token: row.tokens.access,
        encrypted_refresh_token: row.tokens.refresh,
        ...lives(db),
      });
    },

    /** Those that Stripe was not asked about for a day; by chance, so that none that stays silent is always the first. */
    async listToCheck(limit: number): Promise<string[]> {
      const rows = await db('stripe_app_installations')
        .where({ status: 'installed' })
        .whereRaw("coalesce(checked_at, '-infinity') < now() - interval '1 day'")
        .orderByRaw('random()')
        .limit(limit)
        .select('id');
      return rows.map((row) => row.id);
    },
  };
}

function toInstallation(row: InstallationRow): Installation {
  return {
    id: row.id,
    organizerId: row.organizer_id,
    stripeUserId: row.stripe_user_id,
    livemode: row.livemode,
    scope: row.scope,
    status: row.status,
    statusDetail: row.status_detail,
    accessTokenExpiresAt: row.access_token_expires_at,
    refreshTokenExpiresAt: row.refresh_token_expires_at,
    tokenVersion: row.token_version,
    checkedAt: row.checked_at,
    installedBy: row.installed_by,
    installedAt: row.installed_at,
    statusChangedAt: row.status_changed_at,
    endedAt: row.ended_at,
    endedBy: row.ended_by,
  };
}
