/**
 * What an order's page and its mails say beside the order: event, organizer, lines, terms, code. In a rush they are read
 * several times for every order, so each is one statement; its columns are named, so that a plan of it can be kept.
 */
import { type Knex } from 'knex';
import { NotFound } from '../errors';
import { type ToldChange } from '../events/worth-telling';
import { type OrganizerTerms } from '../organizers/organizer-terms';
import { type Order, type OrderLine } from './order';

export interface OrderContext {
  event: {
    id: string;
    slug: string;
    title: string;
    livemode: boolean;
    status: string;
    cancellation_reason: string | null;
    starts_at: Date;
    ends_at: Date;
    time_zone: string;
    location_kind: string;
    venue_name: string | null;
    venue_address: string | null;
    online_url: string | null;
    self_cancellation: string | null;
  };
  organizer: { name: string; slug: string; contact_email: string };
  lines: OrderLine[];
  /** the latest that ticket holders were told of the event, if that was after this order was begun */
  change: { changes: ToldChange[]; message: string } | null;
  /** what is agreed to by going on with a hold, or what was agreed to */
  terms: OrganizerTerms | null;
  /** the name of the code that the order was placed with */
  code: string | null;
}

export async function readOrderContext(
  db: Knex,
  order: Pick<Order, 'id'>,
  { agreed }: { agreed: boolean },
): Promise<OrderContext> {
  const { rows } = await db.raw(
    `SELECT events.id, events.slug, events.title, events.livemode, events.status, events.cancellation_reason,
            events.starts_at, events.ends_at, events.time_zone, events.location_kind, events.venue_name,
            events.venue_address, events.online_url, events.self_cancellation, organizers.name AS organizer_name,
            organizers.slug AS organizer_slug, organizers.contact_email, terms.id AS terms_id, terms.terms,
            terms.refund_policy, terms.imprint, terms.created_at AS terms_created_at,
            (SELECT code FROM discount_codes WHERE id = orders.discount_code_id) AS code,
            (SELECT json_build_object('changes', latest.changes, 'message', latest.message)
               FROM (SELECT changes, message, created_at FROM event_changes WHERE event_id = orders.event_id
                      ORDER BY created_at DESC LIMIT 1) latest
              WHERE latest.created_at > orders.created_at) AS change,
            (SELECT json_agg(json_build_object(
                      'ticketTypeId', ticket_type_id, 'ticketTypeName', ticket_type_name, 'quantity', quantity,
                      'unitPrice', unit_price::text, 'discount', discount::text) ORDER BY ticket_type_id)
               FROM order_lines WHERE order_id = orders.id) AS lines
       FROM orders
       JOIN events ON events.id = orders.event_id
       JOIN organizers ON organizers.id = orders.organizer_id
       LEFT JOIN organizer_terms terms
         ON terms.id = CASE WHEN :agreed THEN orders.agreed_terms_id ELSE organizers.current_terms_id END
      WHERE orders.id = :id`,
    { id: order.id, agreed },
  );
  const row = rows[0];
  if (!row) throw new NotFound('order');
  return {
    event: row,
    organizer: { name: row.organizer_name, slug: row.organizer_slug, contact_email: row.contact_email },
    lines: (row.lines ?? []).map(toLine),
    change: row.change,
    terms: row.terms_id && {
      id: row.terms_id,
      terms: row.terms,
      refundPolicy: row.refund_policy,
      imprint: row.imprint,
      createdAt: row.terms_created_at,
    },
    code: row.code,
  };
}

/** Amounts come as text: JSON has no numbers that are large enough. */
function toLine(line: Record<'unitPrice' | 'discount', string> & OrderLine): OrderLine {
  return { ...line, unitPrice: BigInt(line.unitPrice), discount: BigInt(line.discount) };
}

export interface OrderAftermath {
  /** the buyer's bank has a dispute open */
  disputed: boolean;
  hasRefunds: boolean;
  /** what the first payment that succeeded brought; minor units */
  paid: { amount: bigint; currency: string } | null;
}

/** What came after the hold. */
export async function readAftermath(db: Knex, order: Pick<Order, 'id'>): Promise<OrderAftermath> {
  const { rows } = await db.raw(
    `SELECT EXISTS (SELECT 1 FROM disputes WHERE order_id = :id AND stage = 'open') AS disputed,
            EXISTS (SELECT 1 FROM refunds WHERE order_id = :id) AS "hasRefunds",
            (SELECT json_build_object('amount', paid_amount::text, 'currency', paid_currency) FROM payment_attempts
              WHERE order_id = :id AND status = 'paid' AND paid_amount IS NOT NULL ORDER BY n LIMIT 1) AS paid`,
    { id: order.id },
  );
  const { disputed, hasRefunds, paid } = rows[0];
  return { disputed, hasRefunds, paid: paid && { ...paid, amount: BigInt(paid.amount) } };
}
