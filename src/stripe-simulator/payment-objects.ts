/** Payment intents and charges as the API returns them, every field of them. */
import type Stripe from 'stripe';
import { newId, nulls, type Simulator } from './context';
import { type Payer, type SimulatedIntent, type SimulatedSession } from './state';

export function intentObject(
  simulator: Simulator,
  { object, intent, feeAmount, account }: SimulatedSession,
): Stripe.PaymentIntent {
  const id = newId('pi_3');
  return {
    id,
    object: 'payment_intent',
    ...nulls(
      'canceled_at cancellation_reason customer customer_account last_payment_error latest_charge managed_payments',
    ),
    ...nulls(
      'next_action on_behalf_of payment_method_configuration_details payment_record processing review',
    ),
    ...nulls(
      'setup_future_usage shipping source statement_descriptor statement_descriptor_suffix transfer_group',
    ),
    allowed_payment_method_types: object.allowed_payment_method_types,
    amount: object.amount_total ?? 0,
    amount_capturable: 0,
    amount_received: 0,
    application: account === simulator.platformAccount ? null : simulator.options.platform.clientId,
    application_fee_amount: feeAmount,
    automatic_payment_methods: { enabled: true, allow_redirects: 'always' },
    capture_method: 'automatic_async',
    client_secret: `${id}_secret_${newId('', 25)}`,
    confirmation_method: 'automatic',
    created: simulator.clock.seconds(),
    currency: object.currency ?? '',
    description: intent.description ?? null,
    excluded_payment_method_types: object.excluded_payment_method_types ?? null,
    livemode: simulator.livemode,
    metadata: intent.metadata ?? {},
    payment_method: newId('pm_1'),
    payment_method_options: {},
    payment_method_types: object.payment_method_types,
    receipt_email: intent.receipt_email ?? null,
    status: 'requires_payment_method',
  };
}

export function chargeObject(
  { clock, livemode }: Simulator,
  { object: intent, payer }: SimulatedIntent,
): Stripe.Charge {
  const { amount, application, currency, description, metadata, receipt_email } = intent;
  return {
    id: newId(payer.method === 'card' ? 'ch_3' : 'py_3'),
    object: 'charge',
    ...nulls(
      'application_fee application_fee_amount balance_transaction calculated_statement_descriptor customer',
    ),
    ...nulls(
      'failure_balance_transaction failure_code failure_message on_behalf_of receipt_number receipt_url review shipping',
    ),
    ...nulls(
      'source source_transfer statement_descriptor statement_descriptor_suffix transfer_data transfer_group',
    ),
    ...{ amount, application, currency, description, metadata, receipt_email },
    amount_captured: amount,
    amount_refunded: 0,
    billing_details: { ...nulls('address phone tax_id'), email: payer.email, name: payer.name },
    captured: true,
    created: clock.seconds(),
    disputed: false,
    fraud_details: {},
    livemode,
    outcome: {
      ...nulls('advice_code network_advice_code network_decline_code reason'),
      network_status: 'approved_by_network',
      risk_level: 'normal',
      seller_message: 'Payment complete.',
      type: 'authorized',
    },
    paid: true,
    payment_intent: intent.id,
    payment_method: intent.payment_method as string | null,
    payment_method_details: methodDetails(payer, new Date(clock.now()).getUTCFullYear() + 2),
    refunded: false,
    status: 'succeeded',
  };
}

function methodDetails(
  { method, last4, threeDSecure }: Payer,
  exp_year: number,
): Stripe.Charge.PaymentMethodDetails {
  if (method !== 'card') return { type: method, [method]: { last4 } };
  const shown = {
    authentication_flow: 'challenge',
    result: 'authenticated',
    result_reason: null,
    version: '2.2.0',
  };
  return {
    type: 'card',
    card: {
      ...nulls('amount_authorized authorization_code electronic_commerce_indicator installments mandate'),
      ...nulls('network_transaction_id transaction_link_id wallet'),
      brand: 'visa',
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
      country: 'US',
      exp_month: 12,
      exp_year,
      funding: 'credit',
      last4,
      network: 'visa',
      regulated_status: 'unregulated',
      three_d_secure: threeDSecure ? (shown as Stripe.Charge.PaymentMethodDetails.Card.ThreeDSecure) : null,
    },
  };
}
