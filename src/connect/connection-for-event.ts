import { type Knex } from 'knex';
import { type Connection } from './connection';
import { createConnectionsStore } from './connections-store';

/** What of an event decides where its money goes. */
export interface PaidEvent {
  organizerId: string;
  livemode: boolean;
  /** null = the organizer's default */
  stripeConnectionId: string | null;
}

/**
 * The connection that an event's new payments go to: the one that it names, else the organizer's default one of its
 * mode. It may have ended: then nothing else takes its place by itself (promise 5). The hold's own statement
 * (`checkout/place-orders`) makes the same choice in SQL.
 */
export async function connectionForEvent(db: Knex, event: PaidEvent): Promise<Connection | null> {
  return choose(db, event);
}

/** The same under a shared lock: many attempts may be made at once, none while a disconnect begins. */
export async function lockConnectionForEvent(
  trx: Knex.Transaction,
  event: PaidEvent,
): Promise<Connection | null> {
  return choose(trx, event, 'shared');
}

async function choose(db: Knex, event: PaidEvent, lock?: 'shared'): Promise<Connection | null> {
  const connections = createConnectionsStore(db);
  if (!event.stripeConnectionId) return connections.findDefault(event.organizerId, event.livemode, lock);
  const named = await connections.find(event.stripeConnectionId, lock);
  // a live connection can be used for tests too, not the other way round
  return named && (named.livemode || !event.livemode) ? named : null;
}
