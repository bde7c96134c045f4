/** Questions to buyers, from the desk over checkout to the door and the spreadsheet. */
import { createBrowser } from '../support/browser';
import { formsOf } from '../support/html';
import { brokenInvariants, type Market, openMarket } from '../support/market';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let standard: string;
let reduced: string;
const ids: Record<string, string> = {};

beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale({
    fields: {
      'tickets.1.name': 'Reduced',
      'tickets.1.kind': 'free',
      'tickets.1.capacity': '50',
      'tickets.1.min_per_order': '1',
      'tickets.1.max_per_order': '10',
      'tickets.1.visibility': 'public',
    },
  });
  const types = await market.db('ticket_types').where({ event_id: sale.id }).orderBy('position');
  [standard, reduced] = types.map(({ id }) => id);
  await ask('source', { label: 'How did you hear of us?', kind: 'text', correctable: '' });
  await ask('name', { label: 'Name on the ticket', kind: 'name', required: '1' });
  await ask('food', {
    label: 'Food',
    kind: 'one_of',
    scope: 'ticket',
    options: 'Soup\n Bread \n',
    required: '1',
  });
  await ask('days', {
    label: 'Days',
    kind: 'several_of',
    options: 'Friday\nSaturday\nSunday',
    shown_at_door: '1',
  });
  await ask('proof', {
    label: 'Why reduced?',
    kind: 'long_text',
    scope: 'ticket',
    'type.reduced': '1',
  });
});
afterAll(() => market.close());
afterEach(async () => expect(await brokenInvariants(market)).toEqual([]));

const desk = (rest = '') => market.at(`/organizer/events/${sale.id}/questions${rest}`);

async function ask(key: string, fields: Record<string, string>) {
  const { 'type.reduced': onlyReduced, correctable, ...others } = fields;
  const form = await sale.browser.open(desk());
  const made = await sale.browser.post(desk(), {
    ...formsOf(form.html).find(({ action }) => action.endsWith('/questions'))!.values,
    scope: 'order',
    ...(onlyReduced ? { [`type.${reduced}`]: '1' } : {}),
    ...(correctable === '' ? { correctable: '0' } : {}),
    ...others,
  });
  const row = await market.db('questions').where({ event_id: sale.id, label: fields['label'] }).first();
  if (row) ids[key] = row.id;
  return made;
}

/** "food.2" → the name of its field; "days.0.x" keeps its tail. */
const fieldsFor = (answers: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(answers).map(([name, value]) => {
      const [key = '', ...place] = name.split('.');
      return [`answer.${ids[key]}.${place.join('.')}`, value];
    }),
  );

async function hold(quantities: Record<string, string>) {
  const browser = createBrowser();
  const page = await browser.open(market.at(`/events/${sale.slug}`));
  const placed = await browser.submit(page, { [`quantity.${standard}`]: '0', ...quantities });
  return { browser, placed, order: await market.orderOf(placed.url) };
}

const send = (
  { browser, placed }: Awaited<ReturnType<typeof hold>>,
  answers: Record<string, string>,
  buyer: Record<string, string> = { name: 'Charles', email: 'charles@example.com' },
) => browser.submit(placed, { ...buyer, ...fieldsFor(answers) }, { action: /payment$/ });

const answersOf = (orderId: string) =>
  market
    .db('answers')
    .where({ order_id: orderId })
    .orderBy(['ticket_seq', 'asked'])
    .select('ticket_seq', 'asked', 'answer');

test('a paid order answers in checkout; the answers stand with the buyer, at the desk, on the tickets, at the door and in the CSV', async () => {
  const held = await hold({ [`quantity.${standard}`]: '2' });
  expect(held.placed.text).toMatch(/Ticket 1 of 2: Standard.*Ticket 2 of 2: Standard/);
  expect(held.placed.text).not.toContain('Why reduced?');
  const leading = await send(held, {
    'source.0': '=HYPERLINK("evil")',
    'name.1': 'Annabella',
    'name.2': 'George',
    'food.1': 'Soup',
    'food.2': 'Bread',
    'days.0.0': 'Friday',
    'days.0.2': 'Sunday',
  });
  const paid = await market.pay(held.browser, leading);
  await market.settle();
  expect(paid.text).toMatch(/You are in.*Name Annabella.*Name George.*Your answers/);
  expect(paid.text).toMatch(
    /Days Friday Sunday Ticket 1 of 2: Standard Name on the ticket Annabella Food Soup/,
  );

  const order = await sale.browser.open(market.at(`/organizer/orders/${held.order.id}`));
  expect(order.text).toMatch(
    /Answers How did you hear of us\? =HYPERLINK\("evil"\) Days Friday Sunday Ticket 1/,
  );
  const csv = await sale.browser.open(market.at(`/organizer/events/${sale.id}/orders.csv`));
  expect(csv.html).toContain(
    'Complimentary,How did you hear of us?,Name on the ticket,Food,Days,Why reduced?\r\n',
  );
  expect(csv.html).toContain(
    `"'=HYPERLINK(""evil"")","Ticket 1: Annabella\nTicket 2: George","Ticket 1: Soup\nTicket 2: Bread","Friday, Sunday",\r\n`,
  );
  const found = await sale.browser.open(market.at(`/organizer/events/${sale.id}/check-in?q=george`));
  expect(found.text).toMatch(
    /George Standard · 2 of 2 .* bought by Charles · charles@example\.com Days: Friday, Sunday/,
  );
  expect(found.text).not.toContain('Food: ');
  const code = /href="\/tickets\/([^"]+)"/.exec(paid.html)![1]!;
  expect((await held.browser.open(market.at(`/tickets/${code}`))).text).toContain('Name Annabella');
});

test('a free order does too; what is wrong is said at its field with everything typed kept, and nothing is half done', async () => {
  const held = await hold({ [`quantity.${reduced}`]: '1' });
  const wrong = await send(held, {
    'name.1': '\u200b',
    'food.1': 'Caviar',
    'days.0.1': 'Saturday',
    'days.0.7': 'Monday',
    'proof.1': `I am\r\n${'x'.repeat(1000)}`,
    'source.0': 'x'.repeat(201),
  });
  expect(wrong.status).toBe(422);
  expect(wrong.text).toMatch(
    /There is a problem “How did you hear of us\?”: Use at most 200 characters “Days”: The answers to choose from have changed.* Ticket 1, “Name on the ticket”: Enter a name Ticket 1, “Food”: The answers .* Ticket 1, “Why reduced\?”: Use at most 1000/,
  );
  const kept = formsOf(wrong.html).find(({ action }) => action.endsWith('/payment'))!.values;
  expect(kept).toMatchObject({ name: 'Charles', ...fieldsFor({ 'days.0.1': 'Saturday' }) });
  expect(kept[`answer.${ids['proof']}.1`]).toMatch(/^I am\r?\nxxx/);
  expect(await answersOf(held.order.id)).toEqual([]);
  expect((await market.orderOf(held.placed.url)).status).toBe('held');

  const mine = await send(held, { 'name.1': 'Mary', 'food.1': 'Soup', 'proof.1': 'I am\r\na student' });
  expect(mine.text).toMatch(/You are in.*Why reduced\? I am a student/);
  expect(await answersOf(held.order.id)).toEqual([
    { ticket_seq: 1, asked: 'Food', answer: 'Soup' },
    { ticket_seq: 1, asked: 'Name on the ticket', answer: 'Mary' },
    { ticket_seq: 1, asked: 'Why reduced?', answer: 'I am\na student' },
  ]);
  await send(held, { 'name.1': 'Nobody', 'food.1': 'Bread' });
  expect(await answersOf(held.order.id)).toHaveLength(3);

  const corrected = await held.browser.submit(
    mine,
    fieldsFor({ 'name.1': 'Mary Shelley', 'proof.1': '', 'source.0': 'smuggled in' }),
    { action: /answers$/ },
  );
  expect(corrected.text).toMatch(/Your answers are saved.*Name Mary Shelley/);
  // what may not be changed by buyers is not asked again
  expect(await answersOf(held.order.id)).toEqual([
    { ticket_seq: 1, asked: 'Food', answer: 'Soup' },
    { ticket_seq: 1, asked: 'Name on the ticket', answer: 'Mary Shelley' },
  ]);
  const refused = await held.browser.submit(corrected, fieldsFor({ 'name.1': '' }), { action: /answers$/ });
  expect([refused.status, refused.text]).toEqual([
    422,
    expect.stringMatching(/“Name on the ticket”: Enter a name/),
  ]);

  const begin = (starts_at: unknown) => market.db('events').where({ id: sale.id }).update({ starts_at });
  const { starts_at } = await market.db('events').where({ id: sale.id }).first('starts_at');
  await begin(market.db.raw("now() - interval '1 minute'"));
  const late = await held.browser.submit(corrected, fieldsFor({ 'name.1': 'Percy' }), { action: /answers$/ });
  expect([late.status, late.text]).toEqual([409, expect.stringMatching(/Nothing was changed/)]);
  expect((await held.browser.open(held.placed.url)).text).not.toContain('Change your answers');
  await begin(starts_at);
});

test('a question is changed, moved, ended and asked again; the answers stay in the words they were given to', async () => {
  const edited = await sale.browser.submit(
    await sale.browser.open(desk(`/${ids['food']}`)),
    { label: 'Supper', options: 'Soup\nSalad' },
    { action: new RegExp(`${ids['food']}$`) },
  );
  expect(edited.text).toMatch(
    /The question is changed.*Supper One answer from a list: Soup, Salad For each ticket/,
  );
  const order = await market.db('answers').where({ question_id: ids['food'], answer: 'Bread' }).first();
  const page = await sale.browser.open(market.at(`/organizer/orders/${order.order_id}`));
  expect(page.text).toContain('Food Bread');
  const press = async (key: string, which: string, to: string) =>
    sale.browser.submit(
      await sale.browser.open(desk()),
      { to },
      { action: new RegExp(`${ids[key]}/${which}$`) },
    );
  await press('food', 'position', 'up');
  const ended = await press('name', 'switch', 'off');
  expect(ended.text).toMatch(
    /How did you hear.*Supper.*Days.*Why reduced\?.*Not asked any more \(1\) Name on the ticket/,
  );
  expect((await hold({ [`quantity.${reduced}`]: '1' })).placed.text).not.toContain('Name on the ticket');
  expect((await ask('again', { label: 'Another name', kind: 'name' })).status).toBe(200);
  expect((await press('name', 'switch', 'on')).text).toMatch(/asks for a name for each ticket already/);
  expect((await ask('third', { label: 'Third name', kind: 'name' })).status).toBe(422);
  const csv = await sale.browser.open(market.at(`/organizer/events/${sale.id}/orders.csv`));
  expect(csv.html).toContain(
    'Complimentary,How did you hear of us?,Supper,Days,Why reduced?,Another name,Name on the ticket\r\n',
  );
  const actions = await market
    .db('audit_log')
    .whereLike('action', 'event.question%')
    .distinct()
    .pluck('action');
  expect(actions.sort()).toEqual(['event.question_changed', 'event.question_ended', 'event.question_made']);
});

test('the preview shows what is asked, and a copy of the event asks it with its own ticket types', async () => {
  const preview = await sale.browser.open(market.at(`/organizer/events/${sale.id}/preview`));
  expect(preview.text).toMatch(/and are asked then:.*For each ticket: Reduced.*Why reduced\?/);
  const home = await sale.browser.open(market.at(`/organizer/events/${sale.id}`));
  const copied = await sale.browser.submit(home, {}, { action: /duplicates$/ });
  const copy = /events\/([0-9a-f-]{36})/.exec(copied.url)![1]!;
  const list = await sale.browser.open(market.at(`/organizer/events/${copy}/questions`));
  expect(list.text).toMatch(/How did you hear.*Supper.*Days.*Why reduced\?.*For each ticket, with Reduced/);
  expect(list.text).not.toContain('Name on the ticket');
});

test.each([
  [{ label: '', kind: 'text' }, /Enter the question/],
  [{ label: 'x'.repeat(151), kind: 'text' }, /at most 150/],
  [{ label: 'Food?', kind: 'one_of', options: 'Soup' }, /at least two answers/],
  [{ label: 'Food?', kind: 'one_of', options: 'Soup\n Soup' }, /stands there twice/],
  [{ label: 'Food?', kind: 'several_of', options: `Soup\n${'x'.repeat(81)}` }, /at most 80/],
  [{ label: 'Food?', kind: 'text', options: 'Soup' }, /Leave this empty/],
  [{ label: 'Food?', kind: 'sum' }, /Choose how it is answered/],
])('%p is not asked', async (fields, words) => {
  const before = await market.db('questions').count('* as count').first();
  const refused = await ask('none', fields as Record<string, string>);
  expect([refused.status, refused.text]).toEqual([422, expect.stringMatching(words)]);
  expect(await market.db('questions').count('* as count').first()).toEqual(before);
});
