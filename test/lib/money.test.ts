import fc from 'fast-check';
import {
  CURRENCIES,
  currencyExponent,
  currencyStep,
  formatMoney,
  isCurrency,
  largestAmount,
  minimumCharge,
  moneyToText,
  parseMoney,
} from '../../src/lib/money';

describe('reading what a person typed', () => {
  test.each<[string, string, bigint]>([
    ['20', 'eur', 2000n],
    ['20.5', 'eur', 2050n],
    ['20,50', 'eur', 2050n],
    [' 20.50 ', 'eur', 2050n],
    ['0.07', 'eur', 7n],
    ['20.500', 'eur', 2050n],
    ['0019.99', 'usd', 1999n],
    // 19.99 × 100 is 1998.9999999999998 in floats
    ['19.99', 'usd', 1999n],
    ['1.15', 'usd', 115n],
    ['999999.99', 'usd', 99_999_999n],
    ['1500', 'jpy', 1500n],
    ['1500.00', 'jpy', 1500n],
    ['1.23', 'kwd', 1230n],
    ['1.230', 'kwd', 1230n],
    ['500', 'isk', 50_000n],
    ['500.00', 'isk', 50_000n],
    ['500', 'ugx', 50_000n],
    // paid out in whole units, charged in hundredths
    ['500.50', 'huf', 50_050n],
    ['500.50', 'twd', 50_050n],
    ['9999999999.99', 'idr', 999_999_999_999n],
  ])('%j in %s is %s minor units', (text, currency, amount) => {
    expect(parseMoney(text, currency)).toEqual({ amount });
  });

  test.each<[string, string, string]>([
    ['', 'eur', 'not_a_number'],
    ['abc', 'eur', 'not_a_number'],
    ['-5', 'eur', 'not_a_number'],
    ['+5', 'eur', 'not_a_number'],
    ['1e3', 'eur', 'not_a_number'],
    ['0x10', 'eur', 'not_a_number'],
    ['1,234.56', 'eur', 'not_a_number'],
    ['1 000', 'eur', 'not_a_number'],
    ['€20', 'eur', 'not_a_number'],
    ['.50', 'eur', 'not_a_number'],
    ['5.', 'eur', 'not_a_number'],
    ['٢٠', 'eur', 'not_a_number'],
    ['NaN', 'eur', 'not_a_number'],
    ['Infinity', 'eur', 'not_a_number'],
    ['9'.repeat(13), 'eur', 'not_a_number'],
    ['20.505', 'eur', 'too_many_decimals'],
    ['1500.5', 'jpy', 'too_many_decimals'],
    ['500.5', 'isk', 'too_many_decimals'],
    ['500.5', 'ugx', 'too_many_decimals'],
    ['1.2345', 'kwd', 'too_many_decimals'],
    ['1.234', 'kwd', 'not_a_step'],
    ['1000000', 'eur', 'too_large'],
    ['1000000', 'isk', 'too_large'],
    ['100000', 'kwd', 'too_large'],
    ['10000000000', 'idr', 'too_large'],
    ['1.005', 'huf', 'too_many_decimals'],
    ['1.005', 'twd', 'too_many_decimals'],
  ])('%j in %s is refused: %s', (text, currency, problem) => {
    expect(parseMoney(text, currency)).toEqual({ problem });
  });
});

test.each<[bigint, string, string, string]>([
  [2050n, 'eur', '€20.50', '20.50'],
  [5n, 'eur', '€0.05', '0.05'],
  [0n, 'eur', '€0.00', '0.00'],
  [123_456_789n, 'usd', '$1,234,567.89', '1234567.89'],
  [1500n, 'jpy', '¥1,500', '1500'],
  [1230n, 'kwd', 'KWD 1.230', '1.230'],
  [50_000n, 'isk', 'kr 500', '500.00'],
  [50_000n, 'ugx', 'UGX 500', '500.00'],
])('%s minor units of %s are shown as %s and typed as %s', (amount, currency, shown, typed) => {
  expect(formatMoney(amount, currency).replaceAll('\u00a0', ' ')).toBe(shown);
  expect(moneyToText(amount, currency)).toBe(typed);
});

test('each currency is counted as Stripe counts it', () => {
  expect(['jpy', 'krw', 'clp', 'xof', 'vnd'].map(currencyExponent)).toEqual([0, 0, 0, 0, 0]);
  expect(['bhd', 'jod', 'kwd', 'omr', 'tnd'].map(currencyExponent)).toEqual([3, 3, 3, 3, 3]);
  // two decimals on the wire, whole units only
  expect(['isk', 'ugx'].map(currencyExponent)).toEqual([2, 2]);
  expect(['isk', 'ugx', 'kwd', 'eur', 'jpy'].map(currencyStep)).toEqual([100n, 100n, 10n, 1n, 1n]);
});

test.each(CURRENCIES)('what is shown of %s can be typed again', (currency) => {
  const step = currencyStep(currency);
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: largestAmount(currency) / step }), (steps) => {
      const amount = steps * step;
      expect(parseMoney(moneyToText(amount, currency), currency)).toEqual({ amount });
    }),
    { numRuns: 30 },
  );
});

test.each<[string, bigint]>([
  ['eur', 99_999_999n],
  ['jpy', 99_999_999n],
  ['kwd', 99_999_990n],
  ['isk', 99_999_900n],
  ['ugx', 99_999_900n],
  ['huf', 99_999_999n],
  ['idr', 999_999_999_999n],
])('the largest payment of %s can be charged: %s', (currency, amount) => {
  expect(largestAmount(currency)).toBe(amount);
  expect(amount % currencyStep(currency)).toBe(0n);
});

test.each(CURRENCIES)('the minimum of %s is an amount that can be charged', (currency) => {
  expect(minimumCharge(currency) % currencyStep(currency)).toBe(0n);
  expect(minimumCharge(currency)).toBeGreaterThan(0n);
});

test('no text that a person can type is read as anything but an amount or a problem', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom(...CURRENCIES), (text, currency) => {
      const read = parseMoney(text, currency);
      if ('amount' in read) expect(read.amount >= 0n && read.amount <= largestAmount(currency)).toBe(true);
      else expect(typeof read.problem).toBe('string');
    }),
  );
});

test.each([['EUR'], ['xxx'], [''], [null], [['eur']], ['__proto__'], ['constructor']])(
  '%j is no currency code of ours',
  (code) => {
    expect(isCurrency(code)).toBe(false);
  },
);
