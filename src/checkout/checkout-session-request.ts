/**
 * What we ask of Stripe for one attempt. All but its expiry is frozen when the attempt is committed; the expiry is counted
 * from the first send and frozen with it (`payment-queue-store.ts`): a key never meets another request.
 */
import { type OrderLine } from '../orders/order';
import { paths } from '../paths';
import { type CheckoutSessionRequest } from '../stripe/stripe-client';

/** Stripe takes 30 minutes to 24 hours; five minutes of slack let an unanswered request be sent again. */
export const SESSION_MINUTES = 35;

export function checkoutSessionRequest(order: {
  id: string;
  token: string;
  attempt: number;
  reference: string;
  currency: string;
  applicationFee: bigint;
  buyerEmail: string;
  eventTitle: string;
  lines: OrderLine[];
  baseUrl: string;
}): CheckoutSessionRequest {
  // Only opaque ids: metadata is readable to everybody on the account (and decides nothing here, see settle).
  const metadata = { foyer_order: order.id, foyer_attempt: String(order.attempt) };
  return {
    mode: 'payment',
    client_reference_id: order.id,
    customer_email: order.buyerEmail,
    line_items: order.lines
      .filter((line) => line.unitPrice > 0n)
      .map((line) => ({
        quantity: line.quantity,
        price_data: {
          currency: order.currency,
          unit_amount: Number(line.unitPrice),
          product_data: { name: shortened(`${line.ticketTypeName} – ${order.eventTitle}`) },
        },
      })),
    // A zero fee is left out: Stripe refuses it.
    payment_intent_data: {
      ...(order.applicationFee > 0n ? { application_fee_amount: Number(order.applicationFee) } : {}),
      metadata,
      description: `Foyer order ${order.reference}`,
    },
    metadata,
    // Slow methods would outlive a hold of minutes; a card is decided at once.
    allowed_payment_method_types: ['card'],
    success_url: `${order.baseUrl}${paths.order(order.token)}?returned=1`,
    cancel_url: `${order.baseUrl}${paths.order(order.token)}`,
  };
}

/** At most 250 code points: a cut inside a pair of surrogates could be neither stored nor sent. */
function shortened(name: string): string {
  return [...name].slice(0, 250).join('');
}
