/**
 * The access token of an installation. Invariant: a refresh token is good for one use, so over all processes one refresh
 * runs at a time for an installation (a lease), the new pair is committed before its access token is used, and only the
 * pair that was refused can end an installation (compare and swap on its version): who has lost a race reads again.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Dependencies } from '../dependencies';
import { newId } from '../lib/ids';
import { type AppGrant } from '../stripe/app-oauth';
import { OAuthFailure } from '../stripe/oauth-request';
import { type Installation } from './installation';
import { haveInstalledAgain } from './install-again';
import { createInstallationsStore, type KeptTokens } from './installations-store';
import { requestTokens } from './request-tokens';

export type AccessTokenDependencies = Pick<
  Dependencies,
  'config' | 'db' | 'appOAuth' | 'encryption' | 'logger'
>;

export type AccessToken =
  | { outcome: 'token'; token: string; version: number }
  /** `unanswered`: Stripe, or whoever is refreshing, has not answered; nothing is known */
  | { outcome: 'install_again' | 'uninstalled' | 'unanswered' };

/** Longer than a refresh can take, so that only a process that has died loses its lease. */
const LEASE_SECONDS = 30;
const PATIENCE_MS = 12_000;
const LOOK_AGAIN_MS = 100;
const TRIES_TO_KEEP = 4;

/**
 * A token that is good for five minutes at least, refreshed where it has to be. `refusedVersion` names one that Stripe has
 * refused although it should be good: it is refreshed in any case.
 */
export async function accessTokenOf(
  dependencies: AccessTokenDependencies,
  id: string,
  options: { refusedVersion?: number } = {},
): Promise<AccessToken> {
  const store = createInstallationsStore(dependencies.db);
  const patienceEnds = Date.now() + PATIENCE_MS;
  for (;;) {
    const kept = await store.readTokens(id);
    if (!kept) return { outcome: 'uninstalled' };
    const { installation, tokens, fresh } = kept;
    if (!tokens) return { outcome: 'install_again' };
    const version = installation.tokenVersion;
    if (fresh && version !== options.refusedVersion)
      return { outcome: 'token', token: decryptTokens(dependencies, id, tokens).access, version };
    const lease = newId();
    if (await store.claimLease(id, version, { id: lease, seconds: LEASE_SECONDS })) {
      try {
        const answer = await refresh(dependencies, installation, tokens);
        if (answer) return answer;
      } finally {
        await store.giveLeaseBack(id, lease);
      }
    } else if (Date.now() > patienceEnds) return { outcome: 'unanswered' };
    else await pause(LOOK_AGAIN_MS);
  }
}

/** Null: another pair has come into the place of this one meanwhile. */
async function refresh(
  dependencies: AccessTokenDependencies,
  installation: Installation,
  tokens: KeptTokens,
): Promise<AccessToken | null> {
  const { id, livemode, tokenVersion: version, stripeUserId } = installation;
  const refreshToken = decryptTokens(dependencies, id, tokens).refresh;
  const grant = await requestTokens(
    dependencies,
    () => dependencies.appOAuth.refresh({ refreshToken, livemode }),
    'the tokens of an installation were not refreshed',
    id,
  );
  if (grant instanceof OAuthFailure) {
    if (grant.problem !== 'code_rejected') return { outcome: 'unanswered' };
    return (await haveInstalledAgain(dependencies, installation, 'refresh_refused'))
      ? { outcome: 'install_again' }
      : null;
  }
  if (grant.stripeUserId !== stripeUserId || grant.livemode !== livemode) {
    dependencies.logger.error(
      { installationId: id },
      'Stripe refreshed the tokens of another account: not kept',
    );
    await haveInstalledAgain(dependencies, installation, 'refresh_refused');
    return null;
  }
  if (!(await keep(dependencies, id, version, encryptTokens(dependencies, id, grant)))) return null;
  return { outcome: 'token', token: grant.accessToken, version: version + 1 };
}

/** The old pair is dead and this one is nowhere else: a database that stumbles gets a few tries. */
async function keep(
  { db }: Pick<Dependencies, 'db'>,
  id: string,
  version: number,
  tokens: KeptTokens,
): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await createInstallationsStore(db).replaceTokens(id, version, tokens);
    } catch (error) {
      if (tries === TRIES_TO_KEEP) throw error;
      await pause(LOOK_AGAIN_MS * tries);
    }
  }
}

const contextOf = (kind: keyof KeptTokens, id: string) => `stripe_app_installations:${kind}:${id}`;

export function encryptTokens(
  { encryption }: Pick<Dependencies, 'encryption'>,
  id: string,
  grant: Pick<AppGrant, 'accessToken' | 'refreshToken'>,
): KeptTokens {
  return {
    access: encryption.encrypt(grant.accessToken, contextOf('access', id)),
    refresh: encryption.encrypt(grant.refreshToken, contextOf('refresh', id)),
  };
}

function decryptTokens(
  { encryption }: Pick<Dependencies, 'encryption'>,
  id: string,
  tokens: KeptTokens,
): KeptTokens {
  return {
    access: encryption.decrypt(tokens.access, contextOf('access', id)),
    refresh: encryption.decrypt(tokens.refresh, contextOf('refresh', id)),
  };
}
