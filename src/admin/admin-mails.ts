/** Mails to the people who run this Foyer. */
import { type Knex } from 'knex';
import { type MailContent } from '../mail/compose-mail';
import { queueMail } from '../mail/outbox';

/** One mail to each admin, in the caller's transaction. `key` names what is said, once. */
export async function mailAdmins(
  trx: Knex,
  mail: { key: string; template: string; content: Omit<MailContent, 'footer'> },
): Promise<void> {
  const admins = await trx('users')
    .where({ is_admin: true })
    .whereNull('disabled_at')
    .orderBy('id')
    .select('id', 'email');
  for (const admin of admins)
    await queueMail(trx, {
      dedupeKey: `${mail.key}:${admin.id}`,
      template: mail.template,
      recipient: admin.email,
      content: { ...mail.content, footer: 'You get this mail because you are an admin of this Foyer.' },
    });
}
