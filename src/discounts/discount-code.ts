/** What a code does to an order: pure rules, in one place for the event's page, for the lock, and for the desk. */
import { type TicketTypeForSale } from '../events/event-availability';
import { currencyStep, formatMoney } from '../lib/money';

export interface DiscountCode {
  id: string;
  eventId: string;
  /** in capital letters */
  code: string;
  /** access: nothing off, it only unlocks */
  kind: 'percent' | 'amount' | 'access';
  /** 1 to 100 */
  percent: number | null;
  /** off each ticket, minor units of `currency` */
  amount: bigint | null;
  currency: string;
  /** hidden ticket types that it is for can be bought with it */
  unlocksHidden: boolean;
  /** orders; null = as many as there are tickets */
  useLimit: number | null;
  held: number;
  used: number;
  validFrom: Date | null;
  validUntil: Date | null;
  switchedOffAt: Date | null;
  /** null = all of the event's ticket types */
  ticketTypeIds: string[] | null;
}

type Discounted = Pick<TicketTypeForSale, 'id' | 'kind' | 'price'>;

const CODE = /^[A-Z0-9][A-Z0-9_-]{2,31}$/;

/** A code as it is stored, from what a person typed or a link carries; null where nothing was. May be no code at all. */
export function readCode(text: unknown): string | null {
  if (typeof text !== 'string') return null;
  const code = text.replaceAll(/\s/g, '').toUpperCase();
  return code === '' ? null : code.slice(0, 100);
}

export function isCode(code: string): boolean {
  return CODE.test(code);
}

export const UNKNOWN_CODE = 'This code is not known for this event. Check it, or leave the field empty.';

/** Why an order can't use the code now, in words; null = it can. `event` gives the currency that is paid in. */
export function whyUnusable(
  code: DiscountCode,
  event: { id: string; currency: string },
  now: Date,
): string | null {
  if (code.eventId !== event.id) return UNKNOWN_CODE;
  const over = code.switchedOffAt !== null || (code.validUntil !== null && now >= code.validUntil);
  // an amount means nothing in another currency
  if (over || (code.kind === 'amount' && code.currency !== event.currency))
    return 'This code is no longer valid. Leave the field empty to go on without it.';
  if (code.validFrom !== null && now < code.validFrom)
    return 'This code is not valid yet. Try it again later.';
  if (code.useLimit === null || code.held + code.used < code.useLimit) return null;
  return code.used >= code.useLimit
    ? 'This code has been used up. Leave the field empty to go on without it.'
    : 'Other buyers hold the last uses of this code right now. Some may come back within minutes.';
}

export function coversType(code: DiscountCode, type: { id: string }): boolean {
  return code.ticketTypeIds === null || code.ticketTypeIds.includes(type.id);
}

/** May this hidden type be bought with the code? */
export function unlocks(
  code: DiscountCode | null,
  type: Pick<TicketTypeForSale, 'id' | 'visibility' | 'removedAt'>,
): boolean {
  return (
    code !== null &&
    code.unlocksHidden &&
    type.visibility === 'hidden' &&
    type.removedAt === null &&
    coversType(code, type)
  );
}

/**
 * What the code takes off one ticket, minor units, never more than it costs. A share is rounded half up to the
 * currency's step. What people pay as they want has nothing taken off.
 */
export function discountOn(code: DiscountCode | null, type: Discounted): bigint {
  if (!code || type.kind !== 'paid' || !coversType(code, type)) return 0n;
  if (code.kind === 'amount') return code.amount! < type.price ? code.amount! : type.price;
  if (code.kind === 'access') return 0n;
  const step = currencyStep(code.currency);
  return ((2n * type.price * BigInt(code.percent!) + 100n * step) / (200n * step)) * step;
}

/** "20 % off each ticket", "€5.00 off each ticket", "opens hidden tickets" */
export function discountInWords(code: DiscountCode): string {
  const parts = [
    ...(code.kind === 'percent' ? [`${code.percent} % off each ticket`] : []),
    ...(code.kind === 'amount' ? [`${formatMoney(code.amount!, code.currency)} off each ticket`] : []),
    ...(code.unlocksHidden ? ['opens hidden tickets'] : []),
  ];
  return parts.join(', ');
}
