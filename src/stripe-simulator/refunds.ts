/** Refunds of charges, by the platform or by the account's owner, with or without the application fee. */
import type Stripe from 'stripe';
import { currencyStep } from '../lib/money';
import { type Route } from './api';
import { addTransaction, ownObject } from './balances';
import { isChargedBack } from './disputes';
import { type Cause, newId, nulls, type Simulator } from './context';
import { toPage } from './lists';
import { money } from './pages';
import { noSuch, refused } from './refusal';

interface NewRefund {
  amount?: number | undefined;
  reason?: string | undefined;
  metadata?: Record<string, string>;
  withFee?: boolean | undefined;
}

export function refundsApi(simulator: Simulator, route: Route): void {
  const { state } = simulator;
  route('post', '/v1/refunds', ({ account, params, cause }) => {
    const [chargeId, intentId] = [params.text('charge'), params.text('payment_intent')];
    if (!chargeId && !intentId) params.needed('payment_intent');
    const wanted: NewRefund = {
      amount: params.integer('amount', 1),
      reason: params.oneOf('reason', ['duplicate', 'fraudulent', 'requested_by_customer']),
      metadata: params.metadata(),
      withFee: params.flag('refund_application_fee'),
    };
    return () => refundCharge(simulator, chargeOf(simulator, account, chargeId, intentId), wanted, cause);
  });
  route('get', '/v1/refunds', ({ account, params }) => {
    const [wantedCharge, wantedIntent] = [params.text('charge'), params.text('payment_intent')];
    const refunds = state.listFor('refunds', account).map(({ object }) => object);
    const found = refunds.filter(
      ({ charge, payment_intent: intent }) =>
        charge === (wantedCharge ?? charge) && intent === (wantedIntent ?? intent),
    );
    return toPage(found, params, '/v1/refunds');
  });
  route('get', '/v1/refunds/:id', (call) => ownObject(call, state.get('refunds', call.id), 'refund'));
}

function chargeOf(
  { state }: Simulator,
  account: string,
  chargeId?: string,
  intentId?: string,
): Stripe.Charge {
  const intent = state.get('intents', intentId ?? null);
  if (intentId && intent?.account !== account) throw noSuch('payment_intent', intentId, 'payment_intent');
  const id = chargeId ?? (intent?.object.latest_charge as string | null) ?? '';
  const charge = state.get('charges', id);
  if (intent && !charge?.object.paid) {
    throw refused(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`);
  }
  if (charge?.account !== account) throw noSuch('charge', id, 'charge');
  if (!charge.object.paid) throw refused(`Charge ${id} was not paid.`, { code: 'charge_not_refundable' });
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
  const { account } = state.get('charges', charge.id)!;
  const { currency, payment_intent, payment_method } = charge;
  const rest = charge.amount - charge.amount_refunded;
  const amount = wanted.amount ?? rest;
  if (rest === 0)
    throw refused(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' });
  if (isChargedBack(simulator, charge)) {
    const message = `Charge ${charge.id} has been charged back; cannot issue a refund.`;
    throw refused(message, { code: 'charge_disputed' });
  }
  if (amount > rest) {
    const message = `Refund amount (${money(amount, currency)}) is greater than unrefunded amount on charge (${money(rest, currency)})`;
    throw refused(message, { param: 'amount' });
  }
  if (wanted.withFee && !charge.application_fee) {
    const message = `Attempting to refund_application_fee on ${charge.id}, but it has no application fee`;
    throw refused(message, { param: 'refund_application_fee' });
  }
  if (state.get('accounts', account)?.insufficientBalance) {
    throw refused('Insufficient funds in your Stripe balance to refund this amount.', {
      code: 'balance_insufficient',
    });
  }

  const id = newId(charge.id.startsWith('py_') ? 'pyr_1' : 're_3');
  const fee = wanted.withFee ? -refundFee(simulator, charge, amount) : 0;
  charge.amount_refunded += amount;
  charge.refunded = charge.amount_refunded === charge.amount;
  const object: Stripe.Refund = {
    id,
    object: 'refund',
    ...nulls('customer customer_account receipt_number source_transfer_reversal transfer_reversal'),
    amount,
    balance_transaction: addTransaction(simulator, account, {
      type: 'refund',
      amount: -amount,
      fee,
      currency,
      source: id,
    }),
    charge: charge.id,
    created: clock.seconds(),
    currency,
    metadata: wanted.metadata ?? {},
    payment_intent,
    payment_method,
    reason: wanted.reason ?? null,
    status: state.get('accounts', account)?.slowRefunds ? 'pending' : 'succeeded',
  };
  state.put('refunds', { id, account, object });
  state.put('charges', { id: charge.id, account, object: charge });
  void webhooks.emit({ account, type: 'refund.created', object, cause });
  void webhooks.emit({ account, type: 'charge.refunded', object: charge, cause });
  return object;
}

/**
 * The share of the application fee that goes back with a refund: all of it with the whole charge, else in proportion. The
 * shares of parts are rounded as what has gone back by then, so that they add up to the fee.
 */
function refundFee(simulator: Simulator, charge: Stripe.Charge, amount: number): number {
  const { state, clock, platformAccount } = simulator;
  const { object: fee, ...row } = state.get('fees', charge.application_fee as string)!;
  const due = shareOf(fee.amount, charge, charge.amount_refunded + amount);
  const before = shareOf(fee.amount, charge, charge.amount_refunded);
  const share = Math.min(fee.amount - fee.amount_refunded, due - before);
  if (share === 0) return 0;
  const id = newId('fr_1');
  const { currency } = fee;
  const made = { type: 'application_fee_refund', amount: -share, fee: 0, currency, source: id };
  const balance_transaction = addTransaction(simulator, platformAccount, made);
  const created = clock.seconds();
  fee.refunds.data.unshift({
    id,
    object: 'fee_refund',
    amount: share,
    balance_transaction,
    created,
    currency,
    fee: fee.id,
    metadata: {},
  });
  fee.amount_refunded += share;
  fee.refunded = fee.amount_refunded === fee.amount;
  state.put('fees', { ...row, object: fee });
  return share;
}

/** Half up to the step of the currency, in whole numbers: the product is beyond what a float holds. */
function shareOf(fee: number, { amount, currency }: Stripe.Charge, part: number): number {
  if (part >= amount) return fee;
  const step = currencyStep(currency);
  const unit = BigInt(amount) * step;
  const rounded = Number(((2n * BigInt(fee) * BigInt(part) + unit) / (2n * unit)) * step);
  return Math.min(rounded, fee);
}

/** What a bank does to a refund later on. One that fails gives the money back to the account. */
export function changeRefund(simulator: Simulator, id: string, status: string): Stripe.Refund {
  const { state, webhooks } = simulator;
  const refund = state.get('refunds', id);
  const charge = state.get('charges', (refund?.object.charge as string) ?? null);
  if (!refund || !charge) throw noSuch('refund', id);
  const { object, account } = refund;
  if (object.status === 'failed') throw refused(`Refund ${id} has failed; that is its end.`);
  const previous = { status: object.status };
  object.status = status;
  if (status === 'failed') {
    const { amount, currency } = object;
    object.failure_reason = 'lost_or_stolen_card';
    object.failure_balance_transaction = addTransaction(simulator, account, {
      type: 'refund_failure',
      amount,
      fee: 0,
      currency,
      source: id,
    });
    charge.object.amount_refunded -= amount;
    charge.object.refunded = false;
    state.put('charges', charge);
  }
  state.put('refunds', refund);
  void webhooks.emit({ account, type: 'refund.updated', object, previous });
  if (status === 'failed') void webhooks.emit({ account, type: 'refund.failed', object, previous });
  return object;
}
