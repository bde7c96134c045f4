import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { queueMail } from '../mail/outbox';
import { endGrants } from '../oauth-provider/end-grants';
import { paths } from '../paths';
import { passwordChangedMail, passwordResetMail } from './account-mails';
import { createMailedLinks } from './mailed-links';
import { endSessions } from './sessions-list';
import { createUsersStore, type User } from './users-store';

/** Done by the worker, so that asking takes as long for an address that nobody has as for one that somebody has. */
export async function mailPasswordReset({ db, config }: Dependencies, email: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    const user = await createUsersStore(trx).findByEmail(email);
    if (!user || user.disabled) return;
    const token = await createMailedLinks(trx).issue({ purpose: 'reset_password', userId: user.id, email });
    await queueMail(trx, passwordResetMail(user, config.baseUrl + paths.passwordReset(token)));
  });
}

/** Whose password this link changes, or null where it changes nobody's (any more). */
export async function findResettable(db: Knex, token: unknown): Promise<User | null> {
  const link = await createMailedLinks(db).find(token, ['reset_password']);
  const user = link && (await createUsersStore(db).find(link.userId));
  return user && !user.disabled && user.email === link.email ? user : null;
}

/**
 * Invariant: a link changes the password once, and ends every session and every other such link of the account, so that
 * whoever was in is out. The second factor stays. Answers null where the link is not good any more.
 */
export async function resetPassword(
  db: Knex,
  token: unknown,
  passwordHash: string,
  baseUrl: string,
): Promise<User | null> {
  return inTransaction(db, async (trx) => {
    const link = await createMailedLinks(trx).consume(token, ['reset_password']);
    const users = createUsersStore(trx);
    const user = link && (await users.lock(link.userId));
    if (!user || user.disabled || user.email !== link.email) return null;
    await users.changePassword(user.id, passwordHash);
    // the mail reached them
    await users.markEmailVerified(user.id);
    await notePasswordChange(trx, user, { keep: null, baseUrl, action: 'user.password_reset' });
    return user;
  });
}

/** The person knows the present password and chooses another; this session goes on, all others end. */
export async function changePassword(
  db: Knex,
  user: User,
  change: { passwordHash: string; sessionId: string; baseUrl: string },
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const users = createUsersStore(trx);
    await users.lock(user.id);
    await users.changePassword(user.id, change.passwordHash);
    await notePasswordChange(trx, user, {
      keep: change.sessionId,
      baseUrl: change.baseUrl,
      action: 'user.password_changed',
    });
  });
}

async function notePasswordChange(
  trx: Knex,
  user: User,
  { keep, baseUrl, action }: { keep: string | null; baseUrl: string; action: string },
): Promise<void> {
  await endSessions(trx, user.id, { except: keep });
  // an app's access is a session of its own: whoever was in is out
  await endGrants(trx, { user_id: user.id }, 'password');
  await createMailedLinks(trx).deleteOfUser(user.id, ['reset_password', 'change_email']);
  await queueMail(trx, passwordChangedMail(user, baseUrl + paths.forgottenPassword()));
  await writeAudit(trx, {
    actor: 'organizer',
    actorUserId: user.id,
    action,
    subjectType: 'user',
    subjectId: user.id,
  });
}
