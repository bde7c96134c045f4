/** Which Stripe account an event's money goes to: the choice in the form, and what speaks against it. */
import { type Knex } from 'knex';
import { whyNotInCurrency } from '../connect/account-currency';
import { accountName, canTakeCharges, type Connection, stateOf, whyNoPaidSales } from '../connect/connection';
import { STATE_BADGES } from '../connect/connection-facts';
import { connectionForEvent } from '../connect/connection-for-event';
import { createConnectionsStore } from '../connect/connections-store';
import { type EventDetails } from './event';
import { needsPayment } from './event-availability';
import { type EventInput } from './event-forms';

export interface AccountChoice {
  /** the account that the form's values name; null when there is none */
  connection: Connection | null;
  /** null where there is nothing to choose: no account, or one alone that is the default */
  options: { value: string; label: string }[] | null;
  /** no account is there at all */
  mayConnect: boolean;
}

/** The accounts to choose from, for an event's form. `named` = what stands in its field: an id, or '' for the default. */
export async function readAccountChoice(
  db: Knex,
  of: { organizerId: string; livemode: boolean },
  named: string,
): Promise<AccountChoice> {
  const connections = createConnectionsStore(db);
  const standard = await connections.findDefault(of.organizerId, of.livemode);
  const living = await connections.listLiving(of.organizerId, of.livemode);
  const found = named ? await connections.find(named) : null;
  const chosen = found?.organizerId === of.organizerId ? found : null;
  const others = living.filter((connection) => connection.id !== standard?.id);
  const shown = chosen && chosen.status === 'disconnected' ? [...living, chosen] : living;
  return {
    connection: named ? chosen : standard,
    options:
      others.length === 0 && !named
        ? null
        : [
            {
              value: '',
              label: standard ? `The default: ${labelOf(standard)}` : 'The default (none is chosen)',
            },
            ...shown.map((connection) => ({ value: connection.id, label: labelOf(connection) })),
          ],
    mayConnect: living.length === 0,
  };
}

function labelOf(connection: Connection): string {
  const state = stateOf(connection);
  return state === 'ready'
    ? accountName(connection)
    : `${accountName(connection)}: ${STATE_BADGES[state].label.toLowerCase()}`;
}

/** What keeps the account that a form names from being this event's: messages by field. */
export async function accountProblems(
  db: Knex,
  event: Pick<EventDetails, 'organizerId' | 'livemode'> & { before: EventDetails | null },
  input: EventInput,
): Promise<Record<string, string>> {
  const { before } = event;
  const named =
    input.stripeConnectionId === undefined ? before?.stripeConnectionId : input.stripeConnectionId;
  const connection = await connectionForEvent(db, { ...event, stripeConnectionId: named ?? null });
  const changed = before === null || (named ?? null) !== before.stripeConnectionId;
  if (named && changed && (connection?.organizerId !== event.organizerId || connection.status !== 'active'))
    return { stripe_connection: 'Choose an account that is connected' };
  if (!input.ticketTypes.some(({ fields }) => needsPayment(fields))) return {};
  const problems: Record<string, string> = {};
  // What was so before is said in the form, and keeps nobody from changing the title.
  if (changed || input.event.currency !== before?.currency) {
    const why = whyNotInCurrency(connection, input.event.currency);
    if (why) problems['currency'] = why;
  }
  if (changed && before?.status === 'published' && !canTakeCharges(connection))
    problems['stripe_connection'] = whyNoPaidSales(connection)!;
  return problems;
}
