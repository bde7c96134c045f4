/**
 * The platform's fee: for each paid ticket a percentage of its price, rounded half up to the currency's step, plus a
 * fixed amount; at least and at most what was agreed, and never more than the ticket costs. Because it is made per
 * ticket, the fees of parts add up to the fee of the whole. All amounts are minor units.
 */
import { currencyStep, formatMoney, largestAmount } from '../lib/money';

/** The platform's settings, or what was agreed with one organizer. Amounts are per paid ticket, by currency. */
export interface FeePolicy {
  /** 250 = 2.5 % */
  percentHundredths: number;
  fixed: Record<string, bigint>;
  /** default: nothing */
  least?: Record<string, bigint>;
  /** default: no bound but the price */
  most?: Record<string, bigint>;
}

export interface FeeLine {
  unitPrice: bigint;
  /** the fee that is part of the price since the buyer pays it; null or left out = the organizer pays it out of the price */
  passedOnFee?: bigint | null;
}

export function platformFee(
  lines: (FeeLine & { quantity: number })[],
  currency: string,
  policy: FeePolicy,
): bigint {
  return lines.reduce((sum, line) => sum + feeOfTicket(line, currency, policy) * BigInt(line.quantity), 0n);
}

/** A fee that was passed on is the one that the buyer was shown within the price, whatever holds by now. */
export function feeOfTicket(line: FeeLine, currency: string, policy: FeePolicy): bigint {
  return line.passedOnFee ?? feePerTicket(line.unitPrice, currency, policy);
}

/** What the buyer pays where the fee is passed on: what the organizer asks for, and the fee that is reckoned of that. */
export function pricePassedOn(
  asked: bigint,
  currency: string,
  policy: FeePolicy,
): { price: bigint; passedOnFee: bigint } {
  const room = largestAmount(currency) - asked;
  const passedOnFee = smaller(feePerTicket(asked, currency, policy), room - (room % currencyStep(currency)));
  return { price: asked + passedOnFee, passedOnFee };
}

export function feePerTicket(unitPrice: bigint, currency: string, policy: FeePolicy): bigint {
  if (unitPrice <= 0n) return 0n;
  const step = currencyStep(currency);
  const share = roundTo(unitPrice * BigInt(policy.percentHundredths), 10_000n * step) * step;
  const reckoned = share + (policy.fixed[currency] ?? 0n);
  const atLeast = larger(reckoned, policy.least?.[currency] ?? 0n);
  return smaller(smaller(atLeast, policy.most?.[currency] ?? atLeast), unitPrice);
}

/** amount ÷ unit, rounded half up. */
function roundTo(amount: bigint, unit: bigint): bigint {
  return (2n * amount + unit) / (2n * unit);
}

function larger(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function smaller(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

/** "2.5 % plus €0.30 for each paid ticket, at least €0.50 and at most €3.00"; "nothing" where nothing is taken. */
export function feeWords(policy: FeePolicy, currency: string): string {
  const fixed = policy.fixed[currency] ?? 0n;
  const least = policy.least?.[currency] ?? 0n;
  const most = policy.most?.[currency];
  if (most === 0n || (policy.percentHundredths === 0 && fixed === 0n && least === 0n)) return 'nothing';
  const percent = policy.percentHundredths > 0 ? `${policy.percentHundredths / 100} %` : null;
  const parts = [percent, fixed > 0n || !percent ? formatMoney(fixed, currency) : null].filter(Boolean);
  const bounds = [
    least > 0n ? `at least ${formatMoney(least, currency)}` : null,
    most === undefined ? null : `at most ${formatMoney(most, currency)}`,
  ].filter(Boolean);
  const bounded = bounds.length > 0 ? `, ${bounds.join(' and ')}` : '';
  return `${parts.join(' plus ')} for each paid ticket${bounded}`;
}
