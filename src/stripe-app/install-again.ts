/** An installation whose tokens Stripe takes no more: marked once, and its people are told once. */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { createConnectionsStore } from '../connect/connections-store';
import { mailOwners } from '../connect/owner-mails';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { type MailContent } from '../mail/compose-mail';
import { queueMail } from '../mail/outbox';
import { paths } from '../paths';
import { type Installation } from './installation';
import { createInstallationsStore } from './installations-store';

/** Answers false when the installation has another pair of tokens by now, or has ended: then nothing is wrong with it. */
export async function haveInstalledAgain(
  { config, db }: Pick<Dependencies, 'config' | 'db'>,
  installation: Installation,
  why: NonNullable<Installation['statusDetail']>,
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const marked = await createInstallationsStore(trx).markInstallAgain(
      installation.id,
      installation.tokenVersion,
      why,
    );
    if (!marked) return false;
    const organizerId = (await findOrganizerOfAccount(trx, marked)) ?? marked.organizerId;
    await writeAudit(trx, {
      actor: 'stripe',
      action: 'installation.install_again',
      organizerId,
      subjectType: 'installation',
      subjectId: marked.id,
      details: { account: marked.stripeUserId, livemode: marked.livemode, why },
    });
    await tell(trx, marked, organizerId, {
      subject: 'Install Foyer in your Stripe Dashboard again',
      heading: 'Foyer has to be installed again at Stripe',
      paragraphs: [
        `Stripe no longer accepts the access that ${marked.stripeUserId} gave to the Foyer app in the Stripe Dashboard. Until the app is installed again, payments there show no orders of Foyer.`,
        'Ticket sales and your payouts are not concerned. If you removed the app on purpose, nothing is left to do.',
      ],
      action: { label: 'Install the app again', url: config.baseUrl + paths.stripeApp() },
    });
    return true;
  });
}

/** Who holds an account here now: a live connection serves both modes. */
export async function findOrganizerOfAccount(
  db: Knex,
  account: { stripeUserId: string; livemode: boolean },
): Promise<string | null> {
  const connections = createConnectionsStore(db);
  const connection =
    (await connections.findByAccount(account.stripeUserId, account.livemode)) ??
    (await connections.findByAccount(account.stripeUserId, true));
  return connection?.organizerId ?? null;
}

/** The owners; where nobody here holds the account, whoever installed the app while signed in. */
async function tell(
  trx: Knex.Transaction,
  installation: Installation,
  organizerId: string | null,
  content: Omit<MailContent, 'footer'>,
): Promise<void> {
  const key = `install-app-again:${installation.id}:${installation.tokenVersion}`;
  if (organizerId) return mailOwners(trx, organizerId, { key, template: 'install-app-again', content });
  if (!installation.installedBy) return;
  const person = await trx('users')
    .where({ id: installation.installedBy })
    .whereNull('disabled_at')
    .first('email');
  if (!person) return;
  await queueMail(trx, {
    dedupeKey: key,
    template: 'install-app-again',
    recipient: person.email,
    content: { ...content, footer: 'You get this mail because you installed the Foyer app at Stripe.' },
  });
}
