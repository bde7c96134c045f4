import { type Knex } from 'knex';
import { NotFound } from '../errors';
import { isUuid } from '../lib/ids';
import { type Connection, type Requirements } from './connection';

interface ConnectionRow {
  id: string;
  organizer_id: string;
  stripe_user_id: string;
  livemode: boolean;
  scope: string;
  display_name: string | null;
  country: string | null;
  default_currency: string | null;
  charges_enabled: boolean;
  payouts_enabled: boolean;
  requirements: Partial<Requirements>;
  status: Connection['status'];
  status_detail: string | null;
  connected_at: Date;
  checked_at: Date | null;
  last_event_at: Date | null;
  disconnect_requested_at: Date | null;
  disconnect_requested_by: string | null;
  ended_at: Date | null;
  ended_by: Connection['endedBy'];
  end_reason: string | null;
  charge_currencies: string[] | null;
  platform_account_id: string | null;
  health_changed_at: Date | null;
  paused_at: Date | null;
  forced_at: Date | null;
  forced_by: string | null;
}

/** New values; a raw one where the database's clock decides. */
type Changes = { [Column in keyof ConnectionRow]?: ConnectionRow[Column] | Knex.Raw };

/**
 * Whose connections payments of a mode can use: an account that was connected with the live client id takes payments in
 * both modes, one that was connected with the test one only tests (docs.stripe.com/connect/testing).
 */
function modesFor(livemode: boolean): boolean[] {
  return livemode ? [true] : [true, false];
}

/** SQL of connections. Give it a transaction to work inside one. */
export function createConnectionsStore(db: Knex) {
  const connections = () => db<ConnectionRow>('stripe_connections');

  return {
    /**
     * The connection that events use which name no other. It stays the default after its end, so that no other account
     * takes its place by itself.
     */
    async findDefault(organizerId: string, livemode: boolean, lock?: 'shared'): Promise<Connection | null> {
      const row = await connections()
        .where({ organizer_id: organizerId })
        .where('livemode', 'in', modesFor(livemode))
        .where('id', db('organizers').where({ id: organizerId }).select('default_connection_id'))
        .modify((query) => void (lock && query.forShare()))
        .first();
      return row ? toConnection(row) : null;
    },

    /** All that have not ended, the one connected first at the top. */
    async listLiving(organizerId: string, livemode: boolean): Promise<Connection[]> {
      const rows = await connections()
        .where({ organizer_id: organizerId })
        .where('livemode', 'in', modesFor(livemode))
        .whereIn('status', ['active', 'disconnecting'])
        .orderBy(['connected_at', 'id']);
      return rows.map(toConnection);
    },

    async find(id: string, lock?: 'shared'): Promise<Connection | null> {
      if (!isUuid(id)) return null;
      const row = await connections()
        .where({ id })
        .modify((query) => void (lock && query.forShare()))
        .first();
      return row ? toConnection(row) : null;
    },

    /** The connection if it belongs to this organizer; another's is not found. */
    async getOfOrganizer(id: string, organizerId: string): Promise<Connection> {
      const connection = await this.find(id);
      if (!connection || connection.organizerId !== organizerId) throw new NotFound('connection');
      return connection;
    },

    async listOfOrganizer(organizerId: string): Promise<Connection[]> {
      const rows = await connections().where({ organizer_id: organizerId }).orderBy('connected_at', 'desc');
      return rows.map(toConnection);
    },

    /** The living connection of an account, whoever holds it. */
    async findByAccount(stripeUserId: string, livemode: boolean): Promise<Connection | null> {
      const row = await connections()
        .where({ stripe_user_id: stripeUserId, livemode })
        .whereIn('status', ['active', 'disconnecting'])
        .first();
      return row ? toConnection(row) : null;
    },

    /** The newest connection of an account, living or ended. */
    async findLatestOfAccount(stripeUserId: string, livemode: boolean): Promise<Connection | null> {
      const row = await connections()
        .where({ stripe_user_id: stripeUserId, livemode })
        .orderBy('connected_at', 'desc')
        .first();
      return row ? toConnection(row) : null;
    },

    /** The connection under its row lock: attempts are made and ended under it, so that a disconnect sees them all. */
    async lock(id: string): Promise<Connection> {
      const row = await connections().where({ id }).forUpdate().first();
      if (!row) throw new NotFound('connection');
      return toConnection(row);
    },

    /** A shared lock: many attempts may be made at once, none while a disconnect begins. */
    async lockShared(id: string): Promise<Connection> {
      const row = await connections().where({ id }).forShare().first();
      if (!row) throw new NotFound('connection');
      return toConnection(row);
    },

    /** That Stripe has told something of this account; by the minute, for in a rush every order is told of. */
    async noteEvent(stripeUserId: string, livemode: boolean): Promise<void> {
      await connections()
        .where({ stripe_user_id: stripeUserId, livemode })
        .whereIn('status', ['active', 'disconnecting'])
        .where((either) =>
          either
            .whereNull('last_event_at')
            .orWhere('last_event_at', '<', db.raw("now() - interval '1 minute'")),
        )
        .update({ last_event_at: db.fn.now() as unknown as Date });
    },

    async update(id: string, fields: Changes): Promise<void> {
      await db('stripe_connections').where({ id }).update(fields);
    },

    async create(
      row: Omit<Partial<ConnectionRow>, 'requirements'> & {
        id: string;
        requirements: string;
        connected_by: string;
        publishable_key: string | null;
        encrypted_refresh_token: string | null;
      },
    ): Promise<void> {
      await db('stripe_connections').insert(row);
    },
  };
}

export function toConnection(row: ConnectionRow): Connection {
  return {
    id: row.id,
    organizerId: row.organizer_id,
    stripeUserId: row.stripe_user_id,
    livemode: row.livemode,
    scope: row.scope,
    displayName: row.display_name,
    country: row.country,
    defaultCurrency: row.default_currency,
    chargesEnabled: row.charges_enabled,
    payoutsEnabled: row.payouts_enabled,
    requirements: {
      currentlyDue: [],
      pastDue: [],
      disabledReason: null,
      currentDeadline: null,
      pendingVerification: [],
      errors: [],
      ...row.requirements,
    },
    status: row.status,
    statusDetail: row.status_detail,
    connectedAt: row.connected_at,
    checkedAt: row.checked_at,
    lastEventAt: row.last_event_at,
    disconnectRequestedAt: row.disconnect_requested_at,
    disconnectRequestedBy: row.disconnect_requested_by,
    endedAt: row.ended_at,
    endedBy: row.ended_by,
    endReason: row.end_reason,
    chargeCurrencies: row.charge_currencies,
    platformAccountId: row.platform_account_id,
    healthChangedAt: row.health_changed_at,
    pausedAt: row.paused_at,
    forcedAt: row.forced_at,
  };
}
