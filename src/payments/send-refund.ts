/**
 * Sends a refund to the account and in the mode that its payment was made in (promise 5), and keeps the answer. The
 * intent is a row; the key names row and send, so that a repeated send can't give money back twice.
 */
import { noteAccessLost } from '../connect/account-health';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { moveOrder, noteOnOrder } from '../orders/move-order';
import { createOrdersStore } from '../orders/orders-store';
import { type Refund as StripeRefund } from '../stripe/stripe-client';
import { isWorthRetrying, StripeFailure } from '../stripe/stripe-errors';

export type RefundDependencies = Pick<Dependencies, 'config' | 'db' | 'stripe' | 'logger'>;

interface RefundRow {
  id: string;
  order_id: string;
  payment_attempt_id: string;
  origin: 'late_payment' | 'duplicate_payment' | 'dashboard' | 'request';
  amount: bigint;
  status: string;
  idempotency_key: string;
  first_sent_at: Date | null;
}

export async function sendRefund(
  dependencies: RefundDependencies,
  refundId: string,
): Promise<'done' | 'try_again'> {
  const { db, stripe } = dependencies;
  const refund = (await db('refunds').where({ id: refundId }).first()) as RefundRow | undefined;
  if (!refund || refund.status !== 'requested') return 'done';
  const attempt = await createOrdersStore(db).getAttempt(refund.payment_attempt_id);
  const order = await createOrdersStore(db).get(refund.order_id);
  const call = {
    account: attempt.stripeAccountId,
    livemode: attempt.livemode,
    paymentIntentId: attempt.paymentIntentId!,
  };
  try {
    // After a send whose answer was lost, look first: a key grows old, the refund's own mark does not.
    const known = refund.first_sent_at
      ? (await stripe.listRefunds(call)).find((candidate) => candidate.metadata['foyer_refund'] === refund.id)
      : undefined;
    await db('refunds')
      .where({ id: refund.id })
      .update({ first_sent_at: db.raw('coalesce(first_sent_at, now())'), last_sent_at: db.fn.now() });
    const answer =
      known ??
      (await stripe.createRefund({
        ...call,
        amount: refund.amount,
        // Nobody got anything for this payment: the platform gives its fee back too, where there was one.
        refundApplicationFee: order.applicationFeeAmount > 0n,
        metadata: { foyer_order: refund.order_id, foyer_refund: refund.id },
        idempotencyKey: refund.idempotency_key,
      }));
    await recordRefund(dependencies, refund.id, answer);
    return 'done';
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    if (error.problem === 'platform_key')
      dependencies.logger.error(
        { err: error },
        'Stripe does not accept the key of this platform: no refund can be made',
      );
    if (isWorthRetrying(error)) return 'try_again';
    if (error.problem === 'access_lost')
      await noteAccessLost(dependencies, { account: attempt.stripeAccountId, livemode: attempt.livemode });
    await recordRefusal(dependencies, refund.id, error.code ?? error.problem);
    return 'done';
  }
}

/** Keeps what Stripe says of a refund of ours, and moves the order when the money is on its way for sure. */
export async function recordRefund(
  { db }: Pick<RefundDependencies, 'db'>,
  refundId: string,
  answer: StripeRefund,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const refund = (await trx('refunds').where({ id: refundId }).first()) as RefundRow;
    const order = await createOrdersStore(trx).lock(refund.order_id);
    const status =
      answer.status === 'succeeded'
        ? 'succeeded'
        : answer.status === 'failed' || answer.status === 'canceled'
          ? 'needs_attention'
          : 'pending';
    const before = (await trx('refunds').where({ id: refundId }).first('status')).status;
    if (before === status || before === 'succeeded') return;
    await trx('refunds').where({ id: refundId }).update({
      status,
      stripe_refund_id: answer.id,
      last_error: answer.failureReason,
      updated_at: trx.fn.now(),
    });
    const cause = {
      actor: 'stripe' as const,
      reason: `refund ${answer.status}`,
      details: { refund: answer.id, amount: String(answer.amount) },
    };
    if (order.status !== 'refund_pending' || refund.origin !== 'late_payment')
      return noteOnOrder(trx, order, cause);
    if (status === 'succeeded')
      await moveOrder(trx, order, 'refunded', cause, { statusDetail: order.statusDetail });
    else if (status === 'needs_attention')
      await moveOrder(trx, order, 'needs_attention', cause, { statusDetail: 'refund_failed' });
    else await noteOnOrder(trx, order, cause);
  });
}

/** Stripe will not make this refund: a person has to see to it. */
async function recordRefusal(
  { db, logger }: RefundDependencies,
  refundId: string,
  code: string,
): Promise<void> {
  await inTransaction(db, async (trx) => {
    const refund = (await trx('refunds').where({ id: refundId }).first()) as RefundRow;
    const order = await createOrdersStore(trx).lock(refund.order_id);
    await trx('refunds')
      .where({ id: refundId, status: 'requested' })
      .update({ status: 'needs_attention', last_error: code, updated_at: trx.fn.now() });
    const cause = {
      actor: 'stripe' as const,
      reason: `refund refused (${code})`,
      details: { account: order.stripeAccountId },
    };
    if (order.status === 'refund_pending')
      await moveOrder(trx, order, 'needs_attention', cause, { statusDetail: 'refund_failed' });
    else await noteOnOrder(trx, order, cause);
  });
  logger.error({ refundId, code }, 'a refund was refused and needs a person');
}
