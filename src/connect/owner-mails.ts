/** Mails to the people who own an organizer: about where its money goes, and about what keeps it from coming. */
import { type Knex } from 'knex';
import { type MailContent } from '../mail/compose-mail';
import { queueMail } from '../mail/outbox';

/** One mail to each owner, in the caller's transaction. `key` names what is said, once. */
export async function mailOwners(
  trx: Knex,
  organizerId: string,
  mail: { key: string; template: string; content: Omit<MailContent, 'footer'> },
): Promise<void> {
  const owners = await trx('memberships')
    .join('users', 'users.id', 'memberships.user_id')
    .join('organizers', 'organizers.id', 'memberships.organizer_id')
    .where({ 'memberships.organizer_id': organizerId, 'memberships.role': 'owner' })
    .whereNull('users.disabled_at')
    .orderBy('users.id')
    .select('users.id', 'users.email', 'organizers.name');
  for (const owner of owners)
    await queueMail(trx, {
      dedupeKey: `${mail.key}:${owner.id}`,
      template: mail.template,
      recipient: owner.email,
      content: { ...mail.content, footer: `You get this mail because you own ${owner.name} on Foyer.` },
    });
}
