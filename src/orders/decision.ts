/** What a person may decide about an order that needs attention, by what Stripe says of it now. Pure rules and their words. */
import { type PaymentTruth, type StripeTruth } from './stripe-truth';

export const DECISIONS = ['paid', 'refund_pending', 'expired'] as const;
export type Decision = (typeof DECISIONS)[number];

/** Why this can't be decided now; null when it can. `attested`: the person has looked where Foyer can't. */
export function whyNot(to: Decision, truth: StripeTruth, attested: boolean): string | null {
  const paid = truth.payments.filter(({ received }) => received > 0n);
  const left = truth.payments.filter((payment) => payment.left > 0n);
  if (truth.payments.some(({ answer }) => answer === 'unanswered'))
    return 'Stripe does not answer right now, so nothing can be decided. Try again in a moment.';
  if (truth.undecided)
    return 'Stripe has not decided yet: the payment is on its way, or its page is still open. Check again first; that ends an open page.';
  if (truth.unreachable) {
    if (to === 'refund_pending')
      return 'Foyer has no access to this account any more, so it can give nothing back. Refund the payment in the Stripe Dashboard of the account, then release the order.';
    return attested
      ? null
      : 'Foyer can’t ask Stripe about this account any more. Look in its Stripe Dashboard, and tick the box to say that you did.';
  }
  switch (to) {
    case 'paid':
      return left.length > 0
        ? null
        : 'Stripe has no money of the buyer for this order, so it can’t be accepted as paid.';
    case 'refund_pending':
      return paid.length > 0
        ? null
        : 'Stripe has taken no payment for this order, so there is nothing to give back. Release it instead.';
    case 'expired':
      return paid.length === 0
        ? null
        : 'The buyer has paid for this order. Accept it or refund it: releasing it would leave their money behind.';
  }
}

/** Does a decision rest on somebody's word, because Foyer can't ask? */
export function needsAttestation(truth: StripeTruth): boolean {
  return truth.unreachable;
}

/** What Stripe says of one payment, in a sentence. */
export function truthInWords(payment: PaymentTruth, money: (amount: bigint) => string): string {
  const { session } = payment;
  if (payment.answer === 'unanswered') return 'Stripe did not answer.';
  if (payment.answer === 'unreachable')
    return 'The account does not let Foyer in any more; only its own Dashboard can tell.';
  if (!session) return 'Stripe has no payment page for it.';
  if (session.status === 'open') return 'The payment page is open, and nothing was paid.';
  if (session.status === 'expired') return 'The payment page has expired, and nothing was paid.';
  if (session.paymentStatus === 'unpaid')
    return session.paymentIntentStatus === 'processing'
      ? 'Completed; the money is on its way.'
      : 'Completed, but the payment failed. Nothing was charged.';
  const given = payment.received - payment.left;
  if (given === 0n) return `Paid ${money(payment.received)}; all of it is still there.`;
  return payment.left > 0n
    ? `Paid ${money(payment.received)}; ${money(given)} of it went back.`
    : `Paid ${money(payment.received)}; all of it went back.`;
}
