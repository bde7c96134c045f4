import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { queueMail } from '../mail/outbox';
import { paths } from '../paths';
import { addressTakenMail, emailChangedMail, emailChangeMail } from './account-mails';
import { createMailedLinks } from './mailed-links';
import { createUsersStore, type User } from './users-store';

/** Mails a link to the new address. One that is taken is not told from one that is free: its owner is. */
export async function requestEmailChange(
  db: Knex,
  user: User,
  newEmail: string,
  baseUrl: string,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const owner = await createUsersStore(trx).findByEmail(newEmail);
    if (owner && owner.id !== user.id) {
      await queueMail(trx, addressTakenMail(newEmail, baseUrl + paths.signIn()));
      return;
    }
    const links = createMailedLinks(trx);
    await links.deleteOfUser(user.id, ['change_email']);
    const token = await links.issue({ purpose: 'change_email', userId: user.id, email: newEmail });
    await queueMail(trx, emailChangeMail(newEmail, baseUrl + paths.emailConfirmation(token)));
  });
}

/**
 * What a link that was mailed to an address does. Invariant: an address becomes an account's, or counts as confirmed,
 * only for somebody who is signed in to that account and has the mail.
 */
export async function confirmEmail(
  db: Knex,
  token: unknown,
  userId: string,
): Promise<'verified' | 'changed' | 'taken' | 'not_valid'> {
  return inTransaction(db, async (trx) => {
    const users = createUsersStore(trx);
    const links = createMailedLinks(trx);
    const user = await users.lock(userId);
    const known = await links.find(token, ['verify_email', 'change_email']);
    if (!user || !known || known.userId !== user.id) return 'not_valid';
    const link = await links.consume(token, ['verify_email', 'change_email']);
    if (!link) return 'not_valid';
    if (link.purpose === 'verify_email') {
      // of an address that was given up meanwhile, it says nothing about the present one
      if (link.email !== user.email) return 'not_valid';
      await users.markEmailVerified(user.id);
      await links.deleteOfUser(user.id, ['verify_email']);
      return 'verified';
    }
    if (!(await users.changeEmail(user.id, link.email))) return 'taken';
    // what was mailed to the old address must not open the account any more
    await links.deleteOfUser(user.id, ['verify_email', 'change_email', 'reset_password']);
    await queueMail(trx, emailChangedMail(user, link.email));
    await writeAudit(trx, {
      actor: 'organizer',
      actorUserId: user.id,
      action: 'user.email_changed',
      subjectType: 'user',
      subjectId: user.id,
    });
    return 'changed';
  });
}
