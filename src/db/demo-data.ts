/**
 * What a fresh Foyer shows before anybody has used it: a small cast, all marked as demo, and events that begin in the
 * days to come. Paid events wait as drafts, since only a connected Stripe account can sell them: that is the first
 * thing to try.
 */
import { hash } from '@node-rs/argon2';
import { type Knex } from 'knex';
import { DateTime } from 'luxon';
import { type Config } from '../config';
import { newId, newReference } from '../lib/ids';
import { slugFrom } from '../lib/slugs';
import { inTransaction } from './connection';

/** Printed at the first start. They exist only in a database that nobody else can have: never in production. */
export const demoSignIns = [
  { role: 'organizer', email: 'ada@demo.example', password: 'demo-engine-notes' },
  { role: 'another organizer', email: 'emmy@demo.example', password: 'demo-harbour-lights' },
  { role: 'admin', email: 'grace@demo.example', password: 'demo-compiler-moth' },
];

const PEOPLE = {
  ada: { name: 'Ada (demo organizer)', signIn: demoSignIns[0]!, isAdmin: false },
  emmy: { name: 'Emmy (demo organizer)', signIn: demoSignIns[1]!, isAdmin: false },
  grace: { name: 'Grace (demo admin)', signIn: demoSignIns[2]!, isAdmin: true },
};

const ORGANIZERS = {
  society: { name: 'Analytical Society (demo)', owner: 'ada' as const },
  stage: { name: 'Harbour Stage (demo)', owner: 'emmy' as const },
};

interface DemoTicketType {
  name: string;
  description?: string;
  kind: 'paid' | 'free' | 'donation';
  price?: bigint;
  capacity: number;
  max?: number;
  /** how many are taken, by free orders of demo guests */
  sold?: number;
}

interface DemoEvent {
  organizer: keyof typeof ORGANIZERS;
  title: string;
  description: string;
  inDays: number;
  from: [hour: number, minute: number];
  hours: number;
  zone: string;
  place: { name: string; address: string } | { online: string };
  currency: string;
  published: boolean;
  types: DemoTicketType[];
}

const EVENTS: DemoEvent[] = [
  {
    organizer: 'stage',
    title: 'Morning run along the harbour',
    description:
      'Eight easy kilometres from the old crane to the lighthouse and back, at the pace of whoever talks most.\n\n' +
      'We meet **ten minutes early**, leave bags at the café, and end with coffee there.',
    inDays: 4,
    from: [8, 0],
    hours: 2,
    zone: 'Europe/Lisbon',
    place: { name: 'The old crane', address: 'Cais das Gaivotas 1, Lisbon' },
    currency: 'eur',
    published: true,
    types: [{ name: 'Place in the group', kind: 'free', capacity: 24, max: 2, sold: 24 }],
  },
  {
    organizer: 'society',
    title: 'An evening with the Difference Engine',
    description:
      'How do you add without thinking? We take a working model apart, turn the crank, and watch a carry ripple through eight wheels.\n\n' +
      '## What happens\n\n- A short talk on why tables of numbers once sank ships\n- The model at work, up close\n- Questions for as long as there are any\n\n' +
      'No knowledge of mathematics needed. The hall has step-free access and an induction loop.',
    inDays: 9,
    from: [19, 30],
    hours: 2.5,
    zone: 'Europe/Berlin',
    place: { name: 'Old Mint Hall', address: 'Münzgasse 4\n04107 Leipzig' },
    currency: 'eur',
    published: true,
    types: [
      { name: 'Seat', description: 'Unreserved', kind: 'free', capacity: 60, max: 4, sold: 42 },
      {
        name: 'Seat near the loop',
        description: 'For listening with a hearing aid',
        kind: 'free',
        capacity: 8,
      },
    ],
  },
  {
    organizer: 'society',
    title: 'Repair café: clocks, toasters, radios',
    description:
      'Bring what no longer works. Volunteers look at it **with** you, not for you, and most of it goes home alive.\n\n' +
      'One broken thing for each place, please. Tools, tea and cake are there.',
    inDays: 15,
    from: [11, 0],
    hours: 5,
    zone: 'Europe/London',
    place: { name: 'Mill Lane Community Rooms', address: '12 Mill Lane, Cambridge' },
    currency: 'gbp',
    published: true,
    types: [
      { name: 'With something broken', kind: 'free', capacity: 20, max: 1, sold: 8 },
      { name: 'Just looking', kind: 'free', capacity: 40, max: 4, sold: 5 },
    ],
  },
  {
    organizer: 'stage',
    title: 'Reading by lamplight: letters from a lighthouse',
    description:
      'An hour of letters that a keeper wrote to a town she could see and hardly ever visited, read aloud over a quiet line.\n\n' +
      'Camera off, lamp on. The link comes with your ticket.',
    inDays: 22,
    from: [20, 0],
    hours: 1,
    zone: 'America/New_York',
    place: { online: 'https://stage.demo.example/reading' },
    currency: 'usd',
    published: true,
    types: [{ name: 'Listener', kind: 'free', capacity: 300, sold: 11 }],
  },
  {
    organizer: 'society',
    title: 'Long night of analogue computers',
    description:
      'Six machines, four rooms, one night: patch a differential equation, hear it, and watch it settle.\n\n' +
      'Doors open an hour before. There is soup.',
    inDays: 37,
    from: [18, 0],
    hours: 7,
    zone: 'Europe/Berlin',
    place: { name: 'Old Mint Hall', address: 'Münzgasse 4\n04107 Leipzig' },
    currency: 'eur',
    published: false,
    types: [
      { name: 'Standard', kind: 'paid', price: 2400n, capacity: 120 },
      {
        name: 'Concession',
        description: 'Students, pensioners, people out of work',
        kind: 'paid',
        price: 1200n,
        capacity: 40,
      },
      {
        name: 'Supporter',
        description: 'Pays for somebody who cannot',
        kind: 'donation',
        price: 3000n,
        capacity: 40,
      },
      { name: 'Under 14', kind: 'free', capacity: 20 },
    ],
  },
  {
    organizer: 'stage',
    title: 'Tea for four hands',
    description:
      'A piano, two players, and a bowl of tea between the pieces. Forty seats in a room that holds fifty.',
    inDays: 51,
    from: [15, 0],
    hours: 2,
    zone: 'Asia/Tokyo',
    place: { name: 'Room above the garden', address: '3-chome, Yanaka, Taito, Tokyo' },
    currency: 'jpy',
    published: false,
    types: [{ name: 'Seat with tea', kind: 'paid', price: 4500n, capacity: 40, max: 4 }],
  },
];

/** Does anybody use this Foyer already? */
export async function hasPeople(db: Knex): Promise<boolean> {
  return (await db('users').first('id')) !== undefined;
}

/** Fills an empty Foyer in one transaction. Answers the sign-ins to print, or null where people are there already. */
export async function insertDemoData({
  db,
  config,
}: {
  db: Knex;
  config: Pick<Config, 'stripe'>;
}): Promise<{ signIns: typeof demoSignIns } | null> {
  if (await hasPeople(db)) return null;
  const { livemode } = config.stripe.primary;
  await inTransaction(db, async (trx) => {
    const people = await insertPeople(trx);
    const organizers = await insertOrganizers(trx, people);
    for (const event of EVENTS) await insertEvent(trx, event, organizers[event.organizer], livemode);
    await insertUnfinishedForm(trx, people.ada, organizers.society);
  });
  // foreign keys checked by plans that were made for empty tables stay slow for as long as a connection lives
  await db.raw('ANALYZE');
  return { signIns: demoSignIns };
}

type Ids<T> = Record<keyof T, string>;

async function insertPeople(trx: Knex): Promise<Ids<typeof PEOPLE>> {
  const ids: Record<string, string> = {};
  for (const [key, person] of Object.entries(PEOPLE)) {
    ids[key] = newId();
    await trx('users').insert({
      id: ids[key],
      name: person.name,
      email: person.signIn.email,
      // the same strength as for everybody (accounts/passwords.ts)
      password_hash: await hash(person.signIn.password, {
        memoryCost: 19_456,
        timeCost: 2,
        parallelism: 1,
      }),
      is_admin: person.isAdmin,
      email_verified_at: trx.fn.now(),
    });
  }
  return ids as Ids<typeof PEOPLE>;
}

async function insertOrganizers(trx: Knex, people: Ids<typeof PEOPLE>): Promise<Ids<typeof ORGANIZERS>> {
  const ids: Record<string, string> = {};
  for (const [key, organizer] of Object.entries(ORGANIZERS)) {
    ids[key] = newId();
    await trx('organizers').insert({
      id: ids[key],
      slug: slugFrom(organizer.name),
      name: organizer.name,
      contact_email: PEOPLE[organizer.owner].signIn.email,
    });
    await trx('memberships').insert({ user_id: people[organizer.owner], organizer_id: ids[key] });
  }
  return ids as Ids<typeof ORGANIZERS>;
}

async function insertEvent(
  trx: Knex,
  event: DemoEvent,
  organizerId: string,
  livemode: boolean,
): Promise<void> {
  const [hour, minute] = event.from;
  const start = DateTime.now()
    .setZone(event.zone)
    .plus({ days: event.inDays })
    .set({ hour, minute, second: 0, millisecond: 0 });
  const sold = event.types.reduce((sum, type) => sum + (type.sold ?? 0), 0);
  const eventId = newId();
  await trx('events').insert({
    id: eventId,
    organizer_id: organizerId,
    slug: slugFrom(event.title),
    title: event.title,
    description: event.description,
    starts_at: start.toJSDate(),
    ends_at: start.plus({ hours: event.hours }).toJSDate(),
    time_zone: event.zone,
    ...('online' in event.place
      ? { location_kind: 'online', online_url: event.place.online }
      : { location_kind: 'venue', venue_name: event.place.name, venue_address: event.place.address }),
    currency: event.currency,
    sold,
    livemode,
    status: event.published ? 'published' : 'draft',
    published_at: event.published ? trx.fn.now() : null,
  });
  for (const [position, type] of event.types.entries()) {
    const typeId = newId();
    await trx('ticket_types').insert({
      id: typeId,
      event_id: eventId,
      position,
      name: type.name,
      description: type.description ?? '',
      kind: type.kind,
      price: type.price ?? 0n,
      capacity: type.capacity,
      sold: type.sold ?? 0,
      max_per_order: type.max ?? 10,
    });
    await insertOrders(trx, { event, eventId, organizerId, livemode, type, typeId });
  }
}

/** Free orders that add up to what the counters say: pairs, and a single one where the number is odd. */
async function insertOrders(
  trx: Knex,
  of: {
    event: DemoEvent;
    eventId: string;
    organizerId: string;
    livemode: boolean;
    type: DemoTicketType;
    typeId: string;
  },
): Promise<void> {
  const largest = Math.min(2, of.type.max ?? 10);
  let left = of.type.sold ?? 0;
  for (let guest = 1; left > 0; guest += 1) {
    const quantity = Math.min(largest, left);
    left -= quantity;
    const orderId = newId();
    const at = DateTime.now()
      .minus({ hours: guest * 3, minutes: (guest * 17) % 60 })
      .toJSDate();
    await trx('orders').insert({
      id: orderId,
      event_id: of.eventId,
      organizer_id: of.organizerId,
      reference: newReference(),
      status: 'paid',
      inventory: 'sold',
      currency: of.event.currency,
      total_amount: 0n,
      buyer_name: `Demo guest ${guest}`,
      buyer_email: `guest${guest}@demo.example`,
      livemode: of.livemode,
      hold_expires_at: at,
      opened_at: at,
      paid_at: at,
      created_at: at,
      updated_at: at,
    });
    await trx('order_lines').insert({
      order_id: orderId,
      ticket_type_id: of.typeId,
      ticket_type_name: of.type.name,
      quantity,
      unit_price: 0n,
    });
    await trx('order_timeline').insert({
      order_id: orderId,
      at,
      from_status: null,
      to_status: 'paid',
      actor: 'system',
      reason: 'Put in as demo data',
    });
    for (let seq = 1; seq <= quantity; seq += 1)
      await trx('tickets').insert({
        id: newId(),
        order_id: orderId,
        event_id: of.eventId,
        ticket_type_id: of.typeId,
        seq,
      });
  }
}

/** A form that was begun: what one finds on coming back to it. */
async function insertUnfinishedForm(trx: Knex, userId: string, organizerId: string): Promise<void> {
  await trx('event_drafts').insert({
    id: newId(),
    user_id: userId,
    organizer_id: organizerId,
    form_values: JSON.stringify({
      title: 'Summer course: build your own slide rule',
      description: 'Two afternoons, wood and brass provided.',
      time_zone: 'Europe/Berlin',
      location_kind: 'venue',
      venue_name: 'Old Mint Hall',
      currency: 'eur',
      'tickets.0.name': 'Both afternoons',
      'tickets.0.kind': 'paid',
      'tickets.0.min_per_order': '1',
      'tickets.0.max_per_order': '10',
      'tickets.0.visibility': 'public',
    }),
  });
}
