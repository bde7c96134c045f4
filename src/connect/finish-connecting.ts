/**
 * From an authorization code to a stored connection. Invariant (promise 6): the state was consumed before this runs, and
 * the code is exchanged once, without retry; no answer means not connected.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction, violatedConstraint } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { newId } from '../lib/ids';
import { paths } from '../paths';
import { type Grant } from '../stripe/connect-oauth';
import { OAuthFailure } from '../stripe/oauth-request';
import { refreshConnection } from './account-health';
import { accountName, type Connection } from './connection';
import { createConnectionsStore } from './connections-store';
import { type OAuthState } from './oauth-states';
import { mailOwners } from './owner-mails';
import { writeSign } from './platform-signs';

export type ConnectDependencies = Pick<
  Dependencies,
  'config' | 'db' | 'stripe' | 'connectOAuth' | 'encryption' | 'logger'
>;

export type Ending =
  | {
      outcome: 'connected';
      connection: Connection;
      isDefault: boolean;
      /** the account that was to be connected again, where another one came */
      insteadOf: Connection | null;
    }
  | { outcome: 'already_connected' | 'being_ended'; connection: Connection }
  | { outcome: 'other_organizer'; account: string }
  | {
      outcome:
        | 'code_rejected'
        | 'unanswered'
        | 'platform_problem'
        | 'wrong_mode'
        | 'own_account'
        | 'read_only'
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
  if (grant.scope !== 'read_write') {
    await giveBack(dependencies, grant);
    return { outcome: 'read_only' };
  }
  const platformAccount = await findPlatformAccount(dependencies, grant.livemode);
  if (platformAccount === grant.stripeUserId) return { outcome: 'own_account' };
  const ending = await store(dependencies, state, grant, platformAccount);
  if (ending.outcome === 'second_account') await giveBack(dependencies, grant);
  if (ending.outcome !== 'connected' && ending.outcome !== 'already_connected') return ending;
  await refreshConnection(dependencies, ending.connection);
  const read = await createConnectionsStore(dependencies.db).find(ending.connection.id);
  return { ...ending, connection: read! };
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

/**
 * A grant that we don't keep is given back, so that nothing stays allowed at Stripe that nobody here knows of. Never where
 * anybody here lives by the same account: Stripe would end that access too.
 */
async function giveBack({ db, connectOAuth, logger }: ConnectDependencies, grant: Grant): Promise<void> {
  if (await createConnectionsStore(db).findByAccount(grant.stripeUserId, grant.livemode)) return;
  try {
    await connectOAuth.deauthorize(grant);
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error;
    logger.warn(
      { account: grant.stripeUserId, problem: error.problem, stripeRequestId: error.requestId },
      'a grant that is not kept could not be given back',
    );
  }
}

/** The platform can't sell on itself: its own account would pay itself fees. Where Stripe does not say, nothing is assumed. */
async function findPlatformAccount(
  { stripe }: ConnectDependencies,
  livemode: boolean,
): Promise<string | null> {
  return stripe.retrievePlatformAccountId(livemode).catch(() => null);
}

async function store(
  { db, config, encryption }: ConnectDependencies,
  state: OAuthState,
  grant: Grant,
  platformAccount: string | null,
): Promise<Ending> {
  const id = newId();
  const tokens = (connectionId: string) => ({
    scope: grant.scope,
    publishable_key: keyOfMode(grant),
    encrypted_refresh_token: grant.refreshToken
      ? encryption.encrypt(grant.refreshToken, `stripe_connections:${connectionId}`)
      : null,
  });
  try {
    return await inTransaction(db, async (trx) => {
      const connections = createConnectionsStore(trx);
      // One desk connects one account at a time; two callbacks of one organizer wait for each other here.
      const organizer = await trx('organizers')
        .where({ id: state.organizerId })
        .forUpdate()
        .first('paid_sales_paused_at');
      const living = await connections.listLiving(state.organizerId, state.livemode);
      const same = living.find((connection) => connection.stripeUserId === grant.stripeUserId);
      if (same?.status === 'disconnecting') return { outcome: 'being_ended', connection: same };
      if (same) {
        await connections.update(same.id, tokens(same.id));
        return { outcome: 'already_connected', connection: same };
      }
      if (state.purpose === 'first' && living.length > 0) return { outcome: 'second_account' };

      const expected = state.reconnects ? await connections.find(state.reconnects) : null;
      const formerDefault = await connections.findDefault(state.organizerId, state.livemode);
      await connections.create({
        id,
        organizer_id: state.organizerId,
        stripe_user_id: grant.stripeUserId,
        livemode: grant.livemode,
        ...tokens(id),
        platform_account_id: platformAccount,
        paused_at: organizer.paid_sales_paused_at,
        requirements: '{}',
        connected_by: state.userId,
      });
      // One that comes beside others takes nobody's place by itself (promise 5); the same account takes its own again.
      const isDefault = living.length === 0 || formerDefault?.stripeUserId === grant.stripeUserId;
      if (isDefault)
        await trx('organizers').where({ id: state.organizerId }).update({ default_connection_id: id });
      await takeUpEvents(trx, state, { id, stripeUserId: grant.stripeUserId });
      const connection = (await connections.find(id))!;
      await writeAudit(trx, {
        actor: 'organizer',
        actorUserId: state.userId,
        action: 'connection.connected',
        organizerId: state.organizerId,
        subjectType: 'connection',
        subjectId: id,
        details: { account: grant.stripeUserId, livemode: grant.livemode, default: isDefault },
      });
      await mailConnected(trx, config.baseUrl, connection, isDefault);
      return {
        outcome: 'connected',
        connection,
        isDefault,
        insteadOf: expected && expected.stripeUserId !== grant.stripeUserId ? expected : null,
      };
    });
  } catch (error) {
    if (violatedConstraint(error) === 'stripe_connections_account_unique')
      return { outcome: 'other_organizer', account: grant.stripeUserId };
    throw error;
  }
}

/** Events that named this very account name it again: the money goes where it was meant to go. */
async function takeUpEvents(
  trx: Knex.Transaction,
  state: OAuthState,
  connection: { id: string; stripeUserId: string },
): Promise<void> {
  const named = () =>
    trx('events')
      .where({ organizer_id: state.organizerId })
      .whereIn(
        'stripe_connection_id',
        trx('stripe_connections')
          .where({
            organizer_id: state.organizerId,
            stripe_user_id: connection.stripeUserId,
            livemode: state.livemode,
            status: 'disconnected',
          })
          .select('id'),
      );
  // In one order, as everybody takes them who takes several.
  await named().orderBy('id').forNoKeyUpdate().select('id');
  await named().update({ stripe_connection_id: connection.id });
}

async function mailConnected(
  trx: Knex.Transaction,
  baseUrl: string,
  connection: Connection,
  isDefault: boolean,
): Promise<void> {
  await mailOwners(trx, connection.organizerId, {
    key: `connected:${connection.id}`,
    template: 'connected',
    content: {
      subject: 'A Stripe account was connected to Foyer',
      heading: `${connection.stripeUserId} is connected`,
      paragraphs: [
        isDefault
          ? `From now on buyers pay on the Stripe account ${accountName(connection)}, except for events that name another.`
          : `Events can now name the Stripe account ${accountName(connection)}. Your default account stays the same.`,
        'If nobody of you did this, disconnect it on your payments page and change your password.',
      ],
      action: { label: 'Open your payments page', url: baseUrl + paths.payments() },
    },
  });
}

/** A publishable key of the other mode is not one of this connection. */
function keyOfMode(grant: Grant): string | null {
  return grant.publishableKey?.startsWith(grant.livemode ? 'pk_live_' : 'pk_test_')
    ? grant.publishableKey
    : null;
}
