/** What a connection is and allows: pure rules, no SQL. */

export interface Requirements {
  currentlyDue: string[];
  pastDue: string[];
  /** given, and being checked by Stripe */
  pendingVerification: string[];
  /** given and not accepted, with Stripe's own sentence why */
  errors: { requirement: string; reason: string }[];
  disabledReason: string | null;
  /** seconds of the epoch, as Stripe has it */
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
  /** what accounts of its country can charge in; null: not known */
  chargeCurrencies: string[] | null;
  chargesEnabled: boolean;
  payoutsEnabled: boolean;
  requirements: Requirements;
  status: 'active' | 'disconnecting' | 'disconnected';
  /** `access_lost`: Stripe lets us in no more. `controlled`: Stripe refuses to end it for us. Else null. */
  statusDetail: string | null;
  platformAccountId: string | null;
  connectedAt: Date;
  checkedAt: Date | null;
  /** since when it can, or can't, take charges; null: as when it was first read */
  healthChangedAt: Date | null;
  lastEventAt: Date | null;
  /** an admin has stopped new paid sales of the organizer */
  pausedAt: Date | null;
  disconnectRequestedAt: Date | null;
  disconnectRequestedBy: string | null;
  /** an admin ends it although payments are still with a bank */
  forcedAt: Date | null;
  endedAt: Date | null;
  endedBy: 'organizer' | 'admin' | 'stripe' | null;
  endReason: string | null;
}

/** The states that people see. */
export type ConnectionState = 'none' | 'ready' | 'paused' | 'restricted' | 'disconnecting' | 'disconnected';

export function stateOf(connection: Connection | null): ConnectionState {
  if (!connection) return 'none';
  if (connection.status !== 'active') return connection.status;
  if (connection.pausedAt) return 'paused';
  return canTakeCharges(connection) ? 'ready' : 'restricted';
}

export type Charging = Pick<Connection, 'status' | 'chargesEnabled' | 'statusDetail' | 'pausedAt'>;

/** May a new paid order be begun on this connection? */
export function canTakeCharges<Known extends Charging>(connection: Known | null): connection is Known {
  return (
    connection !== null &&
    connection.status === 'active' &&
    connection.chargesEnabled &&
    connection.statusDetail === null &&
    connection.pausedAt === null
  );
}

/** Why paid tickets can't be sold, for the organizer; null when they can. */
export function whyNoPaidSales(connection: Connection | null): string | null {
  switch (stateOf(connection)) {
    case 'ready':
      return null;
    case 'none':
      return 'Connect a Stripe account to sell paid tickets. Buyers pay you directly, on your own account.';
    case 'disconnected':
      return `The Stripe account ${accountName(connection!)} is no longer connected, so paid tickets are not on sale. Connect it again, or choose another account: no other one takes its place by itself.`;
    case 'disconnecting':
      return `The Stripe account ${accountName(connection!)} is being disconnected, so paid tickets are not on sale. Connect it again when that has finished, or choose another account.`;
    case 'paused':
      return 'An administrator of Foyer has paused your paid sales. The mail that you got says why. Free tickets go on.';
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
