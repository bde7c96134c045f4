/** From Stripe's objects to ours: only what we use, in our types, and checked where money hangs on it. */
import type Stripe from 'stripe';
import { type CheckoutSession, type ConnectedAccount, type Refund } from './stripe-client';
import { StripeFailure } from './stripe-errors';

/** A Checkout Session as we use it. What is none was no answer. */
export function toSession(session: Stripe.Checkout.Session): CheckoutSession {
  if (
    typeof session?.id !== 'string' ||
    !session.status ||
    !session.payment_status ||
    !(session.amount_total === null || Number.isSafeInteger(session.amount_total)) ||
    !Number.isSafeInteger(session.expires_at)
  )
    throw new StripeFailure('unanswered', 'Stripe answered something that is no Checkout Session');
  return {
    id: session.id,
    status: session.status as CheckoutSession['status'],
    paymentStatus: session.payment_status as CheckoutSession['paymentStatus'],
    amountTotal: session.amount_total === null ? null : BigInt(session.amount_total),
    currency: session.currency,
    paymentIntentId: idOf(session.payment_intent),
    ...paymentOf(session.payment_intent),
    url: session.url,
    clientReferenceId: session.client_reference_id,
    metadata: session.metadata ?? {},
    expiresAt: new Date(session.expires_at * 1000),
  };
}

/** What is known where the payment intent was asked for with its charge; else nothing is. */
function paymentOf(
  intent: Stripe.Checkout.Session['payment_intent'],
): Pick<CheckoutSession, 'paymentIntentStatus' | 'amountRefunded' | 'disputed'> {
  if (typeof intent !== 'object' || intent === null)
    return { paymentIntentStatus: null, amountRefunded: null, disputed: null };
  const charge = typeof intent.latest_charge === 'object' ? intent.latest_charge : null;
  return {
    paymentIntentStatus: intent.status ?? null,
    amountRefunded: Number.isSafeInteger(charge?.amount_refunded) ? BigInt(charge!.amount_refunded) : null,
    disputed: charge ? charge.disputed === true : null,
  };
}

export function toRefund(refund: Stripe.Refund): Refund {
  if (typeof refund?.id !== 'string' || !Number.isSafeInteger(refund.amount))
    throw new StripeFailure('unanswered', 'Stripe answered something that is no refund');
  return {
    id: refund.id,
    status: (refund.status ?? 'pending') as Refund['status'],
    amount: BigInt(refund.amount),
    currency: refund.currency,
    paymentIntentId: idOf(refund.payment_intent),
    chargeId: idOf(refund.charge),
    failureReason: refund.failure_reason ?? null,
    metadata: refund.metadata ?? {},
  };
}

export function toAccount(account: Stripe.Account): ConnectedAccount {
  if (typeof account?.id !== 'string')
    throw new StripeFailure('unanswered', 'Stripe answered something that is no account');
  return {
    id: account.id,
    displayName:
      account.settings?.dashboard?.display_name ?? account.business_profile?.name ?? account.email ?? null,
    country: account.country ?? null,
    defaultCurrency: account.default_currency ?? null,
    chargesEnabled: account.charges_enabled === true,
    payoutsEnabled: account.payouts_enabled === true,
    requirements: {
      currentlyDue: account.requirements?.currently_due ?? [],
      pastDue: account.requirements?.past_due ?? [],
      pendingVerification: account.requirements?.pending_verification ?? [],
      errors: (account.requirements?.errors ?? []).map(({ requirement, reason }) => ({
        requirement,
        reason,
      })),
      disabledReason: account.requirements?.disabled_reason ?? null,
      currentDeadline: account.requirements?.current_deadline ?? null,
    },
  };
}

export function idOf(value: string | { id: string } | null | undefined): string | null {
  if (!value) return null;
  return typeof value === 'string' ? value : value.id;
}
