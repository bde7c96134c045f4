import { stateOfEvent, totalCapacity, whatIsMissing } from '../../src/events/event';
import { problemsOfChange } from '../../src/events/event-change';
import { type EventInput, parseEventForm } from '../../src/events/event-forms';
import { programmePrice, ticketBox } from '../../src/events/event-page-model';
import { eventJsonLd } from '../../src/events/event-structured-data';
import { descriptionHtml, descriptionText } from '../../src/events/event-text';
import { type TicketType } from '../../src/ticket-types/ticket-type';
import { aConnection, anEvent, aTicketType, daysFromNow, formValues, NOW, ticketValues } from './samples';

const FEES = { percentHundredths: 250, fixed: { eur: 30n } };

describe('publishing needs', () => {
  const missing = (
    changes: Parameters<typeof anEvent>[0] = {},
    types: TicketType[] = [aTicketType()],
    connection: ReturnType<typeof aConnection> | null = aConnection(),
  ) => whatIsMissing(anEvent({ status: 'draft', ...changes }), types, connection, NOW);

  test('nothing more, when everything is there', () => {
    expect(missing()).toEqual([]);
    expect(missing({}, [aTicketType({ kind: 'free', price: 0n })], null)).toEqual([]);
  });

  test.each<[string, string[], RegExp]>([
    ['a start in the future', missing({ startsAt: NOW }), /starts in the past/],
    ['a ticket type', missing({}, []), /no ticket type/],
    ['a ticket type that people see', missing({}, [aTicketType({ visibility: 'hidden' })]), /is hidden/],
    ['sales that have not ended', missing({}, [aTicketType({ salesEnd: NOW })]), /have ended/],
    ['a connection for paid tickets', missing({}, [aTicketType()], null), /Connect a Stripe account/],
    [
      'a connection for donations',
      missing({}, [aTicketType({ kind: 'donation', price: 0n })], null),
      /Connect a Stripe account/,
    ],
    [
      'a connection for hidden paid tickets too',
      missing({}, [aTicketType({ kind: 'free', price: 0n }), aTicketType({ visibility: 'hidden' })], null),
      /Connect a Stripe account/,
    ],
    [
      'an account that may take payments',
      missing({}, [aTicketType()], aConnection({ chargesEnabled: false })),
      /does not let your account take payments/,
    ],
    [
      'an account that is not being disconnected',
      missing({}, [aTicketType()], aConnection({ status: 'disconnecting' })),
      /is being disconnected/,
    ],
    ['an event that is not cancelled', missing({ status: 'cancelled' }), /stays cancelled/],
  ])('%s', (_what, sentences, words) => {
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).toMatch(words);
  });

  test('all of it at once is said at once', () => {
    expect(
      missing({ startsAt: daysFromNow(-1) }, [aTicketType({ visibility: 'hidden' })], null),
    ).toHaveLength(3);
  });
});

describe('the event form', () => {
  const errorsOf = (changes: Record<string, string>) => {
    const parsed = parseEventForm(formValues(changes), { now: NOW, fees: FEES });
    return parsed.ok ? {} : parsed.form.errors;
  };

  test('is taken over as it was typed', () => {
    const parsed = parseEventForm(
      formValues({
        title: '  Ada   speaks\u0000\u202e ',
        capacity: '120',
        'tickets.0.kind': 'paid',
        'tickets.0.price': '20,50',
        'tickets.0.sales_start': '2199-06-01T10:00',
      }),
      { now: NOW, fees: FEES },
    );
    expect(parsed.ok && parsed.input).toMatchObject({
      event: {
        title: 'Ada   speaks',
        startsAt: new Date('2199-06-12T17:30:00Z'),
        endsAt: new Date('2199-06-12T20:00:00Z'),
        venueName: 'Mint Hall',
        onlineUrl: null,
        capacity: 120,
      },
      ticketTypes: [
        {
          row: 0,
          id: null,
          fields: { kind: 'paid', price: 2050n, salesStart: new Date('2199-06-01T08:00:00Z') },
        },
      ],
      removed: [],
    });
  });

  test.each<[Record<string, string>, string, RegExp]>([
    [{ title: '  ' }, 'title', /^Enter a title$/],
    [{ title: 'x'.repeat(151) }, 'title', /at most 150/],
    [{ description: 'x'.repeat(10_001) }, 'description', /at most 10000/],
    [{ starts_at: '' }, 'starts_at', /Enter when the event starts/],
    [{ starts_at: 'soon' }, 'starts_at', /Enter a date and time/],
    [{ starts_at: '2027-02-28T10:00' }, 'starts_at', /in the future/],
    [{ starts_at: '2199-03-31T02:30' }, 'starts_at', /clocks go forward/],
    [{ ends_at: '2199-06-12T19:30' }, 'ends_at', /after the start/],
    [{ ends_at: '2199-06-11T19:30' }, 'ends_at', /after the start/],
    [{ time_zone: 'Mars/Olympus' }, 'time_zone', /from the list/],
    [{ location_kind: 'moon' }, 'location_kind', /where the event takes place/],
    [{ venue_name: '' }, 'venue_name', /name of the venue/],
    [{ location_kind: 'online' }, 'online_url', /address where/],
    [{ location_kind: 'online', online_url: 'javascript:alert(1)' }, 'online_url', /https/],
    [{ location_kind: 'online', online_url: 'https://a:b@evil.example' }, 'online_url', /https/],
    [{ currency: 'xxx' }, 'currency', /from the list/],
    [{ currency: 'EUR' }, 'currency', /from the list/],
    [{ capacity: '0' }, 'capacity', /1 to 1,000,000/],
    [{ capacity: '1e3' }, 'capacity', /1 to 1,000,000/],
    [{ capacity: '1000001' }, 'capacity', /1 to 1,000,000/],
    [{ 'tickets.0.name': '' }, 'tickets.0.name', /name for this ticket type/],
    [{ 'tickets.0.kind': 'stolen' }, 'tickets.0.kind', /what this ticket costs/],
    [{ 'tickets.0.kind': 'paid' }, 'tickets.0.price', /Enter a price/],
    [{ 'tickets.0.kind': 'paid', 'tickets.0.price': '0' }, 'tickets.0.price', /€0\.50 or more/],
    [{ 'tickets.0.kind': 'paid', 'tickets.0.price': '0.49' }, 'tickets.0.price', /€0\.50 or more/],
    [{ 'tickets.0.kind': 'paid', 'tickets.0.price': '-5' }, 'tickets.0.price', /in digits/],
    [{ 'tickets.0.kind': 'paid', 'tickets.0.price': '5.001' }, 'tickets.0.price', /more decimals than EUR/],
    [{ 'tickets.0.kind': 'paid', 'tickets.0.price': '1000000' }, 'tickets.0.price', /at most €999,999\.99/],
    [{ 'tickets.0.kind': 'paid', 'tickets.0.price': '100000' }, 'tickets.0.max_per_order', /at most 9/],
    [{ 'tickets.0.price': '20' }, 'tickets.0.price', /free ticket has no price/],
    [{ 'tickets.0.kind': 'donation', 'tickets.0.price': '0.20' }, 'tickets.0.price', /€0\.50 or more/],
    [
      { currency: 'jpy', 'tickets.0.kind': 'paid', 'tickets.0.price': '49' },
      'tickets.0.price',
      /¥50 or more/,
    ],
    [{ currency: 'jpy', 'tickets.0.kind': 'paid', 'tickets.0.price': '99.5' }, 'tickets.0.price', /than JPY/],
    [
      { currency: 'kwd', 'tickets.0.kind': 'paid', 'tickets.0.price': '1.234' },
      'tickets.0.price',
      /steps of/,
    ],
    [{ currency: 'isk', 'tickets.0.kind': 'paid', 'tickets.0.price': '99.5' }, 'tickets.0.price', /than ISK/],
    [{ 'tickets.0.capacity': '' }, 'tickets.0.capacity', /how many/],
    [{ 'tickets.0.capacity': '0' }, 'tickets.0.capacity', /1 to 1,000,000/],
    [{ 'tickets.0.capacity': '12.5' }, 'tickets.0.capacity', /1 to 1,000,000/],
    [
      { 'tickets.0.min_per_order': '5', 'tickets.0.max_per_order': '4' },
      'tickets.0.max_per_order',
      /at least 5/,
    ],
    [{ 'tickets.0.max_per_order': '101' }, 'tickets.0.max_per_order', /1 to 100/],
    [{ 'tickets.0.min_per_order': '3', 'tickets.0.capacity': '2' }, 'tickets.0.min_per_order', /at most 2/],
    [
      { 'tickets.0.sales_start': '2199-06-02T10:00', 'tickets.0.sales_end': '2199-06-01T10:00' },
      'tickets.0.sales_end',
      /after sales begin/,
    ],
    [{ 'tickets.0.sales_start': '2199-06-12T22:00' }, 'tickets.0.sales_start', /before the event ends/],
    [{ 'tickets.0.sales_end': '2199-06-12T22:01' }, 'tickets.0.sales_end', /no later than the end/],
    [{ 'tickets.0.visibility': 'secret' }, 'tickets.0.visibility', /who sees/],
  ])('%j: %s is told what to do', (changes, field, words) => {
    const errors = errorsOf(changes);
    expect(Object.keys(errors)).toEqual([field]);
    expect(errors[field]).toMatch(words);
  });

  test.each<[string, Record<string, string>]>([
    ['a paid ticket at the minimum', { 'tickets.0.kind': 'paid', 'tickets.0.price': '0.50' }],
    ['a donation from nothing', { 'tickets.0.kind': 'donation', 'tickets.0.price': '' }],
    ['a donation from zero', { 'tickets.0.kind': 'donation', 'tickets.0.price': '0' }],
    ['a free ticket with a price of zero', { 'tickets.0.price': '0.00' }],
    ['sales until the very end', { 'tickets.0.sales_end': '2199-06-12T22:00' }],
    ['whole krónur', { currency: 'isk', 'tickets.0.kind': 'paid', 'tickets.0.price': '500' }],
    [
      'an online event',
      { location_kind: 'online', online_url: 'https://stage.example/room', venue_name: '' },
    ],
    ['rows that are empty', { ...ticketValues(1, { name: '', capacity: '', price: '' }) }],
    ['a new row that is to be removed', { ...ticketValues(1, { remove: '1', name: '' }) }],
  ])('takes %s', (_what, changes) => {
    expect(errorsOf(changes)).toEqual({});
  });

  test('all problems are said at once, in the order of the form', () => {
    expect(
      Object.keys(errorsOf({ 'tickets.0.capacity': 'x', title: '', ends_at: '', capacity: 'many' })),
    ).toEqual(['title', 'ends_at', 'capacity', 'tickets.0.capacity']);
  });

  test('one wrong field does not hide what is wrong between others', () => {
    const errors = errorsOf({
      title: '',
      'tickets.0.kind': 'paid',
      'tickets.0.name': '',
      ends_at: '2199-06-01T10:00',
    });
    expect(Object.keys(errors)).toEqual(['title', 'ends_at', 'tickets.0.name', 'tickets.0.price']);
  });

  test('needs one ticket type, and takes twenty at most', () => {
    const none = formValues(ticketValues(0, { name: '', capacity: '' }));
    const parsed = parseEventForm(none, { now: NOW, fees: FEES });
    expect(parsed.form.errors['tickets.0.name']).toMatch(/at least one/);
    const many = Object.assign(formValues(), ...Array.from({ length: 21 }, (_, row) => ticketValues(row)));
    expect(parseEventForm(many, { now: NOW, fees: FEES }).form.errors['form']).toMatch(
      /at most 20.*Remove 1/,
    );
  });

  test('a start that has passed may stay, not be chosen', () => {
    const values = formValues({ starts_at: '2027-02-28T10:00' });
    const startsAt = new Date('2027-02-28T09:00:00Z');
    expect(parseEventForm(values, { now: NOW, fees: FEES, unchangedStart: startsAt }).ok).toBe(true);
    expect(parseEventForm(values, { now: NOW, fees: FEES, unchangedStart: daysFromNow(-9) }).ok).toBe(false);
  });
});

describe('changing an event that people have tickets of', () => {
  const input = (changes: Record<string, string> = {}): EventInput => {
    const parsed = parseEventForm(formValues({ 'tickets.0.id': aTicketType().id, ...changes }), {
      now: NOW,
      fees: FEES,
    });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.form.errors));
    return parsed.input;
  };
  const free = (changes: Partial<TicketType> = {}) => aTicketType({ kind: 'free', price: 0n, ...changes });
  const before = (changes: Partial<Parameters<typeof problemsOfChange>[0]> = {}) => ({
    event: anEvent(),
    ticketTypes: [free()],
    hasOrders: false,
    typesWithOrders: new Set<string>(),
    canTakeCharges: false,
    ...changes,
  });

  test('a capacity never falls below what is held and sold, and the numbers are said', () => {
    const sold = before({
      ticketTypes: [free({ held: 3, sold: 12 })],
      event: anEvent({ held: 3, sold: 12 }),
    });
    expect(problemsOfChange(sold, input({ 'tickets.0.capacity': '14', capacity: '14' }))).toEqual({
      capacity: '12 tickets are sold and 3 are held by buyers. Enter 15 or more',
      'tickets.0.capacity': '12 tickets are sold and 3 are held by buyers. Enter 15 or more',
    });
    expect(problemsOfChange(sold, input({ 'tickets.0.capacity': '15', capacity: '15' }))).toEqual({});
  });

  test('the currency stays once there are orders', () => {
    expect(problemsOfChange(before({ hasOrders: true }), input({ currency: 'usd' }))).toEqual({
      currency: expect.stringContaining('orders in EUR'),
    });
    expect(problemsOfChange(before(), input({ currency: 'usd' }))).toEqual({});
  });

  test('a type that was ordered keeps its kind and stays; hiding it is fine', () => {
    const ordered = before({ typesWithOrders: new Set([aTicketType().id]), canTakeCharges: true });
    const paid = input({ 'tickets.0.kind': 'paid', 'tickets.0.price': '20' });
    expect(problemsOfChange(ordered, paid)).toEqual({
      'tickets.0.kind': expect.stringContaining('cannot change'),
    });
    const removed = input({ 'tickets.0.remove': '1', ...ticketValues(1) });
    expect(problemsOfChange(ordered, removed)).toEqual({
      'tickets.0.remove': expect.stringContaining('cannot be removed'),
    });
    expect(problemsOfChange(ordered, input({ 'tickets.0.visibility': 'hidden' }))).toEqual({});
  });

  test('a published event gets paid tickets only with a connection', () => {
    const addsPaid = input(ticketValues(1, { kind: 'paid', price: '20' }));
    expect(problemsOfChange(before(), addsPaid)).toEqual({
      'tickets.1.kind': expect.stringContaining('Connect a Stripe account'),
    });
    expect(problemsOfChange(before({ canTakeCharges: true }), addsPaid)).toEqual({});
    expect(problemsOfChange(before({ event: anEvent({ status: 'draft' }) }), addsPaid)).toEqual({});
    // a connection that was lost later does not keep the organizer from mending the title
    const wasPaid = before({ ticketTypes: [aTicketType()] });
    expect(problemsOfChange(wasPaid, input({ 'tickets.0.kind': 'paid', 'tickets.0.price': '21' }))).toEqual(
      {},
    );
  });

  test('a type of another event, or one named twice, is not taken for one of this', () => {
    const foreign = input({ 'tickets.0.id': '01920000-0000-7000-8000-00000000ffff' });
    expect(problemsOfChange(before(), foreign)).toEqual({
      'tickets.0.name': expect.stringContaining('meanwhile'),
    });
    const twice = input({ ...ticketValues(1), 'tickets.1.id': aTicketType().id });
    expect(problemsOfChange(before(), twice)).toEqual({
      'tickets.1.name': expect.stringContaining('meanwhile'),
    });
  });
});

describe('what the event page says', () => {
  const box = (
    types: TicketType[],
    changes: Parameters<typeof anEvent>[0] = {},
    connectionReady = true,
    form?: { values: Record<string, string>; errors: Record<string, string> },
  ) =>
    ticketBox(anEvent(changes), types, {
      connectionReady,
      now: NOW,
      organizerName: 'Analytical Society',
      form,
    });
  const free = (changes: Partial<TicketType> = {}) =>
    aTicketType({
      id: '01920000-0000-7000-8000-00000000b0b1',
      name: 'Guest',
      kind: 'free',
      price: 0n,
      ...changes,
    });

  test.each<[string, ReturnType<typeof box>, string | null]>([
    ['plenty', box([aTicketType()]), null],
    ['21 left', box([aTicketType({ capacity: 21 })]), null],
    ['20 left', box([aTicketType({ capacity: 20 })]), '20 left'],
    ['what buyers hold does not count', box([aTicketType({ capacity: 30, sold: 10, held: 8 })]), '12 left'],
    ['the whole event’s capacity counts', box([aTicketType()], { capacity: 7 }), '7 left'],
    ['sold out', box([aTicketType({ sold: 100 })]), 'Sold out'],
    [
      'held by others',
      box([aTicketType({ held: 100 })]),
      'All that are left are held by other buyers. Look again in a few minutes.',
    ],
    [
      'sales begin later',
      box([aTicketType({ salesStart: new Date('2027-03-05T09:00:00Z') })]),
      'On sale from Fri 5 Mar 2027, 10:00, Berlin time',
    ],
    ['sales have ended', box([aTicketType({ salesEnd: NOW })]), 'Sales have ended'],
    ['no connection', box([aTicketType()], {}, false), 'Not on sale right now'],
  ])('%s', (_what, shown, words) => {
    expect(shown.rows[0]!.words).toBe(words);
  });

  test('without a connection a plain sentence stands in for paid tickets, and free ones go on', () => {
    const both = box([aTicketType(), free()], {}, false);
    expect(both.notice?.text).toBe(
      'Paid tickets are not on sale right now. The organizer is fixing their payment account. Free tickets are still available.',
    );
    expect(both.rows.map((row) => row.quantities !== null)).toEqual([false, true]);
    expect(both.open).toBe(true);
    const paidOnly = box([aTicketType()], {}, false);
    expect(paidOnly.notice?.text).not.toMatch(/Free tickets/);
    expect(paidOnly.open).toBe(false);
  });

  test('a cancelled event gives the reason and sells nothing; so does one that is over', () => {
    const cancelled = box([aTicketType()], {
      status: 'cancelled',
      cancellationReason: 'The hall is flooded.',
    });
    expect(cancelled).toMatchObject({
      open: false,
      notice: { title: 'This event is cancelled', text: 'The hall is flooded.' },
    });
    expect(box([aTicketType()], { endsAt: NOW })).toMatchObject({
      open: false,
      notice: { title: 'This event is over' },
    });
  });

  test('hidden and removed types are not there', () => {
    const shown = box([free(), aTicketType({ visibility: 'hidden' }), aTicketType({ removedAt: NOW })]);
    expect(shown.rows.map((row) => row.name)).toEqual(['Guest']);
  });

  test('quantities go from the least to the most that one order may take', () => {
    expect(box([aTicketType({ minPerOrder: 2, maxPerOrder: 4 })]).rows[0]!.quantities).toEqual([2, 3, 4]);
    expect(box([aTicketType({ capacity: 3 })]).rows[0]!.quantities).toEqual([1, 2, 3]);
  });

  test('what was chosen stays chosen, and nonsense means none', () => {
    const chosen = (typed: string) =>
      box([aTicketType(), free()], {}, true, {
        values: { [`quantity.${aTicketType().id}`]: typed },
        errors: {},
      }).rows[0]!.chosen;
    expect([chosen('3'), chosen('-1'), chosen('1e9'), chosen('<b>')]).toEqual([3, 0, 0, 0]);
  });

  test.each<[string, string, TicketType[]]>([
    ['one price', '€20.00', [aTicketType()]],
    ['the lowest of several', 'from €12.00', [aTicketType(), aTicketType({ price: 1200n })]],
    ['free', 'Free', [free()]],
    ['free and paid', 'Free or €20.00', [free(), aTicketType()]],
    [
      'free and paid at several prices',
      'Free or from €12.00',
      [free(), aTicketType(), aTicketType({ price: 1200n })],
    ],
    ['a donation', 'from €5.00', [aTicketType({ kind: 'donation', price: 500n })]],
    ['a donation from nothing', 'Pay what you want', [aTicketType({ kind: 'donation', price: 0n })]],
    ['what can still be bought', '€20.00', [aTicketType(), aTicketType({ price: 1200n, salesEnd: NOW })]],
    ['sold out', 'Sold out', [aTicketType({ sold: 100 })]],
    ['over', 'Sales have ended', [aTicketType({ salesEnd: NOW })]],
    ['nothing public', 'No tickets yet', [aTicketType({ visibility: 'hidden' })]],
  ])('the programme says of %s: %s', (_what, words, types) => {
    expect(programmePrice(anEvent(), types, NOW)).toBe(words);
  });
});

test('an event’s state is what a person would call it', () => {
  const state = (changes: Parameters<typeof anEvent>[0], types = [aTicketType()]) =>
    stateOfEvent(anEvent(changes), types, NOW);
  expect(state({ status: 'draft' })).toBe('draft');
  expect(state({})).toBe('on_sale');
  expect(state({}, [aTicketType({ sold: 100 })])).toBe('sold_out');
  expect(state({}, [aTicketType({ held: 100 })])).toBe('on_sale');
  expect(state({ startsAt: NOW })).toBe('running');
  expect(state({ startsAt: daysFromNow(-2), endsAt: NOW })).toBe('past');
  expect(state({ status: 'cancelled', endsAt: NOW })).toBe('cancelled');
});

test('there are as many tickets as the event admits, at most what its types add up to', () => {
  const types = [
    aTicketType({ capacity: 30 }),
    aTicketType({ capacity: 20 }),
    aTicketType({ removedAt: NOW }),
  ];
  expect(totalCapacity({ capacity: null }, types)).toBe(50);
  expect(totalCapacity({ capacity: 40 }, types)).toBe(40);
  expect(totalCapacity({ capacity: 400 }, types)).toBe(50);
});

describe('a description', () => {
  test.each<[string, RegExp]>([
    ['<script>alert(1)</script>', /<script/],
    ['<img src=x onerror=alert(1)>', /<img/],
    ['[x](javascript:alert(1))', /href/],
    ['[x](JaVaScRiPt:alert(1))', /href/],
    ['[x](data:text/html,<script>alert(1)</script>)', /href/],
    ['[x](vbscript:x)', /href/],
    ['[x](/sign-out)', /href/],
    ['[x](//evil.example)', /href/],
    ['<https://ok.example/"onmouseover="alert(1)>', /"onmouseover="/],
    ['![x](https://evil.example/pixel.png)', /<img/],
    ['[x]: javascript:alert(1)\n\n[x]', /href/],
    ['| a | b |\n|---|:-:|\n| 1 | 2 |', /style=/],
    ['&lt;script&gt;', /<script>/],
    ['```<script>\n</script>\n```', /<script>/],
  ])('%j carries nothing that runs', (text, forbidden) => {
    expect(descriptionHtml(text)).not.toMatch(forbidden);
  });

  test('links to the web and to mail are links, and say so to search engines', () => {
    expect(descriptionHtml('[us](https://society.example)')).toContain(
      '<a href="https://society.example" rel="nofollow noopener">us</a>',
    );
    expect(descriptionHtml('<mailto:ada@society.example>')).toContain('href="mailto:ada@society.example"');
    expect(descriptionHtml('see https://society.example/x for more')).toContain(
      '<a href="https://society.example/x"',
    );
  });

  test('headings stand below the page’s own, without gaps', () => {
    expect(descriptionHtml('# One\n\n### Two\n\n# Three\n\n###### Four').match(/<h\d/g)).toEqual([
      '<h2',
      '<h3',
      '<h2',
      '<h3',
    ]);
  });

  test('in words it is one line, cut at a word', () => {
    expect(descriptionText('# Hello\n\n**Come** and [see](https://x.example)\n\n- one\n- two')).toBe(
      'Hello Come and see one two',
    );
    expect(descriptionText('word '.repeat(100), 21)).toBe('word word word word…');
    expect(descriptionText('👩‍🚀'.repeat(300), 20)).toMatch(/…$/);
  });
});

test('the data for search engines cannot leave its script element', () => {
  const canary = '</script><script>alert(1)</script><!-- \u2028';
  const event = anEvent({ title: canary, venueName: canary, description: canary });
  const types = [aTicketType({ name: canary }), aTicketType({ name: 'Secret', visibility: 'hidden' })];
  const shown = ticketBox(event, types, { connectionReady: true, now: NOW, organizerName: canary });
  const json = eventJsonLd(event, shown, {
    page: 'https://foyer.example/events/ada-speaks',
    poster: 'https://foyer.example/events/ada-speaks/poster.svg',
    organizer: { name: canary, url: 'https://foyer.example/organizers/society' },
  });
  expect(json).not.toMatch(/[<>&\u2028]/);
  const data = JSON.parse(json);
  expect(data).toMatchObject({
    '@type': 'Event',
    name: canary,
    startDate: '2027-03-11T13:00:00+01:00',
    eventStatus: 'https://schema.org/EventScheduled',
    offers: [
      { name: canary, price: '20.00', priceCurrency: 'EUR', availability: 'https://schema.org/InStock' },
    ],
  });
  expect(data.offers).toHaveLength(1);
});
