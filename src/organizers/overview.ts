/** What the desk's first page shows, read in one place: what needs a person today, then the numbers. */
import { type Knex } from 'knex';
import { listRefundMatters, type RefundMatter } from '../payments/refund-matters';
import { listDisputesToAnswer } from '../payments/disputes-store';

interface UnfinishedForm {
  draftId: string;
  /** the event that is being changed; null for a new one */
  eventId: string | null;
  title: string | null;
}

interface StoppedEvent {
  id: string;
  title: string;
  account: { displayName: string | null; stripeUserId: string };
}

interface DraftEvent {
  id: string;
  title: string;
}

interface ComingEvent {
  id: string;
  title: string;
  startsAt: Date;
  timeZone: string;
  place: string;
  sold: number;
  held: number;
  /** what can be sold in all: the event's own limit, or that of its ticket types together */
  capacity: number;
  /** begins within two days, or has begun */
  soon: boolean;
  /** begins within half a day, or has begun: people come to its door */
  today: boolean;
}

export interface Overview {
  hasEvents: boolean;
  /** Are there tickets to pay for, on sale or being prepared? */
  sellsPaidTickets: boolean;
  /** on sale, but for the account that they name themselves */
  stoppedEvents: StoppedEvent[];
  unfinishedForms: UnfinishedForm[];
  draftEvents: DraftEvent[];
  comingEvents: ComingEvent[];
  comingCount: number;
  ticketsSold: number;
  /** what buyers paid, less what was given back; one entry for each currency, minor units */
  revenue: { currency: string; amount: bigint }[];
  /** orders that wait for a person */
  undecided: { id: string; reference: string; total: bigint; currency: string }[];
  /** payments that a bank has taken back or asks about, and that can still be answered */
  disputes: Awaited<ReturnType<typeof listDisputesToAnswer>>;
  /** refunds that have stopped or ask something, and money of cancelled events that nobody decided about */
  refundMatters: RefundMatter[];
}

interface Who {
  organizerId: string;
  userId: string;
  livemode: boolean;
}

const MOST_LISTED = 5;

/** The overview of one organizer, as one of its members sees it. Numbers count orders of the mode that is in use. */
export async function readOverview(db: Knex, who: Who): Promise<Overview> {
  // one after the other: a page of the desk must not take most of the pool's connections at once
  const counts = await countEventsAndTickets(db, who);
  return {
    hasEvents: counts.events > 0,
    sellsPaidTickets: await hasPaidTickets(db, who),
    stoppedEvents: await listStoppedEvents(db, who),
    unfinishedForms: await listUnfinishedForms(db, who),
    draftEvents: await listDraftEvents(db, who),
    comingEvents: await listComingEvents(db, who),
    comingCount: counts.coming,
    ticketsSold: counts.tickets,
    revenue: await sumRevenue(db, who),
    disputes: await listDisputesToAnswer(db, who),
    refundMatters: await listRefundMatters(db, who),
    undecided: await listUndecidedOrders(db, who),
  };
}

async function hasPaidTickets(db: Knex, who: Who): Promise<boolean> {
  const found = await db('events')
    .join('ticket_types', 'ticket_types.event_id', 'events.id')
    .where({ 'events.organizer_id': who.organizerId, 'events.livemode': who.livemode })
    .whereIn('events.status', ['draft', 'published'])
    .where('events.ends_at', '>', db.fn.now())
    .whereIn('ticket_types.kind', ['paid', 'donation'])
    .whereNull('ticket_types.removed_at')
    .first('events.id');
  return found !== undefined;
}

async function listStoppedEvents(db: Knex, who: Who): Promise<StoppedEvent[]> {
  const rows = await db('events')
    .join('stripe_connections as account', 'account.id', 'events.stripe_connection_id')
    .where({ 'events.organizer_id': who.organizerId, 'events.livemode': who.livemode })
    .where('events.status', 'published')
    .where('events.ends_at', '>', db.fn.now())
    .where((why) =>
      why
        .whereNot('account.status', 'active')
        .orWhere('account.charges_enabled', false)
        .orWhereNotNull('account.status_detail'),
    )
    .whereExists(
      db('ticket_types')
        .whereRaw('ticket_types.event_id = events.id')
        .whereNot({ kind: 'free' })
        .whereNull('removed_at')
        .select(db.raw('1')),
    )
    .orderBy('events.starts_at')
    .limit(MOST_LISTED)
    .select('events.id', 'events.title', 'account.display_name', 'account.stripe_user_id');
  return rows.map((row) => ({
    id: row.id,
    title: row.title,
    account: { displayName: row.display_name, stripeUserId: row.stripe_user_id },
  }));
}

async function listUnfinishedForms(db: Knex, who: Who): Promise<UnfinishedForm[]> {
  const rows: { id: string; event_id: string | null; title: string | null; event_title: string | null }[] =
    await db('event_drafts')
      .leftJoin('events', 'events.id', 'event_drafts.event_id')
      .where({ 'event_drafts.user_id': who.userId, 'event_drafts.organizer_id': who.organizerId })
      .orderBy('event_drafts.updated_at', 'desc')
      .limit(MOST_LISTED)
      .select(
        'event_drafts.id',
        'event_drafts.event_id',
        db.raw("event_drafts.form_values ->> 'title' AS title"),
        'events.title AS event_title',
      );
  return rows.map((row) => ({
    draftId: row.id,
    eventId: row.event_id,
    title: row.title?.trim() || row.event_title || null,
  }));
}

async function listDraftEvents(db: Knex, who: Who): Promise<DraftEvent[]> {
  return db('events')
    .where({ organizer_id: who.organizerId, status: 'draft' })
    .where('ends_at', '>', db.fn.now())
    .orderBy('starts_at')
    .limit(MOST_LISTED)
    .select('id', 'title');
}

interface ComingRow {
  id: string;
  title: string;
  starts_at: Date;
  time_zone: string;
  place: string;
  sold: number;
  held: number;
  capacity: number | null;
  types_capacity: bigint | null;
  soon: boolean;
  today: boolean;
}

async function listComingEvents(db: Knex, who: Who): Promise<ComingEvent[]> {
  const rows: ComingRow[] = await db('events')
    .where({ organizer_id: who.organizerId, status: 'published' })
    .where('ends_at', '>', db.fn.now())
    .orderBy(['starts_at', 'id'])
    .limit(MOST_LISTED)
    .select(
      'id',
      'title',
      'starts_at',
      'time_zone',
      db.raw("coalesce(venue_name, 'Online') AS place"),
      'sold',
      'held',
      'capacity',
      db.raw(
        '(SELECT sum(t.capacity) FROM ticket_types t WHERE t.event_id = events.id AND t.removed_at IS NULL) AS types_capacity',
      ),
      db.raw("starts_at < now() + interval '2 days' AS soon"),
      db.raw("starts_at < now() + interval '12 hours' AS today"),
    );
  return rows.map((row) => ({
    id: row.id,
    title: row.title,
    startsAt: row.starts_at,
    timeZone: row.time_zone,
    place: row.place,
    sold: row.sold,
    held: row.held,
    capacity: smallest(row.capacity, row.types_capacity),
    soon: row.soon,
    today: row.today,
  }));
}

function smallest(ofEvent: number | null, ofTypes: bigint | null): number {
  const types = Number(ofTypes ?? 0n);
  return ofEvent === null ? types : Math.min(ofEvent, types);
}

async function countEventsAndTickets(
  db: Knex,
  who: Who,
): Promise<{ events: number; coming: number; tickets: number }> {
  const { rows } = await db.raw<{ rows: { events: number; coming: number; tickets: number }[] }>(
    `SELECT
       (SELECT count(*)::int FROM events WHERE organizer_id = :organizerId) AS events,
       (SELECT count(*)::int FROM events
         WHERE organizer_id = :organizerId AND status = 'published' AND ends_at > now()) AS coming,
       (SELECT count(*)::int FROM tickets JOIN orders ON orders.id = tickets.order_id
         WHERE orders.organizer_id = :organizerId AND orders.livemode = :livemode AND tickets.status = 'valid') AS tickets`,
    { organizerId: who.organizerId, livemode: who.livemode },
  );
  return rows[0]!;
}

async function listUndecidedOrders(db: Knex, who: Who): Promise<Overview['undecided']> {
  const rows = await db('orders')
    .where({ organizer_id: who.organizerId, livemode: who.livemode, status: 'needs_attention' })
    .orderBy('updated_at')
    .limit(MOST_LISTED)
    .select('id', 'reference', 'total_amount', 'currency');
  return rows.map((row) => ({
    id: row.id,
    reference: row.reference,
    total: row.total_amount,
    currency: row.currency,
  }));
}

/** Only money that stayed: a full refund has left, and a payment that waits for its refund is not counted at all. */
async function sumRevenue(db: Knex, who: Who): Promise<Overview['revenue']> {
  const { rows } = await db.raw<{ rows: { currency: string; amount: string }[] }>(
    `SELECT orders.currency,
            sum(orders.total_amount - coalesce((SELECT sum(amount) FROM refunds
              WHERE order_id = orders.id AND status IN ('pending', 'succeeded') AND origin <> 'duplicate_payment'), 0))::text AS amount
       FROM orders
      WHERE orders.organizer_id = :organizerId AND orders.livemode = :livemode
        AND orders.status IN ('paid', 'partially_refunded') AND orders.total_amount > 0
      GROUP BY orders.currency
      ORDER BY orders.currency`,
    { organizerId: who.organizerId, livemode: who.livemode },
  );
  return rows.map(({ currency, amount }) => ({ currency, amount: BigInt(amount) }));
}
