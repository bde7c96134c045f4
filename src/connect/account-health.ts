/** What Stripe says of a connected account, and what that means for sales. An unreachable account is flagged, never wiped. */
import { type Dependencies } from '../dependencies';
import { StripeFailure } from '../stripe/stripe-errors';
import { type Connection } from './connection';
import { createConnectionsStore } from './connections-store';

type HealthDependencies = Pick<Dependencies, 'db' | 'stripe' | 'logger'>;

/** Reads the account at Stripe and keeps what it says. Answers whether Stripe answered at all. */
export async function refreshConnection(
  dependencies: HealthDependencies,
  connection: Pick<Connection, 'id' | 'stripeUserId' | 'livemode'>,
): Promise<'read' | 'access_lost' | 'unanswered'> {
  const connections = createConnectionsStore(dependencies.db);
  try {
    const account = await dependencies.stripe.retrieveAccount({
      account: connection.stripeUserId,
      livemode: connection.livemode,
    });
    await connections.update(connection.id, {
      display_name: account.displayName,
      country: account.country,
      default_currency: account.defaultCurrency,
      charges_enabled: account.chargesEnabled,
      payouts_enabled: account.payoutsEnabled,
      requirements: account.requirements,
      status_detail: null,
      checked_at: new Date(),
    });
    return 'read';
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    if (error.problem === 'access_lost' || error.problem === 'refused') {
      await connections.update(connection.id, { status_detail: 'access_lost', checked_at: new Date() });
      return 'access_lost';
    }
    if (error.problem === 'platform_key')
      dependencies.logger.error({ err: error }, 'Stripe does not accept the key of this platform');
    return 'unanswered';
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
