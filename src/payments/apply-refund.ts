/**
 * The one place where an answer of Stripe becomes the state of a refund, and the refund that of its order. Invariant: a
 * refund is true when Stripe says `succeeded`, and in that same transaction its tickets become void, their places can be
 * bought again, the order moves, and the buyer's mail is queued; each once, however often and in whatever order it is said.
 */
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { formatMoney } from '../lib/money';
import { queueMail } from '../mail/outbox';
import { voidTickets } from '../orders/inventory';
import { moveOrder, noteOnOrder } from '../orders/move-order';
import { type Cause, isFulfilled, type Order, paidOf, type PaymentAttempt } from '../orders/order';
import { type Refund as StripeRefund } from '../stripe/stripe-client';
import { isNews, type Refund, type RefundStatus } from './refund';
import { refundedMail, refundProblemMail } from './refund-mails';
import { createRefundsStore } from './refunds-store';

export type ApplyDependencies = Pick<Dependencies, 'config' | 'orderTokens'>;

/** Applies what Stripe says of a refund. Needs the order's lock and the refund as it stands under it. */
export async function applyRefund(
  trx: Knex.Transaction,
  dependencies: ApplyDependencies,
  order: Order,
  payment: PaymentAttempt,
  refund: Refund,
  answer: StripeRefund,
): Promise<void> {
  const status = statusOf(refund, answer);
  // what has failed at Stripe stays failed there: an older answer says otherwise
  const ended = refund.status === 'needs_attention' && refund.stripeRefundId === answer.id;
  if (ended || !isNews(refund.status, status)) return;
  const refunds = createRefundsStore(trx);
  await refunds.update(refund.id, {
    status,
    stripe_refund_id: answer.id,
    last_error:
      status === 'succeeded' || status === 'pending' ? null : (answer.failureReason ?? answer.status),
    ...(status === 'succeeded' ? { succeeded_at: trx.fn.now() } : {}),
  });
  const cause: Cause = {
    actor: 'stripe',
    reason: sentenceOf(refund, status),
    details: { refund: answer.id, amount: String(answer.amount) },
  };
  if (status === 'succeeded') return applyMoneyBack(trx, dependencies, order, payment, refund, cause);
  if (status === 'pending') return noteOnOrder(trx, order, cause);
  await applyNoMoney(
    trx,
    dependencies,
    order,
    { ...refund, status, lastError: answer.failureReason ?? answer.status },
    cause,
  );
}

/** A refund of ours that failed waits for a person, who can try again; one made at Stripe is Stripe's to try again. */
function statusOf(refund: Refund, answer: StripeRefund): RefundStatus {
  if (answer.status === 'succeeded') return 'succeeded';
  if (answer.status !== 'failed' && answer.status !== 'canceled') return 'pending';
  return refund.origin === 'dashboard' ? 'failed' : 'needs_attention';
}

function sentenceOf(refund: Refund, status: RefundStatus): string {
  const what = `a refund of ${formatMoney(refund.amount, refund.currency)}${refund.origin === 'dashboard' ? ', made at Stripe,' : ''}`;
  if (status === 'succeeded') return `${what} was given back`;
  if (status === 'pending') return `${what} is on its way`;
  return refund.status === 'succeeded' ? `${what} came back from the buyer’s bank` : `${what} has failed`;
}

async function applyMoneyBack(
  trx: Knex.Transaction,
  dependencies: ApplyDependencies,
  order: Order,
  payment: PaymentAttempt,
  refund: Refund,
  cause: Cause,
): Promise<void> {
  if (refund.origin === 'dashboard') await endSuperfluous(trx, payment);
  if (await createRefundsStore(trx).isDuplicate(payment)) return noteOnOrder(trx, order, cause);
  if (refund.scope === 'tickets') await voidTickets(trx, order, { refundId: refund.id });
  if (!(await reflectRefunds(trx, order, payment, cause))) await noteOnOrder(trx, order, cause);
  if (refund.origin === 'request' || refund.origin === 'dashboard') {
    const mail = await refundedMail(trx, dependencies, order, refund);
    if (mail) await queueMail(trx, mail);
  }
}

/**
 * Of ours, what waits to be tried again and no longer fits what is left: the money went back at Stripe instead. Of what
 * Foyer owes by itself the rest is still owed, and goes on waiting.
 */
async function endSuperfluous(trx: Knex.Transaction, payment: PaymentAttempt): Promise<void> {
  const refunds = createRefundsStore(trx);
  const left = paidOf(payment).amount - (await refunds.sumGivenBack(payment.id));
  for (const waiting of await refunds.listOfPayment(payment.id)) {
    if (waiting.status !== 'needs_attention' || waiting.amount <= left) continue;
    const owed = await stillOwed(trx, waiting, payment);
    if (owed > 0n) {
      await refunds.update(waiting.id, owedFields(waiting, owed));
      continue;
    }
    await refunds.update(waiting.id, { status: 'failed', last_error: 'charge_already_refunded' });
    await refunds.releaseTickets(waiting.id);
  }
}

/** What of a refund that Foyer owes by itself no other refund covers, in minor units; of what a person chose nothing is owed. */
export async function stillOwed(
  trx: Knex.Transaction,
  refund: Refund,
  payment: PaymentAttempt,
): Promise<bigint> {
  if (refund.requestedAs !== 'system') return 0n;
  return paidOf(payment).amount - (await createRefundsStore(trx).sumAskedFor(payment.id, { but: refund.id }));
}

export function owedFields(refund: Refund, owed: bigint) {
  return { amount: owed, fee_amount: refund.feeAmount < owed ? refund.feeAmount : owed };
}

/**
 * Moves an order to what has gone back of its payment: everything → refunded, without tickets; a part → partially
 * refunded. Answers false when there is nothing to move. Also for a payment that was refunded before we knew it was paid.
 */
export async function reflectRefunds(
  trx: Knex.Transaction,
  order: Order,
  payment: PaymentAttempt,
  cause: Cause,
): Promise<boolean> {
  const given = await createRefundsStore(trx).sumGivenBack(payment.id);
  if (given === 0n) return false;
  const standing = isFulfilled(order.status) || order.status === 'refund_pending' || isFailedRefund(order);
  if (given >= paidOf(payment).amount && standing) {
    await voidTickets(trx, order, { all: true });
    await moveOrder(trx, order, 'refunded', cause, { statusDetail: order.statusDetail });
    return true;
  }
  if (order.status !== 'paid') return false;
  await moveOrder(trx, order, 'partially_refunded', cause);
  return true;
}

function isFailedRefund(order: Order): boolean {
  return order.status === 'needs_attention' && order.statusDetail === 'refund_failed';
}

/** The money is not with the buyer: of a payment that nobody has tickets for any more, a person must see to it (promise 2). */
export async function applyNoMoney(
  trx: Knex.Transaction,
  dependencies: ApplyDependencies,
  order: Order,
  refund: Refund,
  cause: Cause,
): Promise<void> {
  const duplicate = await createRefundsStore(trx).isDuplicate({ id: refund.attemptId, orderId: order.id });
  const owed =
    order.status === 'refund_pending' || (order.status === 'refunded' && refund.succeededAt !== null);
  if (owed && !duplicate)
    await moveOrder(trx, order, 'needs_attention', cause, { statusDetail: 'refund_failed' });
  else await noteOnOrder(trx, order, cause);
  // a whole event's refunds have a page of their own; what is over at Stripe asks nothing of anybody
  if (refund.status === 'needs_attention' && !refund.eventRefundId)
    await queueMail(trx, await refundProblemMail(trx, dependencies, order, refund));
}
