/**
 * Test and live. An event is in one mode, and so is each of its orders; what its counters say is of orders in its own
 * mode alone. Invariant, kept under the event's lock: an order of the other mode holds nothing, and was never sent to
 * Stripe, so nothing that comes late can touch the counters. Hence test mode begins only where nothing live was ever paid
 * or is on its way, and going live removes the test orders first.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { type Config } from '../config';
import { inTransaction } from '../db/connection';
import { Conflict } from '../errors';
import { type EventDetails } from './event';
import { createEventsStore } from './events-store';

export type EventMode = 'test' | 'live';

export interface ModeOfEvent {
  mode: EventMode;
  testOrders: number;
  /** why the mode can't be changed now; null when it can */
  obstacle: string | null;
}

/** Only a platform with keys of both modes has a choice. On the simulator, or with a test key alone, all is a test anyway. */
export function offersTestMode({ stripe }: Pick<Config, 'stripe'>): boolean {
  return stripe.primary.livemode && stripe.modes.some(({ livemode }) => !livemode);
}

/** Is this event a rehearsal on a platform that sells for real? */
export function isInTestMode(config: Pick<Config, 'stripe'>, event: { livemode: boolean }): boolean {
  return offersTestMode(config) && !event.livemode;
}

/** The title as pages, tickets and mails show it: of a test it says so, wherever it is read. */
export function markedTitle(
  config: Pick<Config, 'stripe'>,
  event: { title: string; livemode: boolean },
): string {
  return isInTestMode(config, event) ? `[Test] ${event.title}` : event.title;
}

export async function readMode(db: Knex, event: Pick<EventDetails, 'id' | 'livemode' | 'status'>) {
  const testOrders = await countOrders(db, event.id, (orders) => void orders.where({ livemode: false }));
  const obstacle = await obstacleOf(db, event);
  return { mode: event.livemode ? 'live' : 'test', testOrders, obstacle } satisfies ModeOfEvent;
}

interface Deed {
  eventId: string;
  organizerId: string;
  userId: string;
}

/** Puts the event in the other mode. Answers how many test orders were removed. Throws Conflict where it can't be done now. */
export async function switchMode(db: Knex, deed: Deed, to: EventMode): Promise<{ removed: number }> {
  return inTransaction(db, async (trx) => {
    const event = await createEventsStore(trx).lockOfOrganizer(deed.eventId, deed.organizerId);
    if (event.livemode === (to === 'live')) return { removed: 0 };
    if (to === 'live') await lockTestOrders(trx, event.id);
    const obstacle = await obstacleOf(trx, event);
    if (obstacle) throw new Conflict(obstacle, 'The mode stays as it is');
    const removed = to === 'live' ? await removeTestOrders(trx, event.id) : 0;
    await trx('events')
      .where({ id: event.id })
      .update({ livemode: to === 'live', updated_at: trx.fn.now() });
    await audit(trx, deed, to === 'live' ? 'event.went_live' : 'event.test_mode_begun', removed);
    return { removed };
  });
}

/** Removes the event's test orders, with all that hangs on them. Answers how many. */
export async function purgeTestOrders(db: Knex, deed: Deed): Promise<number> {
  return inTransaction(db, async (trx) => {
    const event = await createEventsStore(trx).lockOfOrganizer(deed.eventId, deed.organizerId);
    if (event.livemode) return 0;
    await lockTestOrders(trx, event.id);
    const obstacle = await obstacleOf(trx, event);
    if (obstacle) throw new Conflict(obstacle, 'The test orders stay for now');
    const removed = await removeTestOrders(trx, event.id);
    if (removed > 0) await audit(trx, deed, 'event.test_orders_removed', removed);
    return removed;
  });
}

/**
 * So that none goes on to its payment while it is removed. Orders are locked before their event everywhere else; here the
 * event comes first, so nobody is waited for.
 */
async function lockTestOrders(trx: Knex.Transaction, eventId: string): Promise<void> {
  try {
    await trx('orders').where({ event_id: eventId, livemode: false }).forUpdate().noWait().select('id');
  } catch (error) {
    if ((error as { code?: unknown }).code !== '55P03') throw error;
    throw new Conflict(
      'A test order is changing at this moment. Try again in a few seconds.',
      'Not just now',
    );
  }
}

const UNDER_WAY = [
  'creating_session',
  'awaiting_payment',
  'processing',
  'expiring',
  'refund_pending',
] as const;

async function obstacleOf(
  db: Knex,
  event: Pick<EventDetails, 'id' | 'livemode' | 'status'>,
): Promise<string | null> {
  if (event.status === 'cancelled') return 'This event is cancelled, so its mode stays.';
  if (event.livemode) {
    const real = await countOrders(
      db,
      event.id,
      (orders) =>
        void orders.where({ livemode: true }).where((either) => {
          void either
            .whereNotIn('status', ['expired', 'failed'])
            // a payment that was ever begun may still come
            .orWhereExists(db('payment_attempts').whereRaw('payment_attempts.order_id = orders.id'));
        }),
    );
    return real > 0
      ? 'People have ordered tickets of this event for real, or are just doing so. Duplicate the event to try things out with the copy.'
      : null;
  }
  const busy = await countOrders(
    db,
    event.id,
    (orders) => void orders.where({ livemode: false }).whereIn('status', [...UNDER_WAY]),
  );
  return busy > 0
    ? `${busy === 1 ? 'One test order is' : `${busy} test orders are`} just being paid. Finish or leave ${busy === 1 ? 'it' : 'them'}: what is not paid ends by itself within 40 minutes.`
    : null;
}

async function countOrders(
  db: Knex,
  eventId: string,
  which: (orders: Knex.QueryBuilder) => void,
): Promise<number> {
  const row = await db('orders')
    .where({ event_id: eventId })
    .modify(which)
    .first(db.raw('count(*)::int AS count'));
  return row.count;
}

/** Under the event's lock, with no payment under way. What they held and sold goes with them. */
async function removeTestOrders(trx: Knex.Transaction, eventId: string): Promise<number> {
  const orders = () => trx('orders').where({ event_id: eventId, livemode: false }).select('id');
  const tickets = () => trx('tickets').whereIn('order_id', orders()).select('id');
  await trx.raw(
    `INSERT INTO removed_test_tickets (ticket_id, event_id)
     SELECT id, event_id FROM tickets
      WHERE order_id IN (SELECT id FROM orders WHERE event_id = ? AND livemode = false)`,
    [eventId],
  );
  await trx('check_in_scans').whereIn('ticket_id', tickets()).delete();
  await trx('tickets').whereIn('order_id', orders()).delete();
  for (const table of ['disputes', 'refunds', 'payment_attempts'])
    await trx(table).whereIn('order_id', orders()).delete();
  const removed = await trx('orders').where({ event_id: eventId, livemode: false }).delete();
  await trx('ticket_types').where({ event_id: eventId }).update({ held: 0, sold: 0 });
  await trx('events').where({ id: eventId }).update({ held: 0, sold: 0 });
  return removed;
}

async function audit(trx: Knex.Transaction, deed: Deed, action: string, removed: number): Promise<void> {
  await writeAudit(trx, {
    actor: 'organizer',
    actorUserId: deed.userId,
    action,
    organizerId: deed.organizerId,
    subjectType: 'event',
    subjectId: deed.eventId,
    details: { testOrdersRemoved: removed },
  });
}
