/** Who of a batch gets tickets: pure, run under the event's lock on what was just read there. */
import {
  type EventForSale,
  isOffered,
  needsPayment,
  ticketAvailability,
  type TicketTypeForSale,
} from '../events/event-availability';
import { formatMoney, largestAmount, minimumCharge } from '../lib/money';

export interface RequestedLine {
  ticketTypeId: string;
  quantity: number;
  /** the price that the buyer was shown, in minor units; null where the form had none */
  shownPrice: bigint | null;
  /** pay what you want: what the buyer offers for each, in minor units; null = the minimum */
  amount: bigint | null;
}

export interface OrderRequest {
  lines: RequestedLine[];
  /** who this visitor is to the cap on open holds; null = nobody we can tell apart */
  visitorHash: string | null;
}

export interface SaleSnapshot {
  event: EventForSale;
  ticketTypes: TicketTypeForSale[];
  connectionReady: boolean;
  openHoldsByVisitor: Map<string, number>;
  now: Date;
}

export interface AllocatedLine {
  ticketTypeId: string;
  ticketTypeName: string;
  quantity: number;
  unitPrice: bigint;
  passedOnFee: bigint | null;
}

export type Refusal = {
  reason:
    | 'nothing_chosen'
    | 'too_many_holds'
    | 'price_changed'
    | 'sold_out'
    | 'not_on_sale'
    | 'no_payments'
    | 'quantity'
    | 'amount'
    | 'event_closed';
  /** messages by ticket type */
  problems: Map<string, string>;
};

export type Allocation =
  { ok: true; lines: AllocatedLine[]; total: bigint } | { ok: false; refusal: Refusal };

/** Unfinished orders of one event that one network address may hold at a time: many people share one, so it is generous. */
export const MAX_OPEN_HOLDS_PER_VISITOR = 40;

/**
 * Answers each request in turn, counting what was given to those before it. A request that can't be served takes
 * nothing, whole or in part, and undoes nobody else's.
 */
export function allocate(snapshot: SaleSnapshot, requests: OrderRequest[]): Allocation[] {
  const event = { ...snapshot.event };
  const types = new Map(snapshot.ticketTypes.map((type) => [type.id, { ...type }]));
  const holds = new Map(snapshot.openHoldsByVisitor);

  return requests.map((request) => {
    if (request.visitorHash !== null && (holds.get(request.visitorHash) ?? 0) >= MAX_OPEN_HOLDS_PER_VISITOR) {
      return { ok: false, refusal: { reason: 'too_many_holds', problems: new Map() } };
    }
    const allocation = allocateOne(event, types, snapshot, request);
    if (allocation.ok) {
      for (const line of allocation.lines) {
        types.get(line.ticketTypeId)!.held += line.quantity;
        event.held += line.quantity;
      }
      if (request.visitorHash !== null)
        holds.set(request.visitorHash, (holds.get(request.visitorHash) ?? 0) + 1);
    }
    return allocation;
  });
}

function allocateOne(
  event: EventForSale,
  types: Map<string, TicketTypeForSale>,
  snapshot: SaleSnapshot,
  request: OrderRequest,
): Allocation {
  const wanted = mergeLines(request.lines);
  const refuse = (reason: Refusal['reason'], problems = new Map<string, string>()): Allocation => ({
    ok: false,
    refusal: { reason, problems },
  });
  if (wanted.length === 0) return refuse('nothing_chosen');
  if (event.status !== 'published' || snapshot.now >= event.endsAt) return refuse('event_closed');

  const lines: AllocatedLine[] = [];
  const taken = { ...event };
  for (const line of wanted) {
    const type = types.get(line.ticketTypeId);
    // hidden, removed and other events' types all look the same from outside
    if (!type || !isOffered(type)) return refuse('not_on_sale');
    const problem = (reason: Refusal['reason'], text: string) => refuse(reason, new Map([[type.id, text]]));
    const availability = ticketAvailability(type, taken, snapshot.connectionReady, snapshot.now);
    switch (availability.state) {
      case 'on_sale':
        break;
      case 'unavailable':
        return problem(
          'no_payments',
          'Paid tickets are not on sale right now, because the organizer cannot take payments. You were not charged.',
        );
      case 'sold_out':
        return problem('sold_out', `${type.name} has just sold out. You were not charged.`);
      case 'all_held':
        return problem(
          'sold_out',
          `All ${type.name} tickets are held by other buyers right now. Some may come back within minutes.`,
        );
      default:
        return problem('not_on_sale', `${type.name} is not on sale now.`);
    }
    if (line.quantity < type.minPerOrder)
      return problem('quantity', `Choose at least ${type.minPerOrder} of ${type.name}.`);
    if (line.quantity > type.maxPerOrder)
      return problem('quantity', `Choose at most ${type.maxPerOrder} of ${type.name} in one order.`);
    if (line.quantity > availability.left)
      return problem(
        'sold_out',
        `Only ${availability.left} of ${type.name} ${availability.left === 1 ? 'is' : 'are'} left. Choose fewer.`,
      );
    if (type.kind !== 'donation' && line.shownPrice !== null && line.shownPrice !== type.price) {
      return problem(
        'price_changed',
        `The price of ${type.name} is now ${formatMoney(type.price, event.currency)}. Nothing is held yet.`,
      );
    }
    const price = unitPrice(type, line.amount, event.currency);
    if ('problem' in price) return problem('amount', price.problem);
    lines.push({
      ticketTypeId: type.id,
      ticketTypeName: type.name,
      quantity: line.quantity,
      unitPrice: price.amount,
      passedOnFee: type.passedOnFee,
    });
    taken.held += line.quantity;
  }

  const total = lines.reduce((sum, line) => sum + line.unitPrice * BigInt(line.quantity), 0n);
  const unpayable = whyUnpayable(total, event.currency);
  if (unpayable) return refuse('amount', new Map([[lines[0]!.ticketTypeId, unpayable]]));
  if (
    total > 0n &&
    !snapshot.connectionReady &&
    lines.some((line) => needsPayment(types.get(line.ticketTypeId)!))
  )
    return refuse('no_payments');
  return { ok: true, lines, total };
}

/** What Stripe does not charge is not held either; null for a sum that can be paid, or that is nothing. */
function whyUnpayable(total: bigint, currency: string): string | null {
  if (total > largestAmount(currency))
    return `One order can be at most ${formatMoney(largestAmount(currency), currency)}. Choose fewer tickets.`;
  if (total > 0n && total < minimumCharge(currency))
    return `One order has to be at least ${formatMoney(minimumCharge(currency), currency)}, the least that Stripe charges. Choose more tickets.`;
  return null;
}

/** Duplicate lines become one; sorted by ticket type, so that rows are always written in one order. */
function mergeLines(lines: RequestedLine[]): RequestedLine[] {
  const merged = new Map<string, RequestedLine>();
  for (const line of lines) {
    if (line.quantity === 0) continue;
    const known = merged.get(line.ticketTypeId);
    if (known) known.quantity += line.quantity;
    else merged.set(line.ticketTypeId, { ...line });
  }
  return [...merged.values()].sort((a, b) => (a.ticketTypeId < b.ticketTypeId ? -1 : 1));
}

function unitPrice(
  type: TicketTypeForSale,
  offered: bigint | null,
  currency: string,
): { amount: bigint } | { problem: string } {
  if (type.kind !== 'donation') return { amount: type.price };
  const amount = offered ?? type.price;
  if (amount < type.price)
    return { problem: `${type.name} starts at ${formatMoney(type.price, currency)}. Enter at least that.` };
  // A payment has a least amount at Stripe; nothing at all needs no payment.
  if (amount > 0n && amount < minimumCharge(currency))
    return {
      problem: `Enter ${formatMoney(0n, currency)}, or at least ${formatMoney(minimumCharge(currency), currency)}.`,
    };
  return { amount };
}
