/** What a refund is, and the rules of how much, of which tickets, and with which part of the fee: pure, no SQL. */
import { currencyStep, formatMoney } from '../lib/money';

/**
 * requested · sent: Stripe may have acted · pending: Stripe has it, the money is on its way · succeeded
 * failed: no money moved, for good · needs_attention: no money moved, and a person can try again
 */
export type RefundStatus = 'requested' | 'sent' | 'pending' | 'succeeded' | 'failed' | 'needs_attention';

/** late_payment, duplicate_payment: by Foyer, for what it could not honour · dashboard: at Stripe · request: by a person */
export type RefundOrigin = 'late_payment' | 'duplicate_payment' | 'dashboard' | 'request';

/** order: all that is left, and every ticket · tickets: some of them · amount: money alone, tickets stay good */
export type RefundScope = 'order' | 'tickets' | 'amount';

export interface Refund {
  id: string;
  orderId: string;
  attemptId: string;
  origin: RefundOrigin;
  scope: RefundScope;
  /** minor units */
  amount: bigint;
  currency: string;
  /** what of the platform's fee goes back with it, as it was asked for */
  feeAmount: bigint;
  reason: string;
  status: RefundStatus;
  /** which send this is: it rises when an earlier one was refused or failed, never when it was not answered */
  sendNumber: number;
  idempotencyKey: string | null;
  stripeRefundId: string | null;
  formerStripeRefundIds: string[];
  serverErrors: number;
  firstSentAt: Date | null;
  lastError: string | null;
  requestedAs: 'organizer' | 'admin' | 'system' | 'buyer' | null;
  eventRefundId: string | null;
  ticketsDecidedAt: Date | null;
  succeededAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** No answer of Stripe brings a refund back to an earlier state; a refund that failed stays so. */
const RANK: Record<RefundStatus, number> = {
  requested: 0,
  sent: 1,
  needs_attention: 1,
  pending: 2,
  succeeded: 3,
  failed: 4,
};

export function isNews(before: RefundStatus, after: RefundStatus): boolean {
  if (before === after) return false;
  // given back, and then returned by the buyer's bank
  if (after === 'needs_attention') return before !== 'failed';
  return RANK[after] > RANK[before];
}

export const idempotencyKeyOf = (refundId: string, sendNumber: number) =>
  `foyer-refund-${refundId}-${sendNumber}`;

/**
 * The part of a fee that goes back with an amount, after others went back before it: the rounded share of all that has
 * gone back by then, less the rounded share of what had gone before. So the parts of a payment that goes back in whatever
 * pieces and order add up to the fee exactly, and at no time more than the fee has gone back.
 */
export function feeShare(
  payment: { amount: bigint; fee: bigint; currency: string },
  before: bigint,
  amount: bigint,
): bigint {
  return shareUpTo(payment, before + amount) - shareUpTo(payment, before);
}

/** The share of a fee that belongs to so much of its payment, half up to the currency's step; all of it for the whole. */
function shareUpTo(payment: { amount: bigint; fee: bigint; currency: string }, part: bigint): bigint {
  if (payment.amount === 0n || part >= payment.amount) return payment.fee;
  const unit = payment.amount * currencyStep(payment.currency);
  const rounded = ((2n * payment.fee * part + unit) / (2n * unit)) * currencyStep(payment.currency);
  return rounded < payment.fee ? rounded : payment.fee;
}

export interface RefundableTicket {
  id: string;
  seq: number;
  typeName: string;
  /** what was paid for it, minor units */
  price: bigint;
}

/** A payment with what has gone back, is going back or waits to go back of it. */
export interface RefundablePayment {
  amount: bigint;
  fee: bigint;
  currency: string;
  refunded: bigint;
  feeRefunded: bigint;
  /** valid ones whose money is not going back already */
  tickets: RefundableTicket[];
}

export type RefundChoice =
  { scope: 'order' } | { scope: 'tickets'; seqs: number[] } | { scope: 'amount'; amount: bigint };

export interface RefundQuote {
  scope: RefundScope;
  amount: bigint;
  /** these become void */
  tickets: RefundableTicket[];
  /** of the platform's fee for this amount: what goes back to the organizer, and what the platform keeps */
  feeReturned: bigint;
  feeKept: bigint;
  /** what the organizer's balance is less by; what Stripe took for the payment is not in it */
  leavesBalance: bigint;
  /** what of the payment can still go back afterwards */
  left: bigint;
}

export type QuoteProblem = { field: 'form' | 'scope' | 'tickets' | 'amount'; message: string };

/** What a choice means, to the minor unit; or why it can't be. */
export function quoteRefund(
  payment: RefundablePayment,
  choice: RefundChoice,
  policy: 'keep' | 'proportional',
): { quote: RefundQuote } | { problem: QuoteProblem } {
  const left = payment.amount - payment.refunded;
  if (left <= 0n)
    return {
      problem: {
        field: 'form',
        message:
          'All of this payment has gone back or is on its way back already. There is nothing left to refund.',
      },
    };
  const wanted = amountOf(payment, choice, left);
  if ('problem' in wanted) return wanted;
  // Whose whole payment has gone back has no ticket, whichever way it was asked for.
  const whole = wanted.amount === left;
  const share = feeShare(payment, payment.refunded, wanted.amount);
  const feeLeft = payment.fee - payment.feeRefunded;
  const feeReturned = policy === 'keep' ? 0n : share < feeLeft ? share : feeLeft;
  return {
    quote: {
      scope: whole ? 'order' : choice.scope,
      amount: wanted.amount,
      tickets: whole ? payment.tickets : wanted.tickets,
      feeReturned,
      feeKept: share - feeReturned,
      leavesBalance: wanted.amount - feeReturned,
      left: left - wanted.amount,
    },
  };
}

function amountOf(
  payment: RefundablePayment,
  choice: RefundChoice,
  left: bigint,
): { amount: bigint; tickets: RefundableTicket[] } | { problem: QuoteProblem } {
  const refuse = (field: QuoteProblem['field'], message: string) => ({ problem: { field, message } });
  switch (choice.scope) {
    case 'order':
      return { amount: left, tickets: payment.tickets };
    case 'amount':
      if (choice.amount <= 0n) return refuse('amount', 'Enter an amount that is more than nothing');
      if (choice.amount > left)
        return refuse(
          'amount',
          `Enter at most ${formatMoney(left, payment.currency)}: no more is left of this payment`,
        );
      return { amount: choice.amount, tickets: [] };
    case 'tickets': {
      if (choice.seqs.length === 0) return refuse('tickets', 'Choose at least one ticket');
      const tickets = payment.tickets.filter(({ seq }) => choice.seqs.includes(seq));
      if (tickets.length < new Set(choice.seqs).size)
        return refuse('tickets', 'One of these tickets is void or is being refunded already. Choose again');
      const price = tickets.reduce((sum, ticket) => sum + ticket.price, 0n);
      if (price === 0n)
        return refuse('tickets', 'These tickets cost nothing, so there is no money to give back');
      return { amount: price < left ? price : left, tickets };
    }
  }
}
