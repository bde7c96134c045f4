/**
 * Telling ticket holders of a new time or place. Invariant: the change, the mails about it and their rows in the
 * timelines are committed together, one mail for an order, or none of it is.
 */
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { type CalendarEvent, eventCalendar } from '../lib/calendar';
import { newId } from '../lib/ids';
import { type MailContent } from '../mail/compose-mail';
import { type NewMail, queueMails } from '../mail/outbox';
import { noteOnOrders } from '../orders/move-order';
import { type OrderStatus } from '../orders/order';
import { paths } from '../paths';
import { type ToldChange, whatChanged } from './worth-telling';

/**
 * Who is told: whoever has tickets, and whoever has paid with a method that takes days and cannot turn back. Who is still
 * choosing how to pay sees the new words on the order's page, and in the mail that brings the tickets.
 */
const TOLD: OrderStatus[] = ['paid', 'partially_refunded', 'processing', 'needs_attention'];

export interface Holder {
  id: string;
  status: OrderStatus;
  reference: string;
  buyerName: string | null;
  buyerEmail: string;
}

export interface Announcement {
  userId: string;
  /** the organizer's own words; may be empty */
  message: string;
  /** which changes the organizer was shown (`fingerprintOf`) */
  seen: string;
}

export async function countHolders(db: Knex, eventId: string): Promise<number> {
  const [row] = await holders(db, eventId).count<{ count: bigint }[]>('* as count');
  return Number(row!.count);
}

/** The orders to tell, under their row locks: before the event's lock, as everywhere, and once more after it. */
export async function lockHolders(trx: Knex.Transaction, eventId: string): Promise<Holder[]> {
  const rows = await holders(trx, eventId)
    .orderBy('id')
    .forNoKeyUpdate()
    .select('id', 'status', 'reference', 'buyer_name', 'buyer_email');
  return rows.map((row) => ({
    id: row.id,
    status: row.status,
    reference: row.reference,
    buyerName: row.buyer_name,
    buyerEmail: row.buyer_email,
  }));
}

/** Writes down the change and queues its mails, in the caller's transaction and under the locks of `told`. */
export async function tellHolders(
  trx: Knex.Transaction,
  { config, orderTokens }: Pick<Dependencies, 'config' | 'orderTokens'>,
  eventId: string,
  told: Holder[],
  changes: ToldChange[],
  announcement: Announcement,
): Promise<void> {
  const id = newId();
  await trx('event_changes').insert({
    id,
    event_id: eventId,
    changed_by: announcement.userId,
    changes: JSON.stringify(changes),
    message: announcement.message,
    orders_told: told.length,
  });
  const { event, organizer } = await readEventForMail(trx, eventId);
  const url = config.baseUrl + paths.event(event.slug);
  const calendar = eventCalendar({ ...event, online_url: null, url, organizerName: organizer.name });
  const mails = told.map((order): NewMail => ({
    dedupeKey: `event-changed:${id}:${order.id}`,
    template: 'event-changed',
    recipient: order.buyerEmail,
    orderId: order.id,
    content: changeMail({
      event,
      organizer,
      order,
      changes,
      message: announcement.message,
      url: config.baseUrl + paths.order(orderTokens.sign(order.id)),
    }),
    attachments: [
      {
        filename: 'event.ics',
        contentType: 'text/calendar; method=PUBLISH',
        content: Buffer.from(calendar).toString('base64'),
      },
    ],
  }));
  await queueMails(trx, mails);
  await noteOnOrders(trx, told, {
    actor: 'organizer',
    actorUserId: announcement.userId,
    reason: `told by mail that ${whatChanged(changes)} changed`,
    details: Object.fromEntries(
      changes.map(({ label, before, after }) => [label.toLowerCase(), `${before} → ${after}`]),
    ),
  });
}

/** The mail to one order, and to the organizer as a preview. */
export function changeMail(about: {
  event: { title: string };
  organizer: { name: string; contact_email: string };
  order: Pick<Holder, 'status' | 'reference' | 'buyerName'>;
  changes: ToldChange[];
  message: string;
  url: string;
}): MailContent {
  const { event, organizer, order, changes } = about;
  const verb = changes.length > 1 ? 'have' : 'has';
  const what = whatChanged(changes);
  return {
    subject: `Changed: ${event.title}`,
    heading: `${what.charAt(0).toUpperCase()}${what.slice(1)} of ${event.title} ${verb} changed`,
    paragraphs: [
      `Hello ${order.buyerName ?? 'there'}, ${organizer.name} has changed ${what} of this event.`,
      ...(about.message ? [`They write: ${about.message}`] : []),
      order.status === 'processing'
        ? 'Your payment is still on its way. Your tickets come as soon as your bank has confirmed it.'
        : 'Your tickets stay good, and you need not do anything. Their page shows what is new.',
    ],
    rows: [
      ...changes.flatMap(({ label, before, after }) => [
        { label: `${label} now`, value: after },
        { label: `${label} before`, value: before },
      ]),
      { label: 'Order', value: order.reference },
    ],
    action: { label: 'See your order', url: about.url },
    footer: `You get this mail because of order ${order.reference}. Can you not come any more? Write to ${organizer.contact_email}.`,
  };
}

function holders(db: Knex, eventId: string) {
  return db('orders')
    .where({ event_id: eventId })
    .whereIn('status', TOLD)
    .whereNot({ inventory: 'none' })
    .whereNotNull('buyer_email');
}

async function readEventForMail(trx: Knex, eventId: string) {
  const event: CalendarEvent & { slug: string; organizer_id: string } = await trx('events')
    .where({ id: eventId })
    .first();
  const organizer: { name: string; contact_email: string } = await trx('organizers')
    .where({ id: event.organizer_id })
    .first('name', 'contact_email');
  return { event, organizer };
}
