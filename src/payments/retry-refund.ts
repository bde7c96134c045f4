/**
 * What a person can do about a refund that has stopped: try again, as another attempt with a key of its own, or take it
 * back. Both under the order's lock; pressed twice, the second finds nothing to do.
 */
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { Conflict } from '../errors';
import { addJob } from '../jobs/jobs';
import { formatMoney } from '../lib/money';
import { noteOnOrder } from '../orders/move-order';
import { createOrdersStore } from '../orders/orders-store';
import { idempotencyKeyOf, type Refund } from './refund';
import { createRefundsStore } from './refunds-store';
import { SECONDS_TO_BE_SENT_BY_WHO_ASKED, whyUnreachable } from './request-refund';

export interface Person {
  as: 'organizer' | 'admin';
  userId: string;
}

/** Can this refund be taken back? One that was given back and returned is owed; Foyer's own are not a choice. */
export function isWithdrawable(refund: Pick<Refund, 'status' | 'origin' | 'succeededAt'>): boolean {
  return refund.status === 'needs_attention' && refund.origin === 'request' && refund.succeededAt === null;
}

/** The next attempt. Answers false when it is under way already. Throws Conflict where the account is out of reach. */
export async function retryRefund(
  { db }: Pick<Dependencies, 'db'>,
  refundId: string,
  by: Person,
  options: { sendIn?: number } = {},
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const refunds = createRefundsStore(trx);
    const orders = createOrdersStore(trx);
    const order = await orders.lock((await refunds.get(refundId)).orderId);
    const refund = await refunds.get(refundId);
    if (refund.status !== 'needs_attention') return false;
    const obstacle = await whyUnreachable(trx, await orders.getAttempt(refund.attemptId));
    if (obstacle) throw new Conflict(obstacle.text, obstacle.title);
    await refunds.update(refundId, {
      status: 'requested',
      send_number: refund.sendNumber + 1,
      idempotency_key: idempotencyKeyOf(refundId, refund.sendNumber + 1),
      former_stripe_refund_ids: [
        ...refund.formerStripeRefundIds,
        ...(refund.stripeRefundId ? [refund.stripeRefundId] : []),
      ],
      stripe_refund_id: null,
      first_sent_at: null,
      last_sent_at: null,
      server_errors: 0,
      last_error: null,
      send_after: trx.raw('now() + make_interval(secs => ?)', [options.sendIn ?? 0]),
    });
    const cause = {
      actor: by.as,
      actorUserId: by.userId,
      reason: `the refund of ${formatMoney(refund.amount, refund.currency)} is tried again`,
      details: { attempt: refund.sendNumber + 1 },
    };
    await noteOnOrder(trx, order, cause);
    await writeAudit(trx, { ...auditOf(refund, by, order.organizerId), action: 'refund.retried' });
    await addJob(
      trx,
      'send_refund',
      { refundId },
      { key: `send-refund-${refundId}`, inSeconds: options.sendIn ?? SECONDS_TO_BE_SENT_BY_WHO_ASKED },
    );
    return true;
  });
}

/** The refund will not be made: its tickets are as they were, and its amount can be refunded in another way. */
export async function withdrawRefund(
  { db }: Pick<Dependencies, 'db'>,
  refundId: string,
  by: Person,
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const refunds = createRefundsStore(trx);
    const order = await createOrdersStore(trx).lock((await refunds.get(refundId)).orderId);
    const refund = await refunds.get(refundId);
    if (!isWithdrawable(refund)) return false;
    await refunds.update(refundId, { status: 'failed', last_error: 'withdrawn' });
    await refunds.releaseTickets(refundId);
    await noteOnOrder(trx, order, {
      actor: by.as,
      actorUserId: by.userId,
      reason: `the refund of ${formatMoney(refund.amount, refund.currency)} was taken back`,
    });
    await writeAudit(trx, { ...auditOf(refund, by, order.organizerId), action: 'refund.withdrawn' });
    return true;
  });
}

function auditOf(refund: Refund, by: Person, organizerId: string) {
  return {
    actor: by.as,
    actorUserId: by.userId,
    organizerId,
    subjectType: 'order' as const,
    subjectId: refund.orderId,
    details: { refund: refund.id, amount: `${refund.amount} ${refund.currency}` },
  };
}
