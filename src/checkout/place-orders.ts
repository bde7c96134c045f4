/**
 * The hold. Invariant (promise 1): nothing is counted before it was compared under the event's lock, and what is
 * counted is written in the same transaction as the orders it is counted for.
 *
 * A batch is one event's requests; each caller gets their own answer, and a batch of one is the plain case. Batches of
 * several events can share one commit. This is the path of a sale that opens: its statements are prepared, and few.
 */
import { type Knex } from 'knex';
import {
  inPreparedTransaction,
  onPreparedConnection,
  type PreparedStatement,
  type RunPrepared,
} from '../db/connection';
import { NotFound } from '../errors';
import { newId, newReference } from '../lib/ids';
import { type FeePolicy, platformFee } from '../payments/fees';
import { HOLD_MINUTES } from './hold-deadline';
import { allocate, type AllocatedLine, type OrderRequest, type Refusal } from './allocate';
import { LOCK_FREE_EVENTS, LOCK_ONE_EVENT, lockSales, readSales, type Sale } from './sales';

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

/**
 * Answers the events of whose batch nobody can be served, by what is committed at this moment: refusing needs no lock, since
 * what others are just taking could only make it less, and what they are just giving back is not there yet. Who might be
 * served is left out of the answer, and so is everybody else of that event.
 */
export async function refuseOrdersOfEvents(
  db: Knex,
  requestsByEvent: Map<string, OrderRequest[]>,
): Promise<Map<string, Placement[]>> {
  return onPreparedConnection(db, async (run) => {
    const refused = new Map<string, Placement[]>();
    for (const { snapshot } of await readSales(run, requestsByEvent)) {
      const allocations = allocate(snapshot, requestsByEvent.get(snapshot.event.id)!);
      if (allocations.every((allocation) => !allocation.ok)) refused.set(snapshot.event.id, allocations);
    }
    return refused;
  });
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
          fee: platformFee(allocation.lines, event.currency, sale.ownFees ?? fees),
          visitorHash: requests[index]!.visitorHash,
          codeId: allocation.codeId ?? null,
        };
        orders.push(order);
        return { ok: true, orderId: order.id };
      });
      answers.set(event.id, placements);
    }
    if (orders.length > 0) await writeOrders(run, orders);
    const withCodes = orders.filter((order) => order.codeId !== null);
    if (withCodes.length > 0) await writeCodes(run, withCodes);
    return answers;
  });
}

interface NewOrder {
  id: string;
  reference: string;
  sale: Sale;
  lines: AllocatedLine[];
  total: bigint;
  fee: bigint;
  visitorHash: string | null;
  codeId: string | null;
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

/** A statement of its own, so that orders without a code cost what they did. Under the event's lock, as the counters need. */
const WRITE_CODES = {
  name: 'hold-write-codes',
  text: `WITH named AS (
      UPDATE orders SET discount_code_id = o.code_id
        FROM unnest($1::uuid[], $2::uuid[]) AS o (id, code_id) WHERE orders.id = o.id
    ), lines AS (
      UPDATE order_lines SET discount = l.discount
        FROM unnest($3::uuid[], $4::uuid[], $5::bigint[]) AS l (order_id, ticket_type_id, discount)
       WHERE order_lines.order_id = l.order_id AND order_lines.ticket_type_id = l.ticket_type_id
    )
    UPDATE discount_codes SET held = held + counted.uses
      FROM (SELECT code_id, count(*)::integer AS uses FROM unnest($2::uuid[]) AS o (code_id) GROUP BY code_id) counted
     WHERE discount_codes.id = counted.code_id`,
};

async function writeCodes(run: RunPrepared, orders: NewOrder[]): Promise<void> {
  const lines = orders.flatMap(({ id, lines }) => lines.map((line) => ({ ...line, orderId: id })));
  const discounted = lines.filter((line) => line.discount !== undefined);
  await run(WRITE_CODES, [
    orders.map(({ id }) => id),
    orders.map(({ codeId }) => codeId),
    discounted.map(({ orderId }) => orderId),
    discounted.map(({ ticketTypeId }) => ticketTypeId),
    discounted.map(({ discount }) => String(discount)),
  ]);
}
