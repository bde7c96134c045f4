/**
 * What Stripe itself takes of a card payment, as an estimate: its public standard rates for domestic cards, by country of
 * the account. Real fees depend on the card, on the account's own agreement and on taxes. A country that is not here, or
 * an account whose money has to be changed, is not guessed.
 */
import { currencyStep } from '../lib/money';

/** When the table was last compared with published prices. */
export const RATES_OF = 'November 2026';

interface Rate {
  currency: string;
  percentHundredths: bigint;
  /** minor units per payment */
  fixed: bigint;
}

const EURO_AREA = 'AT BE CY DE EE ES FI FR GR IE IT LT LU LV MT NL PT SI SK'.split(' ');

const RATES: Record<string, Rate> = {
  ...Object.fromEntries(
    EURO_AREA.map((country) => [country, { currency: 'eur', percentHundredths: 150n, fixed: 25n }]),
  ),
  GB: { currency: 'gbp', percentHundredths: 150n, fixed: 20n },
  US: { currency: 'usd', percentHundredths: 290n, fixed: 30n },
  CA: { currency: 'cad', percentHundredths: 290n, fixed: 30n },
  AU: { currency: 'aud', percentHundredths: 170n, fixed: 30n },
  SG: { currency: 'sgd', percentHundredths: 340n, fixed: 50n },
  JP: { currency: 'jpy', percentHundredths: 360n, fixed: 0n },
};

/** Stripe's fee for one payment of this amount, in minor units; null where we don't know. */
export function estimateStripeFee(
  amount: bigint,
  currency: string,
  account: { country: string | null; defaultCurrency: string | null } | null,
): bigint | null {
  const rate = account?.country ? RATES[account.country] : undefined;
  if (!rate || rate.currency !== currency || (account?.defaultCurrency ?? currency) !== currency) return null;
  if (amount <= 0n) return 0n;
  const unit = 10_000n * currencyStep(currency);
  const share = ((2n * amount * rate.percentHundredths + unit) / (2n * unit)) * currencyStep(currency);
  const fee = share + rate.fixed;
  return fee < amount ? fee : amount;
}
