/**
 * What a buyer is told at each state of an order. Every state answers three things: whether they were charged, what
 * happens next, and their order's reference.
 */
import { formatMoney } from '../lib/money';
import { isFulfilled, type Order } from './order';

export interface OrderWords {
  /** the page's title */
  heading: string;
  tone: 'green' | 'amber' | 'red' | 'neutral';
  /** in one short sentence: am I in? */
  answer: string;
  charged: string;
  next: string;
  /** seconds until the page looks again by itself; null = nothing will change by itself soon */
  lookAgain: number | null;
}

export function orderWords(
  order: Pick<Order, 'status' | 'statusDetail' | 'totalAmount' | 'currency'>,
  tickets: number,
  /** `paid`: what the buyer was charged, where that is not the order's sum */
  options: { disputed?: boolean; paid?: string | null } = {},
): OrderWords {
  if (options.disputed && isFulfilled(order.status)) return disputedWords(order, options.paid ?? null);
  return wordsOf(order, tickets, options.paid ?? null);
}

/** Neutral: the buyer may not know of it, and may be in the right. */
function disputedWords(order: Pick<Order, 'totalAmount' | 'currency'>, paid: string | null): OrderWords {
  return {
    heading: 'Your bank is looking into this payment',
    tone: 'amber',
    answer: 'Not at the moment',
    charged: `You paid ${paid ?? formatMoney(order.totalAmount, order.currency)}, and your bank has asked for it back.`,
    next: 'Your tickets let nobody in until the bank has decided. If you did not ask for this, tell your bank that the payment is yours.',
    lookAgain: null,
  };
}

function wordsOf(
  order: Pick<Order, 'status' | 'statusDetail' | 'totalAmount' | 'currency'>,
  tickets: number,
  paid: string | null,
): OrderWords {
  const amount = formatMoney(order.totalAmount, order.currency);
  const free = order.totalAmount === 0n;
  const count = tickets === 1 ? '1 ticket' : `${tickets} tickets`;
  switch (order.status) {
    case 'held':
      return {
        heading: 'Your details',
        tone: 'neutral',
        answer: `Not yet: ${count} held for you`,
        charged: 'Nothing was charged.',
        next: free ? 'Tell us who you are, and the tickets are yours.' : 'Tell us who you are, then pay.',
        lookAgain: null,
      };
    case 'creating_session':
      return {
        heading: 'Your payment is being prepared',
        tone: 'neutral',
        answer: `Not yet: ${count} held for you`,
        charged: 'Nothing was charged.',
        next: 'Your payment page opens when it is your turn. Go to the payment to see how long that takes.',
        lookAgain: 10,
      };
    case 'awaiting_payment':
      return {
        heading: 'Waiting for your payment',
        tone: 'amber',
        answer: `Not yet: ${count} held for you`,
        charged: 'Nothing was charged so far.',
        next: 'Pay now to get your tickets. A payment that was declined or cancelled can be tried again while they are held.',
        lookAgain: null,
      };
    case 'processing':
      return {
        heading: 'Your payment is on its way',
        tone: 'amber',
        answer: 'Not yet: your bank is still working on it',
        charged: `Your payment of ${amount} was begun. Do not pay again.`,
        next: 'Your tickets stay held. We mail them as soon as your bank has confirmed the payment; this can take some days.',
        lookAgain: 20,
      };
    case 'expiring':
      return {
        heading: 'Your time to pay is over',
        tone: 'amber',
        answer: 'We are asking Stripe whether you paid',
        charged: 'If you paid, your payment counts: you get your tickets or all of your money back.',
        next: 'This page looks again by itself.',
        lookAgain: 4,
      };
    case 'paid':
      return {
        heading: 'You are in',
        tone: 'green',
        answer: `Yes, ${count}`,
        charged: free ? 'Free; nothing was charged.' : `Paid ${paid ?? amount}.`,
        next: 'Show the code at the door, on your phone or on paper.',
        lookAgain: null,
      };
    case 'partially_refunded':
      return {
        heading: tickets > 0 ? 'You are in' : 'A part of your money was given back',
        tone: tickets > 0 ? 'green' : 'neutral',
        answer: tickets > 0 ? `Yes, ${count}` : 'No, your tickets were refunded',
        charged: `Paid ${paid ?? amount}; a part of it was given back.`,
        next:
          tickets > 0 ? 'Show the code at the door, on your phone or on paper.' : 'You need not do anything.',
        lookAgain: null,
      };
    case 'refunded':
      if (order.statusDetail === 'dispute_lost')
        return {
          heading: 'Your bank gave you the money back',
          tone: 'neutral',
          answer: 'No, this payment was taken back',
          charged: `Your bank decided that ${paid ?? amount} goes back to you. Foyer does not send it a second time.`,
          next: 'Its tickets are no longer valid. You need not do anything.',
          lookAgain: null,
        };
      return {
        heading: 'Your money was given back',
        tone: 'neutral',
        answer: 'No, this order was refunded',
        charged: `${paid ?? amount} was given back to the way you paid with. Banks usually take 5 to 10 days to show it.`,
        next: 'Its tickets are no longer valid. You need not do anything.',
        lookAgain: null,
      };
    case 'refund_pending':
      return {
        heading: 'Your money is on its way back',
        tone: 'amber',
        answer:
          {
            event_cancelled: 'No, the event was cancelled',
            by_hand: 'No, your payment did not fit your order',
            code_used_up: 'No, your code was used up when your payment came',
          }[order.statusDetail ?? ''] ?? 'No, the tickets were gone when your payment came',
        charged: `You were charged ${paid ?? amount}, and all of it is being given back.`,
        next: 'You need not do anything. Banks usually take 5 to 10 days to show it.',
        lookAgain: 20,
      };
    case 'failed':
      return {
        heading: 'Your payment could not be started',
        tone: 'red',
        answer: 'No, and nothing is held for you',
        charged: 'You were not charged.',
        next: 'Stripe did not accept this payment for the organizer. Go back to the event to try again, or ask the organizer.',
        lookAgain: null,
      };
    case 'expired':
      if (order.statusDetail === 'released_unverified')
        return {
          heading: 'Your order was ended',
          tone: 'neutral',
          answer: 'No, nothing is held for you',
          charged:
            'Foyer could not ask Stripe about this payment any more; a person has looked and found no charge to keep.',
          next: 'If your bank shows a charge for this order, write to the organizer and name the order: they give it back.',
          lookAgain: null,
        };
      return {
        heading:
          {
            released: 'You gave these tickets back',
            released_by_hand: 'Your order was ended',
            payment_failed: 'Your payment did not succeed',
          }[order.statusDetail ?? ''] ?? 'Your time to pay is over',
        tone: 'neutral',
        answer: 'No, nothing is held for you',
        charged: 'You were not charged.',
        next: 'Go back to the event and choose again.',
        lookAgain: null,
      };
    case 'cancelled':
      return {
        heading:
          order.statusDetail === 'by_organizer'
            ? 'The organizer took these tickets back'
            : 'You have cancelled this order',
        tone: 'neutral',
        answer: 'No, these tickets are no longer valid',
        charged: 'They were free; nothing was charged.',
        next: 'You need not do anything. If you want to come after all, go back to the event and choose again.',
        lookAgain: null,
      };
    case 'needs_attention':
      return {
        heading: 'A person is looking at your order',
        tone: 'amber',
        ...(ATTENTION[order.statusDetail ?? ''] ?? ATTENTION_FOR_ANY_REASON),
        lookAgain: 60,
      };
  }
}

/** Charged or not is what the person finds out: until then it is said as far as it is known. */
const ATTENTION_FOR_ANY_REASON = {
  answer: 'Not clear yet',
  charged: 'If you were charged, you get your tickets or all of your money back. Do not pay again.',
  next: 'Something about this payment needs a person. We mail you when it is settled; you need not do anything.',
};

const ATTENTION: Record<string, typeof ATTENTION_FOR_ANY_REASON> = {
  payment_mismatch: {
    answer: 'Not yet: your payment differs from your order',
    charged:
      'You were charged, though not what the order says. You get your tickets or all of your money back. Do not pay again.',
    next: 'A person compares your payment with your order. We mail you when it is settled; you need not do anything.',
  },
  account_unreachable: {
    answer: 'Not clear yet: Stripe can’t be asked about your payment',
    charged: 'If you were charged, you get your tickets or all of your money back. Do not pay again.',
    next: 'The organizer’s Stripe account is no longer connected to Foyer, so a person looks there. We mail you when it is settled.',
  },
  refund_failed: {
    answer: 'No; your money could not be given back yet',
    charged:
      'You were charged, and Stripe could not send the money back. It is yours, and a person sees to it.',
    next: 'We mail you when it is settled; you need not do anything.',
  },
};

/** An order's state on the desk: a word and a colour. */
export const ORDER_STATUS_BADGES: Record<
  Order['status'],
  { kind: 'green' | 'amber' | 'red' | 'neutral'; label: string }
> = {
  held: { kind: 'neutral', label: 'Being placed' },
  creating_session: { kind: 'neutral', label: 'Being placed' },
  awaiting_payment: { kind: 'neutral', label: 'Waiting for payment' },
  processing: { kind: 'amber', label: 'Payment on its way' },
  expiring: { kind: 'neutral', label: 'Running out' },
  paid: { kind: 'green', label: 'Paid' },
  partially_refunded: { kind: 'green', label: 'Partly refunded' },
  refunded: { kind: 'neutral', label: 'Refunded' },
  refund_pending: { kind: 'amber', label: 'Being refunded' },
  failed: { kind: 'neutral', label: 'Payment refused' },
  expired: { kind: 'neutral', label: 'Not bought' },
  cancelled: { kind: 'neutral', label: 'Cancelled' },
  needs_attention: { kind: 'red', label: 'Needs attention' },
};

/** Why an order needs attention, for those who decide. */
export const ATTENTION_REASONS: Record<string, string> = {
  payment_mismatch: 'The amount, currency or account paid differs from the order',
  account_unreachable: 'Stripe can’t be asked about the payment any more',
  refund_failed: 'A refund was refused, or came back',
};
