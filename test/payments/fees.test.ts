import fc from 'fast-check';
import { CURRENCIES, currencyStep, largestAmount } from '../../src/lib/money';
import { feePerTicket, type FeePolicy, feeWords, platformFee, pricePassedOn } from '../../src/payments/fees';

const POLICY: FeePolicy = { percentHundredths: 250, fixed: { eur: 30n, usd: 30n, jpy: 50n } };

describe('2.5 % and a fixed amount by currency', () => {
  it.each([
    // reckoned by hand: 2.5 % of the price, half up to the step, and the fixed amount; at most the price
    ['EUR 20.00', 'eur', 2000n, 80n],
    ['EUR 0.00', 'eur', 0n, 0n],
    ['EUR 0.20, less than the fixed amount', 'eur', 20n, 20n],
    ['EUR 0.31, just its fee', 'eur', 31n, 31n],
    ['EUR 0.32', 'eur', 32n, 31n],
    ['EUR 0.99, 2.475 cents', 'eur', 99n, 32n],
    ['EUR 1.00, 2.5 cents', 'eur', 100n, 33n],
    ['EUR 999,999.99', 'eur', 99_999_999n, 2_500_030n],
    ['JPY 1500, 37.5 yen', 'jpy', 1500n, 88n],
    ['JPY 1499, 37.475 yen', 'jpy', 1499n, 87n],
    ['SEK 200.00, without a fixed amount', 'sek', 20_000n, 500n],
    ['KWD 5.000, 125 fils to the step of ten', 'kwd', 5000n, 130n],
    ['KWD 4.990, 124.75 fils', 'kwd', 4990n, 120n],
    ['ISK 2500, 62.5 krónur', 'isk', 250_000n, 6300n],
    ['ISK 2499, 62.475 krónur', 'isk', 249_900n, 6200n],
  ])('%s', (_name, currency, price, fee) => {
    expect(feePerTicket(price, currency, POLICY)).toBe(fee);
    expect(platformFee([{ quantity: 3, unitPrice: price }], currency, POLICY)).toBe(fee * 3n);
  });

  it('costs nothing where nothing is taken', () => {
    expect(platformFee([{ quantity: 4, unitPrice: 2000n }], 'eur', { percentHundredths: 0, fixed: {} })).toBe(
      0n,
    );
    expect(platformFee([], 'eur', POLICY)).toBe(0n);
  });

  it.each([
    ['eur', '2.5 % plus €0.30 for each paid ticket'],
    ['jpy', '2.5 % plus ¥50 for each paid ticket'],
    ['sek', '2.5 % for each paid ticket'],
  ])('is said in words for %s', (currency, words) => {
    expect(feeWords(POLICY, currency)).toBe(words);
  });

  it('is for the tickets that cost something', () => {
    const lines = [
      { quantity: 2, unitPrice: 0n },
      { quantity: 1, unitPrice: 2000n },
    ];
    expect(platformFee(lines, 'eur', POLICY)).toBe(80n);
  });
});

describe('a fee with bounds', () => {
  const bounded: FeePolicy = { ...POLICY, least: { eur: 60n }, most: { eur: 300n, jpy: 0n } };

  it.each([
    // by hand: 2.5 % and 0.30, at least 0.60, at most 3.00, never more than the price
    ['EUR 0.50, less than the least', 'eur', 50n, 50n],
    ['EUR 10.00, 0.55 by the rule', 'eur', 1000n, 60n],
    ['EUR 12.00, just the least', 'eur', 1200n, 60n],
    ['EUR 20.00', 'eur', 2000n, 80n],
    ['EUR 108.00, just the most', 'eur', 10_800n, 300n],
    ['EUR 500.00', 'eur', 50_000n, 300n],
    ['JPY 1500, at most nothing', 'jpy', 1500n, 0n],
    ['USD 20.00, without bounds', 'usd', 2000n, 80n],
  ])('%s', (_name, currency, price, fee) => {
    expect(feePerTicket(price, currency, bounded)).toBe(fee);
  });

  it.each([
    [bounded, 'eur', '2.5 % plus €0.30 for each paid ticket, at least €0.60 and at most €3.00'],
    [POLICY, 'eur', '2.5 % plus €0.30 for each paid ticket'],
    [POLICY, 'sek', '2.5 % for each paid ticket'],
    [{ percentHundredths: 0, fixed: { eur: 50n } }, 'eur', '€0.50 for each paid ticket'],
    [{ percentHundredths: 0, fixed: {} }, 'eur', 'nothing'],
    [bounded, 'jpy', 'nothing'],
    [
      { percentHundredths: 0, fixed: {}, least: { eur: 50n } },
      'eur',
      '€0.00 for each paid ticket, at least €0.50',
    ],
  ])('is said in words', (policy: FeePolicy, currency, words) => {
    expect(feeWords(policy, currency)).toBe(words);
  });
});

it.each([
  // the largest sum of ISK is a multiple of its step of 100, and so is what is added to a price
  ['isk', 100n, 100n],
  ['isk', 150n, 100n],
  ['isk', 99n, 0n],
])(
  'a fee that is passed on never takes a price beyond the largest sum, and keeps the step: %s, %s left',
  (currency, room, fee) => {
    const asked = largestAmount(currency) - room;
    expect(pricePassedOn(asked, currency, { percentHundredths: 1000, fixed: {} })).toEqual({
      price: asked + fee,
      passedOnFee: fee,
    });
  },
);

describe('whatever is sold', () => {
  const currency = fc.constantFrom(...CURRENCIES);
  /** a price and a fixed amount that a currency can be charged in, and any percentage that the settings take */
  const sale = currency.chain((code) => {
    const step = currencyStep(code);
    return fc.record({
      currency: fc.constant(code),
      lines: fc.array(
        fc.record({
          quantity: fc.integer({ min: 1, max: 20 }),
          unitPrice: fc.bigInt({ min: 0n, max: 99_999_999n / step }).map((units) => units * step),
        }),
        { maxLength: 5 },
      ),
      policy: fc.record({
        percentHundredths: fc.integer({ min: 0, max: 9999 }),
        fixed: fc.bigInt({ min: 0n, max: 500n }).map((units) => ({ [code]: units * step })),
        least: fc.bigInt({ min: 0n, max: 900n }).map((units) => ({ [code]: units * step })),
        most: fc.option(
          fc.bigInt({ min: 900n, max: 9000n }).map((units) => ({ [code]: units * step })),
          { nil: undefined },
        ),
      }),
    });
  });

  it('the fees of the parts add up to the fee of the whole', () => {
    fc.assert(
      fc.property(sale, fc.infiniteStream(fc.nat()), ({ currency: code, lines, policy }, numbers) => {
        const parts = lines.flatMap(({ quantity, unitPrice }) => {
          const first = numbers.next().value % (quantity + 1);
          return [first, quantity - first].map((part) => ({ quantity: part, unitPrice }));
        });
        const sum = parts.reduce((total, part) => total + platformFee([part], code, policy), 0n);
        expect(sum).toBe(platformFee(lines, code, policy));
      }),
    );
  });

  it('is between nothing and the price, and can be charged in the currency', () => {
    fc.assert(
      fc.property(sale, ({ currency: code, lines, policy }) => {
        for (const { unitPrice } of lines) {
          const fee = feePerTicket(unitPrice, code, policy);
          expect(fee >= 0n && fee <= unitPrice && fee % currencyStep(code) === 0n).toBe(true);
        }
      }),
    );
  });

  it('passed on, the organizer gets what they ask for, whatever they sell', () => {
    fc.assert(
      fc.property(sale, ({ currency: code, lines, policy }) => {
        const passedOn = lines.map(({ quantity, unitPrice }) => {
          const { price, passedOnFee } = pricePassedOn(unitPrice, code, policy);
          expect(price <= largestAmount(code) && price % currencyStep(code) === 0n).toBe(true);
          return { quantity, unitPrice: price, passedOnFee };
        });
        const sum = (of: { quantity: number; unitPrice: bigint }[]) =>
          of.reduce((total, line) => total + line.unitPrice * BigInt(line.quantity), 0n);
        expect(sum(passedOn) - platformFee(passedOn, code, policy)).toBe(sum(lines));
      }),
    );
  });

  it('a dearer ticket never has a smaller fee', () => {
    fc.assert(
      fc.property(sale, fc.bigInt({ min: 0n, max: 10_000n }), ({ currency: code, lines, policy }, more) => {
        for (const { unitPrice } of lines) {
          const dearer = unitPrice + more * currencyStep(code);
          expect(feePerTicket(dearer, code, policy) >= feePerTicket(unitPrice, code, policy)).toBe(true);
        }
      }),
    );
  });
});
