/** What Stripe says of every payment of an order, asked now: what a person decides by, and what their decision is checked against. */
import { type Dependencies } from '../dependencies';
import { type CheckoutSession } from '../stripe/stripe-client';
import { StripeFailure } from '../stripe/stripe-errors';
import { findSessionOf } from '../checkout/send-attempt';
import { type PaymentAttempt } from './order';
import { createOrdersStore } from './orders-store';

export interface PaymentTruth {
  attempt: PaymentAttempt;
  /** none: Stripe has no session of this attempt · unreachable: the account does not let Foyer in any more */
  answer: 'session' | 'none' | 'unreachable' | 'unanswered';
  session: CheckoutSession | null;
  /** minor units of the session's currency: what the buyer paid, and what of it has not gone back */
  received: bigint;
  left: bigint;
}

export interface StripeTruth {
  payments: PaymentTruth[];
  /** Could every payment be read? */
  answered: boolean;
  unreachable: boolean;
  /** something that the buyer can still pay, or that is on its way */
  undecided: boolean;
}

/** Asks Stripe about each attempt that may have a session. Never throws for Stripe's sake: it says who did not answer. */
export async function readStripeTruth(
  dependencies: Pick<Dependencies, 'db' | 'stripe'>,
  orderId: string,
): Promise<StripeTruth> {
  const attempts = await createOrdersStore(dependencies.db).listAttempts(orderId);
  const payments: PaymentTruth[] = [];
  for (const attempt of attempts) payments.push(await askAbout(dependencies, attempt));
  return {
    payments,
    answered: payments.every(({ answer }) => answer !== 'unanswered' && answer !== 'unreachable'),
    unreachable: payments.some(({ answer }) => answer === 'unreachable'),
    undecided: payments.some(
      ({ session }) =>
        session?.status === 'open' ||
        (session?.status === 'complete' &&
          session.paymentStatus === 'unpaid' &&
          session.paymentIntentStatus === 'processing'),
    ),
  };
}

async function askAbout(
  dependencies: Pick<Dependencies, 'db' | 'stripe'>,
  attempt: PaymentAttempt,
): Promise<PaymentTruth> {
  const nothing = { attempt, session: null, received: 0n, left: 0n };
  try {
    const session = attempt.checkoutSessionId
      ? await dependencies.stripe.retrieveCheckoutSession({
          account: attempt.stripeAccountId,
          livemode: attempt.livemode,
          id: attempt.checkoutSessionId,
        })
      : attempt.firstSentAt
        ? await findSessionOf(dependencies, attempt)
        : null;
    if (!session) return { ...nothing, answer: 'none' };
    const received = session.paymentStatus === 'paid' ? (session.amountTotal ?? 0n) : 0n;
    return {
      attempt,
      answer: 'session',
      session,
      received,
      left: received - (session.amountRefunded ?? 0n),
    };
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    return { ...nothing, answer: error.problem === 'access_lost' ? 'unreachable' : 'unanswered' };
  }
}
