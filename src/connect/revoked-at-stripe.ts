/** `account.application.deauthorized`: somebody ended the connection on Stripe's side. */
import { type Dependencies } from '../dependencies';
import { createConnectionsStore } from './connections-store';
import { refreshConnection } from './account-health';
import { markDisconnected } from './disconnect';

/**
 * Ends the connection of an account as Stripe reports it. Ignored when it is older than the present connection (a late
 * delivery after a reconnect) or when the account still lets us in. Throws when Stripe can't be asked: sales on it have
 * stopped by then, and the event is tried again.
 */
export async function endRevokedConnection(
  dependencies: Dependencies,
  event: { account: string; livemode: boolean; createdAt: Date },
): Promise<string> {
  const connections = createConnectionsStore(dependencies.db);
  const connection = await connections.findByAccount(event.account, event.livemode);
  if (!connection) return 'no living connection of this account';
  // Stripe's times have whole seconds.
  if (event.createdAt.getTime() < Math.floor(connection.connectedAt.getTime() / 1000) * 1000)
    return 'older than the present connection';
  const answer = await refreshConnection(dependencies, connection);
  if (answer === 'read') return 'the account still gives access';
  if (answer === 'unanswered') {
    await connections.update(connection.id, { status_detail: 'access_lost' });
    throw new Error('Stripe can not be asked whether this account was revoked');
  }
  const requested = connection.status === 'disconnecting' && connection.endedBy;
  await markDisconnected(dependencies, connection.id, {
    by: requested || 'stripe',
    reason: requested ? connection.endReason : null,
  });
  return 'connection ended';
}
