import { type Knex } from 'knex';
import { type Connection } from './connection';
import { createConnectionsStore } from './connections-store';

/**
 * The connection that an event's new payments go to: the one that it names, else the organizer's current one of its
 * mode. An event whose own connection has ended never falls back to another by itself (promise 5). The hold's own
 * statement (`checkout/place-orders`) makes the same choice in SQL.
 */
export async function connectionForEvent(
  db: Knex,
  event: { organizerId: string; livemode: boolean; stripeConnectionId: string | null },
): Promise<Connection | null> {
  const connections = createConnectionsStore(db);
  if (event.stripeConnectionId) return connections.find(event.stripeConnectionId);
  return connections.findCurrent(event.organizerId, event.livemode);
}
