import { type Knex } from 'knex';

export interface AuditEntry {
  actor: 'organizer' | 'admin' | 'stripe' | 'system';
  actorUserId?: string | null;
  action: string;
  organizerId?: string | null;
  subjectType:
    | 'connection'
    | 'installation'
    | 'event'
    | 'order'
    | 'user'
    | 'organizer'
    | 'stripe_event'
    | 'mail'
    | 'report'
    | 'finding';
  subjectId: string;
  reason?: string | null;
  details?: Record<string, unknown>;
}

/** Writes who did what, in the same transaction as the deed. */
export async function writeAudit(db: Knex, entry: AuditEntry): Promise<void> {
  await db('audit_log').insert({
    actor: entry.actor,
    actor_user_id: entry.actorUserId ?? null,
    action: entry.action,
    organizer_id: entry.organizerId ?? null,
    subject_type: entry.subjectType,
    subject_id: entry.subjectId,
    reason: entry.reason ?? null,
    details: JSON.stringify(entry.details ?? {}),
  });
}
