/**
 * What Stripe says of a connected account, and what that means for sales. An unreachable account is flagged, never wiped;
 * and a key of ours that belongs to another platform says nothing about anybody's account.
 */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { type ConnectedAccount } from '../stripe/stripe-client';
import { StripeFailure } from '../stripe/stripe-errors';
import { canTakeCharges, type Connection } from './connection';
import { createConnectionsStore } from './connections-store';
import { tellHealthChange } from './health-change';
import { writeSign } from './platform-signs';

type HealthDependencies = Pick<Dependencies, 'config' | 'db' | 'stripe' | 'logger'>;
type Changes = Parameters<ReturnType<typeof createConnectionsStore>['update']>[1];

/** Reads the account at Stripe and keeps what it says. Answers whether Stripe answered at all. */
export async function refreshConnection(
  dependencies: HealthDependencies,
  connection: Connection,
): Promise<'read' | 'access_lost' | 'unanswered'> {
  try {
    const account = await dependencies.stripe.retrieveAccount({
      account: connection.stripeUserId,
      livemode: connection.livemode,
    });
    await keepHealth(dependencies, connection.id, {
      display_name: account.displayName,
      country: account.country,
      default_currency: account.defaultCurrency,
      charge_currencies: await readChargeCurrencies(dependencies, connection, account),
      charges_enabled: account.chargesEnabled,
      payouts_enabled: account.payoutsEnabled,
      requirements: account.requirements,
      platform_account_id: connection.platformAccountId ?? (await findPlatform(dependencies, connection)),
      status_detail: connection.status === 'active' ? null : connection.statusDetail,
    });
    return 'read';
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    if (error.problem === 'platform_key')
      dependencies.logger.error({ err: error }, 'Stripe does not accept the key of this platform');
    if (!(await meansNoAccess(dependencies, connection, error))) return 'unanswered';
    await keepHealth(dependencies, connection.id, { status_detail: 'access_lost' });
    return 'access_lost';
  }
}

/** A call for this account was answered with "no access": confirmed by reading the account before sales stop. */
export async function noteAccessLost(
  dependencies: HealthDependencies,
  account: { account: string; livemode: boolean },
): Promise<void> {
  const connection = await createConnectionsStore(dependencies.db).findByAccount(
    account.account,
    account.livemode,
  );
  if (connection) await refreshConnection(dependencies, connection);
}

/** Asks anew whether an account, connected or not, lets us in no more. Silence and a wrong key of ours are no answer. */
export async function hasLostAccess(
  dependencies: HealthDependencies,
  call: { account: string; livemode: boolean },
): Promise<boolean> {
  const refusal = await dependencies.stripe.retrieveAccount(call).then(
    () => null,
    (error: unknown) => {
      if (error instanceof StripeFailure) return error;
      throw error;
    },
  );
  if (refusal?.problem !== 'access_lost') return false;
  const connection = await createConnectionsStore(dependencies.db).findLatestOfAccount(
    call.account,
    call.livemode,
  );
  return connection === null || (await meansNoAccess(dependencies, connection, refusal));
}

/** Does this refusal say that the account lets us in no more? Not when our key is of another platform than it is connected to. */
async function meansNoAccess(
  dependencies: HealthDependencies,
  connection: Connection,
  failure: StripeFailure,
): Promise<boolean> {
  if (failure.problem !== 'access_lost' && failure.problem !== 'refused') return false;
  const platform = await findPlatform(dependencies, connection);
  if (platform === null) return false;
  if (connection.platformAccountId === null || connection.platformAccountId === platform) return true;
  dependencies.logger.error(
    { connectionId: connection.id, connectedTo: connection.platformAccountId, keyOf: platform },
    'the Stripe key belongs to another platform than accounts are connected to: nothing is concluded about them',
  );
  await writeSign(dependencies.db, 'stripe_api', { ok: false, detail: 'other_platform' });
  return false;
}

/** The platform that our key belongs to; null when Stripe does not say. */
async function findPlatform(
  { stripe }: HealthDependencies,
  connection: Pick<Connection, 'livemode'>,
): Promise<string | null> {
  return stripe.retrievePlatformAccountId(connection.livemode).catch((error: unknown) => {
    if (error instanceof StripeFailure) return null;
    throw error;
  });
}

const CURRENCIES_ARE_GOOD_FOR_MS = 20 * 60 * 60 * 1000;

/** What accounts of its country can charge in. It changes seldom, so it is asked for once a day; unknown is no reason to refuse. */
async function readChargeCurrencies(
  { stripe, logger }: HealthDependencies,
  connection: Connection,
  account: ConnectedAccount,
): Promise<string[] | null> {
  const known = connection.chargeCurrencies;
  const fresh =
    connection.checkedAt !== null && Date.now() - connection.checkedAt.getTime() < CURRENCIES_ARE_GOOD_FOR_MS;
  if (account.country === null) return null;
  if (known && fresh && account.country === connection.country) return known;
  return stripe
    .listChargeCurrencies({ country: account.country, livemode: connection.livemode })
    .catch((error: unknown) => {
      if (!(error instanceof StripeFailure)) throw error;
      logger.warn(
        { country: account.country, problem: error.problem },
        'currencies of a country are not known',
      );
      return account.country === connection.country ? known : null;
    });
}

/** Keeps what was read. Who sees, under the row's lock, that sales stop or go on tells the owners, so that they hear of it once. */
async function keepHealth(
  { db, config }: HealthDependencies,
  connectionId: string,
  changes: Changes,
): Promise<void> {
  await inTransaction(db, async (trx: Knex.Transaction) => {
    const connections = createConnectionsStore(trx);
    const before = await connections.lock(connectionId);
    await connections.update(connectionId, { ...changes, checked_at: trx.fn.now() });
    const after = (await connections.find(connectionId))!;
    const firstRead = before.checkedAt === null;
    if (firstRead || after.status !== 'active' || takesCharges(before) === takesCharges(after)) return;
    await connections.update(connectionId, { health_changed_at: trx.fn.now() });
    await tellHealthChange(trx, config, (await connections.find(connectionId))!);
  });
}

/** By Stripe alone: a pause by an admin has a mail of its own. */
function takesCharges(connection: Connection): boolean {
  return canTakeCharges({ ...connection, pausedAt: null });
}
