/** SQL of disputes, and of the evidence that Foyer holds for one. */
import { type Knex } from 'knex';
import { type ListPage, type ListSearch, contains, readPage } from '../admin/list-page';
import { type DisputeStage } from './dispute';

export const DISPUTE_FILTERS = ['running', 'all', 'won', 'lost'] as const;

export interface StoredDispute {
  id: string;
  stripeDisputeId: string;
  orderId: string;
  account: string;
  livemode: boolean;
  /** minor units */
  amount: bigint;
  currency: string;
  reason: string;
  status: string;
  stage: DisputeStage;
  evidenceDueAt: Date | null;
  evidenceSubmitted: boolean;
  openedAt: Date;
  closedAt: Date | null;
}

export interface ListedDispute extends StoredDispute {
  reference: string;
  eventTitle: string;
  organizerName: string;
}

/** What an organizer can show to the bank: all of it is in our books, none is a guess. */
export interface Evidence {
  tickets: { seq: number; typeName: string; checkedInAt: Date | null }[];
  /** to the buyer's address */
  mails: { subject: string; status: string; at: Date }[];
}

/** Do this order's tickets let nobody in, because a bank has taken the payment back for now? */
export async function isOrderDisputed(db: Knex, orderId: string): Promise<boolean> {
  return (await db('disputes').where({ order_id: orderId, stage: 'open' }).first('id')) !== undefined;
}

export async function listDisputesOfOrder(db: Knex, orderId: string): Promise<StoredDispute[]> {
  const rows = await withAccount(db).where('disputes.order_id', orderId).orderBy('opened_at', 'desc');
  return rows.map(toDispute);
}

/** Disputes that an organizer can still answer, the most pressing first. */
export async function listDisputesToAnswer(
  db: Knex,
  of: { organizerId: string; livemode: boolean },
): Promise<{ orderId: string; reference: string; amount: bigint; currency: string; dueAt: Date | null }[]> {
  const rows = await db('disputes')
    .join('orders', 'orders.id', 'disputes.order_id')
    .where({ 'orders.organizer_id': of.organizerId, 'orders.livemode': of.livemode })
    .whereIn('stage', ['inquiry', 'open'])
    .whereLike('disputes.status', '%needs_response')
    .orderByRaw('evidence_due_at NULLS LAST')
    .limit(5)
    .select('orders.id', 'reference', 'disputes.amount', 'disputes.currency', 'evidence_due_at');
  return rows.map((row) => ({
    orderId: row.id,
    reference: row.reference,
    amount: row.amount,
    currency: row.currency,
    dueAt: row.evidence_due_at,
  }));
}

export async function listAllDisputes(
  db: Knex,
  search: ListSearch<(typeof DISPUTE_FILTERS)[number]>,
): Promise<ListPage<ListedDispute>> {
  const matching = () => {
    const query = withAccount(db)
      .clearSelect()
      .join('orders', 'orders.id', 'disputes.order_id')
      .join('events', 'events.id', 'orders.event_id')
      .join('organizers', 'organizers.id', 'orders.organizer_id');
    if (search.q) {
      const like = contains(search.q);
      void query.where((either) =>
        either
          .whereILike('orders.reference', like)
          .orWhereILike('organizers.name', like)
          .orWhereILike('stripe_dispute_id', like),
      );
    }
    if (search.filter === 'running') void query.whereIn('stage', ['inquiry', 'open']);
    else if (search.filter !== 'all') void query.where({ stage: search.filter });
    return query;
  };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  const page = await readPage<any>(db, matching, search.page, (query) =>
    query
      .orderBy([
        { column: 'opened_at', order: 'desc' },
        { column: 'disputes.id', order: 'asc' },
      ])
      .select(...COLUMNS, 'reference', 'events.title as event_title', 'organizers.name as organizer_name'),
  );
  return {
    ...page,
    rows: page.rows.map((row) => ({
      ...toDispute(row),
      reference: row.reference,
      eventTitle: row.event_title,
      organizerName: row.organizer_name,
    })),
  };
}

export async function readEvidence(
  db: Knex,
  order: { id: string; buyerEmail: string | null },
): Promise<Evidence> {
  const tickets = await db('tickets')
    .join('ticket_types', 'ticket_types.id', 'tickets.ticket_type_id')
    .where({ order_id: order.id })
    .orderBy('seq')
    .select('seq', 'ticket_types.name as type_name', 'checked_in_at');
  const mails = order.buyerEmail
    ? await db('mails')
        .where({ order_id: order.id, recipient: order.buyerEmail })
        .orderBy('created_at')
        .select('subject', 'status', 'sent_at', 'created_at')
    : [];
  return {
    tickets: tickets.map((row) => ({
      seq: row.seq,
      typeName: row.type_name,
      checkedInAt: row.checked_in_at,
    })),
    mails: mails.map((row) => ({
      subject: row.subject,
      status: row.status,
      at: row.sent_at ?? row.created_at,
    })),
  };
}

const COLUMNS = ['disputes.*', 'payment_attempts.stripe_account_id', 'payment_attempts.livemode'];

function withAccount(db: Knex): Knex.QueryBuilder {
  return db('disputes')
    .join('payment_attempts', 'payment_attempts.id', 'disputes.payment_attempt_id')
    .select(...COLUMNS);
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
function toDispute(row: any): StoredDispute {
  return {
    id: row.id,
    stripeDisputeId: row.stripe_dispute_id,
    orderId: row.order_id,
    account: row.stripe_account_id,
    livemode: row.livemode,
    amount: row.amount,
    currency: row.currency,
    reason: row.reason,
    status: row.status,
    stage: row.stage,
    evidenceDueAt: row.evidence_due_at,
    evidenceSubmitted: row.evidence_submitted,
    openedAt: row.opened_at,
    closedAt: row.closed_at,
  };
}
