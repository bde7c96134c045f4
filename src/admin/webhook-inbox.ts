/** The admin's view of Stripe's events: where each stands, and what of it may be shown. */
import { type Knex } from 'knex';
import { isUuid } from '../lib/ids';
import { MOST_ATTEMPTS } from '../webhooks/inbox';
import { contains, type ListPage, type ListSearch, readPage } from './list-page';

export const INBOX_FILTERS = ['all', 'received', 'processed', 'failed', 'parked'] as const;
export type InboxFilter = (typeof INBOX_FILTERS)[number];
type InboxState = Exclude<InboxFilter, 'all'>;

export interface InboxEvent {
  id: string;
  type: string;
  account: string | null;
  livemode: boolean;
  createdAt: Date;
  receivedAt: Date;
  processedAt: Date | null;
  deliveries: number;
  attempts: number;
  outcome: string | null;
  lastError: string | null;
  state: InboxState;
}

interface EventRow {
  id: string;
  type: string;
  account: string | null;
  livemode: boolean;
  created_at: Date;
  received_at: Date;
  processed_at: Date | null;
  deliveries: number;
  attempts: number;
  outcome: string | null;
  last_error: string | null;
}

const COLUMNS = [
  'id',
  'type',
  'account',
  'livemode',
  'created_at',
  'received_at',
  'processed_at',
  'deliveries',
  'attempts',
  'outcome',
  'last_error',
];

export async function listInbox(db: Knex, search: ListSearch<InboxFilter>): Promise<ListPage<InboxEvent>> {
  const matching = () => {
    const query = db('stripe_events');
    if (search.q) {
      const like = contains(search.q);
      void query.where((either) =>
        either.whereILike('id', like).orWhereILike('type', like).orWhereILike('account', like),
      );
    }
    if (search.filter === 'processed') void query.whereNotNull('processed_at');
    else if (search.filter !== 'all') void query.whereNull('processed_at');
    if (search.filter === 'parked') void query.where('attempts', '>=', MOST_ATTEMPTS);
    if (search.filter === 'failed')
      void query.where('attempts', '<', MOST_ATTEMPTS).whereNotNull('last_error');
    if (search.filter === 'received')
      void query.where('attempts', '<', MOST_ATTEMPTS).whereNull('last_error');
    return query;
  };
  const page = await readPage<EventRow>(db, matching, search.page, (query) =>
    query
      .orderBy([
        { column: 'received_at', order: 'desc' },
        { column: 'id', order: 'desc' },
      ])
      .select(...COLUMNS),
  );
  return { ...page, rows: page.rows.map(toInboxEvent) };
}

/** One event with the facts of its object that are safe to show, or null. */
export async function findInboxEvent(
  db: Knex,
  id: unknown,
): Promise<{ event: InboxEvent; facts: Fact[]; orderId: string | null } | null> {
  if (typeof id !== 'string' || !/^[\w-]{1,255}$/.test(id)) return null;
  const row = await db('stripe_events').where({ id }).first<(EventRow & { payload: unknown }) | undefined>();
  if (!row) return null;
  const object = objectOf(row.payload);
  return {
    event: toInboxEvent(row),
    facts: factsOf(object),
    orderId: await orderOf(db, object, row.account),
  };
}

export interface Fact {
  term: string;
  text: string;
}

/**
 * The only fields of an object that are shown. Addresses of payment pages, client secrets, and what people told Stripe
 * about themselves are in the others, and Stripe may add more at any time.
 */
const SHOWN: Record<string, string> = {
  object: 'Kind of object',
  id: 'Object',
  status: 'Status',
  payment_status: 'Payment',
  amount: 'Amount (minor units)',
  amount_total: 'Amount (minor units)',
  amount_refunded: 'Given back (minor units)',
  currency: 'Currency',
  payment_intent: 'Payment intent',
  charge: 'Charge',
  failure_reason: 'Reason of the failure',
  charges_enabled: 'Charges enabled',
  payouts_enabled: 'Payouts enabled',
  details_submitted: 'Details submitted',
};

function factsOf(object: Record<string, unknown>): Fact[] {
  return Object.entries(SHOWN).flatMap(([name, term]) => {
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    if (!['string', 'number', 'boolean'].includes(typeof value)) return [];
    return [{ term, text: value === true ? 'Yes' : value === false ? 'No' : String(value).slice(0, 200) }];
  });
}

/** The order that the object belongs to by our own records: never by what stands in the event alone. */
async function orderOf(
  db: Knex,
  object: Record<string, unknown>,
  account: string | null,
): Promise<string | null> {
  const ids = [object['id'], object['payment_intent']].filter(
    (id): id is string => typeof id === 'string' && id.length <= 255,
  );
  if (!account || ids.length === 0) return null;
  const attempt = await db('payment_attempts')
    .where({ stripe_account_id: account })
    .where((either) => either.whereIn('checkout_session_id', ids).orWhereIn('payment_intent_id', ids))
    .first('order_id');
  return isUuid(attempt?.order_id) ? attempt.order_id : null;
}

function objectOf(payload: unknown): Record<string, unknown> {
  const data = (payload as { data?: { object?: unknown } | null } | null)?.data;
  const object = data?.object;
  return typeof object === 'object' && object !== null ? (object as Record<string, unknown>) : {};
}

function toInboxEvent(row: EventRow): InboxEvent {
  return {
    id: row.id,
    type: row.type,
    account: row.account,
    livemode: row.livemode,
    createdAt: row.created_at,
    receivedAt: row.received_at,
    processedAt: row.processed_at,
    deliveries: row.deliveries,
    attempts: row.attempts,
    outcome: row.outcome,
    lastError: row.last_error,
    state: stateOf(row),
  };
}

function stateOf(row: EventRow): InboxState {
  if (row.processed_at) return 'processed';
  if (row.attempts >= MOST_ATTEMPTS) return 'parked';
  return row.last_error === null ? 'received' : 'failed';
}
