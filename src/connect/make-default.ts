/**
 * Which account events use that name no other. Invariant (promise 5): only new orders follow; each order keeps the account
 * that its payment was made on.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { Conflict } from '../errors';
import { newId } from '../lib/ids';
import { paths } from '../paths';
import { accountName, type Connection } from './connection';
import { createConnectionsStore } from './connections-store';
import { mailOwners } from './owner-mails';

/** Answers false when it was the default already. Throws Conflict for an account that has ended or is ending. */
export async function makeDefault(
  { db, config }: Pick<Dependencies, 'db' | 'config'>,
  connection: Connection,
  userId: string,
): Promise<boolean> {
  const { organizerId } = connection;
  return inTransaction(db, async (trx) => {
    const connections = createConnectionsStore(trx);
    await trx('organizers').where({ id: organizerId }).forUpdate().first('id');
    const current = await connections.findDefault(organizerId, connection.livemode);
    if (current?.id === connection.id) return false;
    const chosen = await connections.lockShared(connection.id);
    if (chosen.status !== 'active')
      throw new Conflict(`${accountName(chosen)} is not connected any more, so it can’t be the default.`);
    await trx('organizers').where({ id: organizerId }).update({ default_connection_id: chosen.id });
    await writeAudit(trx, {
      actor: 'organizer',
      actorUserId: userId,
      action: 'connection.made_default',
      organizerId,
      subjectType: 'connection',
      subjectId: chosen.id,
      details: { account: chosen.stripeUserId, before: current?.stripeUserId ?? null },
    });
    await mailOwners(trx, organizerId, {
      key: `default:${newId()}`,
      template: 'default-account',
      content: {
        subject: 'Your ticket money goes to another Stripe account',
        heading: `${accountName(chosen)} is your default account`,
        paragraphs: [
          `New orders of events that name no other account are paid to ${accountName(chosen)}${current ? ` instead of ${accountName(current)}` : ''}. Orders that were begun before keep their account, also for refunds.`,
          'If nobody of you did this, change it back on your payments page and change your password.',
        ],
        action: { label: 'Open your payments page', url: config.baseUrl + paths.payments() },
      },
    });
    return true;
  });
}

/** What would follow a change of the default: events that name no other account, and orders whose payment has begun. */
export async function consequencesOfDefault(
  db: Knex,
  organizerId: string,
  livemode: boolean,
): Promise<{ events: { id: string; title: string }[]; underWay: number }> {
  const events = await db('events')
    .where({ organizer_id: organizerId, livemode, stripe_connection_id: null })
    .whereNot({ status: 'cancelled' })
    .where('ends_at', '>', db.fn.now())
    .orderBy('starts_at')
    .limit(20)
    .select('id', 'title');
  const open = await db('orders')
    .where({ organizer_id: organizerId, livemode })
    .whereIn('status', ['creating_session', 'awaiting_payment', 'processing', 'expiring'])
    .count('* as count')
    .first();
  return { events, underWay: Number(open?.count ?? 0) };
}
