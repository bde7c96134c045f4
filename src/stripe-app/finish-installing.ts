/**
 * From what Stripe sends a person back with to a stored installation, on the page and on the command line alike. Invariant
 * (promise 6): the state is consumed before the code is exchanged, and the code is exchanged once; no answer means that
 * nothing is installed here.
 */
import { writeAudit } from '../admin/audit-log';
import { createOAuthStates, type InstallState } from '../connect/oauth-states';
import { inTransaction, violatedConstraint } from '../db/connection';
import { newId } from '../lib/ids';
import { type AppGrant } from '../stripe/app-oauth';
import { OAuthFailure } from '../stripe/oauth-request';
import { type AccessTokenDependencies, encryptTokens } from './access-token';
import { checkInstallation } from './check-installation';
import { findOrganizerOfAccount } from './install-again';
import { createInstallationsStore } from './installations-store';
import { requestTokens } from './request-tokens';

const SCOPE = 'stripe_apps';

/** What stands in the address that Stripe sends a person back to; nothing of it is trusted. */
export interface WayBack {
  state: unknown;
  code: unknown;
  error: unknown;
}

export type InstallEnding =
  | { outcome: 'installed'; account: string; livemode: boolean; checked: boolean }
  | {
      outcome:
        | 'declined'
        | 'stopped_at_stripe'
        | 'state_missing'
        | 'state_expired'
        | 'state_used'
        | 'state_unknown'
        | 'code_rejected'
        | 'unanswered'
        | 'platform_problem'
        | 'wrong_mode'
        | 'wrong_scope'
        | 'token_refused';
    };

const STATE_PROBLEMS = {
  not_valid: 'state_unknown',
  expired: 'state_expired',
  used_before: 'state_used',
} as const;

export async function finishInstalling(
  dependencies: AccessTokenDependencies,
  sessionId: string,
  back: WayBack,
): Promise<InstallEnding> {
  const denied = back.error === 'access_denied';
  if (back.state === undefined || back.state === '')
    return { outcome: denied ? 'declined' : 'state_missing' };
  const consumed = await createOAuthStates(dependencies.db).consumeForInstall({
    state: back.state,
    sessionId,
  });
  if (consumed.outcome !== 'consumed') return { outcome: STATE_PROBLEMS[consumed.outcome] };
  if (denied) return { outcome: 'declined' };
  if (back.error !== undefined) return { outcome: 'stopped_at_stripe' };
  if (typeof back.code !== 'string' || !/^[\w-]{4,200}$/.test(back.code)) return { outcome: 'code_rejected' };
  return install(dependencies, consumed.state, back.code);
}

async function install(
  dependencies: AccessTokenDependencies,
  state: InstallState,
  code: string,
): Promise<InstallEnding> {
  const { livemode } = state;
  const grant = await requestTokens(
    dependencies,
    () => dependencies.appOAuth.exchangeCode({ code, livemode }),
    'a code of the Stripe App was not exchanged',
  );
  if (grant instanceof OAuthFailure) return endingOf(grant);
  if (grant.livemode !== livemode) return { outcome: 'wrong_mode' };
  if (grant.scope !== SCOPE) return { outcome: 'wrong_scope' };
  const id = await store(dependencies, state, grant);
  const check = await checkInstallation(dependencies, id);
  if (check === 'install_again') return { outcome: 'token_refused' };
  return {
    outcome: 'installed',
    account: grant.stripeUserId,
    livemode: grant.livemode,
    checked: check === 'accepted',
  };
}

function endingOf({ problem }: OAuthFailure): InstallEnding {
  if (problem === 'code_rejected') return { outcome: 'code_rejected' };
  return { outcome: problem === 'platform' ? 'platform_problem' : 'unanswered' };
}

/** Installed again, an account has a new row: the old pair of tokens is gone, and what happened stays readable. */
async function store(
  dependencies: AccessTokenDependencies,
  state: InstallState,
  grant: AppGrant,
  tries = 2,
): Promise<string> {
  const id = newId();
  try {
    await inTransaction(dependencies.db, async (trx) => {
      const installations = createInstallationsStore(trx);
      const former = await installations.end(grant, 'new_install');
      const organizerId = await findOrganizerOfAccount(trx, grant);
      await installations.create({
        id,
        organizerId,
        stripeUserId: grant.stripeUserId,
        livemode: grant.livemode,
        scope: grant.scope,
        installedBy: state.userId,
        tokens: encryptTokens(dependencies, id, grant),
      });
      await writeAudit(trx, {
        actor: state.userId ? 'organizer' : 'stripe',
        actorUserId: state.userId,
        action: 'installation.installed',
        organizerId,
        subjectType: 'installation',
        subjectId: id,
        details: {
          account: grant.stripeUserId,
          livemode: grant.livemode,
          ...(former && { instead_of: former.id }),
        },
      });
    });
    return id;
  } catch (error) {
    // Two first installs of an account at one moment: the later one takes the place of the other.
    if (tries > 1 && violatedConstraint(error) === 'stripe_app_installations_account_unique')
      return store(dependencies, state, grant, tries - 1);
    throw error;
  }
}
