/**
 * What paying a session sets off: payment intent, charge, application fee, balance transactions, events. All of it happens
 * in one turn, so nobody sees a half. Stripe's own processing fee is not modelled: net is gross less the application fee.
 */
import type Stripe from 'stripe';
import { addTransaction } from './balances';
import { closeSession } from './checkout-sessions';
import { newId, nulls, type Simulator } from './context';
import { chargeObject, intentObject } from './payment-objects';
import { refused } from './refusal';
import { type Payer, type SimulatedIntent, type SimulatedSession } from './state';

type Ending = 'success' | 'failure';

export interface Decline {
  code: string;
  decline_code: string;
  message: string;
}
const BANK_DID_NOT_PAY: Decline = {
  code: 'payment_intent_payment_attempt_failed',
  decline_code: 'generic_decline',
  message: 'The bank did not pay.',
};
const DECLINED: Decline = {
  code: 'card_declined',
  decline_code: 'generic_decline',
  message: 'Your card was declined.',
};

/** The payer has paid. Resolves when the platform has heard of it, or could not be reached. */
export function completePayment(
  simulator: Simulator,
  session: SimulatedSession,
  payer: Payer,
): Promise<void> {
  collect(simulator, session, submitIntent(simulator, session, payer));
  session.object.payment_status = 'paid';
  return finishSession(simulator, session, payer);
}

/** The payer has promised to pay by a method that takes its time; without `at` (seconds) until the control address says. */
export function beginDelayedPayment(
  simulator: Simulator,
  session: SimulatedSession,
  payer: Payer,
  later?: { at: number; outcome: Ending },
): Promise<void> {
  const { id, account, object } = submitIntent(simulator, session, payer);
  object.status = 'processing';
  emit(simulator, session, 'payment_intent.processing', object);
  if (later) simulator.state.put('timers', { id, account, ...later });
  return finishSession(simulator, session, payer);
}

/** A delayed payment ends. */
export function settle(simulator: Simulator, intent: SimulatedIntent, outcome: Ending): void {
  const session = simulator.state.get('sessions', intent.session)!;
  simulator.state.remove('timers', intent.id);
  if (intent.object.status !== 'processing') return;
  if (outcome === 'success') collect(simulator, session, intent);
  else recordFailure(simulator, session, intent, BANK_DID_NOT_PAY);
  session.object.payment_status = outcome === 'success' ? 'paid' : 'unpaid';
  simulator.state.put('sessions', session);
  const type = outcome === 'success' ? 'async_payment_succeeded' : 'async_payment_failed';
  emit(simulator, session, `checkout.session.${type}`, session.object);
}

/** The attempt failed; the session stays open, and can be tried again. */
export function declinePayment(
  simulator: Simulator,
  session: SimulatedSession,
  payer: Payer,
  decline = DECLINED,
): void {
  recordFailure(simulator, session, submitIntent(simulator, session, payer), decline);
}

/** The bank wants to see its customer first (3-D Secure). */
export function requireChallenge(simulator: Simulator, session: SimulatedSession, payer: Payer): void {
  const { object } = submitIntent(simulator, session, payer);
  Object.assign(object, {
    status: 'requires_action',
    next_action: { type: 'use_stripe_sdk', use_stripe_sdk: {} },
  });
  emit(simulator, session, 'payment_intent.requires_action', object);
}

/** Plays an outcome without the page. The async ones also end a payment that is being processed. */
export function playPayment(simulator: Simulator, session: SimulatedSession, outcome: string): void {
  const { object } = session;
  const intentOf = () => simulator.state.get('intents', object.payment_intent as string | null);
  if (object.status === 'open') {
    const email = object.customer_email ?? 'buyer@example.com';
    const payer: Payer = { method: 'card', last4: '4242', name: 'A buyer', email, threeDSecure: false };
    if (outcome === 'decline') declinePayment(simulator, session, payer);
    else if (outcome === 'success') void completePayment(simulator, session, payer);
    else void beginDelayedPayment(simulator, session, { ...payer, method: 'sepa_debit' });
  } else if (intentOf()?.object.status !== 'processing')
    throw refused(`This Checkout Session is ${object.status}.`);
  if (outcome === 'async_success') settle(simulator, intentOf()!, 'success');
  if (outcome === 'async_failure') settle(simulator, intentOf()!, 'failure');
}

/** The session's intent, made when the payer first submits the form. */
function submitIntent(simulator: Simulator, session: SimulatedSession, payer: Payer): SimulatedIntent {
  const { state } = simulator;
  const existing = state.get('intents', session.object.payment_intent as string | null);
  const object = existing?.object ?? intentObject(simulator, session);
  Object.assign(object, nulls('last_payment_error next_action'));
  session.object.payment_intent = object.id;
  state.put('sessions', session);
  return state.put('intents', {
    id: object.id,
    account: session.account,
    object,
    session: session.id,
    payer,
  });
}

/** The money arrives: charge on the account, fee to the platform. */
function collect(simulator: Simulator, session: SimulatedSession, intent: SimulatedIntent): void {
  const charge = chargeObject(simulator, intent);
  const { id: source, amount, currency } = charge;
  // Stripe takes no more than what was paid, whatever the session asked for.
  const fee = Math.min(session.feeAmount ?? 0, amount);
  const type = source.startsWith('py_') ? 'payment' : 'charge';
  charge.balance_transaction = addTransaction(simulator, session.account, {
    type,
    amount,
    fee,
    currency,
    source,
  });
  if (fee > 0) {
    charge.application_fee = takeFee(simulator, session.account, charge, fee);
    charge.application_fee_amount = fee;
  }
  Object.assign(intent.object, { status: 'succeeded', amount_received: amount, latest_charge: source });
  recordCharge(simulator, session, intent, charge, ['charge.succeeded', 'payment_intent.succeeded']);
}

function takeFee(simulator: Simulator, account: string, charge: Stripe.Charge, amount: number): string {
  const { state, platformAccount, options, livemode } = simulator;
  const id = newId('fee_1');
  const { currency } = charge;
  const made = { type: 'application_fee', amount, fee: 0, currency, source: id };
  const object: Stripe.ApplicationFee = {
    id,
    object: 'application_fee',
    account,
    amount,
    amount_refunded: 0,
    application: options.platform.clientId,
    balance_transaction: addTransaction(simulator, platformAccount, made),
    charge: charge.id,
    created: charge.created,
    currency,
    fee_source: { type: 'charge', charge: charge.id },
    livemode,
    originating_transaction: null,
    refunded: false,
    refunds: { object: 'list', data: [], has_more: false, url: `/v1/application_fees/${id}/refunds` },
  };
  state.put('fees', { id, account: platformAccount, object });
  return id;
}

function recordFailure(
  simulator: Simulator,
  session: SimulatedSession,
  intent: SimulatedIntent,
  decline: Decline,
): void {
  const charge = chargeObject(simulator, intent);
  const { code, decline_code: reason, message } = decline;
  const failed = { status: 'failed', paid: false, captured: false, amount_captured: 0 };
  const seen = {
    network_status: 'declined_by_network',
    reason,
    seller_message: message,
    type: 'issuer_declined',
  };
  const outcome = { ...charge.outcome, ...seen };
  Object.assign(charge, failed, { failure_code: code, failure_message: message, outcome });
  const last_payment_error = { type: 'card_error', charge: charge.id, ...decline };
  Object.assign(intent.object, {
    status: 'requires_payment_method',
    latest_charge: charge.id,
    last_payment_error,
  });
  recordCharge(simulator, session, intent, charge, ['charge.failed', 'payment_intent.payment_failed']);
}

function recordCharge(
  simulator: Simulator,
  session: SimulatedSession,
  intent: SimulatedIntent,
  charge: Stripe.Charge,
  [chargeEvent, intentEvent]: [string, string],
): void {
  simulator.state.put('charges', { id: charge.id, account: session.account, object: charge });
  simulator.state.put('intents', intent);
  emit(simulator, session, chargeEvent, charge);
  emit(simulator, session, intentEvent, intent.object);
}

function finishSession(
  simulator: Simulator,
  session: SimulatedSession,
  { email, name }: Payer,
): Promise<void> {
  const empty = nulls('address business_name individual_name phone');
  session.object.customer_details = { ...empty, email, name, tax_exempt: 'none', tax_ids: [] };
  closeSession(simulator, session, 'complete');
  return emit(simulator, session, 'checkout.session.completed', session.object);
}

function emit(
  { webhooks }: Simulator,
  { account }: SimulatedSession,
  type: string,
  object: object,
): Promise<void> {
  return webhooks.emit({ account, type, object });
}
