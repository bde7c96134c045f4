import { type Knex } from 'knex';
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
