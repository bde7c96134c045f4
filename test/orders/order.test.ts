/** The table of moves, which nobody goes around: pure. */
import {
  inventoryAfter,
  isFulfilled,
  isLegalMove,
  isPaymentUnderWay,
  LEGAL_MOVES,
  type OrderStatus,
  paidOf,
  type PaymentAttempt,
} from '../../src/orders/order';

const STATUSES = Object.keys(LEGAL_MOVES) as OrderStatus[];

describe('the table of moves', () => {
  it('leads to every status, from a hold', () => {
    const reached = new Set<OrderStatus>(['held']);
    for (const status of reached) LEGAL_MOVES[status].forEach((next) => reached.add(next));
    expect([...reached].sort()).toEqual([...STATUSES].sort());
  });

  it('ends where free tickets were given up, or a refund was made that only a person goes on with', () => {
    expect(STATUSES.filter((status) => LEGAL_MOVES[status].length === 0)).toEqual(['cancelled']);
    expect(LEGAL_MOVES.refunded).toEqual(['needs_attention']);
  });

  it('has no move from a status to itself, and none twice', () => {
    for (const status of STATUSES) {
      expect(isLegalMove(status, status)).toBe(false);
      expect(new Set(LEGAL_MOVES[status]).size).toBe(LEGAL_MOVES[status].length);
    }
  });

  it('never takes back what was paid without a refund or a person', () => {
    // the database refuses `cancelled` for anything that cost something
    for (const status of STATUSES.filter(isFulfilled))
      expect(LEGAL_MOVES[status].filter((to) => !isFulfilled(to) && to !== 'cancelled')).toEqual([
        'refunded',
        'needs_attention',
      ]);
  });

  it('frees a hold that is being paid only by Stripe’s word or a person’s', () => {
    // `held` alone was never shown to Stripe; the others go by way of `expiring`, or end with what Stripe said
    expect(STATUSES.filter((status) => isLegalMove(status, 'expired'))).toEqual([
      'held',
      'creating_session',
      'awaiting_payment',
      'processing',
      'expiring',
      'needs_attention',
    ]);
    expect(STATUSES.filter(isPaymentUnderWay).every((status) => isLegalMove(status, 'needs_attention'))).toBe(
      true,
    );
  });

  it.each<[OrderStatus, OrderStatus[]]>([
    ['held', []],
    ['creating_session', ['held']],
    ['awaiting_payment', ['creating_session']],
    ['processing', ['awaiting_payment', 'expiring']],
    ['expiring', ['creating_session', 'awaiting_payment']],
    ['paid', ['held', 'awaiting_payment', 'processing', 'expiring', 'failed', 'expired', 'needs_attention']],
    ['partially_refunded', ['paid']],
    ['refunded', ['paid', 'partially_refunded', 'refund_pending', 'needs_attention']],
    ['refund_pending', ['failed', 'expired', 'needs_attention']],
    ['failed', ['creating_session']],
  ])('%s is come to from %j alone', (to, from) => {
    expect(STATUSES.filter((status) => isLegalMove(status, to))).toEqual(from);
  });

  it('can honour or give back a payment that came late', () => {
    for (const status of ['expired', 'failed'] as const)
      expect(LEGAL_MOVES[status]).toEqual(['paid', 'refund_pending', 'needs_attention']);
  });
});

describe('what goes with a status', () => {
  it.each<[OrderStatus, 'held' | 'sold' | 'none']>([
    ['held', 'held'],
    ['creating_session', 'held'],
    ['awaiting_payment', 'held'],
    ['processing', 'held'],
    ['expiring', 'held'],
    ['paid', 'sold'],
    ['partially_refunded', 'sold'],
    ['refunded', 'none'],
    ['refund_pending', 'none'],
    ['failed', 'none'],
    ['expired', 'none'],
    ['cancelled', 'none'],
  ])('the tickets of an order that is %s are counted as %s, wherever they stood', (status, counter) => {
    for (const before of ['held', 'sold', 'none'] as const)
      expect(inventoryAfter(status, before)).toBe(counter);
  });

  it('an order that a person has to see to keeps its tickets where they are', () => {
    for (const before of ['held', 'sold', 'none'] as const)
      expect(inventoryAfter('needs_attention', before)).toBe(before);
  });

  it('two statuses are fulfilled, four have a payment under way', () => {
    expect(STATUSES.filter(isFulfilled)).toEqual(['paid', 'partially_refunded']);
    expect(STATUSES.filter(isPaymentUnderWay)).toEqual([
      'creating_session',
      'awaiting_payment',
      'processing',
      'expiring',
    ]);
  });

  it('what was paid is Stripe’s word, and before that what was asked for', () => {
    const asked = { amount: 2000n, currency: 'eur', paidAmount: null, paidCurrency: null };
    expect(paidOf(asked as PaymentAttempt)).toEqual({ amount: 2000n, currency: 'eur' });
    expect(paidOf({ ...asked, paidAmount: 100n, paidCurrency: 'usd' } as PaymentAttempt)).toEqual({
      amount: 100n,
      currency: 'usd',
    });
  });
});
