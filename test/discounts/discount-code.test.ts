import fc from 'fast-check';
import { allocate, type OrderRequest } from '../../src/checkout/allocate';
import { type DiscountCode, discountOn, readCode, whyUnusable } from '../../src/discounts/discount-code';
import { CURRENCIES, currencyStep } from '../../src/lib/money';
import { anEvent, aTicketType, daysFromNow, NOW } from '../events/samples';

function aCode(change: Partial<DiscountCode> = {}): DiscountCode {
  return {
    id: 'code',
    eventId: anEvent().id,
    code: 'FRIENDS',
    kind: 'percent',
    percent: 20,
    amount: null,
    currency: 'eur',
    unlocksHidden: false,
    useLimit: null,
    held: 0,
    used: 0,
    validFrom: null,
    validUntil: null,
    switchedOffAt: null,
    ticketTypeIds: null,
    ...change,
  };
}

const amountOff = (amount: bigint) => aCode({ kind: 'amount', percent: null, amount });

describe('what a code takes off a ticket', () => {
  test.each([
    ['a share', aCode(), aTicketType({ price: 2000n }), 400n],
    ['a share, rounded half up', aCode({ percent: 50 }), aTicketType({ price: 1001n }), 501n],
    ['all', aCode({ percent: 100 }), aTicketType({ price: 1999n }), 1999n],
    ['an amount', amountOff(500n), aTicketType({ price: 2000n }), 500n],
    ['an amount, at most the price', amountOff(5000n), aTicketType({ price: 2000n }), 2000n],
    ['nothing of a donation', aCode(), aTicketType({ kind: 'donation', price: 2000n }), 0n],
    ['nothing of a free ticket', amountOff(500n), aTicketType({ kind: 'free', price: 0n }), 0n],
    ['nothing of what it is not for', aCode({ ticketTypeIds: ['other'] }), aTicketType(), 0n],
    ['nothing, for access only', aCode({ kind: 'access', percent: null }), aTicketType(), 0n],
  ])('%s', (_what, code, type, off) => {
    expect(discountOn(code, type)).toBe(off);
  });

  test('is between nothing and the price, and a sum that can be charged, in every currency', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CURRENCIES),
        fc.bigInt({ min: 1n, max: 99_999n }),
        fc.integer({ min: 1, max: 100 }),
        (currency, units, percent) => {
          const price = units * currencyStep(currency);
          const off = discountOn(aCode({ currency, percent }), aTicketType({ price }));
          expect(off >= 0n && off <= price && off % currencyStep(currency) === 0n).toBe(true);
          if (percent === 100) expect(off).toBe(price);
        },
      ),
    );
  });
});

test.each([
  ['  friends ', 'FRIENDS'],
  ['Fri ends', 'FRIENDS'],
  ['', null],
  ['   ', null],
  [['a', 'b'], null],
])('%p is read as %p', (typed, read) => {
  expect(readCode(typed)).toBe(read);
});

describe('when a code can not be used', () => {
  test.each([
    ['switched off', { switchedOffAt: NOW }, /no longer valid/],
    ['over', { validUntil: NOW }, /no longer valid/],
    ['to begin', { validFrom: daysFromNow(1) }, /not valid yet/],
    ['used up', { useLimit: 2, used: 2 }, /used up/],
    ['held by others', { useLimit: 2, used: 1, held: 1 }, /Other buyers hold the last uses/],
    ['of another event', { eventId: 'other' }, /not known/],
    [
      'an amount of another currency',
      { kind: 'amount', percent: null, amount: 1n, currency: 'usd' },
      /no longer/,
    ],
  ] as [string, Partial<DiscountCode>, RegExp][])('it is %s', (_what, change, words) => {
    expect(whyUnusable(aCode(change), anEvent(), NOW)).toMatch(words);
  });

  test('it can from its beginning until its last use', () => {
    const code = aCode({ validFrom: NOW, validUntil: daysFromNow(1), useLimit: 3, used: 1, held: 1 });
    expect(whyUnusable(code, anEvent(), NOW)).toBeNull();
  });
});

describe('an order with a code', () => {
  const type = aTicketType();
  const hidden = aTicketType({ id: '01920000-0000-7000-8000-00000000b0b1', visibility: 'hidden' });
  const place = (code: DiscountCode | null, requests: Partial<OrderRequest>[], ready = true) =>
    allocate(
      {
        event: anEvent(),
        ticketTypes: [type, hidden],
        connectionReady: ready,
        openHoldsByVisitor: new Map(),
        codes: new Map(code ? [[code.code, code]] : []),
        now: NOW,
      },
      requests.map((request) => ({
        lines: [{ ticketTypeId: type.id, quantity: 2, shownPrice: 2000n, amount: null }],
        visitorHash: null,
        code: 'FRIENDS',
        ...request,
      })),
    );
  const want = (id: string) => ({
    lines: [{ ticketTypeId: id, quantity: 1, shownPrice: null, amount: null }],
  });

  test('pays what remains, and keeps what was taken off', () => {
    expect(place(aCode(), [{}])).toEqual([
      {
        ok: true,
        codeId: 'code',
        total: 3200n,
        lines: [expect.objectContaining({ unitPrice: 1600n, discount: 400n, quantity: 2 })],
      },
    ]);
  });

  test('counts those before it in the same batch', () => {
    const answers = place(aCode({ useLimit: 3, used: 1 }), [{}, { code: null }, {}, {}]);
    expect(
      answers.map((answer) => (answer.ok ? (answer.codeId ?? 'full price') : answer.refusal.reason)),
    ).toEqual(['code', 'full price', 'code', 'code']);
    expect(answers.map((answer) => answer.ok)).toEqual([true, true, true, false]);
  });

  test('uses nothing up where the code changes nothing', () => {
    const [answer] = place(aCode({ ticketTypeIds: [hidden.id], useLimit: 1 }), [{}]);
    expect(answer).toMatchObject({ ok: true, total: 4000n });
    expect(answer).not.toHaveProperty('codeId');
  });

  test('gets hidden tickets only where the code opens them', () => {
    const reasons = [
      aCode(),
      aCode({ unlocksHidden: true, ticketTypeIds: [type.id] }),
      aCode({ unlocksHidden: true }),
    ].map((code) => {
      const [answer] = place(code, [want(hidden.id)]);
      return answer!.ok ? 'held' : answer!.refusal.reason;
    });
    expect(reasons).toEqual(['not_on_sale', 'not_on_sale', 'held']);
  });

  test('below what Stripe charges is refused with words, and all of it needs no connection', () => {
    const [cheap] = place(amountOff(1980n), [want(type.id)]);
    expect(cheap).toMatchObject({
      refusal: {
        reason: 'code',
        codeProblem: expect.stringMatching(/€0\.20, and Stripe charges no less than €0\.50/),
      },
    });
    expect(place(aCode({ percent: 100 }), [{}], false)).toMatchObject([{ ok: true, total: 0n }]);
    expect(place(aCode({ percent: 99 }), [{}], false)).toMatchObject([{ ok: false }]);
  });

  test('that nobody knows is refused', () => {
    expect(place(null, [{}])).toMatchObject([
      { refusal: { reason: 'code', codeProblem: expect.any(String) } },
    ]);
  });
});
