/** How an event sells: day by day, by ticket type, and on the way from chosen to paid. Read models of the desk. */
import { type Knex } from 'knex';
import { DateTime } from 'luxon';

export interface SalesDay {
  /** "2027-03-12", in the event's zone */
  date: string;
  orders: number;
  tickets: number;
  /** minor units, refunds not taken off */
  taken: bigint;
}

export interface SalesStep {
  name: string;
  count: number;
  /** of the widest step, from 0 to 100 */
  width: number;
}

/** The days that are drawn, newest last; a quiet day is a day, too. */
const MOST_DAYS = 60;

export async function readSalesByDay(
  db: Knex,
  event: { id: string; timeZone: string },
  now: Date,
): Promise<SalesDay[]> {
  const { rows } = await db.raw(
    `SELECT to_char(paid_at AT TIME ZONE :zone, 'YYYY-MM-DD') AS date,
            count(*)::int AS orders,
            coalesce(sum((SELECT sum(quantity) FROM order_lines WHERE order_id = orders.id)), 0)::int AS tickets,
            sum(total_amount)::bigint AS taken
       FROM orders WHERE event_id = :id AND paid_at IS NOT NULL GROUP BY 1 ORDER BY 1`,
    { id: event.id, zone: event.timeZone },
  );
  return withQuietDays(rows as SalesDay[], DateTime.fromJSDate(now, { zone: event.timeZone }).toISODate()!);
}

/** From the first sale on (or the last days of a long sale) up to today. */
export function withQuietDays(sold: SalesDay[], today: string): SalesDay[] {
  if (sold.length === 0) return [];
  const last = today > sold.at(-1)!.date ? today : sold.at(-1)!.date;
  const known = new Map(sold.map((day) => [day.date, day]));
  const days: SalesDay[] = [];
  for (let day = DateTime.fromISO(last); days.length < MOST_DAYS; day = day.minus({ days: 1 })) {
    const date = day.toISODate()!;
    if (date < sold[0]!.date) break;
    days.unshift(known.get(date) ?? { date, orders: 0, tickets: 0, taken: 0n });
  }
  return days;
}

/** How often the page was looked at; then each step counts the orders that came as far or further. */
export async function readSalesSteps(db: Knex, eventId: string): Promise<SalesStep[]> {
  const row: Record<'chosen' | 'opened' | 'details' | 'paid', number> = await db('orders')
    .where({ event_id: eventId })
    // what was given away was not on this way
    .whereNotExists(db('complimentary_orders').whereRaw('order_id = orders.id'))
    .first(
      db.raw('count(*)::int AS chosen'),
      db.raw('count(*) FILTER (WHERE opened_at IS NOT NULL OR paid_at IS NOT NULL)::int AS opened'),
      db.raw('count(*) FILTER (WHERE buyer_email IS NOT NULL)::int AS details'),
      db.raw('count(*) FILTER (WHERE paid_at IS NOT NULL)::int AS paid'),
    );
  const { views } = await db('event_page_views')
    .where({ event_id: eventId })
    .first(db.raw('coalesce(sum(views), 0)::int AS views'));
  const steps = [
    { name: 'Looked at the page', count: views as number },
    { name: 'Chose tickets', count: row.chosen },
    { name: 'Opened the order', count: row.opened },
    { name: 'Gave their details', count: row.details },
    { name: 'Paid, or got them for free', count: row.paid },
  ];
  const widest = Math.max(1, ...steps.map(({ count }) => count));
  return steps.map((step) => ({ ...step, width: (step.count / widest) * 100 }));
}
