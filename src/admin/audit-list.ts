/** The audit log as admins read it: filtered in the address, page by page, or whole as CSV. */
import { type Knex } from 'knex';
import { csvLine } from '../lib/csv';
import { contains, type ListPage, readPage, searchText } from './list-page';

export const ACTORS = ['all', 'organizer', 'admin', 'stripe', 'system'] as const;
/** What an action is about; the first word of its name. */
export const AUDIT_SUBJECTS = [
  'all',
  'connection',
  'installation',
  'event',
  'order',
  'user',
  'organizer',
  'stripe_event',
  'mail',
  'report',
] as const;

export interface AuditSearch {
  q: string;
  actor: (typeof ACTORS)[number];
  subject: (typeof AUDIT_SUBJECTS)[number];
  /** days of UTC, both included: YYYY-MM-DD, or '' */
  from: string;
  to: string;
  page: number;
}

export interface AuditRow {
  id: bigint;
  at: Date;
  actor: string;
  person: string | null;
  action: string;
  organizer: string | null;
  subjectType: string;
  subjectId: string;
  reason: string | null;
  details: Record<string, unknown>;
}

interface JoinedRow {
  id: bigint;
  at: Date;
  actor: string;
  email: string | null;
  action: string;
  organizer_name: string | null;
  subject_type: string;
  subject_id: string;
  reason: string | null;
  details: Record<string, unknown>;
}

const COLUMNS = [
  'audit_log.id',
  'audit_log.at',
  'audit_log.actor',
  'users.email',
  'audit_log.action',
  'organizers.name as organizer_name',
  'audit_log.subject_type',
  'audit_log.subject_id',
  'audit_log.reason',
  'audit_log.details',
];

/** What makes no sense in an address is left out. */
export function readAuditSearch(query: Record<string, unknown>): AuditSearch {
  return {
    q: searchText(query['q']),
    actor: ACTORS.find((known) => known === query['actor']) ?? 'all',
    subject: AUDIT_SUBJECTS.find((known) => known === query['subject']) ?? 'all',
    from: readDay(query['from']),
    to: readDay(query['to']),
    page: /^[1-9]\d{0,5}$/.test(String(query['page'])) ? Number(query['page']) : 1,
  };
}

export async function listAudit(db: Knex, search: AuditSearch): Promise<ListPage<AuditRow>> {
  const page = await readPage<JoinedRow>(
    db,
    () => matching(db, search),
    search.page,
    (query) => query.orderBy('audit_log.id', 'desc').select(...COLUMNS),
  );
  return { ...page, rows: page.rows.map(toAuditRow) };
}

/** The newest entries about one thing, or about an organizer and all that is its own. */
export async function listAuditOf(
  db: Knex,
  of: { subjectType: string; subjectId: string } | { organizerId: string },
): Promise<AuditRow[]> {
  const rows: JoinedRow[] = await joined(db)
    .where(
      'organizerId' in of
        ? { 'audit_log.organizer_id': of.organizerId }
        : { subject_type: of.subjectType, subject_id: of.subjectId },
    )
    .orderBy('audit_log.id', 'desc')
    .limit(20)
    .select(...COLUMNS);
  return rows.map(toAuditRow);
}

const ROWS_AT_ONCE = 500;

/** Line by line, newest first, read in pieces as the reader takes them: the log may be larger than our memory. */
export async function* auditCsv(db: Knex, search: AuditSearch): AsyncGenerator<string> {
  yield csvLine(['Time (UTC)', 'Actor', 'Person', 'Action', 'Organizer', 'About', 'Id', 'Reason', 'Details']);
  let before: bigint | null = null;
  for (;;) {
    const query: Knex.QueryBuilder = matching(db, search);
    if (before !== null) void query.where('audit_log.id', '<', before.toString());
    const rows: JoinedRow[] = await query
      .orderBy('audit_log.id', 'desc')
      .limit(ROWS_AT_ONCE)
      .select(...COLUMNS);
    for (const row of rows.map(toAuditRow)) yield toLine(row);
    const last = rows.at(-1);
    if (rows.length < ROWS_AT_ONCE || !last) return;
    before = last.id;
  }
}

function toLine(row: AuditRow): string {
  return csvLine([
    row.at.toISOString(),
    row.actor,
    row.person,
    row.action,
    row.organizer,
    row.subjectType,
    row.subjectId,
    row.reason,
    JSON.stringify(row.details),
  ]);
}

function matching(db: Knex, search: AuditSearch): Knex.QueryBuilder {
  const query = joined(db);
  if (search.actor !== 'all') void query.where('audit_log.actor', search.actor);
  if (search.subject !== 'all') void query.where('audit_log.subject_type', search.subject);
  if (search.from) void query.whereRaw('audit_log.at >= ?::date', [search.from]);
  if (search.to) void query.whereRaw("audit_log.at < ?::date + interval '1 day'", [search.to]);
  if (search.q) {
    const like = contains(search.q);
    void query.where((either) =>
      either
        .whereILike('audit_log.action', like)
        .orWhereILike('audit_log.subject_id', like)
        .orWhereILike('audit_log.reason', like)
        .orWhereILike('users.email', like)
        .orWhereILike('organizers.name', like),
    );
  }
  return query;
}

function joined(db: Knex): Knex.QueryBuilder {
  return db('audit_log')
    .leftJoin('users', 'users.id', 'audit_log.actor_user_id')
    .leftJoin('organizers', 'organizers.id', 'audit_log.organizer_id');
}

/** A day that exists, of a year that Postgres and people know. */
function readDay(value: unknown): string {
  if (typeof value !== 'string' || !/^20\d\d-\d\d-\d\d$/.test(value)) return '';
  const day = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(value) ? value : '';
}

function toAuditRow(row: JoinedRow): AuditRow {
  return {
    id: row.id,
    at: row.at,
    actor: row.actor,
    person: row.email,
    action: row.action,
    organizer: row.organizer_name,
    subjectType: row.subject_type,
    subjectId: row.subject_id,
    reason: row.reason,
    details: row.details,
  };
}
