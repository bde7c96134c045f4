import fc from 'fast-check';
import {
  type AvailabilityState,
  type EventForSale,
  isOffered,
  ticketAvailability,
  type TicketTypeForSale,
} from '../../src/events/event-availability';
import { anEvent, aTicketType, daysFromNow, NOW } from './samples';

describe('what can be bought', () => {
  const cases: [string, Partial<TicketTypeForSale>, Partial<EventForSale>, AvailabilityState][] = [
    ['a plain ticket', {}, {}, 'on_sale'],
    ['a ticket of a draft', {}, { status: 'draft' }, 'not_offered'],
    ['a ticket of a cancelled event', {}, { status: 'cancelled' }, 'cancelled'],
    ['a ticket that was removed', { removedAt: NOW }, {}, 'not_offered'],
    ['a ticket of an event that has begun', {}, { startsAt: daysFromNow(-0.1) }, 'on_sale'],
    ['a ticket of an event that ends now', {}, { startsAt: daysFromNow(-1), endsAt: NOW }, 'over'],
    ['sales that begin later', { salesStart: daysFromNow(1) }, {}, 'not_yet'],
    ['sales that begin now', { salesStart: NOW }, {}, 'on_sale'],
    ['sales that end now', { salesEnd: NOW }, {}, 'ended'],
    ['sales that end later', { salesEnd: daysFromNow(1) }, {}, 'on_sale'],
    ['the last one', { sold: 99 }, {}, 'on_sale'],
    ['a type that is sold out', { sold: 100 }, {}, 'sold_out'],
    ['a type whose last ones are held', { sold: 98, held: 2 }, {}, 'all_held'],
    ['an event that is sold out', {}, { capacity: 50, sold: 50 }, 'sold_out'],
    ['an event whose last ones are held', {}, { capacity: 50, sold: 40, held: 10 }, 'all_held'],
    ['one left of what is sold in pairs', { minPerOrder: 2, sold: 99 }, {}, 'sold_out'],
    ['sold out before sales begin', { sold: 100, salesStart: daysFromNow(1) }, {}, 'sold_out'],
  ];
  test.each(cases)('%s: %#', (_what, type, event, state) => {
    const availability = ticketAvailability(aTicketType(type), anEvent(event), true, NOW);
    expect(availability.state).toBe(state);
    expect(availability.most > 0).toBe(state === 'on_sale');
  });

  test('money needs a connection, free tickets do not', () => {
    const stateOf = (kind: 'paid' | 'free' | 'donation') =>
      ticketAvailability(aTicketType({ kind, price: kind === 'paid' ? 2000n : 0n }), anEvent(), false, NOW)
        .state;
    expect([stateOf('paid'), stateOf('donation'), stateOf('free')]).toEqual([
      'unavailable',
      'unavailable',
      'on_sale',
    ]);
  });

  test('an order takes at most what is left, what the event admits and what one order may', () => {
    const most = (type: Partial<TicketTypeForSale>, event: Partial<EventForSale> = {}) =>
      ticketAvailability(aTicketType(type), anEvent(event), true, NOW).most;
    expect(most({})).toBe(10);
    expect(most({ sold: 97 })).toBe(3);
    expect(most({}, { capacity: 30, sold: 20, held: 5 })).toBe(5);
    expect(most({ maxPerOrder: 4 })).toBe(4);
  });

  test('hidden and removed types are offered to nobody', () => {
    expect(isOffered(aTicketType())).toBe(true);
    expect(isOffered(aTicketType({ visibility: 'hidden' }))).toBe(false);
    expect(isOffered(aTicketType({ removedAt: NOW }))).toBe(false);
  });

  test('whatever the counters say, nothing is offered beyond a capacity', () => {
    const count = fc.integer({ min: 0, max: 200 });
    fc.assert(
      fc.property(count, count, count, count, fc.option(count), (capacity, held, sold, ofEvent, whole) => {
        const { left, most, least } = ticketAvailability(
          aTicketType({ capacity, held, sold, maxPerOrder: 100 }),
          anEvent({ capacity: whole, held: ofEvent, sold: 0 }),
          true,
          NOW,
        );
        expect(left).toBeGreaterThanOrEqual(0);
        expect(most).toBeLessThanOrEqual(left);
        expect(least).toBeLessThanOrEqual(most);
        if (most > 0) {
          expect(held + sold + most).toBeLessThanOrEqual(capacity);
          if (whole !== null) expect(ofEvent + most).toBeLessThanOrEqual(whole);
        }
      }),
    );
  });
});
