/**
 * Cancelling. Invariant: from the moment a person is told, nothing more of the event is sold, and every paid order is
 * told once. Open holds are left to expire; money goes back only where the organizer refunds it.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { formatTimeRange } from '../lib/dates';
import { formatMoney } from '../lib/money';
import { queueMail } from '../mail/outbox';
import { paths } from '../paths';
import { createEventsStore } from './events-store';

type CancelDependencies = Pick<Dependencies, 'db' | 'config' | 'orderTokens'>;

export async function cancelEvent(
  dependencies: CancelDependencies,
  deed: { eventId: string; organizerId: string; userId: string; reason: string },
): Promise<void> {
  await inTransaction(dependencies.db, async (trx) => {
    const events = createEventsStore(trx);
    const event = await events.lockOfOrganizer(deed.eventId, deed.organizerId);
    if (event.status === 'cancelled') return;
    await events.markCancelled(event.id, deed.reason);
    await writeAudit(trx, {
      actor: 'organizer',
      actorUserId: deed.userId,
      action: 'event.cancelled',
      organizerId: deed.organizerId,
      subjectType: 'event',
      subjectId: event.id,
      reason: deed.reason,
    });
  });
  while ((await queueCancellationMails(dependencies)) === MAILS_AT_ONCE);
}

const MAILS_AT_ONCE = 200;

interface OrderToTell {
  id: string;
  event_id: string;
  reference: string;
  total_amount: bigint;
  currency: string;
  buyer_name: string | null;
  buyer_email: string;
  title: string;
  starts_at: Date;
  ends_at: Date;
  time_zone: string;
  cancellation_reason: string | null;
  organizer_name: string;
  contact_email: string;
}

/**
 * Queues the mail for holders of cancelled events who have none yet, at most 200 at once, and answers how many there
 * were. It looks at what is stored, so a sweep that calls it picks up what a process that was killed left undone.
 */
export async function queueCancellationMails(dependencies: CancelDependencies): Promise<number> {
  const orders = await listOrdersToTell(dependencies.db);
  if (orders.length > 0)
    await inTransaction(dependencies.db, async (trx) => {
      for (const order of orders) await queueCancellationMail(trx, dependencies, order);
    });
  return orders.length;
}

async function listOrdersToTell(db: Knex): Promise<OrderToTell[]> {
  return db('orders')
    .join('events', 'events.id', 'orders.event_id')
    .join('organizers', 'organizers.id', 'events.organizer_id')
    .where({ 'events.status': 'cancelled', 'orders.inventory': 'sold' })
    .whereNotNull('orders.buyer_email')
    .whereNotExists(
      db('mails').whereRaw(
        "mails.dedupe_key = 'event-cancelled:' || events.id::text || ':' || orders.id::text",
      ),
    )
    .orderBy('orders.created_at')
    .limit(MAILS_AT_ONCE)
    .select(
      'orders.id',
      'orders.event_id',
      'orders.reference',
      'orders.total_amount',
      'orders.currency',
      'orders.buyer_name',
      'orders.buyer_email',
      'events.title',
      'events.starts_at',
      'events.ends_at',
      'events.time_zone',
      'events.cancellation_reason',
      'organizers.name as organizer_name',
      'organizers.contact_email',
    );
}

async function queueCancellationMail(
  trx: Knex,
  { config, orderTokens }: CancelDependencies,
  order: OrderToTell,
): Promise<void> {
  await queueMail(trx, {
    dedupeKey: `event-cancelled:${order.event_id}:${order.id}`,
    template: 'event-cancelled',
    recipient: order.buyer_email,
    orderId: order.id,
    content: {
      subject: `Cancelled: ${order.title}`,
      heading: `${order.title} is cancelled`,
      paragraphs: [
        `${order.organizer_name} has cancelled this event. They write:`,
        order.cancellation_reason ?? '',
        order.total_amount > 0n
          ? `You paid ${formatMoney(order.total_amount, order.currency)} to ${order.organizer_name}. Foyer does not send it back by itself: ${order.organizer_name} decides about refunds. Write to ${order.contact_email} and name your order.`
          : 'Your tickets were free, so there is nothing to pay back.',
      ].filter((paragraph) => paragraph !== ''),
      rows: [
        { label: 'Order', value: order.reference },
        { label: 'It was to be', value: formatTimeRange(order.starts_at, order.ends_at, order.time_zone) },
      ],
      action: { label: 'See your order', url: config.baseUrl + paths.order(orderTokens.sign(order.id)) },
      footer: `You get this mail because you have tickets. Questions about the event: ${order.contact_email}`,
    },
  });
}
