/** Read models of the desk: an organizer's events with what is sold, and one event's sales. */
import { type Knex } from 'knex';
import { type TicketType } from '../ticket-types/ticket-type';
import { toTicketType, type TicketTypeRow } from '../ticket-types/ticket-types-store';
import { badgeOf, type EventDetails, stateOfEvent, totalCapacity } from './event';
import { type EventRow, toEvent } from './events-store';

export type DeskPeriod = 'upcoming' | 'past' | 'cancelled';

export interface DeskEvent {
  event: EventDetails;
  badge: { kind: string; label: string };
  capacity: number;
}

export interface EventSales {
  /** minor units that buyers paid and that were not refunded */
  taken: bigint;
  paidOrders: number;
  openOrders: number;
  /** by ticket type: minor units paid, refunds not taken off */
  takenByType: Map<string, bigint>;
  latestOrders: {
    id: string;
    reference: string;
    buyerName: string | null;
    total: bigint;
    tickets: number;
    paidAt: Date;
  }[];
}

const LATEST_ORDERS = 5;

export function createDeskEvents(db: Knex) {
  function ofPeriod(organizerId: string, period: DeskPeriod) {
    const events = db<EventRow>('events').where({ organizer_id: organizerId });
    if (period === 'cancelled') return events.where({ status: 'cancelled' });
    return events
      .whereNot({ status: 'cancelled' })
      .where('ends_at', period === 'upcoming' ? '>' : '<=', db.fn.now());
  }

  return {
    async count(organizerId: string, period: DeskPeriod): Promise<number> {
      const [row] = await ofPeriod(organizerId, period).count<{ count: bigint }[]>('* as count');
      return Number(row!.count);
    },

    async list(
      organizerId: string,
      period: DeskPeriod,
      page: { limit: number; offset: number },
      now: Date,
    ): Promise<DeskEvent[]> {
      const direction = period === 'upcoming' ? 'asc' : 'desc';
      const rows = await ofPeriod(organizerId, period)
        .orderBy([
          { column: 'starts_at', order: direction },
          { column: 'id', order: direction },
        ])
        .limit(page.limit)
        .offset(page.offset);
      const types = await db<TicketTypeRow>('ticket_types')
        .whereIn(
          'event_id',
          rows.map((row) => row.id),
        )
        .where({ removed_at: null });
      return rows.map((row) =>
        toDeskEvent(toEvent(row), types.filter((type) => type.event_id === row.id).map(toTicketType), now),
      );
    },

    async readSales(eventId: string): Promise<EventSales> {
      const sold = () => db('orders').where({ event_id: eventId, inventory: 'sold' });
      const totals: { total: bigint; orders: number } = await sold().first(
        db.raw('coalesce(sum(total_amount), 0)::bigint AS total'),
        db.raw('count(*)::int AS orders'),
      );
      const refunded: { total: bigint } = await db('refunds')
        .whereIn('order_id', sold().select('id'))
        .where({ status: 'succeeded' })
        // a second payment was never counted as taken
        .whereNot({ origin: 'duplicate_payment' })
        .first(db.raw('coalesce(sum(amount), 0)::bigint AS total'));
      const open: { orders: number } = await db('orders')
        .where({ event_id: eventId, inventory: 'held' })
        .first(db.raw('count(*)::int AS orders'));
      const byType: { ticket_type_id: string; total: bigint }[] = await db('order_lines')
        .whereIn('order_id', sold().select('id'))
        .groupBy('ticket_type_id')
        .select(
          'ticket_type_id',
          db.raw('sum((quantity - refunded_quantity) * unit_price)::bigint AS total'),
        );
      const latest: LatestOrderRow[] = await sold()
        .orderBy([{ column: 'paid_at', order: 'desc', nulls: 'last' }, { column: 'id' }])
        .limit(LATEST_ORDERS)
        .select(
          'id',
          'reference',
          'buyer_name',
          'total_amount',
          'paid_at',
          'created_at',
          db.raw(
            '(SELECT coalesce(sum(quantity), 0)::int FROM order_lines WHERE order_lines.order_id = orders.id) AS tickets',
          ),
        );
      return {
        taken: totals.total - refunded.total,
        paidOrders: totals.orders,
        openOrders: open.orders,
        takenByType: new Map(byType.map((row) => [row.ticket_type_id, row.total])),
        latestOrders: latest.map((row) => ({
          id: row.id,
          reference: row.reference,
          buyerName: row.buyer_name,
          total: row.total_amount,
          tickets: row.tickets,
          paidAt: row.paid_at ?? row.created_at,
        })),
      };
    },
  };
}

interface LatestOrderRow {
  id: string;
  reference: string;
  buyer_name: string | null;
  total_amount: bigint;
  paid_at: Date | null;
  created_at: Date;
  tickets: number;
}

export function toDeskEvent(event: EventDetails, ticketTypes: TicketType[], now: Date): DeskEvent {
  return {
    event,
    badge: badgeOf(stateOfEvent(event, ticketTypes, now)),
    capacity: totalCapacity(event, ticketTypes),
  };
}
