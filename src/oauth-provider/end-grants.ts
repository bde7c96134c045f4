import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { createGrantsStore, type EndReason } from './grants-store';

/**
 * Ends access that programs have, in the caller's transaction, with a row in the audit log for each person and client.
 * Their codes and tokens are dead from then on. Answers how many clients lost theirs.
 */
export async function endGrants(
  trx: Knex,
  which: { id: string } | { user_id: string; client_id?: string },
  reason: EndReason,
): Promise<number> {
  const ended = await createGrantsStore(trx).end(which, reason);
  for (const { userId, clientId } of ended)
    await writeAudit(trx, {
      actor: reason === 'person' ? 'organizer' : 'system',
      actorUserId: reason === 'person' ? userId : null,
      action: 'user.app_access_ended',
      subjectType: 'user',
      subjectId: userId,
      details: { client: clientId, reason },
    });
  return ended.length;
}
