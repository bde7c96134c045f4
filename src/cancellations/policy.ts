/** What buyers may cancel by themselves: the organizer's policy, and what it means for an order. Pure. */
import { type Order } from '../orders/order';
import { isFulfilled } from '../orders/order';
import { quoteRefund, type QuoteProblem, type RefundablePayment, type RefundQuote } from '../payments/refund';

export interface CancellationPolicy {
  covers: 'free' | 'paid' | 'both';
  /** until so many hours before the start */
  hours: number;
  /** less_fee: the buyer bears what Foyer keeps of its fee */
  refund: 'whole' | 'less_fee';
}

const FORM = /^(free|paid|both):(0|[1-9]\d{0,3}):(whole|less_fee)$/;

/** As events and orders keep it; what is not of this form allows nothing. */
export function readPolicy(text: string | null | undefined): CancellationPolicy | null {
  const [, covers, hours, refund] = FORM.exec(text ?? '') ?? [];
  return covers
    ? {
        covers: covers as CancellationPolicy['covers'],
        hours: Number(hours),
        refund: refund as CancellationPolicy['refund'],
      }
    : null;
}

export function writePolicy({ covers, hours, refund }: CancellationPolicy): string {
  return `${covers}:${hours}:${refund}`;
}

export function deadlineOf(policy: CancellationPolicy, startsAt: Date): Date {
  return new Date(startsAt.getTime() - policy.hours * 3_600_000);
}

/** "2 days before the start", "the start" */
export function untilWords(hours: number): string {
  if (hours === 0) return 'the start';
  const [count, unit] = hours % 24 === 0 ? [hours / 24, 'day'] : [hours, 'hour'];
  return `${count} ${unit}${count === 1 ? '' : 's'} before the start`;
}

/** For everybody who looks at the event; null where nothing can be cancelled by oneself. */
export function policyWords(policy: CancellationPolicy | null): string | null {
  if (!policy) return null;
  const until = `until ${untilWords(policy.hours)}`;
  if (policy.covers === 'free') return `You can cancel free tickets by yourself ${until}.`;
  const money =
    policy.refund === 'whole'
      ? 'all that you paid goes back to you'
      : 'what you paid goes back to you, less what Foyer keeps of its fee';
  return policy.covers === 'paid'
    ? `You can cancel paid tickets by yourself ${until}: ${money}.`
    : `You can cancel by yourself ${until}${policy.covers === 'both' ? `; of paid tickets ${money}` : ''}.`;
}

export interface OrderToCancel {
  order: Pick<Order, 'status' | 'totalAmount'>;
  policy: CancellationPolicy | null;
  event: { status: string; starts_at: Date };
  /** of the order's valid tickets */
  tickets: { checked_in_at: Date | null; refund_id: string | null }[];
  disputed: boolean;
  now: Date;
}

/** Why its buyer can't cancel an order now; null when they can. */
export function whyNotCancellable({
  order,
  policy,
  event,
  tickets,
  disputed,
  now,
}: OrderToCancel): string | null {
  if (!isFulfilled(order.status) || tickets.length === 0)
    return 'This order has no valid tickets that could be cancelled.';
  const free = order.totalAmount === 0n;
  if (!policy || policy.covers === (free ? 'paid' : 'free'))
    return 'The organizer does not let buyers cancel these tickets by themselves. Write to them instead.';
  if (event.status === 'cancelled')
    return 'The event was cancelled by the organizer, who tells you what happens.';
  if (now >= deadlineOf(policy, event.starts_at))
    return `These tickets could be cancelled until ${untilWords(policy.hours)}. That time is over. Write to the organizer instead.`;
  if (tickets.some((ticket) => ticket.checked_in_at !== null))
    return 'One of these tickets was used at the door, so the order can’t be cancelled any more.';
  if (disputed) return 'Your bank is looking into this payment, so nothing is changed until it has decided.';
  if (tickets.some((ticket) => ticket.refund_id !== null))
    return 'A refund of this order is under way already. Its state stands on the page of your order.';
  return null;
}

/**
 * What goes back, to the minor unit: all that is left of the payment, less what the platform keeps of its fee where the
 * policy says so. All tickets become void in either case.
 */
export function quoteCancellation(
  payment: RefundablePayment,
  policy: CancellationPolicy,
  platformPolicy: 'keep' | 'proportional',
): { quote: RefundQuote } | { problem: QuoteProblem } {
  const quoted = quoteRefund(payment, { scope: 'order' }, platformPolicy);
  if ('problem' in quoted || policy.refund === 'whole') return quoted;
  const { amount, feeKept: kept, tickets } = quoted.quote;
  if (kept === 0n) return quoted;
  if (kept >= amount)
    return {
      problem: {
        field: 'form',
        message: 'Less than the fee is left of this payment. Write to the organizer instead.',
      },
    };
  return {
    quote: {
      scope: 'tickets',
      amount: amount - kept,
      tickets,
      feeReturned: 0n,
      feeKept: kept,
      leavesBalance: amount - kept,
      left: kept,
    },
  };
}
