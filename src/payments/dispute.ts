/** What Stripe's word for a dispute means for tickets and people: pure rules (docs/decisions/0030). */
export type DisputeStage = 'inquiry' | 'open' | 'won' | 'lost' | 'closed';

/**
 * The stage of a dispute by Stripe's status (API 2026-10-28.endive). A word that is new counts as open: that blocks a
 * ticket until somebody looks, and gives nothing away.
 */
export function stageOf(status: string): DisputeStage {
  switch (status) {
    case 'warning_needs_response':
    case 'warning_under_review':
      return 'inquiry';
    case 'warning_closed':
    case 'prevented':
      return 'closed';
    case 'won':
      return 'won';
    case 'lost':
      return 'lost';
    default:
      // needs_response, under_review, appeal_needs_response, appeal_under_review
      return 'open';
  }
}

/** Can the organizer still answer, in Stripe's Dashboard? */
export function awaitsAnswer(status: string): boolean {
  return status.endsWith('needs_response');
}

export const DISPUTE_BADGES: Record<
  DisputeStage,
  { kind: 'green' | 'amber' | 'red' | 'neutral'; label: string }
> = {
  inquiry: { kind: 'amber', label: 'Inquiry of the bank' },
  open: { kind: 'red', label: 'Open' },
  won: { kind: 'green', label: 'Won' },
  lost: { kind: 'red', label: 'Lost' },
  closed: { kind: 'neutral', label: 'Closed, nothing lost' },
};

const REASONS: Record<string, string> = {
  bank_cannot_process: 'the bank could not process the payment',
  check_returned: 'the check was returned',
  credit_not_processed: 'the buyer says that a promised refund did not come',
  customer_initiated: 'the buyer asked the bank to take the payment back',
  debit_not_authorized: 'the buyer says that they did not allow the debit',
  duplicate: 'the buyer says that they were charged twice',
  fraudulent: 'the buyer says that they did not make this payment',
  general: 'the bank gave no closer reason',
  incorrect_account_details: 'the account details were wrong',
  insufficient_funds: 'there was not enough money on the account',
  noncompliant: 'the card network’s rules were not kept',
  product_not_received: 'the buyer says that they did not get what they paid for',
  product_unacceptable: 'the buyer says that it was not what was promised',
  subscription_canceled: 'the buyer says that they had cancelled',
  unrecognized: 'the buyer does not recognize the payment',
};

/** Why the bank took the payment back, as half a sentence. */
export function reasonInWords(reason: string): string {
  return Object.hasOwn(REASONS, reason) ? REASONS[reason]! : reason.replaceAll('_', ' ');
}

/** Where a dispute is answered: in the Dashboard of the account that was paid, never here. */
export function disputeAddress(
  dispute: { stripeDisputeId: string; account: string; livemode: boolean },
  stripe: { simulated: boolean; apiUrl: string },
): string {
  if (stripe.simulated) return `${stripe.apiUrl}/dashboard/${dispute.account}`;
  return `https://dashboard.stripe.com/${dispute.livemode ? '' : 'test/'}disputes/${dispute.stripeDisputeId}`;
}
