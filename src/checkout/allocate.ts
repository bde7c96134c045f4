/** Who of a batch gets tickets: pure, run under the event's lock on what was just read there. */
import {
  type DiscountCode,
  discountOn,
  UNKNOWN_CODE,
  unlocks,
  whyUnusable,
} from '../discounts/discount-code';
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
  /** a discount or access code, in capital letters; left out or null where none was given */
  code?: string | null;
}

export interface SaleSnapshot {
  event: EventForSale;
  ticketTypes: TicketTypeForSale[];
  connectionReady: boolean;
  openHoldsByVisitor: Map<string, number>;
  /** the codes that this batch names, by their names; left out where it names none */
  codes?: Map<string, DiscountCode>;
  now: Date;
}

export interface AllocatedLine {
  ticketTypeId: string;
  ticketTypeName: string;
  quantity: number;
  /** what is paid for each */
  unitPrice: bigint;
  passedOnFee: bigint | null;
  /** what the order's code took off each; left out where nothing was */
  discount?: bigint;
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
    | 'event_closed'
    | 'code';
  /** messages by ticket type */
  problems: Map<string, string>;
  /** what is wrong with the code */
  codeProblem?: string;
};

export type Allocation =
  | {
      ok: true;
      lines: AllocatedLine[];
      total: bigint;
      /** the code that made a difference */ codeId?: string;
    }
  | { ok: false; refusal: Refusal };

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
  const codes = new Map([...(snapshot.codes ?? [])].map(([name, code]) => [name, { ...code }]));

  return requests.map((request) => {
    if (request.visitorHash !== null && (holds.get(request.visitorHash) ?? 0) >= MAX_OPEN_HOLDS_PER_VISITOR) {
      return { ok: false, refusal: { reason: 'too_many_holds', problems: new Map() } };
    }
    const code = request.code ? (codes.get(request.code) ?? 'unknown') : null;
    const allocation = allocateOne(event, types, snapshot, request, code);
    if (allocation.ok) {
      if (allocation.codeId) codes.get(request.code!)!.held += 1;
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
  named: DiscountCode | 'unknown' | null,
): Allocation {
  const wanted = mergeLines(request.lines);
  const refuse = (reason: Refusal['reason'], problems = new Map<string, string>()): Allocation => ({
    ok: false,
    refusal: { reason, problems },
  });
  if (wanted.length === 0) return refuse('nothing_chosen');
  if (event.status !== 'published' || snapshot.now >= event.endsAt) return refuse('event_closed');

  const code = named === 'unknown' ? null : named;
  const refuseCode = (codeProblem: string): Allocation => ({
    ok: false,
    refusal: { reason: 'code', problems: new Map(), codeProblem },
  });
  const codeProblem = named === 'unknown' ? UNKNOWN_CODE : code && whyUnusable(code, event, snapshot.now);
  if (codeProblem) return refuseCode(codeProblem);

  const lines: AllocatedLine[] = [];
  const taken = { ...event };
  for (const line of wanted) {
    const type = types.get(line.ticketTypeId);
    // hidden, removed and other events' types all look the same from outside
    if (!type || !(isOffered(type) || unlocks(code, type))) return refuse('not_on_sale');
    const discount = discountOn(code, type);
    const problem = (reason: Refusal['reason'], text: string) => refuse(reason, new Map([[type.id, text]]));
    // what a code makes free needs no payment
    const payable = snapshot.connectionReady || (discount > 0n && discount === type.price);
    const availability = ticketAvailability(type, taken, payable, snapshot.now);
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
      unitPrice: price.amount - discount,
      // of what is really paid: the fee that is part of the full price is not part of this one
      passedOnFee: discount > 0n ? null : type.passedOnFee,
      ...(discount > 0n ? { discount } : {}),
    });
    taken.held += line.quantity;
  }

  const total = lines.reduce((sum, line) => sum + line.unitPrice * BigInt(line.quantity), 0n);
  const useful = code !== null && lines.some((line) => isChangedBy(code, line, types));
  const unpayable = whyUnpayable(total, event.currency);
  if (unpayable && useful && total < minimumCharge(event.currency))
    return refuseCode(
      `With this code the order comes to ${formatMoney(total, event.currency)}, and Stripe charges no less than ${formatMoney(minimumCharge(event.currency), event.currency)}. Choose more tickets, or go on without the code.`,
    );
  if (unpayable) return refuse('amount', new Map([[lines[0]!.ticketTypeId, unpayable]]));
  if (
    total > 0n &&
    !snapshot.connectionReady &&
    lines.some((line) => line.unitPrice > 0n && needsPayment(types.get(line.ticketTypeId)!))
  )
    return refuse('no_payments');
  // a code that changes nothing is not used up
  return { ok: true, lines, total, ...(useful ? { codeId: code.id } : {}) };
}

function isChangedBy(
  code: DiscountCode,
  line: AllocatedLine,
  types: Map<string, TicketTypeForSale>,
): boolean {
  return (line.discount ?? 0n) > 0n || unlocks(code, types.get(line.ticketTypeId)!);
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
