/** A finding is shown to admins on their pages, once by mail, and in the log as something that a person must see to. */
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { queueMail } from '../mail/outbox';
import { paths } from '../paths';
import { findingWords } from './finding';
import { type NewFinding, openFinding } from './findings-store';

export async function reportFinding(
  db: Knex,
  { config, logger }: Pick<Dependencies, 'config' | 'logger'>,
  finding: NewFinding,
): Promise<void> {
  const { id, isNew } = await openFinding(db, finding);
  if (!isNew) return;
  logger.error(
    { finding: id, kind: finding.kind, orderId: finding.orderId },
    'a comparison found a difference',
  );
  const words = findingWords(finding);
  for (const admin of await db('users')
    .where({ is_admin: true })
    .whereNull('disabled_at')
    .select('id', 'email'))
    await queueMail(db, {
      dedupeKey: `finding:${id}:${admin.id}`,
      template: 'finding',
      recipient: admin.email,
      content: {
        subject: `Foyer needs you: ${words.title.toLowerCase()}`,
        heading: words.title,
        paragraphs: [words.what, words.next],
        action: { label: 'Open it', url: config.baseUrl + paths.adminFinding(id) },
        footer: 'You get this mail because you are an administrator of Foyer.',
      },
    });
}
