/**
 * The end of a hold. Promise 3: the clock alone frees only what was never offered to Stripe; else the session is ended
 * at Stripe first, and Stripe's answer decides between freed and paid.
 */
import { inTransaction } from '../db/connection';
import { sendAttempt } from '../checkout/send-attempt';
import { hasLostAccess, noteAccessLost } from '../connect/account-health';
import { type Dependencies } from '../dependencies';
import { StripeFailure } from '../stripe/stripe-errors';
import { moveOrder } from './move-order';
import { type Cause, type Order, type PaymentAttempt } from './order';
import { createOrdersStore } from './orders-store';
import { ACCOUNT_UNREACHABLE, applySession, type SettleDependencies } from './settle-order';

/** A hold whose page nobody opened was a double press or a robot. */
export const UNOPENED_SECONDS = 90;

/** Stripe's own expiry, with some slack for clocks, after which an unreachable session can't be paid any more. */
const SESSION_SLACK_SECONDS = 60;

export type ReleaseDependencies = SettleDependencies & Pick<Dependencies, 'paymentQueue'>;

/** Frees an order's tickets if its time is over, or at once when `now` is set (the buyer or a disconnect asks for it). */
export async function releaseOrder(
  dependencies: ReleaseDependencies,
  orderId: string,
  options: { now?: Cause } = {},
): Promise<void> {
  const attempt = await beginRelease(dependencies, orderId, options.now);
  if (!attempt) return;
  if (attempt.status === 'created') {
    // Whether a session exists is not known: the same key tells. What is found open is ended by the next call.
    const outcome = await sendAttempt(dependencies, attempt.id);
    if (outcome !== 'open')
      return outcome === 'try_again' ? giveUpUnreachable(dependencies, attempt) : undefined;
    return endSession(dependencies, await createOrdersStore(dependencies.db).getAttempt(attempt.id));
  }
  await endSession(dependencies, attempt);
}

/** Frees what Stripe never heard of; answers the attempt that Stripe has to be asked about. */
async function beginRelease(
  { db }: ReleaseDependencies,
  orderId: string,
  now: Cause | undefined,
): Promise<PaymentAttempt | null> {
  return inTransaction(db, async (trx) => {
    const orders = createOrdersStore(trx);
    const order = await orders.lock(orderId);
    if (!now && !(await isDue(trx, order))) return null;
    const cause: Cause = now ?? {
      actor: 'system',
      reason: order.openedAt ? 'the hold is over' : 'the page was never opened',
    };
    if (order.status === 'held') {
      await moveOrder(trx, order, 'expired', cause, { statusDetail: now ? 'released' : 'hold_over' });
      return null;
    }
    if (
      order.status !== 'creating_session' &&
      order.status !== 'awaiting_payment' &&
      order.status !== 'expiring'
    )
      return null;
    const attempt = await orders.findLivingAttempt(orderId);
    if (!attempt) return null;
    // Sends are claimed without the order's lock: what counts is that this row still says "never sent" as it is changed.
    if (await orders.abandonUnsentAttempt(attempt.id)) {
      await moveOrder(trx, order, 'expired', cause, { statusDetail: now ? 'released' : 'hold_over' });
      return null;
    }
    if (order.status !== 'expiring')
      await moveOrder(trx, order, 'expiring', cause, { statusDetail: now ? 'released' : 'hold_over' });
    return attempt;
  });
}

async function isDue(trx: Dependencies['db'], order: Order): Promise<boolean> {
  const row = await trx('orders')
    .where({ id: order.id })
    .where((either) => {
      either.where('hold_expires_at', '<=', trx.fn.now());
      if (order.status === 'held')
        either.orWhere((unopened) =>
          unopened
            .whereNull('opened_at')
            .where('created_at', '<=', trx.raw('now() - make_interval(secs => ?)', [UNOPENED_SECONDS])),
        );
      if (order.status === 'expiring') either.orWhereRaw('true');
    })
    .first('id');
  return row !== undefined;
}

/** Ends the session at Stripe and applies what Stripe then says: expired, or complete after all. */
async function endSession(dependencies: ReleaseDependencies, attempt: PaymentAttempt): Promise<void> {
  const call = {
    account: attempt.stripeAccountId,
    livemode: attempt.livemode,
    id: attempt.checkoutSessionId!,
  };
  try {
    const session = await dependencies.stripe.expireCheckoutSession(call).catch((error: unknown) => {
      // Not open any more: complete or expired already.
      if (error instanceof StripeFailure && error.problem === 'refused')
        return dependencies.stripe.retrieveCheckoutSession(call);
      throw error;
    });
    await applySession(dependencies, attempt.id, session);
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    if (error.problem === 'access_lost')
      await noteAccessLost(dependencies, { account: attempt.stripeAccountId, livemode: attempt.livemode });
    await giveUpUnreachable(dependencies, attempt);
  }
}

/** Stripe can't be asked: the hold stays until the session must have died by itself, and then a person is shown it. */
async function giveUpUnreachable(dependencies: ReleaseDependencies, attempt: PaymentAttempt): Promise<void> {
  const { db } = dependencies;
  if (!(await hasSessionDied(db, attempt))) return;
  const account = { account: attempt.stripeAccountId, livemode: attempt.livemode };
  if (!(await hasLostAccess(dependencies, account))) return;
  await inTransaction(db, async (trx) => {
    const order = await createOrdersStore(trx).lock(attempt.orderId);
    if (order.status !== 'expiring') return;
    await createOrdersStore(trx).updateAttempt(attempt.id, {
      status: attempt.checkoutSessionId ? 'expired' : 'abandoned',
    });
    await moveOrder(
      trx,
      order,
      'needs_attention',
      {
        actor: 'system',
        reason: 'Stripe can not be asked about this payment any more',
        details: { account: attempt.stripeAccountId, session: attempt.checkoutSessionId },
      },
      { statusDetail: ACCOUNT_UNREACHABLE },
    );
  });
}

/** By the database's clock: the one of this process may be wrong. */
async function hasSessionDied(db: ReleaseDependencies['db'], attempt: PaymentAttempt): Promise<boolean> {
  const row = await db('payment_attempts')
    .where({ id: attempt.id })
    .where('session_expires_at', '<', db.raw('now() - make_interval(secs => ?)', [SESSION_SLACK_SECONDS]))
    .first('id');
  return row !== undefined;
}
