/**
 * What paying a session sets off: payment intent, charge, application fee, balance transactions, events. All of it happens
 * in one turn, so nobody sees a half. Stripe's own processing fee is not modelled: net is gross less the application fee.
 */
import type Stripe from 'stripe';
import { type ApiCall, type createApi } from './api';
import { closeSession } from './checkout-sessions';
import { newId, type Simulator } from './context';
import { addTransaction } from './ledger';
import { noSuch, refused } from './refusal';
import { type Payer, type SimulatedIntent, type SimulatedSession } from './state';

export interface Decline {
  code: string;
  declineCode: string;
  message: string;
}
const GENERIC_DECLINE = {
  code: 'card_declined',
  declineCode: 'generic_decline',
  message: 'Your card was declined.',
};

export function paymentsApi({ state }: Simulator, route: ReturnType<typeof createApi>): void {
  route('get', '/v1/payment_intents/:id', {}, (call) =>
    ownObject(call, state.get('intents', call.id), 'payment_intent', 'intent'),
  );
  route('get', '/v1/charges/:id', {}, (call) =>
    ownObject(call, state.get('charges', call.id), 'charge', 'charge'),
  );
}

export function ownObject<T>(
  { id, account }: ApiCall<unknown>,
  row: { account: string; object: T } | undefined,
  what: string,
  param: string,
): T {
  if (row?.account !== account) throw noSuch(what, id, param);
  return row.object;
}

/** The payer has paid. Resolves when the platform has heard of it, or could not be reached. */
export function completePayment(
  simulator: Simulator,
  session: SimulatedSession,
  payer: Payer,
): Promise<void> {
  const intent = submitIntent(simulator, session, payer);
  collect(simulator, session, intent);
  session.object.payment_status = 'paid';
  return finishSession(simulator, session, payer);
}

/** The payer has promised to pay by a method that takes its time; `at` (seconds) null: until the control address says. */
export function beginDelayedPayment(
  simulator: Simulator,
  session: SimulatedSession,
  payer: Payer,
  later: { at: number | null; outcome: 'success' | 'failure' },
): Promise<void> {
  const intent = submitIntent(simulator, session, payer);
  intent.object.status = 'processing';
  emit(simulator, session, 'payment_intent.processing', intent.object);
  if (later.at !== null) {
    simulator.state.put('timers', {
      id: intent.id,
      account: intent.account,
      at: later.at,
      outcome: later.outcome,
    });
  }
  return finishSession(simulator, session, payer);
}

/** A delayed payment ends. */
export function settle(simulator: Simulator, intent: SimulatedIntent, outcome: 'success' | 'failure'): void {
  const session = simulator.state.get('sessions', intent.session)!;
  simulator.state.remove('timers', intent.id);
  if (intent.object.status !== 'processing') return;
  if (outcome === 'success') {
    collect(simulator, session, intent);
    session.object.payment_status = 'paid';
    simulator.state.put('sessions', session);
    emit(simulator, session, 'checkout.session.async_payment_succeeded', session.object);
  } else {
    recordFailure(simulator, session, intent, {
      code: 'payment_intent_payment_attempt_failed',
      declineCode: 'generic_decline',
      message: 'The bank did not pay.',
    });
    emit(simulator, session, 'checkout.session.async_payment_failed', session.object);
  }
}

/** The attempt failed; the session stays open, and can be tried again. */
export function declinePayment(
  simulator: Simulator,
  session: SimulatedSession,
  payer: Payer,
  decline: Decline = GENERIC_DECLINE,
): void {
  recordFailure(simulator, session, submitIntent(simulator, session, payer), decline);
}

/** The bank wants to see its customer first (3-D Secure). */
export function requireChallenge(simulator: Simulator, session: SimulatedSession, payer: Payer): void {
  const intent = submitIntent(simulator, session, payer);
  intent.object.status = 'requires_action';
  intent.object.next_action = { type: 'use_stripe_sdk', use_stripe_sdk: {} };
  emit(simulator, session, 'payment_intent.requires_action', intent.object);
}

/** Plays an outcome without the page. */
export function payForTest(
  simulator: Simulator,
  session: SimulatedSession,
  outcome: 'success' | 'decline' | 'async_pending' | 'async_success' | 'async_failure',
): void {
  const pending = simulator.state.get('intents', String(session.object.payment_intent));
  const ends = { async_success: 'success', async_failure: 'failure' } as const;
  const end = outcome === 'async_success' || outcome === 'async_failure' ? ends[outcome] : null;
  if (!(end && pending?.object.status === 'processing')) {
    if (session.object.status !== 'open') throw refused(`This Checkout Session is ${session.object.status}.`);
    const email = session.object.customer_email ?? 'buyer@example.com';
    const payer: Payer = { method: 'card', last4: '4242', name: 'A buyer', email, threeDSecure: false };
    if (outcome === 'success') return void completePayment(simulator, session, payer);
    if (outcome === 'decline') return declinePayment(simulator, session, payer);
    void beginDelayedPayment(
      simulator,
      session,
      { ...payer, method: 'sepa_debit' },
      { at: null, outcome: end ?? 'success' },
    );
  }
  if (end) settle(simulator, simulator.state.get('intents', String(session.object.payment_intent))!, end);
}

/** The session's intent, made when the payer first submits the form. */
function submitIntent(simulator: Simulator, session: SimulatedSession, payer: Payer): SimulatedIntent {
  const { state } = simulator;
  const existing = state.get('intents', String(session.object.payment_intent));
  const id = existing?.id ?? newId('pi_3');
  const object = existing?.object ?? intentObject(simulator, session, id);
  session.object.payment_intent = id;
  state.put('sessions', session);
  object.last_payment_error = null;
  object.next_action = null;
  return state.put('intents', { id, account: session.account, object, session: session.id, payer });
}

/** The money arrives: charge on the account, fee to the platform. */
function collect(simulator: Simulator, session: SimulatedSession, intent: SimulatedIntent): void {
  const { state, clock, options, platformAccount } = simulator;
  const charge = chargeObject(simulator, intent);
  const { amount, currency } = charge;
  // Stripe takes no more than what was paid, whatever the session asked for.
  const feeAmount = session.feeAmount === null ? null : Math.min(session.feeAmount, amount);
  Object.assign(intent.object, { status: 'succeeded', amount_received: amount, latest_charge: charge.id });
  charge.balance_transaction = addTransaction(simulator, session.account, {
    type: charge.id.startsWith('py_') ? 'payment' : 'charge',
    amount,
    fee: feeAmount ?? 0,
    currency,
    source: charge.id,
  });
  if (feeAmount !== null) {
    const id = newId('fee_1');
    charge.application_fee = id;
    charge.application_fee_amount = feeAmount;
    const object: Stripe.ApplicationFee = {
      id,
      object: 'application_fee',
      account: session.account,
      amount: feeAmount,
      amount_refunded: 0,
      application: options.platform.clientId,
      balance_transaction: addTransaction(simulator, platformAccount, {
        type: 'application_fee',
        amount: feeAmount,
        fee: 0,
        currency,
        source: id,
      }),
      charge: charge.id,
      created: clock.seconds(),
      currency,
      fee_source: { type: 'charge', charge: charge.id },
      livemode: simulator.livemode,
      originating_transaction: null,
      refunded: false,
      refunds: { object: 'list', data: [], has_more: false, url: `/v1/application_fees/${id}/refunds` },
    };
    state.put('fees', { id, account: platformAccount, object });
  }
  state.put('charges', { id: charge.id, account: session.account, object: charge });
  state.put('intents', intent);
  emit(simulator, session, 'charge.succeeded', charge);
  emit(simulator, session, 'payment_intent.succeeded', intent.object);
}

function recordFailure(
  simulator: Simulator,
  session: SimulatedSession,
  intent: SimulatedIntent,
  decline: Decline,
): void {
  const charge = chargeObject(simulator, intent);
  Object.assign(charge, {
    status: 'failed',
    paid: false,
    captured: false,
    amount_captured: 0,
    failure_code: decline.code,
    failure_message: decline.message,
    outcome: {
      ...charge.outcome,
      network_status: 'declined_by_network',
      reason: decline.declineCode,
      seller_message: 'The bank declined the payment.',
      type: 'issuer_declined',
    },
  });
  Object.assign(intent.object, {
    status: 'requires_payment_method',
    latest_charge: charge.id,
    last_payment_error: {
      type: 'card_error',
      code: decline.code,
      decline_code: decline.declineCode,
      message: decline.message,
      charge: charge.id,
    },
  });
  simulator.state.put('charges', { id: charge.id, account: session.account, object: charge });
  simulator.state.put('intents', intent);
  emit(simulator, session, 'charge.failed', charge);
  emit(simulator, session, 'payment_intent.payment_failed', intent.object);
}

function finishSession(simulator: Simulator, session: SimulatedSession, payer: Payer): Promise<void> {
  session.object.customer_details = {
    address: null,
    business_name: null,
    email: payer.email,
    individual_name: null,
    name: payer.name,
    phone: null,
    tax_exempt: 'none',
    tax_ids: [],
  };
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

function intentObject(simulator: Simulator, session: SimulatedSession, id: string): Stripe.PaymentIntent {
  const { object, intent, feeAmount } = session;
  return {
    id,
    object: 'payment_intent',
    allowed_payment_method_types: object.allowed_payment_method_types,
    amount: object.amount_total ?? 0,
    amount_capturable: 0,
    amount_received: 0,
    application: session.account === simulator.platformAccount ? null : simulator.options.platform.clientId,
    application_fee_amount: feeAmount,
    automatic_payment_methods: { enabled: true, allow_redirects: 'always' },
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async',
    client_secret: `${id}_secret_${newId('', 25)}`,
    confirmation_method: 'automatic',
    created: simulator.clock.seconds(),
    currency: object.currency ?? '',
    customer: null,
    customer_account: null,
    description: intent.description,
    excluded_payment_method_types: object.excluded_payment_method_types ?? null,
    last_payment_error: null,
    latest_charge: null,
    livemode: simulator.livemode,
    managed_payments: { enabled: false },
    metadata: intent.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: newId('pm_1'),
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: object.payment_method_types,
    payment_record: null,
    processing: null,
    receipt_email: intent.receiptEmail,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'requires_payment_method',
    transfer_group: null,
  };
}

function chargeObject(
  simulator: Simulator,
  { object: intent, payer }: SimulatedIntent,
): Stripe.Charge {
  return {
    id: newId(payer.method === 'card' ? 'ch_3' : 'py_3'),
    object: 'charge',
    amount: intent.amount,
    amount_captured: intent.amount,
    amount_refunded: 0,
    application: intent.application,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: { address: null, email: payer.email, name: payer.name, phone: null, tax_id: null },
    calculated_statement_descriptor: null,
    captured: true,
    created: simulator.clock.seconds(),
    currency: intent.currency,
    customer: null,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    fraud_details: {},
    livemode: simulator.livemode,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: {
      advice_code: null,
      network_advice_code: null,
      network_decline_code: null,
      network_status: 'approved_by_network',
      reason: null,
      risk_level: 'normal',
      risk_score: 1,
      seller_message: 'Payment complete.',
      type: 'authorized',
    },
    paid: true,
    payment_intent: intent.id,
    payment_method: typeof intent.payment_method === 'string' ? intent.payment_method : null,
    payment_method_details: paymentMethodDetails(simulator, payer),
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'succeeded',
    transfer_data: null,
    transfer_group: null,
  };
}

function paymentMethodDetails({ clock }: Simulator, payer: Payer): Stripe.Charge.PaymentMethodDetails {
  if (payer.method !== 'card') return { type: payer.method, [payer.method]: { last4: payer.last4 } };
  return {
    type: 'card',
    card: {
      amount_authorized: null,
      authorization_code: null,
      brand: 'visa',
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
      country: 'US',
      electronic_commerce_indicator: null,
      exp_month: 12,
      exp_year: new Date(clock.now()).getUTCFullYear() + 2,
      funding: 'credit',
      installments: null,
      last4: payer.last4,
      mandate: null,
      network: 'visa',
      network_transaction_id: null,
      regulated_status: 'unregulated',
      three_d_secure: payer.threeDSecure
        ? ({
            authentication_flow: 'challenge',
            result: 'authenticated',
            result_reason: null,
            version: '2.2.0',
          } as Stripe.Charge.PaymentMethodDetails.Card.ThreeDSecure)
        : null,
      transaction_link_id: null,
      wallet: null,
    },
  };
}
