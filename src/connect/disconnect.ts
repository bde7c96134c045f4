/**
 * The end of a connection. Order matters, since nothing on the account can be reached afterwards: stop
 * new payments → end the open sessions and settle what was paid meanwhile → tell Stripe → mark, audit, mail. Every step
 * may run twice; the worker goes on where a process stopped.
 */
import { type Knex } from 'knex';
import { mailAdmins } from '../admin/admin-mails';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { addJob } from '../jobs/jobs';
import { queueMail } from '../mail/outbox';
import { settleOrder } from '../orders/settle-order';
import { releaseOrder } from '../orders/release-order';
import { paths } from '../paths';
import { OAuthFailure } from '../stripe/oauth-request';
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
  | { state: 'disconnected' }
  | { state: 'waiting'; openOrders: number; openRefunds: number }
  | { state: 'stripe_unclear' };

export interface OpenOrder {
  id: string;
  status: string;
  reference: string;
  total_amount: bigint;
  currency: string;
  updated_at: Date;
}

/** What will happen when this connection ends, in numbers. */
export async function consequencesOf(
  db: Knex,
  connection: Connection,
): Promise<{
  openOrders: number;
  /** with a bank: the end waits for them */
  processing: OpenOrder[];
  /** asked for, and not yet answered by Stripe: the end waits for them, too */
  openRefunds: number;
  eventsOnSale: number;
  paidOrders: number;
}> {
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
    processing: open.filter((order) => order.status === 'processing'),
    openRefunds: await countOpenRefunds(db, connection),
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

/** An admin who has seen which payments are still with a bank ends the connection all the same. */
export async function forceDisconnect(
  db: Knex,
  connectionId: string,
  by: { userId: string; reason: string },
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const connections = createConnectionsStore(trx);
    const connection = await connections.lock(connectionId);
    if (connection.status !== 'disconnecting' || connection.forcedAt) return;
    const left = (await openOrders(trx, connectionId)).filter(({ status }) => status === 'processing');
    await connections.update(connectionId, { forced_at: trx.fn.now(), forced_by: by.userId });
    await writeAudit(trx, {
      actor: 'admin',
      actorUserId: by.userId,
      action: 'connection.disconnect_forced',
      organizerId: connection.organizerId,
      subjectType: 'connection',
      subjectId: connectionId,
      reason: by.reason,
      details: { account: connection.stripeUserId, orders: left.map(({ id }) => id) },
    });
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
  const open = (await openOrders(db, connectionId)).filter(
    // forced by an admin who has seen the list: these wait for a person from then on
    ({ status }) => !(status === 'processing' && connection.forcedAt !== null),
  );
  const openRefunds = connection.forcedAt ? 0 : await countOpenRefunds(db, connection);
  if (open.length + openRefunds > 0) return { state: 'waiting', openOrders: open.length, openRefunds };
  try {
    await connectOAuth.deauthorize({ stripeUserId: connection.stripeUserId, livemode: connection.livemode });
  } catch (error) {
    if (!(error instanceof OAuthFailure)) throw error;
    // Already gone counts as done. What is unclear is a failure: a wrong key of ours must not end connections.
    if (error.problem === 'platform') await writeSign(db, 'connect_oauth', { ok: false, detail: error.code });
    if (error.problem === 'controlled')
      await createConnectionsStore(db).update(connectionId, { status_detail: 'controlled' });
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
async function openOrders(db: Knex, connectionId: string): Promise<OpenOrder[]> {
  return db('orders')
    .where({ stripe_connection_id: connectionId })
    .whereIn('status', ['creating_session', 'awaiting_payment', 'processing', 'expiring'])
    .orderBy('created_at')
    .select('id', 'status', 'reference', 'total_amount', 'currency', 'updated_at');
}

/**
 * Refunds that Stripe may not have heard of yet. They are sent by whoever sends refunds; afterwards nobody could. What
 * Stripe has taken goes its way without us.
 */
async function countOpenRefunds(
  db: Knex,
  { stripeUserId, livemode }: Pick<Connection, 'stripeUserId' | 'livemode'>,
): Promise<number> {
  const row = await db('refunds')
    .join('payment_attempts', 'payment_attempts.id', 'refunds.payment_attempt_id')
    .where({ stripe_account_id: stripeUserId, livemode })
    .whereIn('refunds.status', ['requested', 'sent'])
    .count('* as count')
    .first();
  return Number(row?.count ?? 0);
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
    if (end.by === 'stripe') await mailRevoked(trx, config.baseUrl, connection, organizer.name);
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

/** Nobody here began it, and buyers may be paying at this moment. */
async function mailRevoked(
  trx: Knex,
  baseUrl: string,
  connection: Connection,
  organizerName: string,
): Promise<void> {
  const open = await openOrders(trx, connection.id);
  await mailAdmins(trx, {
    key: `revoked:${connection.id}`,
    template: 'connection-revoked',
    content: {
      subject: `The connection of ${organizerName} was revoked at Stripe`,
      heading: `${accountName(connection)} was disconnected at Stripe`,
      paragraphs: [
        `Foyer can no longer reach the account. Paid sales of ${organizerName} have stopped; the organizer has been told.`,
        open.length === 0
          ? 'No payment was under way.'
          : `${open.length === 1 ? 'One payment was' : `${open.length} payments were`} under way. Their tickets stay held until the payment pages have run out at Stripe; then they wait for a person among what needs attention.`,
      ],
      action: { label: 'See the connection', url: baseUrl + paths.adminConnection(connection.id) },
    },
  });
}

const END_IN_WORDS = {
  organizer: 'You, or another member of your organizer, ended the connection on Foyer.',
  admin: 'An administrator of Foyer ended the connection.',
  stripe: 'The access of Foyer was revoked at Stripe.',
};
