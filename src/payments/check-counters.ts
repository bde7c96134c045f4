/** Promise 1, counted anew each night: what is held and sold must be the sum of what the orders say. Read in one statement. */
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { closeFindingAbout, listOpenFindings } from './findings-store';
import { reportFinding } from './report-finding';

interface Drift {
  kind: 'ticket_type' | 'event';
  id: string;
  organizer_id: string;
  name: string;
  says: string;
  counted: string;
}

/** Answers how many counters are wrong. What was wrong before and is right again is closed. */
export async function checkCounters(
  dependencies: Pick<Dependencies, 'db' | 'config' | 'logger'>,
): Promise<number> {
  const { db } = dependencies;
  const drifts = await listDrifts(db);
  for (const drift of drifts)
    await reportFinding(db, dependencies, {
      kind: 'counter_drift',
      subject: subjectOf(drift),
      organizerId: drift.organizer_id,
      details: {
        what: `${drift.kind === 'event' ? 'The event' : 'The ticket type'} “${drift.name}”`,
        id: drift.id,
        says: drift.says,
        counted: drift.counted,
      },
    });
  const wrong = new Set(drifts.map(subjectOf));
  for (const finding of await listOpenFindings(db))
    if (finding.kind === 'counter_drift' && !wrong.has(finding.subject))
      await closeFindingAbout(db, finding.subject, 'a later count found no difference');
  return drifts.length;
}

const subjectOf = (drift: Drift) => `counter_drift:${drift.kind}:${drift.id}`;

async function listDrifts(db: Knex): Promise<Drift[]> {
  return db.transaction(async (trx) => {
    await trx.raw("SET LOCAL statement_timeout = '2min'");
    return (await trx.raw<{ rows: Drift[] }>(DRIFTS)).rows;
  });
}

/** A ticket that is void in an order that stands has given its place back. */
const DRIFTS = `
    WITH given_back AS (
      SELECT order_id, ticket_type_id, count(*) AS tickets
        FROM tickets WHERE status = 'void' GROUP BY order_id, ticket_type_id
    ), counted AS (
      SELECT lines.ticket_type_id,
             coalesce(sum(lines.quantity) FILTER (WHERE orders.inventory = 'held'), 0) AS held,
             coalesce(sum(lines.quantity - coalesce(given_back.tickets, 0)) FILTER (WHERE orders.inventory = 'sold'), 0) AS sold
        FROM order_lines lines
        JOIN orders ON orders.id = lines.order_id
        LEFT JOIN given_back ON given_back.order_id = lines.order_id AND given_back.ticket_type_id = lines.ticket_type_id
       WHERE orders.inventory <> 'none' GROUP BY lines.ticket_type_id
    ), types AS (
      SELECT t.*, coalesce(counted.held, 0) AS counted_held, coalesce(counted.sold, 0) AS counted_sold
        FROM ticket_types t LEFT JOIN counted ON counted.ticket_type_id = t.id
    )
    SELECT 'ticket_type' AS kind, types.id, events.organizer_id, types.name,
           types.held || ' held and ' || types.sold || ' sold' AS says,
           counted_held || ' held and ' || counted_sold || ' sold' AS counted
      FROM types JOIN events ON events.id = types.event_id
     WHERE types.held <> counted_held OR types.sold <> counted_sold
    UNION ALL
    SELECT 'event', events.id, events.organizer_id, events.title,
           events.held || ' held and ' || events.sold || ' sold',
           sum(counted_held) || ' held and ' || sum(counted_sold) || ' sold'
      FROM events JOIN types ON types.event_id = events.id
     GROUP BY events.id HAVING events.held <> sum(counted_held) OR events.sold <> sum(counted_sold)
     ORDER BY 1, 2 LIMIT 100`;
