/**
 * The end of a connection (DESIGN section 6). Order matters, since nothing on the account can be reached afterwards: stop
 * new payments → end the open sessions and settle what was paid meanwhile → tell Stripe → mark, audit, mail. Every step
 * may run twice; the worker goes on where a process stopped.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { addJob } from '../jobs/jobs';
import { queueMail } from '../mail/outbox';
import { settleOrder } from '../orders/settle-order';
import { releaseOrder } from '../orders/release-order';
import { paths } from '../paths';
import { OAuthFailure } from '../stripe/connect-oauth';
import { StripeFailure } from '../stripe/stripe-errors';
import { accountName, type Connection } from './connection';
import { createConnectionsStore } from './connections-store';
import { writeSign } from './platform-signs';

export interface DisconnectRequest {
  by: 'organizer' | 'admin';
  userId: string;
  /** An admin always gives one; the organizer reads it in their mail. */
  reason: string | null;
}

export type DisconnectState =
  { state: 'disconnected' } | { state: 'waiting'; openOrders: number } | { state: 'stripe_unclear' };

/** What will happen when this connection ends, in numbers. */
export async function consequencesOf(
  db: Knex,
  connection: Connection,
): Promise<{ openOrders: number; processingOrders: number; eventsOnSale: number; paidOrders: number }> {
  const open = await openOrders(db, connection.id);
  const standard = await createConnectionsStore(db).findDefault(connection.organizerId, connection.livemode);
  const events = await db('events')
    .where({ organizer_id: connection.organizerId, livemode: connection.livemode, status: 'published' })
    .where((either) => {
      either.where({ stripe_connection_id: connection.id });
      if (standard?.id === connection.id) either.orWhereNull('stripe_connection_id');
    })
    .where('ends_at', '>', db.fn.now())
    .whereExists(
      db('ticket_types')
        .whereRaw('ticket_types.event_id = events.id')
        .whereNot({ kind: 'free' })
        .whereNull('removed_at')
        .select(db.raw('1')),
    )
    .count('* as count')
    .first();
  const paid = await db('orders')
    .where({ stripe_connection_id: connection.id })
    .whereIn('status', ['paid', 'partially_refunded'])
    .count('* as count')
    .first();
  return {
    openOrders: open.length,
    processingOrders: open.filter((order) => order.status === 'processing').length,
    eventsOnSale: Number(events?.count ?? 0),
    paidOrders: Number(paid?.count ?? 0),
  };
}

/** Stops new payments at once: attempts are made under this row's lock and see `disconnecting`. */
export async function requestDisconnect(
  db: Knex,
  connectionId: string,
  request: DisconnectRequest,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const connections = createConnectionsStore(trx);
    const connection = await connections.lock(connectionId);
    if (connection.status !== 'active') return;
    await connections.update(connectionId, {
      status: 'disconnecting',
      disconnect_requested_at: new Date(),
      disconnect_requested_by: request.userId,
      ended_by: request.by,
      end_reason: request.reason,
    });
    await writeAudit(trx, {
      actor: request.by,
      actorUserId: request.userId,
      action: 'connection.disconnect_requested',
      organizerId: connection.organizerId,
      subjectType: 'connection',
      subjectId: connectionId,
      reason: request.reason,
      details: { account: connection.stripeUserId },
    });
    await addJob(
      trx,
      'end_connection',
      { connectionId },
      { inSeconds: 20, key: `end-connection-${connectionId}` },
    );
  });
}

/** Goes on with a disconnect as far as it gets now. */
export async function continueDisconnecting(
  dependencies: Dependencies,
  connectionId: string,
): Promise<DisconnectState> {
  const { db, connectOAuth, logger } = dependencies;
  const connection = await createConnectionsStore(db).find(connectionId);
  if (!connection || connection.status === 'disconnected') return { state: 'disconnected' };
  if (connection.status === 'active') throw new Error('A disconnect is requested before it goes on');
  for (const order of await openOrders(db, connectionId)) await endPayment(dependencies, order);
  const open = await openOrders(db, connectionId);
  if (open.length > 0) return { state: 'waiting', openOrders: open.length };
  try {
    await connectOAuth.deauthorize({ stripeUserId: connection.stripeUserId, livemode: connection.livemode });
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error;
    // Already gone counts as done. What is unclear is a failure: a wrong key of ours must not end connections.
    if (error.problem === 'platform') await writeSign(db, 'connect_oauth', { ok: false, detail: error.code });
    if (error.problem !== 'not_connected') {
      logger[error.problem === 'unanswered' ? 'warn' : 'error'](
        { connectionId, problem: error.problem, code: error.code, stripeRequestId: error.requestId },
        'a connection could not be ended at Stripe yet',
      );
      return { state: 'stripe_unclear' };
    }
  }
  await markDisconnected(dependencies, connectionId, {
    by: connection.endedBy ?? 'admin',
    reason: connection.endReason,
  });
  return { state: 'disconnected' };
}

/** Orders on this connection whose payment Stripe may still decide. */
async function openOrders(db: Knex, connectionId: string): Promise<{ id: string; status: string }[]> {
  return db('orders')
    .where({ stripe_connection_id: connectionId })
    .whereIn('status', ['creating_session', 'awaiting_payment', 'processing', 'expiring'])
    .select('id', 'status');
}

async function endPayment(dependencies: Dependencies, order: { id: string; status: string }): Promise<void> {
  try {
    if (order.status === 'processing') await settleOrder(dependencies, order.id);
    else
      await releaseOrder(dependencies, order.id, {
        now: { actor: 'system', reason: 'the connection is being ended' },
      });
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
  }
}

/** The last step, whoever began it. Idempotent: a connection ends once. */
export async function markDisconnected(
  { db, config }: Pick<Dependencies, 'db' | 'config'>,
  connectionId: string,
  end: { by: 'organizer' | 'admin' | 'stripe'; reason: string | null },
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const connections = createConnectionsStore(trx);
    const connection = await connections.lock(connectionId);
    if (connection.status === 'disconnected') return;
    await connections.update(connectionId, {
      status: 'disconnected',
      ended_at: new Date(),
      ended_by: end.by,
      end_reason: end.reason,
    });
    await writeAudit(trx, {
      actor: end.by,
      actorUserId: connection.disconnectRequestedBy,
      action: 'connection.disconnected',
      organizerId: connection.organizerId,
      subjectType: 'connection',
      subjectId: connectionId,
      reason: end.reason,
      details: { account: connection.stripeUserId },
    });
    const organizer = await trx('organizers').where({ id: connection.organizerId }).first();
    await queueMail(trx, {
      dedupeKey: `disconnected:${connectionId}`,
      template: 'disconnected',
      recipient: organizer.contact_email,
      content: {
        subject: `Your Stripe account is no longer connected to Foyer`,
        heading: `${accountName(connection)} is disconnected`,
        paragraphs: [
          END_IN_WORDS[end.by],
          ...(end.reason ? [`Reason given: ${end.reason}`] : []),
          'Paid tickets are off sale since then; free tickets go on. Orders that were paid keep their tickets. Refunds for them are made in your Stripe Dashboard, since Foyer can no longer reach the account.',
        ],
        action: { label: 'Open your payments page', url: config.baseUrl + paths.payments() },
        footer: `You get this mail because you are the contact of ${organizer.name} on Foyer.`,
      },
    });
  });
}

const END_IN_WORDS = {
  organizer: 'You, or another member of your organizer, ended the connection on Foyer.',
  admin: 'An administrator of Foyer ended the connection.',
  stripe: 'The access of Foyer was revoked at Stripe.',
};
