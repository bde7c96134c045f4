/** What a hold is decided by: an event as it is sold at this moment, with or without its lock. */
import { canTakeCharges, type Charging } from '../connect/connection';
import { type PreparedStatement, type RunPrepared } from '../db/connection';
import { type DiscountCodeRow, toDiscountCode } from '../discounts/discount-codes-store';
import { type EventForSale, type TicketTypeForSale } from '../events/event-availability';
import { type FeePolicy } from '../payments/fees';
import { policyOf } from '../payments/organizer-fees-store';
import { type OrderRequest, type SaleSnapshot } from './allocate';

export interface Sale {
  organizerId: string;
  livemode: boolean;
  /** what was agreed with this organizer; null = the platform's settings hold */
  ownFees: FeePolicy | null;
  snapshot: SaleSnapshot;
}

// Of the order in which ids stand in the array: two processes that take several never wait, and one takes only one.
export const LOCK_ONE_EVENT = {
  name: 'hold-lock-one',
  text: 'SELECT id FROM events WHERE id = ANY($1::uuid[]) FOR NO KEY UPDATE',
};
export const LOCK_FREE_EVENTS = {
  name: 'hold-lock-free',
  text: 'SELECT id FROM events WHERE id = ANY($1::uuid[]) FOR NO KEY UPDATE SKIP LOCKED',
};

/**
 * What is compared: one row for each ticket type, or for the event that has none. Under the lock it is a statement of its
 * own, so that it sees what was committed until the lock was ours. The columns are named one by one: a prepared statement
 * with a star fails as soon as a migration has added one.
 */
const READ_SALES = {
  name: 'hold-read-sales',
  text: `SELECT events.id AS event_id, events.organizer_id, events.livemode, events.currency, events.status AS event_status,
                events.starts_at, events.ends_at, events.capacity AS event_capacity, events.held AS event_held,
                events.sold AS event_sold, events.suspended_at, events.organizer_suspended,
                types.id, types.name, types.kind, types.price, types.passed_on_fee, types.capacity, types.held, types.sold,
                types.min_per_order, types.max_per_order, types.sales_start, types.sales_end, types.visibility,
                types.removed_at, clock_timestamp() AS now, connection.status AS connection_status,
                connection.charges_enabled AS connection_charges_enabled, connection.status_detail AS connection_status_detail,
                connection.paused_at AS connection_paused_at, fee.currency AS fee_currency,
                fee.percent_hundredths AS fee_percent_hundredths, fee.fixed AS fee_fixed, fee.least AS fee_least,
                fee.most AS fee_most
           FROM events
           LEFT JOIN ticket_types types ON types.event_id = events.id AND types.removed_at IS NULL
           LEFT JOIN organizer_fees fee ON fee.organizer_id = events.organizer_id AND fee.currency = events.currency
           -- the same choice as connectionForEvent
           LEFT JOIN stripe_connections connection ON (connection.livemode OR NOT events.livemode)
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

/** Asked only for a batch that names codes. */
const READ_CODES = {
  name: 'hold-codes',
  text: `SELECT id, event_id, code, kind, percent, amount, currency, unlocks_hidden, use_limit, held, used, valid_from,
                valid_until, switched_off_at,
                (SELECT array_agg(ticket_type_id) FROM discount_code_ticket_types WHERE discount_code_id = discount_codes.id)
                  AS ticket_type_ids
           FROM discount_codes WHERE event_id = ANY($1::uuid[]) AND code = ANY($2::text[])`,
};

/** Takes the events' locks, as far as `lock` gets them, then reads what is compared. */
export async function lockSales(
  run: RunPrepared,
  lock: PreparedStatement,
  requestsByEvent: Map<string, OrderRequest[]>,
): Promise<Sale[]> {
  const events = await run<{ id: string }>(lock, [[...requestsByEvent.keys()]]);
  if (events.length === 0) return [];
  return readSales(run, new Map(events.map(({ id }) => [id, requestsByEvent.get(id)!])));
}

/** What is committed now. Without the lock it may be over by the time it is read. */
export async function readSales(
  run: RunPrepared,
  requestsByEvent: Map<string, OrderRequest[]>,
): Promise<Sale[]> {
  const eventIds = [...requestsByEvent.keys()];
  const rows = await run<Row>(READ_SALES, [eventIds]);
  const visitors = new Set([...requestsByEvent.values()].flat().map((request) => request.visitorHash));
  visitors.delete(null);
  const open = visitors.size > 0 ? await run<Row>(COUNT_OPEN_HOLDS, [eventIds, [...visitors]]) : [];
  const named = new Set([...requestsByEvent.values()].flat().flatMap((request) => request.code ?? []));
  const codes = named.size > 0 ? await run<DiscountCodeRow>(READ_CODES, [eventIds, [...named]]) : [];
  return eventIds.flatMap((eventId): Sale[] => {
    const own = rows.filter((row) => row.event_id === eventId);
    const event = own[0];
    if (!event) return [];
    return [
      {
        organizerId: event.organizer_id,
        livemode: event.livemode,
        ownFees: toOwnFees(event),
        snapshot: {
          event: toEventForSale(event),
          ticketTypes: own.filter((row) => row.id !== null).map(toTicketTypeForSale),
          connectionReady: canTakeCharges(toConnectionState(event)),
          openHoldsByVisitor: new Map(
            open.filter((row) => row.event_id === eventId).map((row) => [row.visitor_hash, row.count]),
          ),
          codes: new Map(
            codes.filter((row) => row.event_id === eventId).map((row) => [row.code, toDiscountCode(row)]),
          ),
          now: event.now,
        },
      },
    ];
  });
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Row = any;

function toEventForSale(row: Row): EventForSale {
  return {
    id: row.event_id,
    // suspended by an admin: nothing of it is sold
    status: row.suspended_at || row.organizer_suspended ? 'draft' : row.event_status,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    capacity: row.event_capacity,
    held: row.event_held,
    sold: row.event_sold,
    currency: row.currency,
  };
}

function toTicketTypeForSale(row: Row): TicketTypeForSale {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    price: row.price,
    passedOnFee: row.passed_on_fee,
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
  return row.connection_status
    ? {
        status: row.connection_status,
        chargesEnabled: row.connection_charges_enabled,
        statusDetail: row.connection_status_detail,
        pausedAt: row.connection_paused_at,
      }
    : null;
}

function toOwnFees(row: Row): FeePolicy | null {
  return row.fee_currency
    ? policyOf({
        currency: row.fee_currency,
        percentHundredths: row.fee_percent_hundredths,
        fixed: row.fee_fixed,
        least: row.fee_least,
        most: row.fee_most,
      })
    : null;
}
