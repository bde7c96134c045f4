/**
 * Disputes of charges: a bank asks (an inquiry, no money moves) or takes the money back until it has decided. Stripe's
 * own fee for a dispute is not modelled. A charge whose money was taken back can't be refunded.
 */
import type Stripe from 'stripe';
import { type Route } from './api';
import { addTransaction, ownObject } from './balances';
import { newId, type Simulator } from './context';
import { toPage } from './lists';
import { noSuch, refused } from './refusal';

export const DISPUTE_STATUSES = [
  'warning_needs_response',
  'warning_under_review',
  'warning_closed',
  'needs_response',
  'under_review',
  'won',
  'lost',
  'prevented',
  'appeal_needs_response',
  'appeal_under_review',
];

const NEXT: Record<string, string[]> = {
  warning_needs_response: ['warning_under_review', 'warning_closed', 'needs_response', 'prevented'],
  warning_under_review: ['warning_closed', 'needs_response', 'prevented'],
  needs_response: ['under_review', 'won', 'lost'],
  under_review: ['won', 'lost'],
  lost: ['appeal_needs_response'],
  appeal_needs_response: ['appeal_under_review', 'lost'],
  appeal_under_review: ['won', 'lost'],
};

const DAYS_TO_ANSWER = 7;
const ENDINGS = ['won', 'lost', 'warning_closed', 'prevented'];

export function disputesApi(simulator: Simulator, route: Route): void {
  const { state } = simulator;
  route('get', '/v1/disputes', ({ account, params }) => {
    const [charge, intent] = [params.text('charge'), params.text('payment_intent')];
    const found = state
      .listFor('disputes', account)
      .map(({ object }) => object)
      .filter(
        (dispute) =>
          dispute.charge === (charge ?? dispute.charge) &&
          dispute.payment_intent === (intent ?? dispute.payment_intent),
      );
    return toPage(found, params, '/v1/disputes');
  });
  route('get', '/v1/disputes/:id', (call) => ownObject(call, state.get('disputes', call.id), 'dispute'));
}

export function openDispute(
  simulator: Simulator,
  charge: Stripe.Charge,
  wanted: { reason?: unknown; amount?: unknown; inquiry?: unknown },
): Stripe.Dispute {
  const { state, clock, webhooks, livemode } = simulator;
  const { account } = state.get('charges', charge.id)!;
  if (!charge.paid) throw refused(`Charge ${charge.id} was not paid.`);
  const amount = typeof wanted.amount === 'number' ? wanted.amount : charge.amount;
  const inquiry = wanted.inquiry === true || wanted.inquiry === 'on';
  const created = clock.seconds();
  const object = {
    id: newId('du_1'),
    object: 'dispute',
    amount,
    balance_transactions: [],
    charge: charge.id,
    created,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: {},
    evidence_details: {
      due_by: created + DAYS_TO_ANSWER * 24 * 60 * 60,
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      enhanced_eligibility: {},
    },
    is_charge_refundable: inquiry,
    livemode,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason: typeof wanted.reason === 'string' ? wanted.reason : 'fraudulent',
    status: inquiry ? 'warning_needs_response' : 'needs_response',
  } as unknown as Stripe.Dispute;
  charge.disputed = true;
  state.put('charges', { id: charge.id, account, object: charge });
  state.put('disputes', { id: object.id, account, object });
  void webhooks.emit({ account, type: 'charge.dispute.created', object });
  if (!inquiry) takeFunds(simulator, account, object, 'withdrawn');
  return object;
}

/** The bank, or the owner's answer to it, moves a dispute on. */
export function moveDispute(simulator: Simulator, id: string, status: string): Stripe.Dispute {
  const { state, webhooks } = simulator;
  const row = state.get('disputes', id);
  if (!row) throw noSuch('dispute', id);
  const { object, account } = row;
  const previous = { status: object.status };
  if (!NEXT[object.status]?.includes(status))
    throw refused(`A dispute that is ${object.status} does not become ${status}.`);
  object.status = status;
  if (status.endsWith('under_review')) {
    object.evidence_details.has_evidence = true;
    object.evidence_details.submission_count += 1;
  }
  object.is_charge_refundable = status.startsWith('warning_');
  state.put('disputes', row);
  const ended = ENDINGS.includes(status);
  void webhooks.emit({
    account,
    type: ended ? 'charge.dispute.closed' : 'charge.dispute.updated',
    object,
    previous,
  });
  if (status === 'needs_response') takeFunds(simulator, account, object, 'withdrawn');
  if (status === 'won') takeFunds(simulator, account, object, 'reinstated');
  return object;
}

function takeFunds(
  simulator: Simulator,
  account: string,
  dispute: Stripe.Dispute,
  what: 'withdrawn' | 'reinstated',
): void {
  const amount = what === 'withdrawn' ? -dispute.amount : dispute.amount;
  const { currency, id: source } = dispute;
  addTransaction(simulator, account, { type: 'adjustment', amount, fee: 0, currency, source });
  void simulator.webhooks.emit({ account, type: `charge.dispute.funds_${what}`, object: dispute });
}

/** Is the money of this charge with the buyer's bank, for now or for good? Then there is nothing to refund. */
export function isChargedBack({ state }: Simulator, charge: Stripe.Charge): boolean {
  const { account } = state.get('charges', charge.id)!;
  return state
    .listFor('disputes', account)
    .some(
      ({ object }) =>
        object.charge === charge.id &&
        !['won', 'prevented'].includes(object.status) &&
        !object.is_charge_refundable,
    );
}
