/**
 * The hold. Invariant (promise 1): nothing is counted before it was compared under the event's lock, and what is
 * counted is written in the same transaction as the orders it is counted for.
 *
 * A batch is one event's requests, written by one commit; each caller gets their own answer. A batch of one is the
 * plain case.
 */
import { type Knex } from 'knex';
import { canTakeCharges } from '../connect/connection';
import { connectionForEvent } from '../connect/connection-for-event';
import { inTransaction } from '../db/connection';
import { NotFound } from '../errors';
import { type EventForSale, needsPayment, type TicketTypeForSale } from '../events/event-availability';
import { newId, newReference } from '../lib/ids';
import { type FeePolicy, platformFee } from '../payments/fees';
import { allocate, type AllocatedLine, type OrderRequest, type Refusal } from './allocate';

/** How long tickets stay held while the buyer decides. */
export const HOLD_MINUTES = 15;

export type Placement = { ok: true; orderId: string } | { ok: false; refusal: Refusal };

/** Places a batch of orders for one event. Throws NotFound for an unknown event; Postgres' errors as they are. */
export async function placeOrders(
  db: Knex,
  eventId: string,
  requests: OrderRequest[],
  fees: FeePolicy,
): Promise<Placement[]> {
  return inTransaction(db, async (trx) => {
    const sale = await lockSale(trx, eventId, requests);
    const orders: NewOrder[] = [];
    const placements = allocate(sale.snapshot, requests).map((allocation, index): Placement => {
      if (!allocation.ok) return allocation;
      const order = {
        id: newId(),
        reference: newReference(),
        lines: allocation.lines,
        total: allocation.total,
        fee: platformFee(allocation.lines, sale.snapshot.event.currency, fees),
        visitorHash: requests[index]!.visitorHash,
      };
      orders.push(order);
      return { ok: true, orderId: order.id };
    });
    if (orders.length > 0) await writeOrders(trx, sale, orders);
    return placements;
  });
}

interface NewOrder {
  id: string;
  reference: string;
  lines: AllocatedLine[];
  total: bigint;
  fee: bigint;
  visitorHash: string | null;
}

interface LockedSale {
  organizerId: string;
  livemode: boolean;
  snapshot: Parameters<typeof allocate>[0];
}

/** Takes the event's lock, then reads what is compared. One query for the lock, one for the rest. */
async function lockSale(
  trx: Knex.Transaction,
  eventId: string,
  requests: OrderRequest[],
): Promise<LockedSale> {
  const event = await trx('events').where({ id: eventId }).forNoKeyUpdate().first();
  if (!event) throw new NotFound('event');
  const types = await trx('ticket_types').where({ event_id: eventId, removed_at: null }).orderBy('position');
  const visitors = [
    ...new Set(requests.map((request) => request.visitorHash).filter((hash) => hash !== null)),
  ];
  const open: { visitor_hash: string; count: bigint }[] =
    visitors.length === 0
      ? []
      : await trx('orders')
          .where({ event_id: eventId, inventory: 'held' })
          .whereIn('visitor_hash', visitors)
          .groupBy('visitor_hash')
          .select('visitor_hash', trx.raw('count(*) AS count'));
  const ticketTypes = types.map(toTicketTypeForSale);
  const connection = ticketTypes.some(needsPayment)
    ? await connectionForEvent(trx, {
        organizerId: event.organizer_id,
        livemode: event.livemode,
        stripeConnectionId: event.stripe_connection_id,
      })
    : null;
  const clock = await trx.raw('SELECT clock_timestamp() AS now');
  return {
    organizerId: event.organizer_id,
    livemode: event.livemode,
    snapshot: {
      event: toEventForSale(event),
      ticketTypes,
      connectionReady: canTakeCharges(connection),
      openHoldsByVisitor: new Map(open.map((row) => [row.visitor_hash, Number(row.count)])),
      now: clock.rows[0].now,
    },
  };
}

/** Counters, orders, lines and timeline of the whole batch in one statement. */
async function writeOrders(trx: Knex.Transaction, sale: LockedSale, orders: NewOrder[]): Promise<void> {
  const counts = new Map<string, number>();
  for (const line of orders.flatMap((order) => order.lines))
    counts.set(line.ticketTypeId, (counts.get(line.ticketTypeId) ?? 0) + line.quantity);
  await trx.raw(
    `WITH new_orders AS (
       SELECT * FROM jsonb_to_recordset(CAST(:orders AS jsonb)) AS o (id uuid, reference text, total bigint, fee bigint, visitor_hash text)
     ), inserted AS (
       INSERT INTO orders (id, event_id, organizer_id, reference, status, inventory, currency, total_amount,
                           application_fee_amount, visitor_hash, livemode, hold_expires_at)
       SELECT id, :eventId, :organizerId, reference, 'held', 'held', :currency, total, fee, visitor_hash, :livemode,
              now() + make_interval(mins => :holdMinutes)
         FROM new_orders
     ), lines AS (
       INSERT INTO order_lines (order_id, ticket_type_id, ticket_type_name, quantity, unit_price)
       SELECT * FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS l (order_id uuid, ticket_type_id uuid, ticket_type_name text, quantity integer, unit_price bigint)
     ), timeline AS (
       INSERT INTO order_timeline (order_id, from_status, to_status, actor, reason)
       SELECT id, NULL, 'held', 'buyer', 'tickets chosen' FROM new_orders
     ), types AS (
       UPDATE ticket_types SET held = held + c.quantity
         FROM jsonb_to_recordset(CAST(:counts AS jsonb)) AS c (ticket_type_id uuid, quantity integer)
        WHERE ticket_types.id = c.ticket_type_id
     )
     UPDATE events SET held = held + :sum WHERE id = :eventId`,
    {
      orders: JSON.stringify(
        orders.map((order) => ({
          id: order.id,
          reference: order.reference,
          total: String(order.total),
          fee: String(order.fee),
          visitor_hash: order.visitorHash,
        })),
      ),
      lines: JSON.stringify(
        orders.flatMap((order) =>
          order.lines.map((line) => ({
            order_id: order.id,
            ticket_type_id: line.ticketTypeId,
            ticket_type_name: line.ticketTypeName,
            quantity: line.quantity,
            unit_price: String(line.unitPrice),
          })),
        ),
      ),
      counts: JSON.stringify([...counts].map(([ticket_type_id, quantity]) => ({ ticket_type_id, quantity }))),
      sum: [...counts.values()].reduce((sum, quantity) => sum + quantity, 0),
      eventId: sale.snapshot.event.id,
      organizerId: sale.organizerId,
      currency: sale.snapshot.event.currency,
      livemode: sale.livemode,
      holdMinutes: HOLD_MINUTES,
    },
  );
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Row = any;

function toEventForSale(row: Row): EventForSale {
  return {
    id: row.id,
    // suspended by an admin: nothing of it is sold
    status: row.suspended_at || row.organizer_suspended ? 'draft' : row.status,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    capacity: row.capacity,
    held: row.held,
    sold: row.sold,
    currency: row.currency,
  };
}

function toTicketTypeForSale(row: Row): TicketTypeForSale {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    price: row.price,
    capacity: row.capacity,
    held: row.held,
    sold: row.sold,
    minPerOrder: row.min_per_order,
    maxPerOrder: row.max_per_order,
    salesStart: row.sales_start,
    salesEnd: row.sales_end,
    visibility: row.visibility,
    removedAt: row.removed_at,
  };
}
