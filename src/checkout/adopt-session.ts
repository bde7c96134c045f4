/**
 * A session whose answer we never kept: its event, or the account's own list, brings it. The reference in it only tells
 * where to look. It is adopted if an attempt of ours waits for an answer on that account and in that mode, and Stripe
 * itself says that amount and currency are this attempt's: anybody on the account can copy a reference.
 */
import { isUuid } from '../lib/ids';
import { type PaymentAttempt } from '../orders/order';
import { createOrdersStore } from '../orders/orders-store';
import { settleAttempt } from '../orders/settle-order';
import { type CheckoutSession } from '../stripe/stripe-client';
import { adoptSession } from './send-attempt';

type AdoptDependencies = Parameters<typeof settleAttempt>[0];

export async function adoptUnanswered(
  dependencies: AdoptDependencies,
  found: { account: string; livemode: boolean; sessionId: string | null; orderId: unknown },
): Promise<'adopted' | 'no_payment' | 'another_session'> {
  const { account, livemode, sessionId, orderId } = found;
  const attempt =
    isUuid(orderId) && sessionId ? await createOrdersStore(dependencies.db).findLivingAttempt(orderId) : null;
  if (
    !attempt ||
    !sessionId ||
    attempt.checkoutSessionId ||
    attempt.status !== 'created' ||
    attempt.stripeAccountId !== account ||
    attempt.livemode !== livemode
  ) {
    return 'no_payment';
  }
  const session = await dependencies.stripe.retrieveCheckoutSession({ account, livemode, id: sessionId });
  if (!isSessionOf(attempt, session)) return 'another_session';
  await adoptSession(dependencies, attempt.id, session);
  await settleAttempt(dependencies, attempt.id);
  return 'adopted';
}

function isSessionOf(attempt: PaymentAttempt, session: CheckoutSession): boolean {
  return (
    session.clientReferenceId === attempt.orderId &&
    session.metadata['foyer_attempt'] === String(attempt.n) &&
    session.amountTotal === attempt.amount &&
    session.currency === attempt.currency
  );
}
