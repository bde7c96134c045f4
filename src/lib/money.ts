/**
 * Money is an integer number of minor units with a lower-case ISO 4217 code, as Stripe counts them
 * (docs.stripe.com/currencies). Nothing here ever passes through a float.
 */

const ZERO_DECIMAL = 'bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' ');
const THREE_DECIMAL = 'bhd jod kwd omr tnd'.split(' ');
/** Two decimals on the wire, but only whole units may be charged (ISK, UGX) — Stripe wants multiples of 100. */
const WHOLE_UNITS_ONLY = ['isk', 'ugx'];

/** What Stripe will not charge less than, in minor units (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). */
const MINIMUM_CHARGE: Record<string, bigint> = {
  usd: 50n,
  eur: 50n,
  gbp: 30n,
  aud: 50n,
  cad: 50n,
  chf: 50n,
  nzd: 50n,
  sgd: 50n,
  brl: 50n,
  inr: 50n,
  jpy: 50n,
  aed: 200n,
  myr: 200n,
  pln: 200n,
  ron: 200n,
  bgn: 100n,
  dkk: 250n,
  nok: 300n,
  sek: 300n,
  hkd: 400n,
  mxn: 1000n,
  thb: 1000n,
  czk: 1500n,
  huf: 17500n,
};

/** Currencies an organizer can choose. Others work at Stripe too; these are the ones we have checked the units of. */
export const CURRENCIES = [
  ...Object.keys(MINIMUM_CHARGE),
  ...ZERO_DECIMAL,
  ...THREE_DECIMAL,
  ...WHOLE_UNITS_ONLY,
  'twd',
  'idr',
  'ils',
  'zar',
  'krw',
]
  .filter((code, index, all) => all.indexOf(code) === index)
  .sort();

/**
 * The largest amount that Stripe takes in one charge, in minor units: eight digits, twelve in IDR
 * (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts), down to a step that can be charged.
 */
export function largestAmount(currency: string): bigint {
  const most = currency === 'idr' ? 999_999_999_999n : 99_999_999n;
  return most - (most % currencyStep(currency));
}

export function isCurrency(code: unknown): code is string {
  return typeof code === 'string' && CURRENCIES.includes(code);
}

/** Digits after the decimal point in which a currency's minor unit is counted: 0, 2 or 3. */
export function currencyExponent(currency: string): 0 | 2 | 3 {
  if (ZERO_DECIMAL.includes(currency)) return 0;
  if (THREE_DECIMAL.includes(currency)) return 3;
  return 2;
}

/** The step that a charge must be a multiple of, in minor units: 100 for ISK and UGX, 10 for three-decimal currencies. */
export function currencyStep(currency: string): bigint {
  if (WHOLE_UNITS_ONLY.includes(currency)) return 100n;
  return currencyExponent(currency) === 3 ? 10n : 1n;
}

/** The least that can be charged, in minor units. Unknown currencies answer the step: Stripe is the judge. */
export function minimumCharge(currency: string): bigint {
  return MINIMUM_CHARGE[currency] ?? currencyStep(currency);
}

export type MoneyProblem = 'not_a_number' | 'too_many_decimals' | 'too_large' | 'not_a_step';

/**
 * Reads what a person typed ("20", "20.5", "20,50") as minor units. A comma is a decimal point; there are no thousands
 * separators, signs or exponents. Answers a problem instead of guessing.
 */
export function parseMoney(text: string, currency: string): { amount: bigint } | { problem: MoneyProblem } {
  const match = /^(\d{1,12})(?:[.,](\d{1,6}))?$/.exec(text.trim());
  if (!match) return { problem: 'not_a_number' };
  const exponent = WHOLE_UNITS_ONLY.includes(currency) ? 0 : currencyExponent(currency);
  const fraction = match[2] ?? '';
  if (fraction.length > exponent && /[1-9]/.test(fraction.slice(exponent)))
    return { problem: 'too_many_decimals' };
  const digits = match[1] + fraction.slice(0, exponent).padEnd(currencyExponent(currency), '0');
  const amount = BigInt(digits);
  if (amount > largestAmount(currency)) return { problem: 'too_large' };
  if (amount % currencyStep(currency) !== 0n) return { problem: 'not_a_step' };
  return { amount };
}

/** The decimal text of an amount, as a form shows it: "20.50", "1500". */
export function moneyToText(amount: bigint, currency: string): string {
  const exponent = currencyExponent(currency);
  if (exponent === 0) return amount.toString();
  const sign = amount < 0n ? '-' : '';
  const digits = (amount < 0n ? -amount : amount).toString().padStart(exponent + 1, '0');
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** The amount with its currency for people: "€20.50", "¥1,500", "CHF 20.00". */
export function formatMoney(amount: bigint, currency: string): string {
  return formatterFor(currency).format(moneyToText(amount, currency) as unknown as number);
}

const formatters = new Map<string, Intl.NumberFormat>();

function formatterFor(currency: string): Intl.NumberFormat {
  let formatter = formatters.get(currency);
  if (!formatter) {
    const digits = WHOLE_UNITS_ONLY.includes(currency) ? 0 : currencyExponent(currency);
    formatter = new Intl.NumberFormat('en-IE', {
      style: 'currency',
      currency: currency.toUpperCase(),
      currencyDisplay: 'narrowSymbol',
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    formatters.set(currency, formatter);
  }
  return formatter;
}
