/** Refunds of charges, by the platform or by the account's owner, with or without the application fee. */
import type Stripe from 'stripe';
import { type createApi } from './api';
import { newId, type Simulator } from './context';
import { addTransaction } from './ledger';
import { CREATED_PARAMS, PAGE_PARAMS, toPage } from './lists';
import { money } from './pages';
import { ownObject } from './payments';
import { noSuch, refused } from './refusal';
import { invalid, oneOf } from './request-params';

const CREATE = {
  payment_intent: 'string',
  charge: 'string',
  amount: 'integer',
  reason: 'string',
  metadata: 'map',
  refund_application_fee: 'boolean',
} as const;
const REASONS = ['duplicate', 'fraudulent', 'requested_by_customer'];

interface NewRefund {
  amount?: number;
  reason?: string;
  metadata?: Record<string, string>;
  refund_application_fee?: boolean;
}
type Cause = { id: string; idempotency_key: string | null };

export function refundsApi(simulator: Simulator, route: ReturnType<typeof createApi>): void {
  const { state } = simulator;
  route('post', '/v1/refunds', CREATE, ({ account, params, cause }) => {
    if (!params.charge && !params.payment_intent) {
      throw invalid(
        'One of the following params should be provided for this request: payment_intent or charge.',
        'charge',
        'parameter_missing',
      );
    }
    if (params.reason !== undefined) oneOf(params.reason, REASONS, 'reason');
    return refundCharge(simulator, chargeOf(simulator, account, params), params, cause);
  });
  route(
    'get',
    '/v1/refunds',
    { ...PAGE_PARAMS, ...CREATED_PARAMS, payment_intent: 'string', charge: 'string' },
    ({ account, params }) => {
      const refunds = state
        .listFor('refunds', account)
        .map(({ object }) => object)
        .filter(
          ({ charge, payment_intent }) =>
            charge === (params.charge ?? charge) &&
            payment_intent === (params.payment_intent ?? payment_intent),
        );
      return toPage(refunds, params, '/v1/refunds');
    },
  );
  route('get', '/v1/refunds/:id', {}, (call) =>
    ownObject(call, state.get('refunds', call.id), 'refund', 'id'),
  );
}

function chargeOf(
  { state }: Simulator,
  account: string,
  params: { charge?: string; payment_intent?: string },
): Stripe.Charge {
  const intent =
    params.payment_intent === undefined ? undefined : state.get('intents', params.payment_intent);
  if (params.payment_intent !== undefined && intent?.account !== account) {
    throw noSuch('payment_intent', params.payment_intent, 'payment_intent');
  }
  if (intent && intent.object.status !== 'succeeded') {
    throw refused(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`, {
      param: 'payment_intent',
    });
  }
  const id = params.charge ?? String(intent?.object.latest_charge);
  const charge = state.get('charges', id);
  if (charge?.account !== account) throw noSuch('charge', id, 'charge');
  if (!charge.object.paid)
    throw refused(`Charge ${id} was not paid.`, { code: 'charge_not_refundable', param: 'charge' });
  return charge.object;
}

/** Gives back a charge or a part of it. Without a cause it was the owner, in the Dashboard. */
export function refundCharge(
  simulator: Simulator,
  charge: Stripe.Charge,
  wanted: NewRefund,
  cause?: Cause,
): Stripe.Refund {
  const { state, clock, webhooks } = simulator;
  const account = state.get('charges', charge.id)!.account;
  const rest = charge.amount - charge.amount_refunded;
  const amount = wanted.amount ?? rest;
  const { currency } = charge;
  if (rest === 0)
    throw refused(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' });
  if (amount < 1)
    throw refused('This value must be greater than or equal to 1.', {
      code: 'parameter_invalid_integer',
      param: 'amount',
    });
  if (amount > rest) {
    const message = `Refund amount (${money(amount, currency)}) is greater than unrefunded amount on charge (${money(rest, currency)})`;
    throw refused(message, { param: 'amount' });
  }
  if (wanted.refund_application_fee && !charge.application_fee) {
    const message = `Attempting to refund_application_fee on ${charge.id}, but it has no application fee`;
    throw refused(message, { param: 'refund_application_fee' });
  }
  if (state.get('accounts', account)?.insufficientBalance) {
    throw refused('Insufficient funds in your Stripe balance to refund this amount.', {
      code: 'balance_insufficient',
    });
  }

  const id = newId(charge.id.startsWith('py_') ? 'pyr_1' : 're_3');
  charge.amount_refunded += amount;
  charge.refunded = charge.amount_refunded === charge.amount;
  const feeRefunded = wanted.refund_application_fee ? refundFee(simulator, charge, amount) : 0;
  const object: Stripe.Refund = {
    id,
    object: 'refund',
    amount,
    balance_transaction: addTransaction(simulator, account, {
      type: 'refund',
      amount: -amount,
      fee: -feeRefunded,
      currency,
      source: id,
    }),
    charge: charge.id,
    created: clock.seconds(),
    currency,
    customer: null,
    customer_account: null,
    destination_details: { type: 'card' } as Stripe.Refund.DestinationDetails,
    metadata: wanted.metadata ?? {},
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: wanted.reason ?? null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'succeeded',
    transfer_reversal: null,
  };
  state.put('refunds', { id, account, object, feeRefunded });
  state.put('charges', { id: charge.id, account, object: charge });
  void webhooks.emit({ account, type: 'refund.created', object, ...(cause ? { cause } : {}) });
  void webhooks.emit({ account, type: 'charge.refunded', object: charge, ...(cause ? { cause } : {}) });
  return object;
}

/** The share of the application fee that goes back with a refund: all of it with the whole charge, else in proportion. */
function refundFee(
  { state, clock, platformAccount, ...rest }: Simulator,
  charge: Stripe.Charge,
  amount: number,
): number {
  const fee = state.get('fees', String(charge.application_fee))!;
  const left = fee.object.amount - fee.object.amount_refunded;
  const share = Math.min(left, Math.round((fee.object.amount * amount) / charge.amount));
  if (share === 0) return 0;
  const id = newId('fr_1');
  const simulator = { state, clock, platformAccount, ...rest };
  const made = {
    type: 'application_fee_refund',
    amount: -share,
    fee: 0,
    currency: charge.currency,
    source: id,
  };
  fee.object.refunds.data.unshift({
    id,
    object: 'fee_refund',
    amount: share,
    balance_transaction: addTransaction(simulator, platformAccount, made),
    created: clock.seconds(),
    currency: charge.currency,
    fee: fee.id,
    metadata: {},
  });
  fee.object.amount_refunded += share;
  fee.object.refunded = fee.object.amount_refunded === fee.object.amount;
  state.put('fees', fee);
  return share;
}

/** What a bank does to a refund later on. One that fails gives the money back to the account. */
export function changeRefund(
  simulator: Simulator,
  id: string,
  status: 'pending' | 'succeeded' | 'failed' | 'canceled',
): Stripe.Refund {
  const { state, webhooks } = simulator;
  const refund = state.get('refunds', id);
  const charge = refund && state.get('charges', String(refund.object.charge));
  if (!refund || !charge) throw noSuch('refund', id);
  const { object, account } = refund;
  const ended = (value: string | null) => value === 'failed' || value === 'canceled';
  if (ended(object.status)) throw refused(`Refund ${id} is ${object.status}; that is its end.`);
  const previous = { status: object.status };
  object.status = status;
  if (ended(status)) {
    object.failure_reason = status === 'failed' ? 'lost_or_stolen_card' : 'merchant_request';
    charge.object.amount_refunded -= object.amount;
    charge.object.refunded = false;
    const { amount, currency } = object;
    object.failure_balance_transaction = addTransaction(simulator, account, {
      type: 'refund_failure',
      amount,
      fee: 0,
      currency,
      source: id,
    });
    state.put('charges', charge);
  }
  state.put('refunds', refund);
  void webhooks.emit({ account, type: 'refund.updated', object, previous });
  if (status === 'failed') void webhooks.emit({ account, type: 'refund.failed', object, previous });
  return object;
}
