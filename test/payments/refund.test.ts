import fc from 'fast-check';
import { CURRENCIES, currencyStep, largestAmount } from '../../src/lib/money';
import { platformFee } from '../../src/payments/fees';
import {
  feeShare,
  idempotencyKeyOf,
  isNews,
  quoteRefund,
  type RefundablePayment,
  type RefundChoice,
  type RefundStatus,
} from '../../src/payments/refund';

/** A payment in any currency with a fee of any size up to all of it, and pieces that make it up in any order. */
const payment = fc.constantFrom(...CURRENCIES).chain((currency) => {
  const step = currencyStep(currency);
  return fc
    .record({
      units: fc.bigInt({ min: 1n, max: largestAmount(currency) / step }),
      feeShare: fc.bigInt({ min: 0n, max: 1000n }),
      cuts: fc.array(fc.bigInt({ min: 0n, max: 1_000_000n }), { maxLength: 8 }),
    })
    .map(({ units, feeShare: share, cuts }) => {
      const places = [...cuts.map((cut) => (units * cut) / 1_000_000n), units].sort((a, b) =>
        a < b ? -1 : 1,
      );
      const pieces = places
        .map((place, index) => (place - (places[index - 1] ?? 0n)) * step)
        .filter((piece) => piece > 0n);
      return { currency, amount: units * step, fee: ((units * share) / 1000n) * step, pieces };
    });
});

/** The parts of the fee that go back with pieces that go back in this order. */
function sharesOf(of: { amount: bigint; fee: bigint; currency: string }, pieces: bigint[]): bigint[] {
  let before = 0n;
  return pieces.map((piece) => {
    const share = feeShare(of, before, piece);
    before += piece;
    return share;
  });
}
const sum = (amounts: bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);

describe('the part of the fee that goes back', () => {
  test.each<[string, string, bigint, bigint, bigint, bigint, bigint]>([
    // currency, paid, fee, gone before, now, share: reckoned by hand
    ['all of it', 'eur', 4000n, 160n, 0n, 4000n, 160n],
    ['one of two', 'eur', 4000n, 160n, 0n, 2000n, 80n],
    ['a third, half up', 'eur', 3000n, 100n, 0n, 1000n, 33n],
    ['the second third makes up', 'eur', 3000n, 100n, 1000n, 1000n, 34n],
    ['the last third', 'eur', 3000n, 100n, 2000n, 1000n, 33n],
    ['too little for a cent', 'eur', 10_000n, 1n, 0n, 10n, 0n],
    ['no fee', 'eur', 4000n, 0n, 0n, 4000n, 0n],
    ['whole yen', 'jpy', 1500n, 88n, 0n, 500n, 29n],
    ['whole krónur', 'isk', 250_000n, 6300n, 0n, 100_000n, 2500n],
    ['tens of fils', 'kwd', 5000n, 130n, 0n, 2500n, 70n],
    [
      'more than a float holds',
      'idr',
      999_999_999_999n,
      999_999_999_999n,
      0n,
      333_333_333_333n,
      333_333_333_333n,
    ],
  ])('%s', (_what, currency, amount, fee, before, now, share) => {
    expect(feeShare({ currency, amount, fee }, before, now)).toBe(share);
  });

  it('adds up to the fee exactly, whatever the pieces', () => {
    fc.assert(
      fc.property(payment, (of) => {
        expect(sum(sharesOf(of, of.pieces))).toBe(of.fee);
      }),
    );
  });

  it('is never negative, never more than the fee so far, and an amount of the currency', () => {
    fc.assert(
      fc.property(payment, (of) => {
        let gone = 0n;
        for (const share of sharesOf(of, of.pieces)) {
          gone += share;
          expect(share >= 0n && gone <= of.fee && share % currencyStep(of.currency) === 0n).toBe(true);
        }
      }),
    );
  });

  it('is the same in sum in whatever order the pieces go back', () => {
    fc.assert(
      fc.property(payment, fc.nat(), (of, seed) => {
        const some = of.pieces.filter((_piece, index) => (seed >> index) % 2 === 0);
        expect(sum(sharesOf(of, some))).toBe(sum(sharesOf(of, [...some].reverse())));
      }),
    );
  });

  it('differs from the exact share by half a step at most, so no piece is rounded away for long', () => {
    fc.assert(
      fc.property(payment, (of) => {
        let [gone, shared] = [0n, 0n];
        of.pieces.forEach((piece, index) => {
          gone += piece;
          shared += sharesOf(of, of.pieces)[index]!;
          const off = shared * of.amount - of.fee * gone;
          const most = (of.amount * currencyStep(of.currency)) / 2n + 1n;
          expect(off <= most && off >= -most).toBe(true);
        });
      }),
    );
  });
});

describe('a quote', () => {
  const tickets = [2000n, 2000n, 0n].map((price, index) => ({
    id: `t${index + 1}`,
    seq: index + 1,
    typeName: 'Seat',
    price,
  }));
  const fee = platformFee([{ quantity: 2, unitPrice: 2000n }], 'eur', {
    percentHundredths: 250,
    fixed: { eur: 30n },
  });
  const paid: RefundablePayment = {
    amount: 4000n,
    fee,
    currency: 'eur',
    refunded: 0n,
    feeRefunded: 0n,
    tickets,
  };
  const quote = (
    choice: RefundChoice,
    of: Partial<RefundablePayment> = {},
    policy: 'keep' | 'proportional' = 'proportional',
  ) => quoteRefund({ ...paid, ...of }, choice, policy);

  test('keeps the fee or gives its part back, as the platform decides', () => {
    expect(quote({ scope: 'tickets', seqs: [1] })).toMatchObject({
      quote: { amount: 2000n, feeReturned: 80n, feeKept: 0n, leavesBalance: 1920n, left: 2000n },
    });
    expect(quote({ scope: 'tickets', seqs: [1] }, {}, 'keep')).toMatchObject({
      quote: { amount: 2000n, feeReturned: 0n, feeKept: 80n, leavesBalance: 2000n },
    });
  });

  test('of everything that is left takes every ticket, however it was asked for', () => {
    for (const choice of [
      { scope: 'order' },
      { scope: 'amount', amount: 4000n },
      { scope: 'tickets', seqs: [1, 2] },
    ] as RefundChoice[])
      expect(quote(choice)).toMatchObject({ quote: { scope: 'order', amount: 4000n, tickets, left: 0n } });
  });

  test('never asks for more than is left', () => {
    expect(quote({ scope: 'tickets', seqs: [1] }, { refunded: 3000n })).toMatchObject({
      quote: { amount: 1000n },
    });
    expect(quote({ scope: 'order' }, { refunded: 3999n })).toMatchObject({ quote: { amount: 1n } });
    expect(quote({ scope: 'amount', amount: 1001n }, { refunded: 3000n })).toMatchObject({
      problem: { field: 'amount' },
    });
    for (const refunded of [4000n, 5000n])
      expect(quote({ scope: 'order' }, { refunded })).toMatchObject({ problem: { field: 'form' } });
  });

  test('of tickets that cost nothing, of none, or of one that is gone is refused', () => {
    expect(quote({ scope: 'tickets', seqs: [3] })).toMatchObject({ problem: { field: 'tickets' } });
    expect(quote({ scope: 'tickets', seqs: [] })).toMatchObject({ problem: { field: 'tickets' } });
    expect(quote({ scope: 'tickets', seqs: [1, 4] })).toMatchObject({ problem: { field: 'tickets' } });
  });

  test.each<[string, RefundChoice, Partial<RefundablePayment>, RegExp]>([
    ['all gone', { scope: 'order' }, { refunded: 4000n }, /^All of this payment/],
    ['nothing', { scope: 'amount', amount: 0n }, {}, /more than nothing/],
    ['less than nothing', { scope: 'amount', amount: -1n }, {}, /more than nothing/],
    ['too much', { scope: 'amount', amount: 4001n }, {}, /at most €40.00/],
    ['no ticket', { scope: 'tickets', seqs: [] }, {}, /at least one/],
    ['a ticket that is gone', { scope: 'tickets', seqs: [9] }, {}, /Choose again/],
    ['a free ticket', { scope: 'tickets', seqs: [3] }, {}, /cost nothing/],
  ])('says what is wrong: %s', (_what, choice, of, words) => {
    expect(quote(choice, of)).toMatchObject({ problem: { message: expect.stringMatching(words) } });
  });

  test('of an amount takes no ticket; of a part of the tickets those alone', () => {
    expect(quote({ scope: 'amount', amount: 1n })).toMatchObject({
      quote: { scope: 'amount', tickets: [], left: 3999n },
    });
    expect(quote({ scope: 'tickets', seqs: [2] })).toMatchObject({
      quote: { scope: 'tickets', tickets: [{ seq: 2 }] },
    });
  });

  test('the key of a send names the refund and which send it is', () => {
    expect(idempotencyKeyOf('r', 2)).toBe('foyer-refund-r-2');
  });

  test('never gives back more of the fee than there is, whatever went back before under another policy', () => {
    expect(quote({ scope: 'order' }, { refunded: 1000n, feeRefunded: 150n })).toMatchObject({
      quote: { feeReturned: 10n },
    });
  });
});

describe('what Stripe says later', () => {
  const states: RefundStatus[] = ['requested', 'sent', 'pending', 'succeeded', 'failed', 'needs_attention'];
  test('never brings a refund back', () => {
    const news = states.flatMap((before) =>
      states.filter((after) => isNews(before, after)).map((after) => `${before} → ${after}`),
    );
    expect(news).toEqual([
      'requested → sent',
      'requested → pending',
      'requested → succeeded',
      'requested → failed',
      'requested → needs_attention',
      'sent → pending',
      'sent → succeeded',
      'sent → failed',
      'sent → needs_attention',
      'pending → succeeded',
      'pending → failed',
      'pending → needs_attention',
      'succeeded → failed',
      'succeeded → needs_attention',
      'needs_attention → pending',
      'needs_attention → succeeded',
      'needs_attention → failed',
    ]);
  });
});
