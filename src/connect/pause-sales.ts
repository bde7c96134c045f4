/**
 * An admin stops an organizer's new paid sales, and lets them go on, without ending a connection. Invariant: all living
 * connections of an organizer are paused or none, also one that is made meanwhile; payments that have begun count.
 */
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { newId } from '../lib/ids';
import { paths } from '../paths';
import { mailOwners } from './owner-mails';

export interface Pause {
  organizerId: string;
  /** false ends it */
  pause: boolean;
  adminId: string;
  /** the organizer reads it in their mail */
  reason: string;
}

/** Answers false when it was so already, and then changes nothing and tells nobody. */
export async function setPause(
  { db, config }: Pick<Dependencies, 'db' | 'config'>,
  { organizerId, pause, adminId, reason }: Pause,
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    // the lock under which accounts are connected, so that none comes in unpaused
    const organizer = await trx('organizers').where({ id: organizerId }).forUpdate().first();
    if (!organizer) throw new NotFound('organizer');
    if ((organizer.paid_sales_paused_at !== null) === pause) return false;
    await trx('organizers')
      .where({ id: organizerId })
      .update({
        paid_sales_paused_at: pause ? trx.fn.now() : null,
        paid_sales_pause_reason: pause ? reason : null,
      });
    await trx('stripe_connections')
      .where({ organizer_id: organizerId })
      .whereNot({ status: 'disconnected' })
      .orderBy('id')
      .update({ paused_at: pause ? trx.fn.now() : null });
    await writeAudit(trx, {
      actor: 'admin',
      actorUserId: adminId,
      action: pause ? 'organizer.paid_sales_paused' : 'organizer.paid_sales_resumed',
      organizerId,
      subjectType: 'organizer',
      subjectId: organizerId,
      reason,
    });
    await mailOwners(trx, organizerId, {
      key: `pause:${newId()}`,
      template: pause ? 'sales-paused' : 'sales-resumed',
      content: {
        subject: pause
          ? `Paid sales of ${organizer.name} are paused`
          : `Paid sales of ${organizer.name} go on`,
        heading: pause ? 'Your paid sales are paused' : 'Your paid sales go on',
        paragraphs: [
          pause
            ? 'An administrator of Foyer has paused them. New orders with paid tickets can not be placed; free tickets go on. Payments that had begun still count, orders that were paid keep their tickets, and your Stripe account stays connected.'
            : 'An administrator of Foyer has ended the pause. Paid tickets of your events are on sale again.',
          `Reason given: ${reason}`,
          `To ask about it, write to ${config.mailFrom}.`,
        ],
        action: { label: 'Open your payments page', url: config.baseUrl + paths.payments() },
      },
    });
    return true;
  });
}
