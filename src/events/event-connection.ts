import { type Knex } from 'knex';
import { type Config } from '../config';
import { canTakeCharges, type Connection } from '../connect/connection';
import { createConnectionsStore } from '../connect/connections-store';
import { type EventDetails } from './event';

/**
 * The connection that paid orders of this event use: its own where one was chosen, else the organizer's default of the
 * event's mode. An event whose own account has gone never falls back to another by itself (promise 5).
 */
export async function findConnectionOfEvent(
  db: Knex,
  event: Pick<EventDetails, 'organizerId' | 'livemode' | 'stripeConnectionId'>,
): Promise<Connection | null> {
  const connections = createConnectionsStore(db);
  if (event.stripeConnectionId) return connections.find(event.stripeConnectionId);
  return connections.findCurrent(event.organizerId, event.livemode);
}

/** Can a paid order of this event be begun now, with the keys that we hold? */
export function canSellPaid(
  event: Pick<EventDetails, 'livemode'>,
  connection: Connection | null,
  config: Config,
): boolean {
  return (
    canTakeCharges(connection) &&
    connection.livemode === event.livemode &&
    config.stripe.modes.some((mode) => mode.livemode === event.livemode)
  );
}
