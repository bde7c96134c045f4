import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { queueMail } from '../mail/outbox';
import { paths } from '../paths';
import { verificationMail } from './account-mails';
import { createMailedLinks } from './mailed-links';
import { type User } from './users-store';

/** Mails the link that shows that an address is the person's own. In the caller's transaction. */
export async function mailVerification(trx: Knex, user: User, baseUrl: string): Promise<void> {
  const token = await createMailedLinks(trx).issue({
    purpose: 'verify_email',
    userId: user.id,
    email: user.email,
  });
  await queueMail(trx, verificationMail(user, baseUrl + paths.emailConfirmation(token)));
}

/** Once more, for somebody who has not got it. */
export async function mailVerificationAgain(db: Knex, user: User, baseUrl: string): Promise<void> {
  await inTransaction(db, (trx) => mailVerification(trx, user, baseUrl));
}
