import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { createUsersStore, type User } from './users-store';

/** Organizers that would be left without an owner: they keep a person from closing their account. */
export async function listOrphans(db: Knex, userId: string): Promise<{ id: string; name: string }[]> {
  return db('memberships')
    .join('organizers', 'organizers.id', 'memberships.organizer_id')
    .where({ 'memberships.user_id': userId, 'memberships.role': 'owner' })
    .whereNotExists(
      db('memberships as others')
        .whereRaw('others.organizer_id = memberships.organizer_id')
        .where('others.role', 'owner')
        .whereNot('others.user_id', userId)
        .select(db.raw('1')),
    )
    .orderBy('organizers.name')
    .select('organizers.id', 'organizers.name');
}

/**
 * Invariant: no organizer loses its last owner, and of the person nothing is left but a row in the audit log that names
 * nobody. Events, orders and tickets belong to organizers and buyers, and stay. Answers what is in the way.
 */
export async function closeAccount(db: Knex, user: User): Promise<{ name: string }[]> {
  return inTransaction(db, async (trx) => {
    // two owners who leave at once: one of them sees that the other is going
    await trx('organizers')
      .whereIn('id', trx('memberships').where({ user_id: user.id }).select('organizer_id'))
      .orderBy('id')
      .forUpdate()
      .select('id');
    const orphans = await listOrphans(trx, user.id);
    if (orphans.length > 0) return orphans;
    await trx('mails').where({ recipient: user.email, order_id: null }).delete();
    await writeAudit(trx, {
      actor: 'organizer',
      action: 'user.closed',
      subjectType: 'user',
      subjectId: user.id,
    });
    await createUsersStore(trx).delete(user.id);
    return [];
  });
}
