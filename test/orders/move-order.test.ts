/** The one place where an order's status changes, against the database: counters, CHECKs and the timeline. */
import { type Knex } from 'knex';
import { createDatabase, inTransaction } from '../../src/db/connection';
import { newId, newReference } from '../../src/lib/ids';
import { moveOrder } from '../../src/orders/move-order';
import {
  type Inventory,
  inventoryAfter,
  isLegalMove,
  LEGAL_MOVES,
  type OrderStatus,
} from '../../src/orders/order';
import { createOrdersStore } from '../../src/orders/orders-store';
import { createTestDatabase } from '../support/test-database';

const STATUSES = Object.keys(LEGAL_MOVES) as OrderStatus[];
const INVENTORIES: Inventory[] = ['held', 'sold', 'none'];
const CAPACITY = 5;

describe('against the database', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let db: Knex;
  const [organizerId, eventId, typeId] = [newId(), newId(), newId()];

  beforeAll(async () => {
    database = await createTestDatabase();
    db = createDatabase({ url: database.url, poolSize: 2 });
    await db('organizers').insert({
      id: organizerId,
      slug: 'society',
      name: 'Analytical Society',
      contact_email: 'ada@people.example',
    });
    await db('events').insert({
      id: eventId,
      organizer_id: organizerId,
      slug: 'lecture',
      title: 'A lecture',
      starts_at: '2030-01-01T18:00Z',
      ends_at: '2030-01-01T20:00Z',
      time_zone: 'UTC',
      location_kind: 'venue',
      venue_name: 'Hall',
      currency: 'eur',
      capacity: CAPACITY,
      livemode: false,
      status: 'published',
    });
    await db('ticket_types').insert({
      id: typeId,
      event_id: eventId,
      position: 0,
      name: 'Stalls',
      kind: 'paid',
      price: 2000,
      capacity: CAPACITY,
    });
  });
  afterAll(async () => {
    await db.destroy();
    await database.drop();
  });

  /** An order of two tickets that stand in a counter, as if it had come this way. */
  async function anOrder(status: OrderStatus, inventory: Inventory, quantity = 2): Promise<string> {
    const id = newId();
    await db('orders').insert({
      id,
      event_id: eventId,
      organizer_id: organizerId,
      reference: newReference(),
      status,
      inventory,
      currency: 'eur',
      // nothing was paid, so that it may be in any state
      total_amount: 0,
      buyer_email: 'ada@people.example',
      livemode: false,
      hold_expires_at: '2030-01-01T00:00Z',
      paid_at: '2029-01-01T00:00Z',
    });
    await db('order_lines').insert({
      order_id: id,
      ticket_type_id: typeId,
      ticket_type_name: 'Stalls',
      quantity,
      unit_price: 2000,
    });
    for (const table of ['events', 'ticket_types']) await db(table).update({ held: 0, sold: 0 });
    if (inventory !== 'none')
      for (const table of ['events', 'ticket_types']) await db(table).update({ [inventory]: quantity });
    return id;
  }

  async function state(id: string) {
    const order = await db('orders').where({ id }).first('status', 'inventory');
    const event = await db('events').where({ id: eventId }).first('held', 'sold');
    const type = await db('ticket_types').where({ id: typeId }).first('held', 'sold');
    const timeline = await db('order_timeline')
      .where({ order_id: id })
      .select('from_status', 'to_status', 'actor', 'reason');
    return { order, event, type, timeline };
  }

  const counted = (inventory: Inventory) => ({
    held: inventory === 'held' ? 2 : 0,
    sold: inventory === 'sold' ? 2 : 0,
  });
  const cause = { actor: 'system' as const, reason: 'a test' };
  const move = (id: string, to: OrderStatus) =>
    inTransaction(db, async (trx) => moveOrder(trx, await createOrdersStore(trx).lock(id), to, cause));

  /** Where an order of a status can stand, by our own rule. */
  const standsIn = (status: OrderStatus): Inventory[] =>
    INVENTORIES.filter((inventory) => inventoryAfter(status, inventory) === inventory);

  it('every status stands in the counters that the database allows it, and in no other', async () => {
    for (const status of STATUSES) {
      const allowed: Inventory[] = [];
      for (const inventory of INVENTORIES) {
        await anOrder(status, inventory).then(
          () => allowed.push(inventory),
          (error: { constraint?: string }) => expect(error.constraint).toBe('orders_inventory_fits_status'),
        );
      }
      expect([status, allowed]).toEqual([status, standsIn(status)]);
    }
    expect(standsIn('needs_attention')).toEqual(INVENTORIES);
  });

  const pairs = STATUSES.flatMap((from) => STATUSES.map((to) => [from, to] as const));

  it.each(pairs.filter(([from, to]) => isLegalMove(from, to)))(
    '%s to %s moves the tickets and writes who and why',
    async (from, to) => {
      for (const inventory of standsIn(from)) {
        const id = await anOrder(from, inventory);
        expect(await move(id, to)).toBe(true);
        const after = inventoryAfter(to, inventory);
        expect(await state(id)).toEqual({
          order: { status: to, inventory: after },
          event: counted(after),
          type: counted(after),
          timeline: [{ from_status: from, to_status: to, ...cause }],
        });
      }
    },
  );

  it('every other move is refused, and changes nothing', async () => {
    for (const [from, to] of pairs.filter(([from, to]) => !isLegalMove(from, to))) {
      const id = await anOrder(from, standsIn(from)[0]!);
      const before = await state(id);
      await expect(move(id, to)).rejects.toThrow(`An order can't go from ${from} to ${to}`);
      expect(await state(id)).toEqual(before);
    }
  });

  it('no legal move holds tickets again that were sold or free', () => {
    const made = new Set(
      pairs
        .filter(([from, to]) => isLegalMove(from, to))
        .flatMap(([from, to]) => standsIn(from).map((before) => `${before} → ${inventoryAfter(to, before)}`)),
    );
    expect([...made].filter((change) => change.endsWith('→ held') && !change.startsWith('held'))).toEqual([]);
  });

  it.each(['expired', 'failed', 'needs_attention'] as const)(
    'a late payment of an order that is %s does not take tickets that are gone',
    async (from) => {
      const id = await anOrder(from, 'none');
      for (const table of ['events', 'ticket_types']) await db(table).update({ sold: CAPACITY - 1 });
      const before = await state(id);
      expect(await move(id, 'paid')).toBe(false);
      expect(await state(id)).toEqual(before);
      for (const table of ['events', 'ticket_types']) await db(table).update({ sold: CAPACITY - 2 });
      expect(await move(id, 'paid')).toBe(true);
    },
  );

  it('the counters can not say more than there is, whatever our code does', async () => {
    await anOrder('held', 'held');
    for (const table of ['events', 'ticket_types']) {
      for (const counters of [{ held: CAPACITY + 1 }, { sold: CAPACITY - 1 }, { held: -1 }, { sold: -1 }])
        await expect(db(table).update(counters)).rejects.toMatchObject({
          constraint: `${table}_counters_fit`,
        });
    }
  });
});
