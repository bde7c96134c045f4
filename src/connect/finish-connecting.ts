/**
 * From an authorization code to a stored connection. Invariant (promise 6): the state was consumed before this runs, and
 * the code is exchanged once, without retry; no answer means not connected.
 */
import { writeAudit } from '../admin/audit-log';
import { inTransaction, violatedConstraint } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { newId } from '../lib/ids';
import { type Grant, OAuthFailure } from '../stripe/connect-oauth';
import { refreshConnection } from './account-health';
import { type Connection } from './connection';
import { createConnectionsStore } from './connections-store';
import { type OAuthState } from './oauth-states';
import { writeSign } from './platform-signs';

export type ConnectDependencies = Pick<
  Dependencies,
  'db' | 'stripe' | 'connectOAuth' | 'encryption' | 'logger'
>;

export type Ending =
  | { outcome: 'connected'; connection: Connection }
  | { outcome: 'already_connected'; connection: Connection }
  | {
      outcome:
        | 'code_rejected'
        | 'unanswered'
        | 'platform_problem'
        | 'wrong_mode'
        | 'own_account'
        | 'read_only'
        | 'other_organizer'
        | 'second_account';
    };

export async function finishConnecting(
  dependencies: ConnectDependencies,
  state: OAuthState,
  code: string,
): Promise<Ending> {
  const grant = await exchange(dependencies, code, state.livemode);
  if ('outcome' in grant) return grant;
  if (grant.livemode !== state.livemode) return { outcome: 'wrong_mode' };
  if (grant.scope !== 'read_write') return { outcome: 'read_only' };
  if (await isOwnAccount(dependencies, grant)) return { outcome: 'own_account' };
  const ending = await store(dependencies, state, grant);
  if (ending.outcome !== 'connected') return ending;
  await refreshConnection(dependencies, ending.connection);
  return {
    outcome: 'connected',
    connection: (await createConnectionsStore(dependencies.db).find(ending.connection.id))!,
  };
}

async function exchange(
  { db, connectOAuth, logger }: ConnectDependencies,
  code: string,
  livemode: boolean,
): Promise<Grant | Ending> {
  try {
    const grant = await connectOAuth.exchangeCode({ code, livemode });
    await writeSign(db, 'connect_oauth', { ok: true, detail: null });
    return grant;
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error;
    const level = error.problem === 'platform' ? 'error' : 'warn';
    logger[level](
      { problem: error.problem, code: error.code, stripeRequestId: error.requestId },
      'an authorization code was not exchanged',
    );
    if (error.problem === 'platform') await writeSign(db, 'connect_oauth', { ok: false, detail: error.code });
    if (error.problem === 'code_rejected') return { outcome: 'code_rejected' };
    return { outcome: error.problem === 'platform' ? 'platform_problem' : 'unanswered' };
  }
}

/** The platform can't sell on itself: its own account would pay itself fees. Where Stripe does not say, nothing is assumed. */
async function isOwnAccount({ stripe }: ConnectDependencies, grant: Grant): Promise<boolean> {
  return stripe.retrievePlatformAccountId(grant.livemode).then(
    (id) => id === grant.stripeUserId,
    () => false,
  );
}

async function store(
  { db, encryption }: ConnectDependencies,
  state: OAuthState,
  grant: Grant,
): Promise<Ending> {
  const id = newId();
  try {
    return await inTransaction(db, async (trx) => {
      const connections = createConnectionsStore(trx);
      // One desk connects one account at a time; two callbacks of one organizer wait for each other here.
      await trx('organizers').where({ id: state.organizerId }).forUpdate().first('id');
      const current = await connections.findCurrent(state.organizerId, state.livemode);
      if (current)
        return current.stripeUserId === grant.stripeUserId
          ? { outcome: 'already_connected', connection: current }
          : { outcome: 'second_account' };
      await connections.create({
        id,
        organizer_id: state.organizerId,
        stripe_user_id: grant.stripeUserId,
        livemode: grant.livemode,
        scope: grant.scope,
        publishable_key: keyOfMode(grant),
        encrypted_refresh_token: grant.refreshToken
          ? encryption.encrypt(grant.refreshToken, `stripe_connections:${id}`)
          : null,
        requirements: '{}',
        connected_by: state.userId,
      });
      await trx('organizers').where({ id: state.organizerId }).update({ default_connection_id: id });
      await writeAudit(trx, {
        actor: 'organizer',
        actorUserId: state.userId,
        action: 'connection.connected',
        organizerId: state.organizerId,
        subjectType: 'connection',
        subjectId: id,
        details: { account: grant.stripeUserId, livemode: grant.livemode },
      });
      return { outcome: 'connected', connection: (await connections.find(id))! };
    });
  } catch (error) {
    if (violatedConstraint(error) === 'stripe_connections_account_unique')
      return { outcome: 'other_organizer' };
    throw error;
  }
}

/** A publishable key of the other mode is not one of this connection. */
function keyOfMode(grant: Grant): string | null {
  return grant.publishableKey?.startsWith(grant.livemode ? 'pk_live_' : 'pk_test_')
    ? grant.publishableKey
    : null;
}
