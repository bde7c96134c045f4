import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { NotFound } from '../errors';
import { addWorkOffJob } from './inbox';

/**
 * Works an event off once more, by the job that works off every event. Safe at any time: handlers fetch what they act on
 * and may run twice. How it stood before is kept in the audit log.
 */
export async function replayEvent(
  db: Knex,
  eventId: string,
  deed: { userId: string; reason: string },
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const event = await trx('stripe_events').where({ id: eventId }).forUpdate().first();
    if (!event) throw new NotFound('event');
    await trx('stripe_events')
      .where({ id: eventId })
      .update({ processed_at: null, outcome: null, last_error: null, attempts: 0 });
    await addWorkOffJob(trx, eventId);
    await writeAudit(trx, {
      actor: 'admin',
      actorUserId: deed.userId,
      action: 'stripe_event.replayed',
      subjectType: 'stripe_event',
      subjectId: eventId,
      reason: deed.reason,
      details: {
        type: event.type,
        account: event.account,
        attempts_before: event.attempts,
        outcome_before: event.outcome,
        error_before: event.last_error,
        processed_before: event.processed_at,
      },
    });
  });
}
