/** What a connection is and allows: pure rules, no SQL. */

export interface Requirements {
  currentlyDue: string[];
  pastDue: string[];
  disabledReason: string | null;
  currentDeadline: number | null;
}

/** One time that an organizer's Stripe account was connected. */
export interface Connection {
  id: string;
  organizerId: string;
  stripeUserId: string;
  livemode: boolean;
  scope: string;
  displayName: string | null;
  country: string | null;
  defaultCurrency: string | null;
  chargesEnabled: boolean;
  payoutsEnabled: boolean;
  requirements: Requirements;
  status: 'active' | 'disconnecting' | 'disconnected';
  /** Why an active connection can't be used although the account takes charges: `access_lost`, or null. */
  statusDetail: string | null;
  connectedAt: Date;
  checkedAt: Date | null;
  lastEventAt: Date | null;
  disconnectRequestedAt: Date | null;
  disconnectRequestedBy: string | null;
  endedAt: Date | null;
  endedBy: 'organizer' | 'admin' | 'stripe' | null;
  endReason: string | null;
}

/** The states that people see, in the words of DESIGN section 6. */
export type ConnectionState = 'none' | 'ready' | 'restricted' | 'disconnecting' | 'disconnected';

export function stateOf(connection: Connection | null): ConnectionState {
  if (!connection) return 'none';
  if (connection.status !== 'active') return connection.status;
  return canTakeCharges(connection) ? 'ready' : 'restricted';
}

/** May a new paid order be begun on this connection? */
export function canTakeCharges<Known extends Pick<Connection, 'status' | 'chargesEnabled' | 'statusDetail'>>(
  connection: Known | null,
): connection is Known {
  return (
    connection !== null &&
    connection.status === 'active' &&
    connection.chargesEnabled &&
    connection.statusDetail === null
  );
}

/** Why paid tickets can't be sold, for the organizer; null when they can. */
export function whyNoPaidSales(connection: Connection | null): string | null {
  switch (stateOf(connection)) {
    case 'ready':
      return null;
    case 'none':
    case 'disconnected':
      return 'Connect a Stripe account to sell paid tickets. Buyers pay you directly, on your own account.';
    case 'disconnecting':
      return 'Your Stripe account is being disconnected, so paid tickets are not on sale. Connect again when that has finished.';
    case 'restricted':
      return connection!.statusDetail === 'access_lost'
        ? 'Stripe no longer gives Foyer access to your account, so paid tickets are not on sale. Connect it again.'
        : 'Stripe does not let your account take payments yet. Finish what Stripe asks for in your Stripe Dashboard; paid sales start by themselves afterwards.';
  }
}

/** The account's name with its id, as people tell accounts apart. */
export function accountName(connection: Pick<Connection, 'displayName' | 'stripeUserId'>): string {
  return connection.displayName
    ? `${connection.displayName} (${connection.stripeUserId})`
    : connection.stripeUserId;
}
