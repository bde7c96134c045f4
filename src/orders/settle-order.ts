/**
 * Settle: the one place where a payment becomes an order's state. It fetches the session that we stored, on the account
 * and in the mode that we stored, and applies what Stripe says under the order's lock. Return page, webhook, sweep and
 * deadline all call it; it may run at once, twice, and in any order. Metadata decides nothing.
 *
 * Promise 2: a payment that succeeded ends as one paid order, one full refund, or a row in needs_attention.
 */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { queueMail } from '../mail/outbox';
import { reflectRefunds } from '../payments/apply-refund';
import { bookDisputes } from '../payments/book-disputes';
import { bookRefunds } from '../payments/book-refunds';
import { SLOW_PAYMENT_DAYS } from '../payments/finding';
import { requestAutomaticRefund } from '../payments/request-refund';
import { type CheckoutSession } from '../stripe/stripe-client';
import { fulfilOrder } from './fulfil-order';
import { isCodeUsedUp } from './inventory';
import { moveOrder, noteOnOrder } from './move-order';
import { type Cause, isFulfilled, type Order, type OrderStatus, type PaymentAttempt } from './order';
import { readOrderContext } from './order-context';
import { lateRefundMail, paymentFailedMail, paymentProcessingMail } from './order-mails';
import { createOrdersStore } from './orders-store';

export type SettleDependencies = Pick<
  Dependencies,
  'db' | 'config' | 'stripe' | 'logger' | 'orderTokens' | 'ticketCodes' | 'settlements'
>;

/** Settles the attempt of an order that Stripe may still decide, if there is one. Throws StripeFailure when Stripe can't say. */
export async function settleOrder(dependencies: SettleDependencies, orderId: string): Promise<void> {
  const attempt = await createOrdersStore(dependencies.db).findLivingAttempt(orderId);
  if (attempt?.checkoutSessionId) await settleAttempt(dependencies, attempt.id);
}

/**
 * Asks Stripe for an attempt's session and applies the answer. The return page and the webhook come within milliseconds:
 * within a process the second waits for the first, and finds the payment settled without asking again.
 */
export async function settleAttempt(dependencies: SettleDependencies, attemptId: string): Promise<void> {
  await dependencies.settlements.take(attemptId, async () => {
    const attempt = await createOrdersStore(dependencies.db).getAttempt(attemptId);
    if (!attempt.checkoutSessionId || attempt.status === 'paid') return;
    const session = await dependencies.stripe.retrieveCheckoutSession({
      account: attempt.stripeAccountId,
      livemode: attempt.livemode,
      id: attempt.checkoutSessionId,
    });
    await applySession(dependencies, attemptId, session);
  });
}

/**
 * Applies what Stripe says of an attempt's session. Needs no order of arrival: what is done already is left alone, and
 * what was refunded or disputed before we knew of the payment is booked with it.
 */
export async function applySession(
  dependencies: SettleDependencies,
  attemptId: string,
  session: CheckoutSession,
): Promise<void> {
  await applyPaymentState(dependencies, attemptId, session);
  if (session.paymentStatus !== 'paid') return;
  if ((session.amountRefunded ?? 0n) > 0n) await bookRefunds(dependencies, attemptId);
  if (session.disputed) await bookDisputes(dependencies, attemptId);
}

async function applyPaymentState(
  dependencies: SettleDependencies,
  attemptId: string,
  session: CheckoutSession,
): Promise<void> {
  await inTransaction(dependencies.db, async (trx) => {
    const orders = createOrdersStore(trx);
    const order = await orders.lockOfAttempt(attemptId);
    const attempt = await orders.getAttempt(attemptId);
    if (attempt.checkoutSessionId !== session.id)
      throw new Error('This session is not the one of this attempt');
    if (
      session.status === 'complete' &&
      (session.paymentStatus === 'paid' || session.paymentStatus === 'no_payment_required')
    )
      return applyPaid(trx, dependencies, order, attempt, session);
    await orders.updateAttempt(attemptId, { checked_at: trx.fn.now() });
    if (session.status === 'expired')
      return applyDead(trx, dependencies, order, attempt, 'checkout session expired');
    if (session.status !== 'complete') return;
    // Completed, but the money is not there: on its way, or it has failed for good.
    if (
      session.paymentIntentStatus === 'canceled' ||
      session.paymentIntentStatus === 'requires_payment_method'
    )
      return applyDead(trx, dependencies, order, attempt, 'payment failed');
    return applyProcessing(trx, dependencies, order, attempt, session);
  });
}

async function applyPaid(
  trx: Knex.Transaction,
  dependencies: SettleDependencies,
  order: Order,
  attempt: PaymentAttempt,
  session: CheckoutSession,
): Promise<void> {
  if (attempt.status === 'paid') return;
  const details = {
    session: session.id,
    payment_intent: session.paymentIntentId,
    account: attempt.stripeAccountId,
    attempt: attempt.n,
  };
  const paid: Cause = { actor: 'stripe', reason: 'payment succeeded', details };
  await recordPaid(trx, attempt, session);

  // A second payment for one order: given back, whatever its amount, and the good one is not touched.
  if (hasItsPayment(order.status)) {
    await noteOnOrder(trx, order, { ...paid, reason: 'a second payment for this order is given back' });
    await requestAutomaticRefund(trx, order, attempt, 'duplicate_payment');
    return;
  }
  if (!isAsOrdered(order, attempt)) return applyMismatch(trx, dependencies, order, attempt, paid);

  switch (order.status) {
    case 'creating_session':
    case 'awaiting_payment':
    case 'processing':
    case 'expiring': {
      const context = await readOrderContext(trx, order, { agreed: true });
      if (context.event.status === 'cancelled') {
        await reach(trx, order, 'expired', { ...paid, reason: 'the event was cancelled before the payment' });
        return applyLatePayment(trx, dependencies, order, attempt, paid);
      }
      // the lock of the event's inventory comes last: other payments and holds wait for it until the commit
      await fulfilOrder(trx, dependencies, order, context);
      await reach(trx, order, 'paid', paid);
      return reflectEarlierRefunds(trx, order, attempt);
    }
    case 'expired':
    case 'failed':
      return applyLatePayment(trx, dependencies, order, attempt, paid);
    default:
      // Stripe could not be asked, and now it has answered: there is nothing left to decide.
      if (isOutOfReach(order)) return applyLatePayment(trx, dependencies, order, attempt, paid);
      // needs_attention: a person decides, knowing of this payment
      return noteOnOrder(trx, order, paid);
  }
}

/** What Stripe says was paid, in the attempt. The same news again changes nothing. */
export async function recordPaid(
  trx: Knex.Transaction,
  attempt: PaymentAttempt,
  session: CheckoutSession,
): Promise<void> {
  const received = {
    paidAmount: session.amountTotal ?? attempt.amount,
    paidCurrency: session.currency ?? attempt.currency,
  };
  await createOrdersStore(trx).updateAttempt(attempt.id, {
    status: 'paid',
    payment_intent_id: session.paymentIntentId,
    checked_at: trx.fn.now(),
    paid_at: trx.raw('coalesce(paid_at, now())'),
    paid_amount: received.paidAmount,
    paid_currency: received.paidCurrency,
  });
  Object.assign(attempt, received, { status: 'paid', paymentIntentId: session.paymentIntentId });
}

/** Why an order waits for a person whose account Foyer can't reach. */
export const ACCOUNT_UNREACHABLE = 'account_unreachable';

function isOutOfReach(order: Order): boolean {
  return order.status === 'needs_attention' && order.statusDetail === ACCOUNT_UNREACHABLE;
}

/** Was a payment kept for this order, or given back, before? */
function hasItsPayment(status: OrderStatus): boolean {
  return isFulfilled(status) || status === 'refunded' || status === 'refund_pending';
}

function isAsOrdered(order: Order, attempt: PaymentAttempt): boolean {
  return (
    attempt.paidAmount === attempt.amount &&
    attempt.paidCurrency === attempt.currency &&
    order.stripeAccountId === attempt.stripeAccountId
  );
}

/** Never fulfilled, and never guessed: a person compares. */
async function applyMismatch(
  trx: Knex.Transaction,
  { logger }: SettleDependencies,
  order: Order,
  attempt: PaymentAttempt,
  paid: Cause,
): Promise<void> {
  const cause = {
    ...paid,
    reason: 'the payment does not match the order',
    details: {
      ...paid.details,
      paid: `${attempt.paidAmount} ${attempt.paidCurrency}`,
      expected: `${attempt.amount} ${attempt.currency}`,
    },
  };
  logger.error({ orderId: order.id }, 'a payment does not match its order');
  if (order.status === 'needs_attention') return noteOnOrder(trx, order, cause);
  await reach(trx, order, 'needs_attention', cause, 'payment_mismatch');
}

async function isEventCancelled(trx: Knex.Transaction, order: Order): Promise<boolean> {
  const event = await trx('events').where({ id: order.eventId }).first('status');
  return event.status === 'cancelled';
}

/** Refunds can be reported before the payment itself. */
async function reflectEarlierRefunds(
  trx: Knex.Transaction,
  order: Order,
  payment: PaymentAttempt,
): Promise<void> {
  await reflectRefunds(trx, order, payment, {
    actor: 'stripe',
    reason: 'the payment had been refunded at Stripe already',
  });
}

const LATE_REASONS = {
  event_cancelled: 'a late payment for a cancelled event',
  code_used_up: 'a late payment; the code was used up',
  sold_out: 'a late payment; the tickets were gone',
};

/** The tickets again if they still fit and the event takes place, else all of the money back. */
async function applyLatePayment(
  trx: Knex.Transaction,
  dependencies: SettleDependencies,
  order: Order,
  attempt: PaymentAttempt,
  paid: Cause,
): Promise<void> {
  const cancelled = await isEventCancelled(trx, order);
  if (
    !cancelled &&
    (await moveOrder(trx, order, 'paid', { ...paid, reason: 'a late payment; the tickets were still there' }))
  ) {
    await fulfilOrder(trx, dependencies, order);
    return reflectEarlierRefunds(trx, order, attempt);
  }
  const why = cancelled ? 'event_cancelled' : (await isCodeUsedUp(trx, order)) ? 'code_used_up' : 'sold_out';
  await moveOrder(
    trx,
    order,
    'refund_pending',
    {
      ...paid,
      reason: LATE_REASONS[why],
    },
    { statusDetail: why },
  );
  if (!(await requestAutomaticRefund(trx, order, attempt, 'late_payment')))
    await reflectEarlierRefunds(trx, order, attempt);
  await queueMail(trx, await lateRefundMail(trx, dependencies, order, why));
}

/** The money is on its way: the tickets stay held far beyond the buyer's own time, until Stripe says how it ended. */
async function applyProcessing(
  trx: Knex.Transaction,
  dependencies: SettleDependencies,
  order: Order,
  attempt: PaymentAttempt,
  session: CheckoutSession,
): Promise<void> {
  if (attempt.status === 'processing' || attempt.status === 'paid') return;
  await createOrdersStore(trx).updateAttempt(attempt.id, {
    status: 'processing',
    payment_intent_id: session.paymentIntentId,
  });
  if (
    order.status === 'creating_session' ||
    order.status === 'awaiting_payment' ||
    order.status === 'expiring'
  ) {
    await reach(trx, order, 'processing', {
      actor: 'stripe',
      reason: 'completed, the money is on its way',
      details: { session: session.id, account: attempt.stripeAccountId },
    });
    await trx('orders')
      .where({ id: order.id })
      .update({ hold_expires_at: trx.raw('now() + make_interval(days => ?)', [SLOW_PAYMENT_DAYS]) });
    await queueMail(trx, await paymentProcessingMail(trx, dependencies, order));
  }
}

/** Stripe says that nothing will come of this attempt: only now may its tickets go back (promise 3). */
async function applyDead(
  trx: Knex.Transaction,
  dependencies: SettleDependencies,
  order: Order,
  attempt: PaymentAttempt,
  reason: string,
): Promise<void> {
  if (attempt.status !== 'created' && attempt.status !== 'open' && attempt.status !== 'processing') return;
  await createOrdersStore(trx).updateAttempt(attempt.id, { status: 'expired' });
  if (
    isOutOfReach(order) ||
    order.status === 'creating_session' ||
    order.status === 'awaiting_payment' ||
    order.status === 'processing' ||
    order.status === 'expiring'
  ) {
    await reach(
      trx,
      order,
      'expired',
      {
        actor: 'stripe',
        reason,
        details: { session: attempt.checkoutSessionId, account: attempt.stripeAccountId },
      },
      reason === 'payment failed' ? 'payment_failed' : (order.statusDetail ?? 'hold_over'),
    );
    if (reason === 'payment failed') await queueMail(trx, await paymentFailedMail(trx, dependencies, order));
  }
}

/** A session can be complete before we knew that it exists: the step that was skipped is written, too. */
async function reach(
  trx: Knex.Transaction,
  order: Order,
  to: OrderStatus,
  cause: Cause,
  statusDetail: string | null = null,
): Promise<void> {
  if (order.status === 'creating_session' && to !== 'needs_attention' && to !== 'expired') {
    await moveOrder(trx, order, 'awaiting_payment', { actor: 'stripe', reason: 'checkout session found' });
  }
  await moveOrder(trx, order, to, cause, { statusDetail });
}
