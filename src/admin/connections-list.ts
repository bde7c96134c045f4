/** The admin's view of all connections: a read model of its own, since it joins and sums what no feature needs together. */
import { type Knex } from 'knex';
import { type Connection } from '../connect/connection';
import { toConnection } from '../connect/connections-store';

export const CONNECTION_FILTERS = [
  'all',
  'ready',
  'paused',
  'restricted',
  'disconnecting',
  'disconnected',
] as const;
export type ConnectionFilter = (typeof CONNECTION_FILTERS)[number];

export interface ListedConnection {
  connection: Connection;
  organizer: { id: string; name: string; slug: string };
  /** paid orders on this connection, per currency, in minor units */
  volume: { currency: string; amount: bigint; orders: number }[];
}

const PAGE_SIZE = 25;

export async function listConnections(
  db: Knex,
  search: { q: string; filter: ConnectionFilter; page: number },
): Promise<{ rows: ListedConnection[]; total: number; pages: number; page: number }> {
  const matching = () => {
    const query = db('stripe_connections').join(
      'organizers',
      'organizers.id',
      'stripe_connections.organizer_id',
    );
    if (search.q) {
      const like = `%${search.q.replace(/[\\%_]/g, '\\$&')}%`;
      query.where((either) =>
        either
          .whereILike('organizers.name', like)
          .orWhereILike('organizers.contact_email', like)
          .orWhereILike('stripe_connections.stripe_user_id', like)
          .orWhereILike('stripe_connections.display_name', like),
      );
    }
    if (search.filter === 'ready')
      query.where({
        'stripe_connections.status': 'active',
        charges_enabled: true,
        status_detail: null,
        paused_at: null,
      });
    else if (search.filter === 'paused')
      query.where({ 'stripe_connections.status': 'active' }).whereNotNull('paused_at');
    else if (search.filter === 'restricted')
      query
        .where({ 'stripe_connections.status': 'active', paused_at: null })
        .where((why) => why.where({ charges_enabled: false }).orWhereNotNull('status_detail'));
    else if (search.filter !== 'all') query.where({ 'stripe_connections.status': search.filter });
    return query;
  };
  const counted = await matching().count('* as count').first();
  const total = Number(counted?.count ?? 0);
  const pages = Math.max(1, Math.ceil(total / PAGE_SIZE));
  const page = Math.min(search.page, pages);
  const rows = await matching()
    .orderBy([{ column: 'stripe_connections.connected_at', order: 'desc' }, 'stripe_connections.id'])
    .limit(PAGE_SIZE)
    .offset((page - 1) * PAGE_SIZE)
    .select('stripe_connections.*', 'organizers.name as organizer_name', 'organizers.slug as organizer_slug');
  const volumes = await volumeOf(
    db,
    rows.map((row) => row.id),
  );
  return {
    rows: rows.map((row) => ({
      connection: toConnection(row),
      organizer: { id: row.organizer_id, name: row.organizer_name, slug: row.organizer_slug },
      volume: volumes.get(row.id) ?? [],
    })),
    total,
    pages,
    page,
  };
}

async function volumeOf(db: Knex, ids: string[]): Promise<Map<string, ListedConnection['volume']>> {
  const volumes = new Map<string, ListedConnection['volume']>();
  if (ids.length === 0) return volumes;
  const rows = await db('orders')
    .whereIn('stripe_connection_id', ids)
    .whereIn('status', ['paid', 'partially_refunded'])
    .groupBy('stripe_connection_id', 'currency')
    .orderBy('currency')
    .select(
      'stripe_connection_id',
      'currency',
      db.raw('sum(total_amount)::bigint AS amount'),
      db.raw('count(*) AS orders'),
    );
  for (const row of rows) {
    const volume = volumes.get(row.stripe_connection_id) ?? [];
    volume.push({ currency: row.currency, amount: row.amount, orders: Number(row.orders) });
    volumes.set(row.stripe_connection_id, volume);
  }
  return volumes;
}
