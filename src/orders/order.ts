/** An order's states and the moves between them: the one table that `moveOrder` obeys. */

export type OrderStatus =
  | 'held'
  | 'creating_session'
  | 'awaiting_payment'
  | 'processing'
  | 'expiring'
  | 'paid'
  | 'partially_refunded'
  | 'refunded'
  | 'refund_pending'
  | 'failed'
  | 'expired'
  | 'cancelled'
  | 'needs_attention';

/** As the desk sorts them: what asks for somebody, what is under way, what stands, what is over. */
export const ORDER_STATUSES_IN_ORDER: readonly OrderStatus[] = [
  'needs_attention',
  'held',
  'creating_session',
  'awaiting_payment',
  'processing',
  'expiring',
  'paid',
  'partially_refunded',
  'refund_pending',
  'refunded',
  'cancelled',
  'failed',
  'expired',
];

export const LEGAL_MOVES: Record<OrderStatus, readonly OrderStatus[]> = {
  held: ['creating_session', 'paid', 'expired'],
  creating_session: ['awaiting_payment', 'expiring', 'expired', 'failed', 'needs_attention'],
  awaiting_payment: ['paid', 'processing', 'expiring', 'expired', 'needs_attention'],
  processing: ['paid', 'expired', 'needs_attention'],
  expiring: ['paid', 'processing', 'expired', 'needs_attention'],
  // cancelled: only what cost nothing; the database refuses it for anything else
  paid: ['partially_refunded', 'refunded', 'cancelled', 'needs_attention'],
  partially_refunded: ['refunded', 'needs_attention'],
  // a refund that the buyer's bank sent back: the money is owed again
  refunded: ['needs_attention'],
  // late success: the tickets are taken again if they fit, else everything is given back
  failed: ['paid', 'refund_pending', 'needs_attention'],
  expired: ['paid', 'refund_pending', 'needs_attention'],
  refund_pending: ['refunded', 'needs_attention'],
  cancelled: [],
  needs_attention: ['paid', 'refund_pending', 'refunded', 'expired'],
};

/** Where an order's tickets are counted. `keep` leaves them where they are until a person has decided. */
const INVENTORY: Record<OrderStatus, Inventory | 'keep'> = {
  held: 'held',
  creating_session: 'held',
  awaiting_payment: 'held',
  processing: 'held',
  expiring: 'held',
  paid: 'sold',
  partially_refunded: 'sold',
  refunded: 'none',
  refund_pending: 'none',
  failed: 'none',
  expired: 'none',
  cancelled: 'none',
  needs_attention: 'keep',
};

export type Inventory = 'held' | 'sold' | 'none';

export function isLegalMove(from: OrderStatus, to: OrderStatus): boolean {
  return LEGAL_MOVES[from].includes(to);
}

/** The counter that an order's tickets stand in after a move. */
export function inventoryAfter(to: OrderStatus, before: Inventory): Inventory {
  const target = INVENTORY[to];
  return target === 'keep' ? before : target;
}

/** Has the buyer what they paid for (or got for free)? */
export function isFulfilled(status: OrderStatus): boolean {
  return status === 'paid' || status === 'partially_refunded';
}

/** Is a payment under way that Stripe may still decide? */
export function isPaymentUnderWay(status: OrderStatus): boolean {
  return (
    status === 'creating_session' ||
    status === 'awaiting_payment' ||
    status === 'processing' ||
    status === 'expiring'
  );
}

export interface Order {
  id: string;
  eventId: string;
  organizerId: string;
  reference: string;
  status: OrderStatus;
  inventory: Inventory;
  currency: string;
  /** minor units */
  totalAmount: bigint;
  applicationFeeAmount: bigint;
  buyerName: string | null;
  buyerEmail: string | null;
  stripeConnectionId: string | null;
  stripeAccountId: string | null;
  livemode: boolean;
  holdExpiresAt: Date;
  /** when the buyer asked for more time */
  holdExtendedAt: Date | null;
  openedAt: Date | null;
  paidAt: Date | null;
  /** Why it failed, expired or needs attention; a short code, see the words on the order page. */
  statusDetail: string | null;
  discountCodeId: string | null;
  createdAt: Date;
}

export interface OrderLine {
  ticketTypeId: string;
  ticketTypeName: string;
  quantity: number;
  /** what is paid for each, minor units */
  unitPrice: bigint;
  /** what a code took off each: it cost unitPrice + discount */
  discount: bigint;
}

export interface PaymentAttempt {
  id: string;
  orderId: string;
  n: number;
  /**
   * created: perhaps sent, no answer kept · open: can be paid · processing: completed, the money is on its way · paid
   * expired: dead at Stripe · refused: Stripe said no · abandoned: never existed at Stripe
   */
  status: 'created' | 'open' | 'processing' | 'paid' | 'expired' | 'refused' | 'abandoned';
  stripeAccountId: string;
  livemode: boolean;
  idempotencyKey: string;
  request: Record<string, unknown>;
  amount: bigint;
  currency: string;
  /** what Stripe says was paid, minor units; null before */
  paidAmount: bigint | null;
  paidCurrency: string | null;
  sessionExpiresAt: Date;
  checkoutSessionId: string | null;
  checkoutUrl: string | null;
  paymentIntentId: string | null;
  /** sends that may have acted; 0: Stripe surely knows nothing of it, it waits in the queue */
  unansweredSends: number;
  /** its place among all: attempts are sent in the order of these */
  queueNumber: bigint | null;
  firstSentAt: Date | null;
  lastSentAt: Date | null;
  answeredAt: Date | null;
  checkedAt: Date | null;
  paidAt: Date | null;
}

/** What a payment brought: Stripe's word where it is known, else what was asked for. Minor units. */
export function paidOf(payment: PaymentAttempt): { amount: bigint; currency: string } {
  return {
    amount: payment.paidAmount ?? payment.amount,
    currency: payment.paidCurrency ?? payment.currency,
  };
}

/** Who moved an order, and why. */
export interface Cause {
  actor: 'buyer' | 'organizer' | 'admin' | 'stripe' | 'system';
  actorUserId?: string | null;
  reason: string;
  /** Stripe's ids and numbers; nothing personal */
  details?: Record<string, unknown>;
}
