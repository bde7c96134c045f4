/** `account.application.deauthorized` of the Stripe App: somebody has uninstalled it. */
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { createInstallationsStore } from './installations-store';

/**
 * Ends the installation and deletes its tokens. Safe to run twice; ignored when it is older than the present installation
 * (a late delivery after the app was installed again).
 */
export async function endUninstalled(
  { db }: Pick<Dependencies, 'db'>,
  event: { account: string; livemode: boolean; createdAt: Date },
): Promise<string> {
  return inTransaction(db, async (trx) => {
    const installations = createInstallationsStore(trx);
    const account = { stripeUserId: event.account, livemode: event.livemode };
    const installation = await installations.lockByAccount(account);
    if (!installation) return 'no installation of this account';
    // Stripe's times have whole seconds.
    if (event.createdAt.getTime() < Math.floor(installation.installedAt.getTime() / 1000) * 1000)
      return 'older than the present installation';
    await installations.end(account, 'stripe');
    await writeAudit(trx, {
      actor: 'stripe',
      action: 'installation.uninstalled',
      organizerId: installation.organizerId,
      subjectType: 'installation',
      subjectId: installation.id,
      details: account,
    });
    return 'app uninstalled';
  });
}
