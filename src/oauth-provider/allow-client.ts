import { type Knex } from 'knex';
import { createUsersStore } from '../accounts/users-store';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { Forbidden } from '../errors';
import { newId } from '../lib/ids';
import { hashToken } from '../lib/tokens';
import { queueMail } from '../mail/outbox';
import { paths } from '../paths';
import { type NewCode } from './authorize';
import { createGrantsStore } from './grants-store';
import { SCOPE_WORDS } from './oauth-clients';

/**
 * Writes down what a person allowed, and mails them where this client is new to their account. Invariant: a session that
 * was ended meanwhile, by a new password say, allows nothing: ending takes the same lock.
 */
export async function allowClient(
  db: Knex,
  person: { userId: string; sessionId: string; baseUrl: string },
  { client, scopes, code, redirectUri, codeChallenge }: NewCode,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const user = await createUsersStore(trx).lock(person.userId);
    const session = await trx('sessions')
      .where({ id_hash: hashToken(person.sessionId), user_id: person.userId })
      .first('id_hash');
    if (!user || !session || user.disabled || !user.emailVerified)
      throw new Forbidden('You were signed out meanwhile, so nothing was allowed. Sign in and begin again.');
    const grants = createGrantsStore(trx);
    const isNew = !(await grants.isLiving(user.id, client.id));
    await grants.create(
      { userId: user.id, clientId: client.id, scopes },
      { code, redirectUri, codeChallenge },
    );
    await writeAudit(trx, {
      actor: 'organizer',
      actorUserId: user.id,
      action: 'user.app_allowed',
      subjectType: 'user',
      subjectId: user.id,
      details: { client: client.id, scopes: scopes.join(' ') },
    });
    if (!isNew) return;
    await queueMail(trx, {
      dedupeKey: `app-allowed:${newId()}`,
      template: 'app-allowed',
      recipient: user.email,
      content: {
        subject: `${client.name} can see data of your Foyer account`,
        heading: `${client.name} can see data of your account`,
        paragraphs: [
          `Hello ${user.name}, you allowed ${client.name} just now to read these with your account. It can change nothing.`,
          ...scopes.map((scope) => SCOPE_WORDS[scope].whole),
          'If it was not you, end its access on your account page and choose a new password.',
        ],
        action: { label: 'See which apps have access', url: person.baseUrl + paths.account() },
        footer: 'You get this mail because this address belongs to a Foyer account.',
      },
    });
  });
}
