/**
 * The platform's fee: for each paid ticket a percentage of its price, rounded half up to the currency's step, plus a
 * fixed amount; never more than the ticket costs. Because it is made per ticket, the fees of parts add up to the fee of
 * the whole. All amounts are minor units.
 */
import { currencyStep, formatMoney } from '../lib/money';

export interface FeePolicy {
  /** 250 = 2.5 % */
  percentHundredths: number;
  /** per paid ticket, by currency */
  fixed: Record<string, bigint>;
}

export function platformFee(
  lines: { quantity: number; unitPrice: bigint }[],
  currency: string,
  policy: FeePolicy,
): bigint {
  return lines.reduce(
    (sum, line) => sum + feePerTicket(line.unitPrice, currency, policy) * BigInt(line.quantity),
    0n,
  );
}

export function feePerTicket(unitPrice: bigint, currency: string, policy: FeePolicy): bigint {
  if (unitPrice <= 0n) return 0n;
  const step = currencyStep(currency);
  const share = roundTo(unitPrice * BigInt(policy.percentHundredths), 10_000n * step) * step;
  const fee = share + (policy.fixed[currency] ?? 0n);
  return fee < unitPrice ? fee : unitPrice;
}

/** amount ÷ unit, rounded half up. */
function roundTo(amount: bigint, unit: bigint): bigint {
  return (2n * amount + unit) / (2n * unit);
}

/** "2.5 % plus €0.30 for each paid ticket" */
export function feeWords(policy: FeePolicy, currency: string): string {
  const fixed = policy.fixed[currency] ?? 0n;
  const percent = `${policy.percentHundredths / 100} %`;
  return `${fixed > 0n ? `${percent} plus ${formatMoney(fixed, currency)}` : percent} for each paid ticket`;
}
