/**
 * Sends a refund to the account and in the mode that its payment was made in (promise 5), and keeps the answer. The
 * intent is a row; the key names row and send, so that a repeated send can't give money back twice. The number in the key
 * rises only when Stripe has said no, or answers this key with nothing but its own error.
 */
import { type Knex } from 'knex';
import { noteAccessLost } from '../connect/account-health';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { addJob } from '../jobs/jobs';
import { createOrdersStore } from '../orders/orders-store';
import { type PaymentAttempt } from '../orders/order';
import { type Refund as StripeRefund } from '../stripe/stripe-client';
import { isWorthRetrying, StripeFailure } from '../stripe/stripe-errors';
import { applyNoMoney, applyRefund, owedFields, stillOwed } from './apply-refund';
import { bookRefunds, noteFeeRefunded } from './book-refunds';
import { idempotencyKeyOf, type Refund } from './refund';
import { createRefundsStore } from './refunds-store';
import { isOverAtStripe } from './refund-words';

export type RefundDependencies = Pick<Dependencies, 'db' | 'config' | 'stripe' | 'logger' | 'orderTokens'>;

/** A key replays a stored 500 for a day, whether Stripe had acted or not: after so many its own list of refunds tells. */
const SERVER_ERRORS_OF_ONE_KEY = 3;

export async function sendRefund(
  dependencies: RefundDependencies,
  refundId: string,
): Promise<'done' | 'try_again'> {
  const { db, stripe } = dependencies;
  const before = await createRefundsStore(db).find(refundId);
  if (!before || (before.status !== 'requested' && before.status !== 'sent')) return 'done';
  const payment = await createOrdersStore(db).getAttempt(before.attemptId);
  try {
    const { refund, found } = await prepareSend(dependencies, before, payment);
    if (!refund) return 'done';
    const answer =
      found ??
      (await stripe.createRefund({
        ...callFor(payment),
        amount: refund.amount,
        // only where there was a fee: Stripe refuses it otherwise
        refundApplicationFee: refund.feeAmount > 0n,
        metadata: { foyer_order: refund.orderId, foyer_refund: refund.id },
        idempotencyKey: refund.idempotencyKey!,
      }));
    await recordAnswer(dependencies, refund.id, answer);
    if (refund.feeAmount > 0n) await noteFeeRefunded(dependencies, payment, answer);
    return 'done';
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    return handleFailure(dependencies, before, payment, error);
  }
}

function callFor(payment: PaymentAttempt) {
  return {
    account: payment.stripeAccountId,
    livemode: payment.livemode,
    paymentIntentId: payment.paymentIntentId!,
  };
}

/**
 * After a send whose answer was lost, looks first: a key grows old, the refund's own mark does not. Then commits that a
 * send is about to happen. `refund` is null when somebody else has brought it to an end meanwhile.
 */
async function prepareSend(
  { db, stripe }: RefundDependencies,
  before: Refund,
  payment: PaymentAttempt,
): Promise<{ refund: Refund | null; found: StripeRefund | undefined }> {
  const found = before.firstSentAt
    ? (await stripe.listRefunds(callFor(payment))).find((candidate) => isAnswerTo(before, candidate))
    : undefined;
  const nextKey = !found && before.serverErrors >= SERVER_ERRORS_OF_ONE_KEY;
  const claimed = await db('refunds')
    .where({ id: before.id, send_number: before.sendNumber })
    .whereIn('status', ['requested', 'sent'])
    .update({
      status: 'sent',
      first_sent_at: db.raw('coalesce(first_sent_at, now())'),
      last_sent_at: db.fn.now(),
      updated_at: db.fn.now(),
      ...(nextKey
        ? {
            send_number: before.sendNumber + 1,
            idempotency_key: idempotencyKeyOf(before.id, before.sendNumber + 1),
            server_errors: 0,
          }
        : {}),
    });
  return { refund: claimed > 0 ? await createRefundsStore(db).get(before.id) : null, found };
}

/** Is this refund at Stripe what this row asked for? One that an earlier send made, and that failed, is not. */
export function isAnswerTo(refund: Refund, candidate: StripeRefund): boolean {
  if (refund.formerStripeRefundIds.includes(candidate.id)) return false;
  if (refund.stripeRefundId) return refund.stripeRefundId === candidate.id;
  return candidate.metadata['foyer_refund'] === refund.id && candidate.amount === refund.amount;
}

async function recordAnswer(
  dependencies: RefundDependencies,
  refundId: string,
  answer: StripeRefund,
): Promise<void> {
  await inTransaction(dependencies.db, async (trx) => {
    const refunds = createRefundsStore(trx);
    const orders = createOrdersStore(trx);
    const order = await orders.lock((await refunds.get(refundId)).orderId);
    const refund = await refunds.get(refundId);
    await applyRefund(trx, dependencies, order, await orders.getAttempt(refund.attemptId), refund, answer);
  });
}

async function handleFailure(
  dependencies: RefundDependencies,
  refund: Refund,
  payment: PaymentAttempt,
  failure: StripeFailure,
): Promise<'done' | 'try_again'> {
  const { db, logger } = dependencies;
  const code = failure.code ?? failure.problem;
  if (failure.problem === 'platform_key')
    logger.error({ err: failure }, 'Stripe does not accept the key of this platform: no refund can be made');
  if (isWorthRetrying(failure)) {
    await db('refunds')
      .where({ id: refund.id, status: 'sent' })
      .update({
        last_error: code,
        ...((failure.httpStatus ?? 0) >= 500 ? { server_errors: db.raw('server_errors + 1') } : {}),
      });
    return 'try_again';
  }
  if (failure.problem === 'access_lost')
    await noteAccessLost(dependencies, { account: payment.stripeAccountId, livemode: payment.livemode });
  // Somebody gave it back at Stripe: what is there is booked before this one is given up.
  if (isOverAtStripe(code) || failure.param === 'amount') await bookRefunds(dependencies, payment.id);
  await recordRefusal(dependencies, refund.id, failure.param === 'amount' ? 'more_than_left' : code);
  return 'done';
}

/** Stripe will not make this refund: a person has to see to it, unless there is nothing left to see to. */
async function recordRefusal(
  dependencies: RefundDependencies,
  refundId: string,
  code: string,
): Promise<void> {
  const over = isOverAtStripe(code);
  const refused = await inTransaction(dependencies.db, async (trx) => {
    const refunds = createRefundsStore(trx);
    const order = await createOrdersStore(trx).lock((await refunds.get(refundId)).orderId);
    const refund = await refunds.get(refundId);
    if (refund.status !== 'requested' && refund.status !== 'sent') return null;
    if (code === 'more_than_left' && (await askForTheRest(trx, refund))) return null;
    const status = over ? 'failed' : 'needs_attention';
    await refunds.update(refundId, { status, last_error: code });
    if (over) await refunds.releaseTickets(refundId);
    await applyNoMoney(
      trx,
      dependencies,
      order,
      { ...refund, status, lastError: code },
      {
        actor: 'stripe',
        reason: `a refund was refused (${code.replaceAll('_', ' ')})`,
        details: { account: order.stripeAccountId },
      },
    );
    return refund;
  });
  if (!refused) return;
  // who asked sees it on the page, and can try again; what Foyer asked for by itself is an admin's to see to
  const level = over || refused.requestedAs !== 'system' ? 'warn' : 'error';
  dependencies.logger[level]({ refundId, code }, 'a refund was refused');
}

/** A part of what Foyer owes went back at Stripe meanwhile: it asks for what is left, with the next key. False: nothing is. */
async function askForTheRest(trx: Knex.Transaction, refund: Refund): Promise<boolean> {
  const payment = await createOrdersStore(trx).getAttempt(refund.attemptId);
  const owed = await stillOwed(trx, refund, payment);
  if (owed <= 0n || owed >= refund.amount) return false;
  await createRefundsStore(trx).update(refund.id, {
    ...owedFields(refund, owed),
    status: 'requested',
    send_number: refund.sendNumber + 1,
    idempotency_key: idempotencyKeyOf(refund.id, refund.sendNumber + 1),
    first_sent_at: null,
    last_sent_at: null,
    server_errors: 0,
  });
  await addJob(trx, 'send_refund', { refundId: refund.id }, { key: `send-refund-${refund.id}` });
  return true;
}
