import fc from 'fast-check';
import {
  allocate,
  type Allocation,
  MAX_OPEN_HOLDS_PER_VISITOR,
  type OrderRequest,
  type RequestedLine,
  type SaleSnapshot,
} from '../../src/checkout/allocate';
import { type DiscountCode } from '../../src/discounts/discount-code';
import { type EventForSale, type TicketTypeForSale } from '../../src/events/event-availability';

const NOW = new Date('2026-11-20T12:00:00Z');
const hours = (count: number) => new Date(NOW.getTime() + count * 3_600_000);

function anEvent(change: Partial<EventForSale> = {}): EventForSale {
  return {
    id: 'event',
    status: 'published',
    startsAt: hours(24),
    endsAt: hours(27),
    capacity: null,
    held: 0,
    sold: 0,
    currency: 'eur',
    ...change,
  };
}

function aType(change: Partial<TicketTypeForSale> = {}): TicketTypeForSale {
  return {
    id: 'stalls',
    name: 'Stalls',
    kind: 'paid',
    price: 2000n,
    passedOnFee: null,
    capacity: 10,
    held: 0,
    sold: 0,
    minPerOrder: 1,
    maxPerOrder: 10,
    salesStart: null,
    salesEnd: null,
    visibility: 'public',
    removedAt: null,
    ...change,
  };
}

function aSale(change: Partial<SaleSnapshot> = {}): SaleSnapshot {
  return {
    event: anEvent(),
    ticketTypes: [aType()],
    connectionReady: true,
    openHoldsByVisitor: new Map(),
    now: NOW,
    ...change,
  };
}

function wants(quantity: number, line: Partial<RequestedLine> = {}): RequestedLine {
  return { ticketTypeId: 'stalls', quantity, shownPrice: null, amount: null, ...line };
}

const order = (...lines: RequestedLine[]): OrderRequest => ({ lines, visitorHash: null });
const one = (sale: SaleSnapshot, ...lines: RequestedLine[]): Allocation =>
  allocate(sale, [order(...lines)])[0]!;
/** 'held', or why not */
const results = (allocations: Allocation[]) =>
  allocations.map((allocation) => (allocation.ok ? 'held' : allocation.refusal.reason));

describe('an order that can be served', () => {
  it('gets its tickets at the price of now', () => {
    expect(one(aSale(), wants(3, { shownPrice: 2000n }))).toEqual({
      ok: true,
      lines: [
        {
          ticketTypeId: 'stalls',
          ticketTypeName: 'Stalls',
          quantity: 3,
          unitPrice: 2000n,
          passedOnFee: null,
        },
      ],
      total: 6000n,
    });
  });

  it('gets several types in the order of their ids, however they were asked for', () => {
    const sale = aSale({
      ticketTypes: [aType({ id: 'b' }), aType({ id: 'a', price: 500n }), aType({ id: 'c' })],
    });
    const asked = ['c', 'a', 'b'].map((ticketTypeId) => wants(1, { ticketTypeId }));
    const allocation = one(sale, ...asked);
    expect(allocation).toMatchObject({ ok: true, total: 4500n });
    expect(allocation.ok && allocation.lines.map((line) => line.ticketTypeId)).toEqual(['a', 'b', 'c']);
  });

  it('has two lines of one type as one, and lines of nothing as none', () => {
    const sale = aSale({ ticketTypes: [aType(), aType({ id: 'balcony' })] });
    const allocation = one(sale, wants(2), wants(0, { ticketTypeId: 'balcony' }), wants(3));
    expect(allocation).toMatchObject({ ok: true, total: 10_000n, lines: [{ quantity: 5 }] });
  });

  it('gets the last tickets', () => {
    expect(one(aSale({ ticketTypes: [aType({ held: 3, sold: 5 })] }), wants(2))).toMatchObject({ ok: true });
    expect(one(aSale({ event: anEvent({ capacity: 9, held: 3, sold: 4 }) }), wants(2))).toMatchObject({
      ok: true,
    });
  });

  it('needs no connection for what is free', () => {
    const sale = aSale({ ticketTypes: [aType({ kind: 'free', price: 0n })], connectionReady: false });
    expect(one(sale, wants(2))).toMatchObject({ ok: true, total: 0n });
  });
});

describe('an order that can not be served', () => {
  const table: [string, SaleSnapshot, RequestedLine[], string, string?][] = [
    ['nothing', aSale(), [], 'nothing_chosen'],
    ['nothing of something', aSale(), [wants(0)], 'nothing_chosen'],
    ['of a draft', aSale({ event: anEvent({ status: 'draft' }) }), [wants(1)], 'event_closed'],
    ['of a cancelled event', aSale({ event: anEvent({ status: 'cancelled' }) }), [wants(1)], 'event_closed'],
    ['of an event that is over', aSale({ event: anEvent({ endsAt: NOW }) }), [wants(1)], 'event_closed'],
    ['of a type of another event', aSale(), [wants(1, { ticketTypeId: 'elsewhere' })], 'not_on_sale'],
    [
      'of a hidden type',
      aSale({ ticketTypes: [aType({ visibility: 'hidden' })] }),
      [wants(1)],
      'not_on_sale',
    ],
    [
      'of a removed type',
      aSale({ ticketTypes: [aType({ removedAt: hours(-1) })] }),
      [wants(1)],
      'not_on_sale',
    ],
    [
      'before sales begin',
      aSale({ ticketTypes: [aType({ salesStart: hours(1) })] }),
      [wants(1)],
      'not_on_sale',
      'Stalls is not on sale now.',
    ],
    [
      'when sales have ended',
      aSale({ ticketTypes: [aType({ salesEnd: NOW })] }),
      [wants(1)],
      'not_on_sale',
      'Stalls is not on sale now.',
    ],
    [
      'of paid tickets without a connection',
      aSale({ connectionReady: false }),
      [wants(1)],
      'no_payments',
      'Paid tickets are not on sale right now, because the organizer cannot take payments. You were not charged.',
    ],
    [
      'of what is sold',
      aSale({ ticketTypes: [aType({ sold: 10 })] }),
      [wants(1)],
      'sold_out',
      'Stalls has just sold out. You were not charged.',
    ],
    [
      'of what others hold',
      aSale({ ticketTypes: [aType({ sold: 9, held: 1 })] }),
      [wants(1)],
      'sold_out',
      'All Stalls tickets are held by other buyers right now. Some may come back within minutes.',
    ],
    [
      'of more than are left',
      aSale({ ticketTypes: [aType({ sold: 7 })] }),
      [wants(4)],
      'sold_out',
      'Only 3 of Stalls are left. Choose fewer.',
    ],
    [
      'of more than the event has left',
      aSale({ event: anEvent({ capacity: 5, sold: 4 }) }),
      [wants(2)],
      'sold_out',
      'Only 1 of Stalls is left. Choose fewer.',
    ],
    [
      'of fewer than one may',
      aSale({ ticketTypes: [aType({ minPerOrder: 2 })] }),
      [wants(1)],
      'quantity',
      'Choose at least 2 of Stalls.',
    ],
    [
      'of more than one may',
      aSale({ ticketTypes: [aType({ maxPerOrder: 4 })] }),
      [wants(5)],
      'quantity',
      'Choose at most 4 of Stalls in one order.',
    ],
    [
      'of more than one may, in two lines',
      aSale({ ticketTypes: [aType({ maxPerOrder: 4 })] }),
      [wants(3), wants(3)],
      'quantity',
      'Choose at most 4 of Stalls in one order.',
    ],
    ['of fewer than none', aSale(), [wants(-1)], 'quantity', 'Choose at least 1 of Stalls.'],
    [
      'at a price of before',
      aSale(),
      [wants(1, { shownPrice: 1500n })],
      'price_changed',
      'The price of Stalls is now €20.00. Nothing is held yet.',
    ],
    [
      'of what was free before',
      aSale(),
      [wants(1, { shownPrice: 0n })],
      'price_changed',
      'The price of Stalls is now €20.00. Nothing is held yet.',
    ],
    [
      'of more money than Stripe takes',
      aSale({ ticketTypes: [aType({ price: 50_000_000n })] }),
      [wants(2)],
      'amount',
      'One order can be at most €999,999.99. Choose fewer tickets.',
    ],
    [
      'a sum beyond eight digits in a currency of steps',
      aSale({ event: anEvent({ currency: 'isk' }), ticketTypes: [aType({ price: 50_000_000n })] }),
      [wants(2)],
      'amount',
      'One order can be at most kr\u00a0999,999. Choose fewer tickets.',
    ],
    [
      'a sum below what Stripe charges, of a price that was set when less was enough',
      aSale({ ticketTypes: [aType({ price: 20n })] }),
      [wants(2)],
      'amount',
      'One order has to be at least €0.50, the least that Stripe charges. Choose more tickets.',
    ],
  ];

  it.each(table)('%s is refused with its reason', (_name, sale, lines, reason, ...texts) => {
    const allocation = one(sale, ...lines);
    expect(allocation).toMatchObject({ ok: false, refusal: { reason } });
    if (!allocation.ok) expect([...allocation.refusal.problems.values()]).toEqual(texts);
  });

  it('ends with the largest sum that Stripe takes: eight digits, twelve in rupiah', () => {
    const sale = (currency: string, price: bigint) =>
      aSale({ event: anEvent({ currency }), ticketTypes: [aType({ price })] });
    expect(one(sale('eur', 99_999_999n), wants(1))).toMatchObject({ ok: true, total: 99_999_999n });
    expect(one(sale('idr', 99_999_999_900n), wants(10))).toMatchObject({ ok: true, total: 999_999_999_000n });
    expect(one(sale('eur', 20n), wants(3))).toMatchObject({ ok: true, total: 60n });
  });

  it('looks the same for hidden, removed and foreign types', () => {
    const sale = aSale({ ticketTypes: [aType({ id: 'hidden', visibility: 'hidden', sold: 10 })] });
    const [hidden, foreign] = ['hidden', 'foreign'].map((ticketTypeId) =>
      one(sale, wants(1, { ticketTypeId })),
    );
    expect(hidden).toEqual(foreign);
  });

  it('gets no part of what it asked for', () => {
    const sale = aSale({ ticketTypes: [aType({ id: 'a' }), aType({ id: 'b', capacity: 1, sold: 1 })] });
    const [both, rest] = allocate(sale, [
      order(wants(5, { ticketTypeId: 'a' }), wants(1, { ticketTypeId: 'b' })),
      order(wants(10, { ticketTypeId: 'a' })),
    ]);
    expect(results([both!, rest!])).toEqual(['sold_out', 'held']);
  });
});

describe('pay what you want', () => {
  const donation = (price: bigint) => aSale({ ticketTypes: [aType({ kind: 'donation', price })] });

  it.each([
    ['the least', 500n, null, 500n],
    ['what was offered', 500n, 1234n, 1234n],
    ['nothing, where nothing is asked', 0n, null, 0n],
    ['nothing, offered', 0n, 0n, 0n],
    ['the least that Stripe charges', 0n, 50n, 50n],
  ])('costs %s', (_name, least, amount, unitPrice) => {
    expect(one(donation(least), wants(2, { amount, shownPrice: 1n }))).toMatchObject({
      ok: true,
      total: unitPrice * 2n,
      lines: [{ unitPrice }],
    });
  });

  it.each([
    ['less than the least', 500n, 499n, 'Stalls starts at €5.00. Enter at least that.'],
    ['less than nothing', 0n, -1n, 'Stalls starts at €0.00. Enter at least that.'],
    ['less than Stripe charges', 0n, 49n, 'Enter €0.00, or at least €0.50.'],
  ])('refuses %s', (_name, least, amount, text) => {
    const allocation = one(donation(least), wants(1, { amount }));
    expect(allocation).toEqual({
      ok: false,
      refusal: { reason: 'amount', problems: new Map([['stalls', text]]) },
    });
  });

  it('does not let an amount change the price of what has one', () => {
    expect(one(aSale(), wants(1, { amount: 1n }))).toMatchObject({ ok: true, total: 2000n });
  });
});

describe('a batch', () => {
  it('is served in turn, each with what those before have left', () => {
    const sale = aSale({ ticketTypes: [aType({ capacity: 5 })] });
    expect(
      results(
        allocate(
          sale,
          [3, 3, 2, 1].map((count) => order(wants(count))),
        ),
      ),
    ).toEqual(['held', 'sold_out', 'held', 'sold_out']);
  });

  it('counts against the event over all its types', () => {
    const sale = aSale({
      event: anEvent({ capacity: 5 }),
      ticketTypes: [aType({ id: 'a' }), aType({ id: 'b' })],
    });
    const both = order(wants(2, { ticketTypeId: 'a' }), wants(2, { ticketTypeId: 'b' }));
    const two = order(wants(2, { ticketTypeId: 'b' }));
    const single = order(wants(1, { ticketTypeId: 'a' }));
    expect(results(allocate(sale, [both, two, single]))).toEqual(['held', 'sold_out', 'held']);
  });

  it('counts the lines of one order against the event together', () => {
    const sale = aSale({
      event: anEvent({ capacity: 3 }),
      ticketTypes: [aType({ id: 'a' }), aType({ id: 'b' })],
    });
    const asked = [wants(2, { ticketTypeId: 'a' }), wants(2, { ticketTypeId: 'b' })];
    expect(results([one(sale, ...asked)])).toEqual(['sold_out']);
  });

  it('goes on after a refusal of every kind', () => {
    const sale = aSale({
      ticketTypes: [aType({ capacity: 2 }), aType({ id: 'hidden', visibility: 'hidden' })],
    });
    const allocations = allocate(sale, [
      order(wants(1)),
      order(),
      order(wants(1, { ticketTypeId: 'hidden' }), wants(1)),
      order(wants(1, { ticketTypeId: 'foreign' })),
      order(wants(1, { shownPrice: 1n })),
      order(wants(11)),
      order(wants(1)),
      order(wants(1)),
    ]);
    expect(results(allocations)).toEqual([
      'held',
      'nothing_chosen',
      'not_on_sale',
      'not_on_sale',
      'price_changed',
      'quantity',
      'held',
      'sold_out',
    ]);
  });

  it('lets one visitor hold so many orders and no more, and others go on', () => {
    const sale = aSale({
      ticketTypes: [aType({ capacity: 100 })],
      openHoldsByVisitor: new Map([['v1', MAX_OPEN_HOLDS_PER_VISITOR - 1]]),
    });
    const asked = ['v1', 'v1', 'v2', null, null].map((visitorHash) => ({ lines: [wants(1)], visitorHash }));
    expect(results(allocate(sale, asked))).toEqual(['held', 'too_many_holds', 'held', 'held', 'held']);
  });
});

describe('whatever is asked for', () => {
  const types = fc.array(
    fc.record({
      capacity: fc.integer({ min: 1, max: 25 }),
      taken: fc.integer({ min: 0, max: 4 }),
      minPerOrder: fc.constantFrom(1, 1, 1, 2, 3),
      extra: fc.integer({ min: 0, max: 6 }),
    }),
    { minLength: 2, maxLength: 4 },
  );
  const batches = fc.array(
    fc.array(
      fc.record({ type: fc.constantFrom(0, 0, 0, 1, 1, 1, 2, 3), quantity: fc.integer({ min: 0, max: 5 }) }),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    { minLength: 5, maxLength: 25 },
  );
  const sales = fc
    .record({ types, eventCapacity: fc.option(fc.integer({ min: 1, max: 50 })) })
    .map(({ types: drawn, eventCapacity }) => {
      const ticketTypes = drawn.map((type, index) =>
        aType({
          id: `type-${index}`,
          capacity: type.capacity,
          held: Math.min(type.taken, type.capacity),
          minPerOrder: type.minPerOrder,
          maxPerOrder: type.minPerOrder + type.extra,
        }),
      );
      const held = ticketTypes.reduce((sum, type) => sum + type.held, 0);
      return aSale({
        ticketTypes,
        event: anEvent({ held, capacity: eventCapacity === null ? null : Math.max(eventCapacity, held) }),
      });
    });
  const requestsOf = (batch: { type: number; quantity: number }[][]) =>
    batch.map((lines) =>
      order(...lines.map((line) => wants(line.quantity, { ticketTypeId: `type-${line.type}` }))),
    );

  /** Does a request fit into what is left? Written apart from the code under test, on plain numbers. */
  function fits(sale: SaleSnapshot, taken: Map<string, number>, request: OrderRequest): boolean {
    const asked = new Map<string, number>();
    for (const line of request.lines)
      asked.set(line.ticketTypeId, (asked.get(line.ticketTypeId) ?? 0) + line.quantity);
    let room = sale.event.capacity === null ? Infinity : sale.event.capacity - sale.event.held;
    for (const count of taken.values()) room -= count;
    for (const [id, count] of asked) {
      if (count === 0) continue;
      const type = sale.ticketTypes.find((candidate) => candidate.id === id);
      if (!type || count < type.minPerOrder || count > type.maxPerOrder) return false;
      if (count > type.capacity - type.held - (taken.get(id) ?? 0)) return false;
      room -= count;
    }
    return room >= 0;
  }

  it('never gives more than there is, and refuses nobody who would have fitted', () => {
    const seen = { held: 0, sold_out: 0 };
    fc.assert(
      fc.property(sales, batches, (sale, batch) => {
        const requests = requestsOf(batch);
        const before = structuredClone(sale);
        const taken = new Map<string, number>();
        allocate(sale, requests).forEach((allocation, index) => {
          const fitted = fits(sale, taken, requests[index]!);
          if (allocation.ok) {
            seen.held += 1;
            expect(fitted).toBe(true);
            for (const line of allocation.lines)
              taken.set(line.ticketTypeId, (taken.get(line.ticketTypeId) ?? 0) + line.quantity);
          } else if (allocation.refusal.reason === 'sold_out') {
            seen.sold_out += 1;
            expect(fitted).toBe(false);
          }
        });
        // what was read under the lock is not changed
        expect(sale).toEqual(before);
      }),
      { numRuns: 400 },
    );
    // both branches were walked
    expect(Math.min(seen.held, seen.sold_out)).toBeGreaterThan(100);
  });

  it('answers those who are served as if those who were refused had not asked', () => {
    fc.assert(
      fc.property(sales, batches, (sale, batch) => {
        const requests = requestsOf(batch);
        const all = allocate(sale, requests);
        const served = all.filter((allocation) => allocation.ok);
        expect(
          allocate(
            sale,
            requests.filter((_request, index) => all[index]!.ok),
          ),
        ).toEqual(served);
      }),
      { numRuns: 200 },
    );
  });
});

describe('with a code', () => {
  const aCode = (change: Partial<DiscountCode> = {}): DiscountCode => ({
    id: 'code',
    eventId: 'event',
    code: 'ADA',
    kind: 'percent',
    percent: 50,
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
  });
  const codes = (change: Partial<DiscountCode> = {}) => new Map([['ADA', aCode(change)]]);
  const withCode = (sale: SaleSnapshot, ...lines: RequestedLine[]) =>
    allocate(sale, [{ ...order(...lines), code: 'ADA' }])[0]!;

  it('each ticket costs less, and the line says how much; the fee of the full price is not part of it', () => {
    const sale = aSale({ codes: codes(), ticketTypes: [aType({ passedOnFee: 80n })] });
    expect(withCode(sale, wants(2))).toEqual({
      ok: true,
      lines: [
        {
          ticketTypeId: 'stalls',
          ticketTypeName: 'Stalls',
          quantity: 2,
          unitPrice: 1000n,
          passedOnFee: null,
          discount: 1000n,
        },
      ],
      total: 2000n,
      codeId: 'code',
    });
    expect(one(sale, wants(1))).toMatchObject({ total: 2000n, lines: [{ passedOnFee: 80n }] });
    expect(one(sale, wants(1))).not.toHaveProperty('codeId');
    expect((one(sale, wants(1)) as { lines: object[] }).lines[0]).not.toHaveProperty('discount');
  });

  it('that is not known, or can’t be used, nothing is held, and its field says so', () => {
    for (const sale of [aSale(), aSale({ codes: codes({ switchedOffAt: NOW }) })])
      expect(withCode(sale, wants(1))).toMatchObject({
        ok: false,
        refusal: { reason: 'code', problems: new Map(), codeProblem: expect.stringMatching(/^This code/) },
      });
  });

  it('is used once for each order, and no more often than it may be', () => {
    const sale = aSale({ codes: codes({ useLimit: 2 }) });
    const request = { ...order(wants(1)), code: 'ADA' };
    expect(results(allocate(sale, [request, request, request, order(wants(1))]))).toEqual([
      'held',
      'held',
      'code',
      'held',
    ]);
    expect(sale.codes!.get('ADA')!.held).toBe(0);
  });

  it('that changes nothing is not used up', () => {
    const elsewhere = aSale({ codes: codes({ ticketTypeIds: ['other'] }) });
    expect(withCode(elsewhere, wants(1))).toMatchObject({ ok: true, total: 2000n });
    expect(withCode(elsewhere, wants(1))).not.toHaveProperty('codeId');
    const one = aSale({
      codes: codes({ ticketTypeIds: ['stalls'] }),
      ticketTypes: [aType(), aType({ id: 'box', name: 'Box' })],
    });
    expect(withCode(one, wants(1), wants(1, { ticketTypeId: 'box' }))).toMatchObject({
      total: 3000n,
      codeId: 'code',
    });
  });

  it('that unlocks a hidden type counts as used, though nothing is off', () => {
    const hidden = aSale({
      codes: codes({ kind: 'access', percent: null, unlocksHidden: true, ticketTypeIds: ['stalls'] }),
      ticketTypes: [aType({ visibility: 'hidden' })],
    });
    expect(withCode(hidden, wants(1))).toMatchObject({ total: 2000n, codeId: 'code' });
    expect(results([one(hidden, wants(1))])).toEqual(['not_on_sale']);
  });

  it('what it makes free needs no account that can take payments; what it only makes cheaper does', () => {
    const free = { connectionReady: false, codes: codes({ percent: 100 }) };
    expect(withCode(aSale(free), wants(1))).toMatchObject({ ok: true, total: 0n, codeId: 'code' });
    expect(results([withCode(aSale({ ...free, codes: codes() }), wants(1))])).toEqual(['no_payments']);
    const both = aSale({
      connectionReady: false,
      codes: codes({ percent: 100, ticketTypeIds: ['stalls'] }),
      ticketTypes: [aType(), aType({ id: 'box' })],
    });
    expect(results([withCode(both, wants(1), wants(1, { ticketTypeId: 'box' }))])).toEqual(['no_payments']);
  });

  it('an order of less than Stripe charges is refused at the code’s field, and one of exactly that is held', () => {
    const cheap = (price: bigint) => aSale({ codes: codes(), ticketTypes: [aType({ price })] });
    expect(withCode(cheap(98n), wants(1))).toMatchObject({
      refusal: { reason: 'code', codeProblem: expect.stringContaining('comes to €0.49') },
    });
    expect(withCode(cheap(100n), wants(1))).toMatchObject({ ok: true, total: 50n });
    // too dear is not the code's fault
    const dear = aSale({
      codes: codes(),
      ticketTypes: [aType({ price: 60_000_000n, capacity: 100, maxPerOrder: 100 })],
    });
    expect(results([withCode(dear, wants(4))])).toEqual(['amount']);
  });
});
