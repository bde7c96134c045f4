/**
 * Books what Stripe says of a payment's refunds, those made in Stripe's Dashboard among them. Refunds are told apart by
 * their ids, never by totals, which can be stale or out of order.
 */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { newId } from '../lib/ids';
import { moveOrder, noteOnOrder } from '../orders/move-order';
import { isFulfilled } from '../orders/order';
import { createOrdersStore } from '../orders/orders-store';
import { type Refund as StripeRefund } from '../stripe/stripe-client';
import { recordRefund, type RefundDependencies } from './send-refund';

export async function bookRefunds(dependencies: RefundDependencies, attemptId: string): Promise<void> {
  const { db, stripe } = dependencies;
  const attempt = await createOrdersStore(db).getAttempt(attemptId);
  if (!attempt.paymentIntentId) return;
  const refunds = await stripe.listRefunds({
    account: attempt.stripeAccountId,
    livemode: attempt.livemode,
    paymentIntentId: attempt.paymentIntentId,
  });
  for (const refund of refunds) {
    const ours = await findOurs(db, attemptId, refund);
    if (ours) await recordRefund(dependencies, ours, refund);
    else await bookDashboardRefund(db, attemptId, refund);
  }
}

/** Our row for this refund: by its id, or by the mark that we sent along while its answer was lost. */
async function findOurs(db: Knex, attemptId: string, refund: StripeRefund): Promise<string | null> {
  const row = await db('refunds')
    .where({ payment_attempt_id: attemptId })
    .whereNot({ origin: 'dashboard' })
    .where((either) =>
      either
        .where({ stripe_refund_id: refund.id })
        .orWhereRaw('id::text = ?', [refund.metadata['foyer_refund'] ?? '']),
    )
    .first('id');
  return row?.id ?? null;
}

async function bookDashboardRefund(db: Knex, attemptId: string, refund: StripeRefund): Promise<void> {
  await inTransaction(db, async (trx) => {
    const orders = createOrdersStore(trx);
    const order = await orders.lock((await orders.getAttempt(attemptId)).orderId);
    const attempt = await orders.getAttempt(attemptId);
    const status =
      refund.status === 'succeeded'
        ? 'succeeded'
        : refund.status === 'failed' || refund.status === 'canceled'
          ? 'failed'
          : 'pending';
    const known = await trx('refunds').where({ stripe_refund_id: refund.id }).first('id', 'status');
    if (known?.status === status) return;
    if (known) await trx('refunds').where({ id: known.id }).update({ status, updated_at: trx.fn.now() });
    else {
      await trx('refunds').insert({
        id: newId(),
        order_id: order.id,
        payment_attempt_id: attemptId,
        origin: 'dashboard',
        amount: refund.amount,
        currency: refund.currency,
        reason: 'made at Stripe',
        status,
        stripe_refund_id: refund.id,
      });
    }
    if (status !== 'succeeded') return;
    const given = await trx('refunds')
      .where({ payment_attempt_id: attemptId, status: 'succeeded' })
      .sum('amount as sum')
      .first();
    const whole = BigInt(given?.sum ?? 0) >= (attempt.paidAmount ?? attempt.amount);
    const cause = {
      actor: 'stripe' as const,
      reason: whole ? 'refunded in full at Stripe' : 'refunded in part at Stripe',
      details: { refund: refund.id, amount: String(refund.amount) },
    };
    // What is given back of a second payment does not touch the order that the first one paid for.
    if (await isSecondPayment(trx, attemptId)) return noteOnOrder(trx, order, cause);
    if (isFulfilled(order.status) && whole) {
      await trx('tickets').where({ order_id: order.id }).update({ status: 'void' });
      await moveOrder(trx, order, 'refunded', cause);
    } else if (order.status === 'paid') await moveOrder(trx, order, 'partially_refunded', cause);
    else await noteOnOrder(trx, order, cause);
  });
}

/** A payment that came when the order had its own already. */
export async function isSecondPayment(trx: Knex.Transaction, attemptId: string): Promise<boolean> {
  const row = await trx('refunds')
    .where({ payment_attempt_id: attemptId, origin: 'duplicate_payment' })
    .first('id');
  return row !== undefined;
}
