/** The verbs that read an account over a span of time: what its books are compared with. Part of the Stripe client. */
import type Stripe from 'stripe';
import { type Endpoint } from './request-pace';
import { type AccountCall, type CheckoutSession, type Refund } from './stripe-client';
import { StripeFailure } from './stripe-errors';
import { idOf, toRefund, toSession } from './stripe-objects';

export interface Dispute {
  id: string;
  amount: bigint;
  currency: string;
  /** Stripe's own word; there can be new ones */
  status: string;
  reason: string;
  paymentIntentId: string | null;
  chargeRefundable: boolean;
  evidenceDueAt: Date | null;
  evidenceSubmitted: boolean;
  createdAt: Date;
}

export interface Charge {
  id: string;
  paymentIntentId: string | null;
  paid: boolean;
  amount: bigint;
  amountRefunded: bigint;
  currency: string;
}

/** From this second on, and before that one where it is given. */
interface Span {
  since: Date;
  until?: Date;
}

type Answered = <T>(endpoint: Endpoint, call: AccountCall, ask: (client: Stripe) => Promise<T>) => Promise<T>;

const PAGE = 100;

export function readingVerbs(answered: Answered) {
  return {
    async listDisputes(call: AccountCall & { paymentIntentId: string }): Promise<Dispute[]> {
      return answered('GET /v1/disputes', call, async (client) => {
        const list = client.disputes.list(
          { payment_intent: call.paymentIntentId, limit: PAGE },
          { stripeAccount: call.account },
        );
        return collect(list, toDispute);
      });
    },

    /** All sessions made within the span, newest first, page after page. */
    async listCheckoutSessions(call: AccountCall & Span): Promise<CheckoutSession[]> {
      return answered('GET /v1/checkout/sessions', call, async (client) => {
        const list = client.checkout.sessions.list(
          { created: within(call), limit: PAGE },
          { stripeAccount: call.account },
        );
        return collect(list, toSession);
      });
    },

    /** Events that no endpoint of ours has taken, as they are: for the inbox. Stripe keeps them for 30 days. */
    async listUndeliveredEvents(call: AccountCall & Span & { types: string[] }): Promise<object[]> {
      return answered('GET /v1/events', call, async (client) => {
        const list = client.events.list(
          { created: within(call), delivery_success: false, types: call.types, limit: PAGE },
          { stripeAccount: call.account },
        );
        return collect(list, (event) => event);
      });
    },

    async listCharges(call: AccountCall & Span): Promise<Charge[]> {
      return answered('GET /v1/charges', call, async (client) => {
        const list = client.charges.list(
          { created: within(call), limit: PAGE },
          { stripeAccount: call.account },
        );
        return collect(list, toCharge);
      });
    },

    async listRefundsWithin(call: AccountCall & Span): Promise<Refund[]> {
      return answered('GET /v1/refunds', call, async (client) => {
        const list = client.refunds.list(
          { created: within(call), limit: PAGE },
          { stripeAccount: call.account },
        );
        return collect(list, toRefund);
      });
    },
  };
}

function within({ since, until }: Span): Stripe.RangeQueryParam {
  const seconds = (at: Date) => Math.floor(at.getTime() / 1000);
  return { gte: seconds(since), ...(until ? { lt: seconds(until) } : {}) };
}

async function collect<From, To>(list: AsyncIterable<From>, convert: (from: From) => To): Promise<To[]> {
  const all: To[] = [];
  for await (const item of list) all.push(convert(item));
  return all;
}

function toDispute(dispute: Stripe.Dispute): Dispute {
  if (
    typeof dispute?.id !== 'string' ||
    typeof dispute.status !== 'string' ||
    !Number.isSafeInteger(dispute.amount) ||
    !Number.isSafeInteger(dispute.created)
  )
    throw new StripeFailure('unanswered', 'Stripe answered something that is no dispute');
  const due = dispute.evidence_details?.due_by ?? null;
  return {
    id: dispute.id,
    amount: BigInt(dispute.amount),
    currency: dispute.currency,
    status: dispute.status,
    reason: dispute.reason ?? 'general',
    paymentIntentId: idOf(dispute.payment_intent),
    chargeRefundable: dispute.is_charge_refundable === true,
    evidenceDueAt: due === null ? null : new Date(due * 1000),
    evidenceSubmitted: (dispute.evidence_details?.submission_count ?? 0) > 0,
    createdAt: new Date(dispute.created * 1000),
  };
}

function toCharge(charge: Stripe.Charge): Charge {
  if (
    typeof charge?.id !== 'string' ||
    !Number.isSafeInteger(charge.amount) ||
    !Number.isSafeInteger(charge.amount_refunded)
  )
    throw new StripeFailure('unanswered', 'Stripe answered something that is no charge');
  return {
    id: charge.id,
    paymentIntentId: idOf(charge.payment_intent),
    paid: charge.paid === true,
    amount: BigInt(charge.amount),
    amountRefunded: BigInt(charge.amount_refunded),
    currency: charge.currency,
  };
}
