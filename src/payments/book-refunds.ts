/**
 * Books what Stripe says of a payment's refunds, those made in Stripe's Dashboard among them. Refunds are told apart by
 * their ids, never by totals, which can be stale or out of order.
 */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { newId } from '../lib/ids';
import { createOrdersStore } from '../orders/orders-store';
import { paidOf, type PaymentAttempt } from '../orders/order';
import { type Refund as StripeRefund } from '../stripe/stripe-client';
import { StripeFailure } from '../stripe/stripe-errors';
import { applyRefund } from './apply-refund';
import { type Refund } from './refund';
import { createRefundsStore } from './refunds-store';
import { isAnswerTo, type RefundDependencies } from './send-refund';

/** Asks Stripe for all refunds of a payment and books them. May run at once, twice, and in any order. */
export async function bookRefunds(dependencies: RefundDependencies, attemptId: string): Promise<void> {
  const { db, stripe } = dependencies;
  const payment = await createOrdersStore(db).getAttempt(attemptId);
  if (!payment.paymentIntentId) return;
  const found = await stripe.listRefunds({
    account: payment.stripeAccountId,
    livemode: payment.livemode,
    paymentIntentId: payment.paymentIntentId,
  });
  for (const refund of found) await bookRefund(dependencies, payment, refund);
  await db('refunds')
    .where({ payment_attempt_id: attemptId, status: 'pending' })
    .update({ checked_at: db.fn.now() });
  const order = await createOrdersStore(db).get(payment.orderId);
  if (found[0] && order.applicationFeeAmount > 0n) await noteFeeRefunded(dependencies, payment, found[0]);
}

async function bookRefund(
  dependencies: RefundDependencies,
  payment: PaymentAttempt,
  answer: StripeRefund,
): Promise<void> {
  await inTransaction(dependencies.db, async (trx) => {
    const orders = createOrdersStore(trx);
    const order = await orders.lock(payment.orderId);
    const refunds = createRefundsStore(trx);
    const known = await refunds.listOfPayment(payment.id);
    if (known.some((refund) => refund.formerStripeRefundIds.includes(answer.id))) return;
    const refund =
      known.find((candidate) => candidate.stripeRefundId === answer.id) ??
      known.find((candidate) => candidate.origin !== 'dashboard' && isAnswerTo(candidate, answer)) ??
      (await insertDashboardRefund(trx, payment, answer, known));
    await applyRefund(trx, dependencies, order, await orders.getAttempt(payment.id), refund, answer);
  });
}

/** One that we know nothing of was made at Stripe, by the account's owner. */
async function insertDashboardRefund(
  trx: Knex.Transaction,
  payment: PaymentAttempt,
  answer: StripeRefund,
  known: Refund[],
): Promise<Refund> {
  const id = newId();
  const refunds = createRefundsStore(trx);
  const given = known
    .filter((refund) => refund.status === 'succeeded')
    .reduce((sum, refund) => sum + refund.amount, 0n);
  const whole = given + answer.amount >= paidOf(payment).amount;
  await refunds.insert({
    id,
    order_id: payment.orderId,
    payment_attempt_id: payment.id,
    origin: 'dashboard',
    scope: whole ? 'order' : 'amount',
    amount: answer.amount,
    currency: answer.currency,
    reason: 'made at Stripe',
    status: 'requested',
  });
  return refunds.get(id);
}

/** Does an event's object, a refund or a charge, say nothing that is not in our books? Then Stripe need not be asked. */
export async function isBookedAlready(
  db: Knex,
  attemptId: string,
  object: Record<string, unknown>,
): Promise<boolean> {
  if (object['object'] === 'charge')
    return (
      (await createRefundsStore(db).sumGivenBack(attemptId)).toString() === String(object['amount_refunded'])
    );
  const row = await db('refunds')
    .where({ payment_attempt_id: attemptId, stripe_refund_id: String(object['id']) })
    .first('status');
  return row !== undefined && row.status === 'succeeded' && object['status'] === 'succeeded';
}

/** Reads how much of the platform's fee has gone back. It only informs: when Stripe can't be asked, the next booking does. */
export async function noteFeeRefunded(
  { db, stripe, logger }: RefundDependencies,
  payment: PaymentAttempt,
  refund: StripeRefund,
): Promise<void> {
  if (!refund.chargeId) return;
  try {
    const refunded = await stripe.readFeeRefunded({ livemode: payment.livemode, chargeId: refund.chargeId });
    if (refunded === null) return;
    // it never shrinks: an answer that was under way longer says less
    await db('payment_attempts')
      .where({ id: payment.id })
      .update({
        application_fee_refunded: db.raw('greatest(application_fee_refunded, ?::bigint)', [String(refunded)]),
      });
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    logger.warn({ err: error, attemptId: payment.id }, 'the refunded fee of a payment could not be read');
  }
}
