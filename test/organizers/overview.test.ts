import { type Knex } from 'knex';
import { newId, newReference } from '../../src/lib/ids';
import { createTestApp, type TestApp } from '../support/test-app';
import { type OrganizerPerson, signUpOrganizer, textOf } from '../support/people';

let testApp: TestApp;
let db: Knex;

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
});
afterAll(() => testApp.close());

const HOUR = 3_600_000;

async function createEvent(
  organizerId: string,
  event: { title: string; status?: string; inHours?: number; kind?: 'paid' | 'free'; currency?: string },
): Promise<{ id: string; ticketTypeId: string }> {
  const [id, ticketTypeId] = [newId(), newId()];
  const startsAt = Date.now() + (event.inHours ?? 500) * HOUR;
  const kind = event.kind ?? 'free';
  await db('events').insert({
    id,
    organizer_id: organizerId,
    slug: id,
    title: event.title,
    starts_at: new Date(startsAt),
    ends_at: new Date(startsAt + 2 * HOUR),
    time_zone: 'Europe/Berlin',
    location_kind: 'venue',
    venue_name: 'The Small Hall',
    currency: event.currency ?? 'eur',
    livemode: false,
    status: event.status ?? 'published',
  });
  await db('ticket_types').insert({
    id: ticketTypeId,
    event_id: id,
    position: 0,
    name: 'Standard',
    kind,
    price: kind === 'paid' ? 2000 : 0,
    capacity: 60,
  });
  return { id, ticketTypeId };
}

async function createOrder(
  organizerId: string,
  event: { id: string; ticketTypeId: string },
  order: {
    status: string;
    total: number;
    tickets?: number;
    currency?: string;
    livemode?: boolean;
    refunded?: { amount: number; status: string }[];
  },
): Promise<void> {
  const id = newId();
  await db('orders').insert({
    id,
    event_id: event.id,
    organizer_id: organizerId,
    reference: newReference(),
    status: order.status,
    inventory: ['paid', 'partially_refunded'].includes(order.status) ? 'sold' : 'none',
    currency: order.currency ?? 'eur',
    total_amount: order.total,
    buyer_email: 'buyer@people.example',
    paid_at: new Date(),
    livemode: order.livemode ?? false,
    hold_expires_at: new Date(),
  });
  for (let seq = 1; seq <= (order.tickets ?? 0); seq += 1)
    await db('tickets').insert({
      id: newId(),
      order_id: id,
      event_id: event.id,
      ticket_type_id: event.ticketTypeId,
      seq,
      status: 'valid',
    });
  if (!order.refunded) return;
  const attemptId = newId();
  await db('payment_attempts').insert({
    id: attemptId,
    order_id: id,
    n: 1,
    status: 'paid',
    stripe_account_id: 'acct_test',
    livemode: false,
    idempotency_key: attemptId,
    request: '{}',
    amount: order.total,
    currency: 'eur',
    session_expires_at: new Date(),
    checkout_session_id: `cs_test_${attemptId}`,
  });
  for (const refund of order.refunded)
    await db('refunds').insert({
      id: newId(),
      order_id: id,
      payment_attempt_id: attemptId,
      origin: 'dashboard',
      amount: refund.amount,
      currency: 'eur',
      reason: 'a test',
      status: refund.status,
    });
}

async function connect(
  person: OrganizerPerson,
  fields: Record<string, unknown> = {},
): Promise<{ id: string }> {
  const id = newId();
  await db('stripe_connections').insert({
    id,
    organizer_id: person.organizer.id,
    stripe_user_id: `acct_${id.replaceAll('-', '')}`,
    livemode: false,
    scope: 'read_write',
    display_name: 'Society Account',
    charges_enabled: true,
    ...fields,
  });
  await db('organizers').where({ id: person.organizer.id }).update({ default_connection_id: id });
  return { id };
}

const deskOf = async (person: OrganizerPerson) => textOf(await person.agent.get('/organizer'));

test('a newcomer reads the first steps, and where they begin', async () => {
  const person = await signUpOrganizer(testApp);
  const page = await person.agent.get('/organizer');
  expect(page.status).toBe(200);
  expect(page.headers['cache-control']).toBe('no-store');
  expect(textOf(page)).toContain('Your first event in three steps');
  expect(page.text).toContain('href="/organizer/events/new"');
  expect(page.text).toContain('href="/organizer/payments"');
  expect(textOf(page)).not.toContain('Needs you today');
  expect(textOf(page)).not.toContain('Tickets sold');
});

describe('what needs a person today', () => {
  test('paid tickets without a connection', async () => {
    const person = await signUpOrganizer(testApp);
    await createEvent(person.organizer.id, { title: 'A lecture', kind: 'paid', status: 'draft' });
    expect(await deskOf(person)).toContain('Connect a Stripe account');
    await connect(person);
    const desk = await deskOf(person);
    expect(desk).not.toContain('Connect a Stripe account');
    expect(desk).toContain('Publish “A lecture”');
  });

  test('free tickets alone ask for no connection', async () => {
    const person = await signUpOrganizer(testApp);
    await createEvent(person.organizer.id, { title: 'A free evening' });
    const desk = await deskOf(person);
    expect(desk).not.toContain('Connect a Stripe account');
    expect(desk).toContain('Nothing needs you today.');
  });

  test('a paid event that is over asks for nothing any more', async () => {
    const person = await signUpOrganizer(testApp);
    await createEvent(person.organizer.id, { title: 'Long ago', kind: 'paid', inHours: -100 });
    expect(await deskOf(person)).not.toContain('Connect a Stripe account');
  });

  test('an account that Stripe has restricted', async () => {
    const person = await signUpOrganizer(testApp);
    await connect(person, { charges_enabled: false });
    const page = await person.agent.get('/organizer');
    expect(textOf(page)).toContain('Your Stripe account takes no payments right now');
    expect(textOf(page)).toContain('Finish what Stripe asks for in your Stripe Dashboard');
    expect(page.text).toContain('href="/organizer/payments"');
  });

  test('an account that is being disconnected', async () => {
    const person = await signUpOrganizer(testApp);
    await connect(person, { status: 'disconnecting' });
    expect(await deskOf(person)).toContain('Your Stripe account is being disconnected');
  });

  test('an account that an admin has disconnected, with the reason, where there is something to sell', async () => {
    const person = await signUpOrganizer(testApp);
    await connect(person, {
      status: 'disconnected',
      ended_at: new Date('2026-11-02T12:00:00Z'),
      ended_by: 'admin',
      end_reason: 'Name <b>unclear</b>',
    });
    expect(await deskOf(person)).not.toContain('disconnected');
    await createEvent(person.organizer.id, { title: 'A lecture', kind: 'paid' });
    const page = await person.agent.get('/organizer');
    expect(textOf(page)).toContain('Your Stripe account is disconnected');
    expect(textOf(page)).toMatch(
      /Society Account \(acct_\w+\) was disconnected by an administrator of Foyer on Mon 2 Nov 2026, 12:00 UTC\. Reason given: Name <b>unclear<\/b>/,
    );
    expect(page.text).not.toContain('<b>unclear');
    await connect(person);
    expect(await deskOf(person)).not.toContain('Your Stripe account is disconnected');
  });

  test('forms that were begun, one’s own only', async () => {
    const person = await signUpOrganizer(testApp);
    const colleague = await signUpOrganizer(testApp);
    const other = newId();
    const mine = newId();
    const draft = (id: string, userId: string, title: string) =>
      db('event_drafts').insert({
        id,
        user_id: userId,
        organizer_id: person.organizer.id,
        form_values: JSON.stringify({ title }),
      });
    await draft(mine, person.id, '<i>Half</i> a title');
    await draft(other, colleague.id, 'Of the colleague');
    const page = await person.agent.get('/organizer');
    expect(textOf(page)).toContain('Finish “<i>Half</i> a title”');
    expect(page.text).toContain(`/organizer/events/new?draft=${mine}`);
    expect(page.text).not.toContain('<i>Half');
    expect(page.text).not.toContain('Of the colleague');
    expect(textOf(page)).toContain('Your first event in three steps');
  });

  test('events that begin within two days', async () => {
    const person = await signUpOrganizer(testApp);
    await createEvent(person.organizer.id, { title: 'Tomorrow night', inHours: 30 });
    await createEvent(person.organizer.id, { title: 'Next month', inHours: 700 });
    const [, today] = (await deskOf(person)).split('Needs you today');
    const [tasks] = today!.split('So far');
    expect(tasks).toContain('Tomorrow night');
    expect(tasks).toContain('0 of 60 sold');
    expect(tasks).not.toContain('Next month');
  });
});

describe('the numbers', () => {
  test('count tickets and money of paid orders, less refunds, by currency, and nobody else’s', async () => {
    const person = await signUpOrganizer(testApp);
    const { id: organizerId } = person.organizer;
    const event = await createEvent(organizerId, { title: 'A lecture', kind: 'paid' });
    await connect(person);
    await createOrder(organizerId, event, { status: 'paid', total: 4000, tickets: 2 });
    await createOrder(organizerId, event, {
      status: 'partially_refunded',
      total: 6000,
      tickets: 3,
      refunded: [
        { amount: 1500, status: 'succeeded' },
        { amount: 500, status: 'pending' },
        { amount: 900, status: 'failed' },
      ],
    });
    await createOrder(organizerId, event, { status: 'paid', total: 1500, currency: 'jpy', tickets: 1 });
    await createOrder(organizerId, event, { status: 'paid', total: 0, tickets: 1 });
    await createOrder(organizerId, event, { status: 'refunded', total: 9900 });
    await createOrder(organizerId, event, { status: 'refund_pending', total: 9900 });
    await createOrder(organizerId, event, { status: 'expired', total: 9900 });
    await createOrder(organizerId, event, { status: 'paid', total: 9900, tickets: 5, livemode: true });
    const other = await signUpOrganizer(testApp);
    const theirs = await createEvent(other.organizer.id, { title: 'Theirs', kind: 'paid' });
    await createOrder(other.organizer.id, theirs, { status: 'paid', total: 7700, tickets: 4 });

    const desk = await deskOf(person);
    expect(desk).toContain('Tickets sold 7 ');
    expect(desk).toContain('Taken in EUR €80.00');
    expect(desk).toContain('Taken in JPY ¥1,500');
    expect(desk).toContain('Upcoming events 1 ');
    expect(desk).not.toContain('Theirs');
  });

  test('list the next events, drafts and past ones left out', async () => {
    const person = await signUpOrganizer(testApp);
    const { id } = person.organizer;
    await createEvent(id, { title: 'Past evening', inHours: -100 });
    await createEvent(id, { title: 'Draft evening', status: 'draft' });
    await createEvent(id, { title: 'Cancelled evening', status: 'cancelled' });
    for (let n = 1; n <= 7; n += 1) await createEvent(id, { title: `Evening ${n}`, inHours: 200 + n });
    const [, list] = (await deskOf(person)).split('Next events');
    expect(list).toContain('Evening 1');
    expect(list).toContain('Evening 5');
    expect(list).not.toContain('Evening 6');
    expect(list).toContain('See all 7 upcoming events');
    expect(list).toContain('The Small Hall');
    expect(list).toContain('Berlin time');
    for (const title of ['Past evening', 'Draft evening', 'Cancelled evening'])
      expect(list).not.toContain(title);
  });
});
