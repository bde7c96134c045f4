/** Findings: what a comparison with Stripe, or of our own numbers, brought up. Nothing repairs them by itself. */
import { type Knex } from 'knex';
import { newId } from '../lib/ids';

export type FindingKind =
  'unknown_payment' | 'ledger_drift' | 'counter_drift' | 'slow_payment' | 'dispute_after_void';

export interface NewFinding {
  kind: FindingKind;
  /** what it is about; one open finding for each */
  subject: string;
  organizerId?: string | null;
  orderId?: string | null;
  account?: string | null;
  livemode?: boolean | null;
  /** Stripe's ids and numbers; nothing personal */
  details: Record<string, unknown>;
}

export interface Finding {
  id: string;
  kind: FindingKind;
  subject: string;
  organizerId: string | null;
  orderId: string | null;
  account: string | null;
  livemode: boolean | null;
  details: Record<string, string>;
  firstSeenAt: Date;
  lastSeenAt: Date;
  closedAt: Date | null;
  closeReason: string | null;
}

/** Keeps a finding, or notes that it is still so. */
export async function openFinding(db: Knex, finding: NewFinding): Promise<{ id: string; isNew: boolean }> {
  const { rows } = await db.raw<{ rows: { id: string; is_new: boolean }[] }>(
    `INSERT INTO findings (id, kind, subject, organizer_id, order_id, stripe_account_id, livemode, details)
     VALUES (:id, :kind, :subject, :organizerId, :orderId, :account, :livemode, CAST(:details AS jsonb))
     ON CONFLICT (subject) WHERE closed_at IS NULL
       DO UPDATE SET last_seen_at = now(), details = excluded.details
     RETURNING id, (xmax = 0) AS is_new`,
    {
      id: newId(),
      kind: finding.kind,
      subject: finding.subject,
      organizerId: finding.organizerId ?? null,
      orderId: finding.orderId ?? null,
      account: finding.account ?? null,
      livemode: finding.livemode ?? null,
      details: JSON.stringify(finding.details),
    },
  );
  return { id: rows[0]!.id, isNew: rows[0]!.is_new };
}

/** Has a person seen this and closed it? Then it is not brought up again. */
export async function wasClosedByPerson(db: Knex, subject: string): Promise<boolean> {
  return (await db('findings').where({ subject }).whereNotNull('closed_by').first('id')) !== undefined;
}

export async function findFinding(db: Knex, id: string): Promise<Finding | null> {
  const row = await db('findings').where({ id }).first();
  return row ? toFinding(row) : null;
}

export async function listOpenFindings(
  db: Knex,
  of: { organizerId?: string; orderId?: string } = {},
): Promise<Finding[]> {
  const rows = await db('findings')
    .whereNull('closed_at')
    .modify((query) => {
      if (of.organizerId) void query.where({ organizer_id: of.organizerId });
      if (of.orderId) void query.where({ order_id: of.orderId });
    })
    .orderBy('first_seen_at')
    .limit(200);
  return rows.map(toFinding);
}

/** What was found before and is not so any more. */
export async function closeFindingAbout(db: Knex, subject: string, reason: string): Promise<void> {
  await db('findings')
    .where({ subject })
    .whereNull('closed_at')
    .update({ closed_at: db.fn.now(), close_reason: reason });
}

/** Closes what is open. `by` is null where a later comparison found it gone. */
export async function closeFinding(
  db: Knex,
  id: string,
  end: { by: string | null; reason: string },
): Promise<void> {
  await db('findings')
    .where({ id })
    .whereNull('closed_at')
    .update({ closed_at: db.fn.now(), closed_by: end.by, close_reason: end.reason });
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
function toFinding(row: any): Finding {
  return {
    id: row.id,
    kind: row.kind,
    subject: row.subject,
    organizerId: row.organizer_id,
    orderId: row.order_id,
    account: row.stripe_account_id,
    livemode: row.livemode,
    details: row.details,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    closedAt: row.closed_at,
    closeReason: row.close_reason,
  };
}
