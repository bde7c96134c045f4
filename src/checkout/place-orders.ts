/**
 * The hold. Invariant (promise 1): nothing is counted before it was compared under the event's lock, and what is
 * counted is written in the same transaction as the orders it is counted for.
 *
 * A batch is one event's requests; each caller gets their own answer, and a batch of one is the plain case. Batches of
 * several events can share one commit. This is the path of a sale that opens: its statements are prepared, and few.
 */
import { type Knex } from 'knex';
import { canTakeCharges, type Charging } from '../connect/connection';
import { inPreparedTransaction, type PreparedStatement, type RunPrepared } from '../db/connection';
import { NotFound } from '../errors';
import { type EventForSale, type TicketTypeForSale } from '../events/event-availability';
import { newId, newReference } from '../lib/ids';
import { type FeePolicy, platformFee } from '../payments/fees';
import { HOLD_MINUTES } from './hold-deadline';
import { allocate, type AllocatedLine, type OrderRequest, type Refusal } from './allocate';

export type Placement = { ok: true; orderId: string } | { ok: false; refusal: Refusal };

/** Places a batch of orders for one event, however long its lock has to be waited for. Throws NotFound for an unknown event. */
export async function placeOrders(
  db: Knex,
  eventId: string,
  requests: OrderRequest[],
  fees: FeePolicy,
): Promise<Placement[]> {
  const placed = await placeUnderLock(db, LOCK_ONE_EVENT, new Map([[eventId, requests]]), fees);
  const placements = placed.get(eventId);
  if (!placements) throw new NotFound('event');
  return placements;
}

/**
 * Places the batches of several events with one commit. Events that are locked by somebody else at this moment (or don't
 * exist) are left out of the answer, so that nobody waits for a lock that is not their own event's.
 */
export async function placeOrdersOfEvents(
  db: Knex,
  requestsByEvent: Map<string, OrderRequest[]>,
  fees: FeePolicy,
): Promise<Map<string, Placement[]>> {
  return placeUnderLock(db, LOCK_FREE_EVENTS, requestsByEvent, fees);
}

async function placeUnderLock(
  db: Knex,
  lock: PreparedStatement,
  requestsByEvent: Map<string, OrderRequest[]>,
  fees: FeePolicy,
): Promise<Map<string, Placement[]>> {
  return inPreparedTransaction(db, async (run) => {
    const sales = await lockSales(run, lock, requestsByEvent);
    const orders: NewOrder[] = [];
    const answers = new Map<string, Placement[]>();
    for (const sale of sales) {
      const { event } = sale.snapshot;
      const requests = requestsByEvent.get(event.id)!;
      const placements = allocate(sale.snapshot, requests).map((allocation, index): Placement => {
        if (!allocation.ok) return allocation;
        const order = {
          id: newId(),
          reference: newReference(),
          sale,
          lines: allocation.lines,
          total: allocation.total,
          fee: platformFee(allocation.lines, event.currency, fees),
          visitorHash: requests[index]!.visitorHash,
        };
        orders.push(order);
        return { ok: true, orderId: order.id };
      });
      answers.set(event.id, placements);
    }
    if (orders.length > 0) await writeOrders(run, orders);
    return answers;
  });
}

interface NewOrder {
  id: string;
  reference: string;
  sale: LockedSale;
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

// Named one by one: a prepared statement with a star fails as soon as a migration has added a column.
const EVENT_COLUMNS =
  'id, organizer_id, livemode, currency, status, starts_at, ends_at, capacity, held, sold, suspended_at, organizer_suspended';

// Of the order in which ids stand in the array: two processes that take several never wait, and one takes only one.
const LOCK_ONE_EVENT = {
  name: 'hold-lock-one',
  text: `SELECT ${EVENT_COLUMNS} FROM events WHERE id = ANY($1::uuid[]) FOR NO KEY UPDATE`,
};
const LOCK_FREE_EVENTS = {
  name: 'hold-lock-free',
  text: `SELECT ${EVENT_COLUMNS} FROM events WHERE id = ANY($1::uuid[]) FOR NO KEY UPDATE SKIP LOCKED`,
};

/** What is compared; a statement of its own, so that it sees what was committed until the lock was ours. */
const READ_TICKET_TYPES = {
  name: 'hold-ticket-types',
  text: `SELECT types.id, types.event_id, types.name, types.kind, types.price, types.capacity, types.held, types.sold,
                types.min_per_order, types.max_per_order, types.sales_start, types.sales_end, types.visibility,
                types.removed_at, clock_timestamp() AS now, connection.status AS connection_status,
                connection.charges_enabled AS connection_charges_enabled, connection.status_detail AS connection_status_detail,
                connection.paused_at AS connection_paused_at
           FROM events
           JOIN ticket_types types ON types.event_id = events.id AND types.removed_at IS NULL
           -- the same choice as connectionForEvent
           LEFT JOIN stripe_connections connection ON connection.livemode = events.livemode
             AND connection.id = coalesce(events.stripe_connection_id,
                   (SELECT default_connection_id FROM organizers WHERE id = events.organizer_id))
          WHERE events.id = ANY($1::uuid[])
          ORDER BY types.position`,
};

const COUNT_OPEN_HOLDS = {
  name: 'hold-open-holds',
  text: `SELECT event_id, visitor_hash, count(*)::integer AS count FROM orders
          WHERE event_id = ANY($1::uuid[]) AND inventory = 'held' AND visitor_hash = ANY($2::text[])
          GROUP BY event_id, visitor_hash`,
};

/** Takes the events' locks, then reads what is compared. */
async function lockSales(
  run: RunPrepared,
  lock: PreparedStatement,
  requestsByEvent: Map<string, OrderRequest[]>,
): Promise<LockedSale[]> {
  const events = await run<Row>(lock, [[...requestsByEvent.keys()]]);
  if (events.length === 0) return [];
  const eventIds = events.map((event) => event.id as string);
  const types = await run<Row>(READ_TICKET_TYPES, [eventIds]);
  const visitors = new Set(
    eventIds.flatMap((id) => requestsByEvent.get(id)!.map((request) => request.visitorHash)),
  );
  visitors.delete(null);
  const open = visitors.size > 0 ? await run<Row>(COUNT_OPEN_HOLDS, [eventIds, [...visitors]]) : [];
  return events.map((event) => {
    const rows = types.filter((type) => type.event_id === event.id);
    return {
      organizerId: event.organizer_id,
      livemode: event.livemode,
      snapshot: {
        event: toEventForSale(event),
        ticketTypes: rows.map(toTicketTypeForSale),
        connectionReady: canTakeCharges(toConnectionState(rows[0])),
        openHoldsByVisitor: new Map(
          open.filter((row) => row.event_id === event.id).map((row) => [row.visitor_hash, row.count]),
        ),
        now: rows[0]?.now ?? new Date(),
      },
    };
  });
}

/** Orders, lines, timeline and counters of all batches; the counters last, whose rows everybody waits for. */
const WRITE_ORDERS = {
  name: 'hold-write',
  text: `WITH inserted AS (
      INSERT INTO orders (id, event_id, organizer_id, reference, status, inventory, currency, total_amount,
                          application_fee_amount, visitor_hash, livemode, hold_expires_at)
      SELECT id, event_id, organizer_id, reference, 'held', 'held', currency, total, fee, visitor_hash, livemode,
             now() + make_interval(mins => $10)
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::boolean[])
          AS o (id, event_id, organizer_id, reference, currency, total, fee, visitor_hash, livemode)
    ), lines AS (
      INSERT INTO order_lines (order_id, ticket_type_id, ticket_type_name, quantity, unit_price)
      SELECT * FROM unnest($11::uuid[], $12::uuid[], $13::text[], $14::integer[], $15::bigint[])
    ), timeline AS (
      INSERT INTO order_timeline (order_id, from_status, to_status, actor, reason)
      SELECT id, NULL, 'held', 'buyer', 'tickets chosen' FROM unnest($1::uuid[]) AS o (id)
    ), types AS (
      UPDATE ticket_types SET held = held + counted.quantity
        FROM unnest($16::uuid[], $17::integer[]) AS counted (id, quantity) WHERE ticket_types.id = counted.id
    )
    UPDATE events SET held = held + counted.quantity
      FROM unnest($18::uuid[], $19::integer[]) AS counted (id, quantity) WHERE events.id = counted.id`,
};

async function writeOrders(run: RunPrepared, orders: NewOrder[]): Promise<void> {
  const byType = new Map<string, number>();
  const byEvent = new Map<string, number>();
  const lines = orders.flatMap((order) => order.lines.map((line) => ({ ...line, order })));
  for (const { ticketTypeId, quantity, order } of lines) {
    const eventId = order.sale.snapshot.event.id;
    byType.set(ticketTypeId, (byType.get(ticketTypeId) ?? 0) + quantity);
    byEvent.set(eventId, (byEvent.get(eventId) ?? 0) + quantity);
  }
  await run(WRITE_ORDERS, [
    orders.map(({ id }) => id),
    orders.map(({ sale }) => sale.snapshot.event.id),
    orders.map(({ sale }) => sale.organizerId),
    orders.map(({ reference }) => reference),
    orders.map(({ sale }) => sale.snapshot.event.currency),
    orders.map(({ total }) => String(total)),
    orders.map(({ fee }) => String(fee)),
    orders.map(({ visitorHash }) => visitorHash),
    orders.map(({ sale }) => sale.livemode),
    HOLD_MINUTES,
    lines.map(({ order }) => order.id),
    lines.map(({ ticketTypeId }) => ticketTypeId),
    lines.map(({ ticketTypeName }) => ticketTypeName),
    lines.map(({ quantity }) => quantity),
    lines.map(({ unitPrice }) => String(unitPrice)),
    [...byType.keys()],
    [...byType.values()],
    [...byEvent.keys()],
    [...byEvent.values()],
  ]);
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

function toConnectionState(row: Row): Charging | null {
  return row?.connection_status
    ? {
        status: row.connection_status,
        chargesEnabled: row.connection_charges_enabled,
        statusDetail: row.connection_status_detail,
        pausedAt: row.connection_paused_at,
      }
    : null;
}
