/** "Check again": asks Stripe about every payment of an order and books what it says, as sweep and webhook would. */
import { noteOnOrder } from './move-order';
import { type Cause } from './order';
import { createOrdersStore } from './orders-store';
import { applySession, settleAttempt, type SettleDependencies } from './settle-order';
import { readStripeTruth, type StripeTruth } from './stripe-truth';
import { bookDisputes } from '../payments/book-disputes';
import { bookRefunds } from '../payments/book-refunds';
import { inTransaction } from '../db/connection';
import { StripeFailure } from '../stripe/stripe-errors';

/** Ends pages that are open still, books payments, refunds and disputes. What contradicts stays with the person who asked. */
export async function checkAgain(
  dependencies: SettleDependencies,
  orderId: string,
  by: Pick<Cause, 'actor' | 'actorUserId'>,
): Promise<StripeTruth> {
  const { db, stripe } = dependencies;
  const before = await readStripeTruth(dependencies, orderId);
  for (const { attempt, session } of before.payments) {
    if (!attempt.checkoutSessionId || !session) continue;
    const call = { account: attempt.stripeAccountId, livemode: attempt.livemode };
    try {
      if (session.status === 'open')
        await applySession(
          dependencies,
          attempt.id,
          await stripe.expireCheckoutSession({ ...call, id: session.id }),
        );
      else await settleAttempt(dependencies, attempt.id);
      if ((await createOrdersStore(db).getAttempt(attempt.id)).paymentIntentId) {
        await bookRefunds(dependencies, attempt.id);
        await bookDisputes(dependencies, attempt.id);
      }
    } catch (error) {
      if (!(error instanceof StripeFailure)) throw error;
    }
  }
  await inTransaction(db, async (trx) => {
    const order = await createOrdersStore(trx).lock(orderId);
    await noteOnOrder(trx, order, { ...by, reason: 'Stripe was asked again', details: {} });
  });
  return readStripeTruth(dependencies, orderId);
}
