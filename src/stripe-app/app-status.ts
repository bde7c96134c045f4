/** How Foyer's app stands in the Stripe Dashboards of some accounts, as a person understands it. */
import { type Knex } from 'knex';
import { formatDate } from '../lib/dates';
import { type AppOAuth } from '../stripe/app-oauth';
import { type Installation } from './installation';
import { createInstallationsStore } from './installations-store';

export interface AppStatus {
  account: string;
  /** null where there is only one */
  mode: string | null;
  badge: { kind: 'green' | 'amber' | 'neutral'; label: string };
  words: string;
  /** whether there is something to install */
  offersInstall: boolean;
}

/** One line for each account and mode in which there is an app; null where Foyer has none. */
export async function listAppStatus(
  db: Knex,
  appOAuth: AppOAuth,
  accounts: { stripeUserId: string; displayName: string | null; livemode: boolean }[],
): Promise<AppStatus[] | null> {
  if (appOAuth.modes.length === 0) return null;
  const store = createInstallationsStore(db);
  const lines: AppStatus[] = [];
  for (const { stripeUserId, displayName, livemode } of accounts)
    // an account that was connected in test mode is in that mode alone
    for (const mode of appOAuth.modes.filter((mode) => livemode || !mode)) {
      const word = appOAuth.modes.length > 1 && livemode ? (mode ? 'live mode' : 'test mode') : null;
      const name = displayName ? `${displayName} (${stripeUserId})` : stripeUserId;
      const installation = await store.findLatestOfAccount(stripeUserId, mode);
      lines.push({
        account: word ? `${name}, ${word}` : name,
        mode: word,
        ...statusWords(installation),
      });
    }
  return lines;
}

export function statusWords(installation: Installation | null): Omit<AppStatus, 'account' | 'mode'> {
  switch (installation?.status) {
    case 'installed':
      return {
        badge: { kind: 'green', label: 'Installed' },
        words: `Since ${formatDate(installation.installedAt, 'UTC')}.`,
        offersInstall: false,
      };
    case 'install_again':
      return {
        badge: { kind: 'amber', label: 'Install again' },
        words: `Stripe has not accepted the app's access since ${formatDate(installation.statusChangedAt, 'UTC')}.`,
        offersInstall: true,
      };
    case 'uninstalled':
      return {
        badge: { kind: 'neutral', label: 'Uninstalled' },
        words: `Removed in the Stripe Dashboard on ${formatDate(installation.endedAt!, 'UTC')}.`,
        offersInstall: true,
      };
    case undefined:
      return {
        badge: { kind: 'neutral', label: 'Not installed' },
        words: 'Payments in the Stripe Dashboard show no orders of Foyer yet.',
        offersInstall: true,
      };
  }
}
