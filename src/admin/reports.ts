/** What guests report about events, and what admins decide. */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { NotFound } from '../errors';
import { isUuid } from '../lib/ids';
import { writeAudit } from './audit-log';
import { contains, type ListPage, type ListSearch, readPage } from './list-page';

export const REPORT_FILTERS = ['open', 'decided', 'all'] as const;
export type Decision = 'acted' | 'dismissed';

export interface Report {
  id: string;
  kind: 'fraud' | 'harmful' | 'rights' | 'other';
  message: string;
  reporterEmail: string | null;
  createdAt: Date;
  decidedAt: Date | null;
  decision: Decision | null;
  event: { id: string; title: string };
  organizer: { id: string; name: string };
}

interface ReportRow {
  id: string;
  kind: Report['kind'];
  message: string;
  reporter_email: string | null;
  created_at: Date;
  decided_at: Date | null;
  decision: Decision | null;
  event_id: string;
  event_title: string;
  organizer_id: string;
  organizer_name: string;
}

const COLUMNS = [
  'abuse_reports.*',
  'events.title as event_title',
  'events.organizer_id',
  'organizers.name as organizer_name',
];

/** Open ones oldest first: they wait; the others newest first. */
export async function listReports(
  db: Knex,
  search: ListSearch<(typeof REPORT_FILTERS)[number]>,
): Promise<ListPage<Report>> {
  const matching = () => {
    const query = joined(db);
    if (search.q) {
      const like = contains(search.q);
      void query.where((either) =>
        either
          .whereILike('events.title', like)
          .orWhereILike('organizers.name', like)
          .orWhereILike('abuse_reports.message', like),
      );
    }
    if (search.filter === 'open') void query.whereNull('decided_at');
    if (search.filter === 'decided') void query.whereNotNull('decided_at');
    return query;
  };
  const order = search.filter === 'open' ? 'asc' : 'desc';
  const page = await readPage<ReportRow>(db, matching, search.page, (query) =>
    query
      .orderBy([
        { column: 'abuse_reports.created_at', order },
        { column: 'abuse_reports.id', order },
      ])
      .select(...COLUMNS),
  );
  return { ...page, rows: page.rows.map(toReport) };
}

export async function findReport(db: Knex, id: unknown): Promise<Report | null> {
  const row: ReportRow | undefined = isUuid(id)
    ? await joined(db)
        .where('abuse_reports.id', id)
        .first(...COLUMNS)
    : undefined;
  return row ? toReport(row) : null;
}

/** A report is decided once. Answers false when somebody was quicker. */
export async function decideReport(
  db: Knex,
  reportId: string,
  deed: { decision: Decision; userId: string; reason: string },
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const report = await trx('abuse_reports').where({ id: reportId }).forUpdate().first();
    if (!report) throw new NotFound('report');
    if (report.decided_at) return false;
    await trx('abuse_reports')
      .where({ id: reportId })
      .update({ decision: deed.decision, decided_at: trx.fn.now(), decided_by: deed.userId });
    const event = await trx('events').where({ id: report.event_id }).first('organizer_id');
    await writeAudit(trx, {
      actor: 'admin',
      actorUserId: deed.userId,
      action: `report.${deed.decision}`,
      organizerId: event.organizer_id,
      subjectType: 'report',
      subjectId: reportId,
      reason: deed.reason,
      details: { event: report.event_id, kind: report.kind },
    });
    return true;
  });
}

function joined(db: Knex): Knex.QueryBuilder {
  return db('abuse_reports')
    .join('events', 'events.id', 'abuse_reports.event_id')
    .join('organizers', 'organizers.id', 'events.organizer_id');
}

function toReport(row: ReportRow): Report {
  return {
    id: row.id,
    kind: row.kind,
    message: row.message,
    reporterEmail: row.reporter_email,
    createdAt: row.created_at,
    decidedAt: row.decided_at,
    decision: row.decision,
    event: { id: row.event_id, title: row.event_title },
    organizer: { id: row.organizer_id, name: row.organizer_name },
  };
}
