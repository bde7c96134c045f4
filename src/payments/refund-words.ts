/** Refunds in words: for the buyer, and for whoever must do something about one. */
import { formatMoney } from '../lib/money';
import { type Refund } from './refund';

/** Codes with which Stripe says that there is nothing left to give back: trying again makes no sense. */
const OVER = ['charge_already_refunded', 'more_than_left', 'charge_disputed'];

export function isOverAtStripe(code: string): boolean {
  return OVER.includes(code);
}

export interface RefundBadge {
  kind: 'green' | 'amber' | 'red' | 'neutral';
  label: string;
}

export function refundBadge(refund: Pick<Refund, 'status' | 'succeededAt'>): RefundBadge {
  switch (refund.status) {
    case 'requested':
      return { kind: 'neutral', label: 'Asked for' };
    case 'sent':
      return { kind: 'amber', label: 'Sent to Stripe' };
    case 'pending':
      return { kind: 'amber', label: 'On its way' };
    case 'succeeded':
      return { kind: 'green', label: 'Given back' };
    case 'failed':
      return { kind: 'neutral', label: 'Not made' };
    case 'needs_attention':
      return { kind: 'red', label: refund.succeededAt ? 'Came back' : 'Not made yet' };
  }
}

/** Why a refund has stopped and what to do, for the organizer and for admins; null while nothing is to be done. */
export function refundProblem(
  refund: Pick<Refund, 'status' | 'lastError' | 'succeededAt' | 'origin'>,
  account: string | null,
): string | null {
  if (refund.status !== 'needs_attention' && refund.status !== 'failed') return null;
  switch (refund.lastError) {
    case 'balance_insufficient':
    case 'insufficient_funds':
      return `The balance of the Stripe account ${account} does not cover this refund. Add money to the balance in the Stripe Dashboard, or wait for the next sales, then try again.`;
    case 'charge_already_refunded':
      return 'Stripe says that all of this payment has gone back already. What was made at Stripe is booked here.';
    case 'more_than_left':
      return 'Stripe has less left of this payment than this refund asks for. What was made at Stripe is booked here; begin a new refund for what is left.';
    case 'charge_disputed':
      return 'The buyer’s bank has taken this payment back in a dispute, so it can’t be refunded as well.';
    case 'access_lost':
    case 'account_invalid':
      return `Foyer has no access to the Stripe account ${account} any more. Connect the same account again and try again, or refund the payment in the Stripe Dashboard of that account.`;
    case 'withdrawn':
      return 'It was taken back before any money moved.';
    default:
      return refund.succeededAt
        ? `Stripe had given it back, but the buyer’s bank returned it (${inWords(refund.lastError)}). The money is on the balance of ${account} again. Try again, or agree with the buyer on another way.`
        : `Stripe did not make it (${inWords(refund.lastError)}). No money has moved. Try again; if it stays so, refund the payment in the Stripe Dashboard of ${account}.`;
  }
}

function inWords(code: string | null): string {
  return (code ?? 'without a reason').replaceAll('_', ' ');
}

/** What the buyer is told of one refund: what, and how far it is. */
export function refundForBuyer(
  refund: Pick<Refund, 'status' | 'amount' | 'currency' | 'origin' | 'succeededAt'>,
  organizer: { name: string; contactEmail: string },
): { tone: RefundBadge['kind']; label: string; title: string; text: string } | null {
  const amount = formatMoney(refund.amount, refund.currency);
  const title = `${amount} ${refund.origin === 'duplicate_payment' ? 'that you paid twice' : 'of your payment'}`;
  switch (refund.status) {
    case 'requested':
    case 'sent':
      return {
        tone: 'amber',
        label: 'Being asked for',
        title,
        text: 'We are asking Stripe to give it back. You need not do anything; we mail you when Stripe has done it.',
      };
    case 'pending':
      return {
        tone: 'amber',
        label: 'On its way',
        title,
        text: 'Stripe has it and is giving it back to the way you paid with. You need not do anything.',
      };
    case 'succeeded':
      return {
        tone: 'green',
        label: 'Given back',
        title,
        text: 'Stripe has given it back to the way you paid with. Banks usually take 5 to 10 days to show it.',
      };
    case 'needs_attention':
      return {
        tone: 'red',
        label: 'Not there yet',
        title,
        text: `${
          refund.succeededAt ? 'Your bank did not take it.' : 'It could not be given back so far.'
        } ${organizer.name} has been told and sees to it. Questions: ${organizer.contactEmail}`,
      };
    // nothing moved, and nothing will: there is another refund, or none
    case 'failed':
      return null;
  }
}
