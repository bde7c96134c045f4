import { type Knex } from 'knex';
import { type Response } from 'supertest';
import { newId, newReference } from '../../src/lib/ids';
import { createTestApp, type TestApp } from '../support/test-app';
import {
  createOrganizer,
  csrfTokenOf,
  type OrganizerPerson,
  postForm,
  readForm,
  signUpOrganizer,
  textOf,
} from '../support/people';
import { formValues, ticketValues } from './samples';

let testApp: TestApp;
let db: Knex;
let ada: OrganizerPerson;

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
  ada = await signUpOrganizer(testApp, { email: 'ada@society.example' });
});
beforeEach(() => db('rate_limits').delete());
afterAll(() => testApp.close());

const NEW = '/organizer/events/new';

/** Makes an event by the form; answers its id. */
async function createEvent(changes: Record<string, string> = {}, person = ada): Promise<string> {
  const answer = await postForm(person.agent, NEW, { ...formValues(changes), action: 'save' });
  expect([answer.status, textOf(answer)]).toEqual([303, expect.any(String)]);
  return locationOf(answer).split('/').pop()!;
}

async function publish(id: string, person = ada) {
  return postForm(person.agent, `/organizer/events/${id}/publication`);
}

const locationOf = (answer: Response): string => answer.headers['location'] ?? '';
const eventRow = (id: string) => db('events').where({ id }).first();
const typesOf = (id: string) => db('ticket_types').where({ event_id: id }).orderBy('position');
const edit = (id: string, changes: Record<string, string>) =>
  postForm(ada.agent, `/organizer/events/${id}/edit`, { action: 'save', ...changes });

/** An order that was paid, with the counters that belong to it. */
async function sell(eventId: string, quantity: number, total = 0n): Promise<string> {
  const event = await eventRow(eventId);
  const [type] = await typesOf(eventId);
  const id = newId();
  await db('orders').insert({
    id,
    event_id: eventId,
    organizer_id: event.organizer_id,
    reference: newReference(),
    status: 'paid',
    inventory: 'sold',
    currency: event.currency,
    total_amount: total,
    buyer_name: 'Grace <b>Guest</b>',
    buyer_email: `guest-${id}@guests.example`,
    livemode: false,
    hold_expires_at: new Date(),
    paid_at: new Date(),
  });
  await db('order_lines').insert({
    order_id: id,
    ticket_type_id: type.id,
    ticket_type_name: type.name,
    quantity,
    unit_price: total / BigInt(quantity),
  });
  await db('events').where({ id: eventId }).increment('sold', quantity);
  await db('ticket_types').where({ id: type.id }).increment('sold', quantity);
  return id;
}

/** A connection as if Stripe had answered; the connecting itself is tested elsewhere. */
async function connect(person: OrganizerPerson, changes: Record<string, unknown> = {}): Promise<string> {
  const id = newId();
  await db('stripe_connections').insert({
    id,
    organizer_id: person.organizer.id,
    stripe_user_id: `acct_${id.replaceAll('-', '')}`,
    livemode: false,
    scope: 'read_write',
    charges_enabled: true,
    display_name: 'Society Ltd',
    ...changes,
  });
  await db('organizers').where({ id: person.organizer.id }).update({ default_connection_id: id });
  return id;
}

describe('making an event', () => {
  test('the form makes an event that nobody sees yet, and says so', async () => {
    const id = await createEvent({
      title: 'Ada & the “Engine”',
      ...ticketValues(1, { name: 'Guest', capacity: '5' }),
    });
    expect(await eventRow(id)).toMatchObject({
      organizer_id: ada.organizer.id,
      title: 'Ada & the “Engine”',
      slug: 'ada-the-engine',
      status: 'draft',
      livemode: false,
      starts_at: new Date('2199-06-12T17:30:00Z'),
      published_at: null,
    });
    expect(await typesOf(id)).toMatchObject([
      { name: 'Standard', kind: 'free', capacity: 100 },
      { name: 'Guest', kind: 'free', capacity: 5 },
    ]);
    expect((await testApp.agent().get('/events/ada-the-engine')).status).toBe(404);
    const home = await ada.agent.get(`/organizer/events/${id}`);
    expect(textOf(home)).toMatch(/“Ada & the “Engine”” is saved. Nobody sees it yet./);
    expect(textOf(home)).toMatch(/Everything is there. Publish the event/);
  });

  test('mistakes keep all that was typed, with a summary that leads to each field', async () => {
    const typed = formValues({
      title: '',
      description: 'Line one\n\n<script>alert("x")</script> & "quotes"',
      venue_name: "Ada's <House>",
      'tickets.0.price': 'twenty',
      ...ticketValues(7, { name: 'Late', capacity: 'many' }),
    });
    const answer = await postForm(ada.agent, NEW, { ...typed, action: 'save' });
    expect(answer.status).toBe(422);
    expect(answer.text).toContain('<a href="#title">Enter a title</a>');
    expect(answer.text).toContain('href="#tickets-0-price">Ticket type 1: Enter the price in digits');
    expect(answer.text).toContain('href="#tickets-7-capacity">Ticket type 2: Enter a whole number');
    expect(answer.text).not.toContain('<script>alert');
    expect(readForm(answer).values).toMatchObject(typed);
    for (const id of ['title', 'tickets-0-price', 'tickets-7-capacity'])
      expect(answer.text).toMatch(new RegExp(`id="${id}"[^>]*aria-invalid="true"`));
  });

  test('an invalid form is kept as a draft: it comes back after a reload, and goes when the event is saved', async () => {
    const answer = await postForm(ada.agent, NEW, { ...formValues({ title: '' }), action: 'save' });
    const { draft } = readForm(answer).values;
    const again = await ada.agent.get(`${NEW}?draft=${draft}`);
    expect(readForm(again).values).toMatchObject(formValues({ title: '' }));
    // the same draft, not one more for each try
    const second = await postForm(ada.agent, `${NEW}?draft=${draft}`, { action: 'save', ends_at: '' });
    expect(readForm(second).values['draft']).toBe(draft);
    const saved = await postForm(ada.agent, `${NEW}?draft=${draft}`, {
      action: 'save',
      title: 'Saved at last',
      ends_at: '2199-06-12T22:00',
    });
    expect(saved.status).toBe(303);
    expect(await db('event_drafts').where({ id: draft })).toEqual([]);
  });

  test('one more ticket type keeps everything and leads to the new row', async () => {
    const typed = formValues({ title: 'Half', 'tickets.0.name': 'Só <b>', 'tickets.0.capacity': '' });
    const answer = await postForm(ada.agent, NEW, { ...typed, action: 'add_ticket' });
    expect(locationOf(answer)).toMatch(/^\/organizer\/events\/new\?draft=[0-9a-f-]+#tickets-1-name$/);
    const values = readForm(await ada.agent.get(locationOf(answer))).values;
    expect(values).toMatchObject(typed);
    expect(values).toMatchObject({ 'tickets.1.name': '', 'tickets.1.max_per_order': '10' });
    expect(await db('events').where({ title: 'Half' })).toEqual([]);
  });

  test('a form can be put away unfinished, found again, and thrown away', async () => {
    const answer = await postForm(ada.agent, NEW, {
      ...formValues({ title: 'Begun <i>' }),
      action: 'save_draft',
    });
    expect(answer.status).toBe(303);
    const list = await ada.agent.get('/organizer/events');
    expect(textOf(list)).toContain('Begun <i>');
    expect(list.text).toContain(locationOf(answer));
    const draftId = locationOf(answer).split('draft=')[1]!;
    const removal = `/organizer/drafts/${draftId}/removal`;
    expect((await postForm(ada.agent, '/organizer/events', {}, { action: removal })).status).toBe(303);
    expect(textOf(await ada.agent.get('/organizer/events'))).not.toContain('Begun <i>');
  });

  test('a person’s drafts are their own', async () => {
    const answer = await postForm(ada.agent, NEW, {
      ...formValues({ title: 'Secret plan' }),
      action: 'save_draft',
    });
    const eve = await signUpOrganizer(testApp, { organizerName: 'Eavesdroppers' });
    expect((await eve.agent.get(locationOf(answer))).text).not.toContain('Secret plan');
    const draft = locationOf(answer).split('draft=')[1]!;
    // naming somebody's draft makes one of one's own
    await postForm(eve.agent, NEW, { ...formValues({ title: 'Mine now' }), draft, action: 'save_draft' });
    expect((await db('event_drafts').where({ id: draft }).first()).form_values.title).toBe('Secret plan');
    const token = await csrfTokenOf(eve.agent, NEW);
    const removal = await eve.agent
      .post(`/organizer/drafts/${draft}/removal`)
      .type('form')
      .send({ _csrf: token });
    expect(removal.status).toBe(404);
  });

  test('a person keeps fifty unfinished forms at most', async () => {
    const hoarder = await signUpOrganizer(testApp, { organizerName: 'Hoarders' });
    for (let form = 0; form < 52; form += 1)
      await postForm(hoarder.agent, NEW, { title: `Form ${form}`, action: 'save_draft' });
    const titles = (await db('event_drafts').where({ user_id: hoarder.id })).map(
      (row) => row.form_values.title,
    );
    expect(titles).toHaveLength(50);
    expect(titles).not.toContain('Form 0');
    expect(titles).toContain('Form 51');
  });

  test('Enter saves: the form’s first button is the one that saves, and Connect goes elsewhere with all fields', async () => {
    const page = await ada.agent.get(NEW);
    const buttons = [...page.text.matchAll(/<button[^>]*>/g)].map(([tag]) => tag);
    const inForm = buttons.slice(buttons.findIndex((tag) => tag.includes('name="action"')));
    expect(inForm[0]).toContain('value="save"');
    const connecting = inForm.find((tag) => tag.includes('/stripe/connect'));
    expect(connecting).toMatch(/formaction="\/stripe\/connect"/);
    expect(connecting).toMatch(/name="from" value="event_form"/);
    expect(readForm(page).values).toMatchObject({ draft: '', event_id: '' });
  });

  test('hostile bodies end as a message, never as a 500', async () => {
    const token = await csrfTokenOf(ada.agent, NEW);
    const post = (body: string) =>
      ada.agent
        .post('/organizer/events')
        .type('form')
        .send(`_csrf=${encodeURIComponent(token)}&${body}`);
    expect((await post('title=a&title=b&action=save')).status).toBe(400);
    expect((await post(`title=${'x'.repeat(1_000_000)}`)).status).toBe(413);
    const nul = new URLSearchParams({
      ...formValues({ title: 'Nul\u0000 byte \ud800', description: '\u0000', 'tickets.0.name': 'A\u0000' }),
      action: 'save',
    });
    const saved = await post(nul.toString());
    expect(saved.status).toBe(303);
    expect((await eventRow(locationOf(saved).split('/').pop()!)).title).toBe('Nul byte \ufffd');
    for (const body of [
      'tickets.0.name=%00%ed%a0%80&action=save',
      'tickets.99999999999.name=x&tickets.-1.name=x&tickets.__proto__.name=x&action=save',
      '__proto__=x&constructor=x&action=save_draft',
      'draft=%00&event_id=%00&action=save',
      'action=%00',
    ])
      expect([303, 422]).toContain((await post(body)).status);
    for (const query of [
      '?draft=%00',
      '?draft=a&draft=b',
      '?draft[]=x',
      '?show=%00&page=-1',
      '?page=99999999999',
    ])
      expect([200]).toContain((await ada.agent.get(`/organizer/events${query}`)).status);
    expect((await ada.agent.get(`${NEW}?draft=%00`)).status).toBe(200);
    expect((await ada.agent.get('/organizer/events/%00')).status).toBe(404);
  });

  test('two events with one title get two addresses', async () => {
    const first = await createEvent({ title: 'Twice' });
    const second = await createEvent({ title: 'Twice' });
    expect((await eventRow(first)).slug).toBe('twice');
    expect((await eventRow(second)).slug).toMatch(/^twice-[0-9a-f]{6}$/);
  });

  test('many at the same moment with one title all succeed', async () => {
    const page = readForm(await ada.agent.get(NEW));
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        ada.agent
          .post('/organizer/events')
          .type('form')
          .send({ ...page.values, ...formValues({ title: 'Rush' }), action: 'save' }),
      ),
    );
    expect(answers.map((answer) => answer.status)).toEqual(Array(6).fill(303));
    expect(new Set((await db('events').where({ title: 'Rush' })).map((row) => row.slug)).size).toBe(6);
  });
});

describe('changing an event', () => {
  test('the form shows what is stored, and stores what it shows', async () => {
    const id = await createEvent({
      title: 'Round trip',
      description: '# Hello\n\nWorld',
      capacity: '80',
      venue_address: 'Line one\nLine two',
      'tickets.0.kind': 'donation',
      'tickets.0.price': '5',
      'tickets.0.sales_start': '2199-05-01T10:00',
      'tickets.0.visibility': 'hidden',
    });
    const [before, typesBefore] = [await eventRow(id), await typesOf(id)];
    expect((await edit(id, {})).status).toBe(303);
    expect({ ...(await eventRow(id)), updated_at: null }).toEqual({ ...before, updated_at: null });
    expect(await typesOf(id)).toEqual(typesBefore);
  });

  test('types are changed, added and removed, and keep their order', async () => {
    const id = await createEvent(ticketValues(1, { name: 'Second' }));
    const answer = await edit(id, {
      'tickets.0.name': 'First, renamed',
      'tickets.1.remove': '1',
      ...ticketValues(2, { name: 'Third' }),
    });
    expect(answer.status).toBe(303);
    const types = await typesOf(id);
    expect(types.filter((type) => type.removed_at === null).map((type) => type.name)).toEqual([
      'First, renamed',
      'Third',
    ]);
    expect(types.find((type) => type.name === 'Second').removed_at).toBeInstanceOf(Date);
    expect(textOf(await ada.agent.get(`/organizer/events/${id}`))).not.toContain('Second');
  });

  test('a capacity below what is sold and held is refused with the numbers, and nothing changes', async () => {
    const id = await createEvent({ title: 'Nearly full', capacity: '50' });
    await sell(id, 7);
    await db('events').where({ id }).update({ held: 2 });
    await db('ticket_types').where({ event_id: id }).update({ held: 2 });
    const answer = await edit(id, { title: 'Renamed', capacity: '8', 'tickets.0.capacity': '8' });
    expect(answer.status).toBe(422);
    expect(textOf(answer)).toContain('7 tickets are sold and 2 are held by buyers. Enter 9 or more');
    expect(readForm(answer).values).toMatchObject({ title: 'Renamed', capacity: '8' });
    expect(await eventRow(id)).toMatchObject({ title: 'Nearly full', capacity: 50 });
    expect((await edit(id, { capacity: '9', 'tickets.0.capacity': '9' })).status).toBe(303);
    expect(await typesOf(id)).toMatchObject([{ capacity: 9, held: 2, sold: 7 }]);
  });

  test('a capacity is compared only when a sale that has begun is through', async () => {
    const id = await createEvent({ title: 'Race', 'tickets.0.capacity': '20' });
    const page = readForm(await ada.agent.get(`/organizer/events/${id}/edit`));
    const sale = await db.transaction();
    await sale('events').where({ id }).forNoKeyUpdate().first();
    await sale('ticket_types').where({ event_id: id }).increment('held', 7);
    await sale('events').where({ id }).increment('held', 7);
    const lowering = ada.agent
      .post(`/organizer/events/${id}/edit`)
      .type('form')
      .send({ ...page.values, 'tickets.0.capacity': '6', action: 'save' })
      .then((answer) => answer);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await sale.commit();
    const answer = await lowering;
    expect([answer.status, textOf(answer)]).toEqual([
      422,
      expect.stringContaining('0 tickets are sold and 7 are held by buyers. Enter 7 or more'),
    ]);
    expect(await typesOf(id)).toMatchObject([{ capacity: 20, held: 7 }]);
  });

  test('what was ordered can be hidden but neither removed nor made something else, and the currency stays', async () => {
    const id = await createEvent({ title: 'Ordered' });
    await sell(id, 1);
    const page = await ada.agent.get(`/organizer/events/${id}/edit`);
    expect(textOf(page)).toContain('People have ordered this ticket, so it stays.');
    const kind = await edit(id, { 'tickets.0.kind': 'donation' });
    expect([kind.status, textOf(kind)]).toEqual([
      422,
      expect.stringContaining('what kind it is cannot change'),
    ]);
    const currency = await edit(id, { currency: 'usd' });
    expect([currency.status, textOf(currency)]).toEqual([
      422,
      expect.stringContaining('There are orders in EUR'),
    ]);
    const removal = await edit(id, { 'tickets.0.remove': '1', ...ticketValues(1) });
    expect([removal.status, textOf(removal)]).toEqual([422, expect.stringContaining('it cannot be removed')]);
    expect((await edit(id, { 'tickets.0.visibility': 'hidden' })).status).toBe(303);
    expect(await typesOf(id)).toMatchObject([{ kind: 'free', visibility: 'hidden', removed_at: null }]);
  });

  test('the address follows the title until it was public, and then stays for ever', async () => {
    const id = await createEvent({ title: 'Working title' });
    await edit(id, { title: 'Better title' });
    expect((await eventRow(id)).slug).toBe('better-title');
    await publish(id);
    await edit(id, { title: 'Best title' });
    expect(await eventRow(id)).toMatchObject({ title: 'Best title', slug: 'better-title' });
    await postForm(
      ada.agent,
      `/organizer/events/${id}`,
      {},
      { action: `/organizer/events/${id}/unpublication` },
    );
    await edit(id, { title: 'Last title' });
    expect((await eventRow(id)).slug).toBe('better-title');
  });

  test('a ticket type of another event is not touched by naming it', async () => {
    const other = await createEvent({ title: 'Other' });
    const [foreign] = await typesOf(other);
    const id = await createEvent({ title: 'Own' });
    const answer = await edit(id, { ...ticketValues(1, { name: 'Stolen' }), 'tickets.1.id': foreign.id });
    expect(answer.status).toBe(422);
    const removal = await edit(id, {
      ...ticketValues(1, { name: 'Stolen', remove: '1' }),
      'tickets.1.id': foreign.id,
    });
    expect(removal.status).toBe(303);
    expect(await typesOf(other)).toEqual([foreign]);
  });

  test('unsaved changes of an event are a draft of that event alone', async () => {
    const id = await createEvent({ title: 'Has a draft' });
    const kept = await edit(id, { action: 'save_draft', title: 'Changed, not saved' });
    expect(locationOf(kept)).toMatch(new RegExp(`^/organizer/events/${id}/edit\\?draft=`));
    expect(readForm(await ada.agent.get(locationOf(kept))).values['title']).toBe('Changed, not saved');
    expect((await eventRow(id)).title).toBe('Has a draft');
    const draft = locationOf(kept).split('draft=')[1]!;
    expect(readForm(await ada.agent.get(`${NEW}?draft=${draft}`)).values['title']).toBe('');
    const other = await createEvent({ title: 'Another' });
    const page = await ada.agent.get(`/organizer/events/${other}/edit?draft=${draft}`);
    expect(readForm(page).values['title']).toBe('Another');
  });
});

describe('publishing', () => {
  test('puts the event on sale, once, with a row in the audit log', async () => {
    const id = await createEvent({ title: 'Goes public' });
    const page = textOf(await ada.agent.get(`/organizer/events/${id}/publication`));
    expect(page).toMatch(/100 tickets go on sale/);
    expect(page).toMatch(/All tickets are free/);
    expect((await publish(id)).status).toBe(303);
    expect(await eventRow(id)).toMatchObject({ status: 'published', published_at: expect.any(Date) });
    const token = await csrfTokenOf(ada.agent, NEW);
    await ada.agent.post(`/organizer/events/${id}/publication`).type('form').send({ _csrf: token });
    expect(await db('audit_log').where({ subject_id: id })).toMatchObject([
      {
        action: 'event.published',
        actor: 'organizer',
        actor_user_id: ada.id,
        organizer_id: ada.organizer.id,
      },
    ]);
    expect((await testApp.agent().get('/events/goes-public')).status).toBe(200);
  });

  test('paid tickets without a connection are refused with the reason and the way on', async () => {
    const organizer = await signUpOrganizer(testApp, { organizerName: 'Not connected' });
    const paid = { 'tickets.0.kind': 'paid', 'tickets.0.price': '20' };
    const id = await createEvent({ title: 'Costs money', ...paid }, organizer);
    const token = await csrfTokenOf(organizer.agent, NEW);
    const post = () =>
      organizer.agent.post(`/organizer/events/${id}/publication`).type('form').send({ _csrf: token });
    const refused = await post();
    expect(refused.status).toBe(422);
    expect(textOf(refused)).toContain('Connect a Stripe account to sell paid tickets.');
    expect(refused.text).toContain('action="/stripe/connect"');
    expect((await eventRow(id)).status).toBe('draft');

    const connection = await connect(organizer, { charges_enabled: false });
    expect(textOf(await post())).toContain('Stripe does not let your account take payments yet.');
    await db('stripe_connections').where({ id: connection }).update({ charges_enabled: true });
    expect(textOf(await organizer.agent.get(`/organizer/events/${id}/publication`))).toContain(
      'on the Stripe account Society Ltd',
    );
    expect((await post()).status).toBe(303);
    expect((await eventRow(id)).status).toBe('published');
  });

  // an account that was connected with the live client id takes tests too; one of test mode takes nothing else
  test.each([
    ['a live event', 'a test connection', { event: true, connection: false }, 422],
    ['a live event', 'a live connection', { event: true, connection: true }, 303],
    ['a test event', 'a live connection', { event: false, connection: true }, 303],
    ['a test event', 'a test connection', { event: false, connection: false }, 303],
  ])('%s on %s', async (event, connection, livemode, status) => {
    const organizer = await signUpOrganizer(testApp, { organizerName: `${event} on ${connection}` });
    await connect(organizer, { livemode: livemode.connection });
    const id = await createEvent({ 'tickets.0.kind': 'paid', 'tickets.0.price': '20' }, organizer);
    await db('events').where({ id }).update({ livemode: livemode.event });
    const token = await csrfTokenOf(organizer.agent, NEW);
    const answer = await organizer.agent
      .post(`/organizer/events/${id}/publication`)
      .type('form')
      .send({ _csrf: token });
    expect(answer.status).toBe(status);
  });

  test('an event that has begun is not published', async () => {
    const id = await createEvent({ title: 'Too late' });
    await db('events')
      .where({ id })
      .update({ starts_at: new Date(Date.now() - 1000) });
    const token = await csrfTokenOf(ada.agent, NEW);
    const answer = await ada.agent
      .post(`/organizer/events/${id}/publication`)
      .type('form')
      .send({ _csrf: token });
    expect([answer.status, textOf(answer)]).toEqual([422, expect.stringContaining('starts in the past')]);
  });

  test('unpublishing takes the page away and keeps the orders', async () => {
    const id = await createEvent({ title: 'Here and gone' });
    await publish(id);
    await sell(id, 2);
    const answer = await postForm(
      ada.agent,
      `/organizer/events/${id}`,
      {},
      { action: `/organizer/events/${id}/unpublication` },
    );
    expect(textOf(await ada.agent.get(locationOf(answer)))).toContain('Tickets that were sold stay good');
    expect((await testApp.agent().get('/events/here-and-gone')).status).toBe(404);
    expect(await eventRow(id)).toMatchObject({ status: 'draft', sold: 2 });
    expect(await db('audit_log').where({ subject_id: id }).orderBy('id').pluck('action')).toEqual([
      'event.published',
      'event.unpublished',
    ]);
    expect((await publish(id)).status).toBe(303);
  });
});

describe('cancelling', () => {
  test('stops sales, shows the reason, and tells each holder once', async () => {
    const id = await createEvent({ title: 'Flooded' });
    await publish(id);
    const free = await sell(id, 2);
    const paid = await sell(id, 1, 2000n);
    const page = textOf(await ada.agent.get(`/organizer/events/${id}/cancellation`));
    expect(page).toContain('2 orders with 3 tickets are told by mail');
    expect(page).toContain('Buyers paid you €20.00');

    const empty = await postForm(ada.agent, `/organizer/events/${id}/cancellation`, { reason: '  ' });
    expect([empty.status, (await eventRow(id)).status]).toEqual([422, 'published']);

    const reason = 'The hall is under water. <b>Money</b> comes back this week.';
    const answer = await postForm(ada.agent, `/organizer/events/${id}/cancellation`, { reason });
    expect(answer.status).toBe(303);
    expect(await eventRow(id)).toMatchObject({ status: 'cancelled', cancellation_reason: reason, sold: 3 });
    const mails = await db('mails').whereIn('order_id', [free, paid]).orderBy('text_body');
    expect(mails.map((mail) => mail.subject)).toEqual(['Cancelled: Flooded', 'Cancelled: Flooded']);
    const ofPaid = mails.find((mail) => mail.order_id === paid);
    expect(ofPaid.dedupe_key).toBe(`event-cancelled:${id}:${paid}`);
    expect(ofPaid.text_body).toContain('under water');
    expect(ofPaid.text_body).toMatch(/You paid €20\.00 .* ada@society\.example/);
    expect(ofPaid.html_body).not.toContain('<b>Money</b>');
    expect(mails.find((mail) => mail.order_id === free).text_body).toContain('nothing to pay back');
    expect(await db('audit_log').where({ subject_id: id, action: 'event.cancelled' })).toMatchObject([
      { reason },
    ]);

    const shown = await testApp.agent().get('/events/flooded');
    expect(textOf(shown)).toContain('This event is cancelled The hall is under water. <b>Money</b>');
    expect(shown.text).not.toContain('/events/flooded/orders');
    expect(shown.text).toContain('https://schema.org/EventCancelled');
  });

  test('cannot be done twice, nor undone by changing or publishing', async () => {
    const id = await createEvent({ title: 'Off' });
    await publish(id);
    const order = await sell(id, 1);
    await postForm(ada.agent, `/organizer/events/${id}/cancellation`, { reason: 'Ill' });
    const token = await csrfTokenOf(ada.agent, NEW);
    const post = (path: string, fields: Record<string, string>) =>
      ada.agent
        .post(`/organizer/events/${id}/${path}`)
        .type('form')
        .send({ ...fields, _csrf: token });
    await post('cancellation', { reason: 'Ill again' });
    expect((await post('publication', {})).status).toBe(422);
    expect((await post('unpublication', {})).status).toBe(409);
    expect((await post('edit', { ...formValues(), action: 'save' })).status).toBe(409);
    expect((await ada.agent.get(`/organizer/events/${id}/edit`)).status).toBe(409);
    expect(await eventRow(id)).toMatchObject({ status: 'cancelled', cancellation_reason: 'Ill' });
    expect(await db('mails').where({ order_id: order })).toHaveLength(1);
    expect(textOf(await ada.agent.get('/organizer/events?show=cancelled'))).toContain('Off');
  });
});

describe('whose event it is', () => {
  test('another organizer’s event is not found, whatever is asked of it', async () => {
    const id = await createEvent({ title: 'Private' });
    const before = await eventRow(id);
    const eve = await signUpOrganizer(testApp, { organizerName: 'Others' });
    for (const path of ['', '/edit', '/preview', '/publication', '/cancellation'])
      expect([path, (await eve.agent.get(`/organizer/events/${id}${path}`)).status]).toEqual([path, 404]);
    const token = await csrfTokenOf(eve.agent, NEW);
    for (const path of ['/edit', '/publication', '/unpublication', '/cancellation']) {
      const answer = await eve.agent
        .post(`/organizer/events/${id}${path}`)
        .type('form')
        .send({ ...formValues({ title: 'Taken' }), reason: 'x', action: 'save', _csrf: token });
      expect([path, answer.status]).toEqual([path, 404]);
    }
    const draft = await eve.agent
      .post(`/organizer/events/${id}/edit`)
      .type('form')
      .send({ action: 'save_draft', _csrf: token });
    expect(draft.status).toBe(404);
    expect(await eventRow(id)).toEqual(before);
    expect(textOf(await eve.agent.get('/organizer/events'))).not.toContain('Private');
  });

  test('a person with two organizers sees each event as the one that it belongs to', async () => {
    const both = await signUpOrganizer(testApp, { organizerName: 'First House' });
    const id = await createEvent({ title: 'Of the first house' }, both);
    await createOrganizer(testApp, both, 'Second House');
    const page = await both.agent.get(`/organizer/events/${id}`);
    expect(page.status).toBe(200);
    expect(textOf(page)).toContain('First House');
    // and what is pressed there counts for that one
    await createOrganizer(testApp, both, 'Third House');
    await postForm(
      both.agent,
      `/organizer/events/${id}/edit`,
      { from: 'event_form' },
      { submitTo: '/stripe/connect' },
    );
    const states = await db('oauth_states').where({ user_id: both.id });
    expect(states.map((state) => state.organizer_id)).toEqual([both.organizer.id]);
  });

  test('a guest is sent to sign in, and a form without its token changes nothing', async () => {
    const id = await createEvent({ title: 'Guarded' });
    const guest = await testApp.agent().get(`/organizer/events/${id}`);
    expect([guest.status, locationOf(guest)]).toEqual([303, expect.stringMatching(/^\/sign-in\?next=/)]);
    for (const [path, fields] of [
      ['/organizer/events', { ...formValues({ title: 'Forged' }), action: 'save' }],
      [`/organizer/events/${id}/edit`, { ...formValues({ title: 'Forged' }), action: 'save' }],
      [`/organizer/events/${id}/publication`, {}],
      [`/organizer/events/${id}/unpublication`, {}],
      [`/organizer/events/${id}/cancellation`, { reason: 'Forged' }],
    ] as const)
      expect([path, (await ada.agent.post(path).type('form').send(fields)).status]).toEqual([path, 403]);
    expect(await db('events').where({ title: 'Forged' })).toEqual([]);
    expect((await eventRow(id)).status).toBe('draft');
  });
});

test('the event’s home shows what is sold and taken, and its preview what buyers will see', async () => {
  const person = await signUpOrganizer(testApp, { organizerName: 'Bookkeepers' });
  await connect(person);
  const id = await createEvent(
    { title: 'In numbers', 'tickets.0.kind': 'paid', 'tickets.0.price': '20' },
    person,
  );
  await sell(id, 2, 4000n);
  const home = textOf(await person.agent.get(`/organizer/events/${id}`));
  expect(home).toContain('Tickets sold 2 of 100');
  expect(home).toContain('Money taken €40.00');
  expect(home).toContain('Grace <b>Guest</b>');
  const preview = await person.agent.get(`/organizer/events/${id}/preview`);
  expect(preview.status).toBe(200);
  expect(textOf(preview)).toContain('Preview');
  expect(textOf(preview)).toContain('€20.00');
  expect(preview.text).not.toContain(`/events/in-numbers/orders`);
});

test('an empty desk says what will be here', async () => {
  const person = await signUpOrganizer(testApp, { organizerName: 'Newcomers' });
  expect(textOf(await person.agent.get('/organizer/events'))).toContain('Create your first event');
  expect(textOf(await person.agent.get('/organizer/events?show=past'))).toContain('Nothing is over yet');
  expect(textOf(await person.agent.get('/organizer/events?show=cancelled'))).toContain(
    'Nothing was cancelled',
  );
});
