/** Asks Stripe whether the access that an installation gave is still good: after installing, and every day. */
import { OAuthFailure } from '../stripe/oauth-request';
import { type AccessToken, accessTokenOf, type AccessTokenDependencies } from './access-token';
import { haveInstalledAgain } from './install-again';
import { createInstallationsStore } from './installations-store';

export type InstallationCheck = 'accepted' | 'install_again' | 'uninstalled' | 'unanswered';

/** A token that Stripe refuses is refreshed once; refused again, the app has to be installed again. */
export async function checkInstallation(
  dependencies: AccessTokenDependencies,
  id: string,
): Promise<InstallationCheck> {
  const first = await tryToken(dependencies, id, await accessTokenOf(dependencies, id));
  if (first.outcome !== 'refused') return first.outcome;
  const { version: refusedVersion } = first;
  const second = await tryToken(dependencies, id, await accessTokenOf(dependencies, id, { refusedVersion }));
  if (second.outcome !== 'refused') return second.outcome;
  const installation = await createInstallationsStore(dependencies.db).find(id);
  // Another pair by now: a later check tries that one.
  if (!installation || installation.tokenVersion !== second.version) return 'unanswered';
  return (await haveInstalledAgain(dependencies, installation, 'token_refused'))
    ? 'install_again'
    : 'unanswered';
}

/** In one round of a sweep, that many silences: while Stripe is away, other sweeps have their turn. */
const MOST_UNANSWERED = 3;

/** The checks of one round: when Stripe does not answer, the rest waits for the next one. */
export function checksOfOneRound(dependencies: AccessTokenDependencies): (id: string) => Promise<void> {
  let unanswered = 0;
  return async (id) => {
    if (unanswered >= MOST_UNANSWERED) return;
    if ((await checkInstallation(dependencies, id)) === 'unanswered') unanswered += 1;
  };
}

async function tryToken(
  { appOAuth, db, logger }: AccessTokenDependencies,
  id: string,
  access: AccessToken,
): Promise<{ outcome: InstallationCheck } | { outcome: 'refused'; version: number }> {
  if (access.outcome !== 'token') return access;
  const store = createInstallationsStore(db);
  const installation = await store.find(id);
  if (!installation) return { outcome: 'uninstalled' };
  try {
    const answer = await appOAuth.checkToken({
      accessToken: access.token,
      stripeUserId: installation.stripeUserId,
    });
    if (answer === 'accepted') {
      await store.markChecked(id);
      return { outcome: 'accepted' };
    }
    if (answer === 'other_account')
      logger.error({ installationId: id }, 'the token of an installation is of another account');
    return { outcome: 'refused', version: access.version };
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error;
    logger.warn(
      { installationId: id, stripeRequestId: error.requestId },
      'Stripe did not say whether an installation is good',
    );
    return { outcome: 'unanswered' };
  }
}
