/** Checkout Sessions in `mode=payment`, hosted by us, as direct charges on the account of the header. */
import type Stripe from 'stripe';
import { currencyStep, formatMoney, largestAmount, minimumCharge } from '../lib/money';
import { type ApiCall, type Route } from './api';
import { type Cause, newId, nulls, type Simulator } from './context';
import { lineItemsOf, toPage } from './lists';
import { noSuch, refused } from './refusal';
import { readSession, type Wanted } from './session-params';
import { type SimulatedSession } from './state';

const SHORTEST_SECONDS = 30 * 60;
const LONGEST_SECONDS = 24 * 60 * 60;
/** The method of a currency that is paid after the buyer has left. */
const DELAYED_METHOD: Record<string, string> = {
  ...{
    eur: 'sepa_debit',
    gbp: 'bacs_debit',
    usd: 'us_bank_account',
    cad: 'acss_debit',
    aud: 'au_becs_debit',
  },
};

export function checkoutSessionsApi(simulator: Simulator, route: Route): void {
  const own = ({ id, account }: ApiCall) => getSession(simulator, id, account);

  route('post', '/v1/checkout/sessions', (call) => {
    const wanted = readSession(call.params, call.account !== simulator.platformAccount);
    return () => createSession(simulator, call, wanted).object;
  });
  route('get', '/v1/checkout/sessions', ({ account, params }) => {
    const status = params.oneOf('status', ['open', 'complete', 'expired']);
    const intent = params.text('payment_intent');
    const email = params.inside('customer_details').text('email');
    const all = simulator.state
      .listFor('sessions', account)
      .map(({ id }) => getSession(simulator, id).object);
    const found = all.filter(
      (session) =>
        session.status === (status ?? session.status) &&
        session.payment_intent === (intent ?? session.payment_intent) &&
        session.customer_details?.email === (email ?? session.customer_details?.email),
    );
    return toPage(found, params, '/v1/checkout/sessions');
  });
  route('get', '/v1/checkout/sessions/:id', (call) => own(call).object);
  route('get', '/v1/checkout/sessions/:id/line_items', (call) => {
    call.params.integer('limit', 1);
    return lineItemsOf(simulator, own(call).id);
  });
  route('post', '/v1/checkout/sessions/:id/expire', (call) => () => {
    const session = own(call);
    expireSession(simulator, session, call.cause);
    return session.object;
  });
}

/** The session, after time has done to it what it must. */
export function getSession(simulator: Simulator, id: string, account?: string): SimulatedSession {
  const session = simulator.state.get('sessions', id);
  if (!session || session.account !== (account ?? session.account))
    throw noSuch('checkout.session', id, 'session');
  const { status, expires_at: end } = session.object;
  if (status === 'open' && end <= simulator.clock.seconds()) expireSession(simulator, session);
  return session;
}

export function expireSession(simulator: Simulator, session: SimulatedSession, cause?: Cause): void {
  const { object, account } = session;
  if (object.status !== 'open') {
    const message = `Only Checkout Sessions with a status in ["open"] can be expired. This one has a status of ${object.status}.`;
    throw refused(message);
  }
  closeSession(simulator, session, 'expired');
  const intent = simulator.state.get('intents', object.payment_intent as string | null);
  if (intent) {
    const canceled_at = simulator.clock.seconds();
    Object.assign(intent.object, { status: 'canceled', canceled_at, cancellation_reason: 'abandoned' });
    simulator.state.put('intents', intent);
  }
  void simulator.webhooks.emit({ account, type: 'checkout.session.expired', object, cause });
}

/** A session is open once; then it has no address and no clock any more. */
export function closeSession(
  { state }: Simulator,
  session: SimulatedSession,
  status: 'complete' | 'expired',
): void {
  Object.assign(session.object, { status, url: null });
  state.put('sessions', session);
  state.remove('timers', session.id);
}

function createSession(
  simulator: Simulator,
  { account, baseUrl }: ApiCall,
  wanted: Wanted,
): SimulatedSession {
  const { clock, state, livemode } = simulator;
  const created = clock.seconds();
  const expires_at = wanted.expiresAt ?? created + LONGEST_SECONDS;
  if (expires_at < created + SHORTEST_SECONDS || expires_at > created + LONGEST_SECONDS) {
    const message =
      '`expires_at` must be between 30 minutes and 24 hours after the Checkout Session is created.';
    throw refused(message, { param: 'expires_at' });
  }
  if (state.get('accounts', account)?.object.charges_enabled === false) {
    throw refused('Your account cannot currently make charges. Details of it are still required.');
  }
  const { currency } = wanted.lineItems[0]!;
  const total = checkedTotal(wanted.lineItems, currency);
  const methods = ['card', DELAYED_METHOD[currency] ?? 'card'].filter(
    (method, index, all) =>
      all.indexOf(method) === index &&
      (wanted.allowed?.includes(method) ?? true) &&
      !wanted.excluded?.includes(method),
  );
  if (methods.length === 0) throw refused('No payment method is left for this Checkout Session.');

  const id = newId(`cs_${livemode ? 'live' : 'test'}_a1`, 56);
  const object: Stripe.Checkout.Session = {
    id,
    object: 'checkout.session',
    ...nulls(
      'after_expiration client_secret collected_information consent consent_collection currency_conversion customer',
    ),
    ...nulls(
      'customer_account customer_details integration_identifier invoice invoice_creation managed_payments',
    ),
    ...nulls(
      'origin_context payment_intent payment_link payment_method_configuration_details permissions recovered_from',
    ),
    ...nulls(
      'saved_payment_method_options setup_intent shipping_address_collection shipping_cost subscription wallet_options',
    ),
    ...wanted.fields,
    allowed_payment_method_types: wanted.allowed,
    ...(wanted.excluded && { excluded_payment_method_types: wanted.excluded }),
    amount_subtotal: total,
    amount_total: total,
    automatic_tax: { enabled: false, ...nulls('liability provider status') },
    created,
    currency,
    custom_fields: [],
    custom_text: {
      ...nulls('after_submit shipping_address terms_of_service_acceptance'),
      submit: wanted.submitText ? { message: wanted.submitText } : null,
    },
    discounts: [],
    expires_at,
    livemode,
    mode: 'payment',
    payment_method_collection: 'if_required',
    payment_method_options: {},
    payment_method_types: methods,
    payment_status: 'unpaid',
    shipping_options: [],
    status: 'open',
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: `${baseUrl}/c/pay/${id}`,
  };
  state.put('timers', { id, account, at: expires_at });
  const lineItems = wanted.lineItems.map((item) => lineItemObject(simulator, item));
  return state.put('sessions', {
    id,
    account,
    object,
    lineItems,
    feeAmount: wanted.feeAmount,
    intent: wanted.intent,
  });
}

/** The sum of all items. What Stripe does not charge is refused. */
function checkedTotal(items: Wanted['lineItems'], currency: string): number {
  const total = items.reduce((sum, { unitAmount, quantity }) => sum + unitAmount * quantity, 0);
  const most = `${formatMoney(largestAmount(currency), currency)} ${currency}`;
  const least = `${formatMoney(minimumCharge(currency), currency)} ${currency}`;
  const due = "The Checkout Session's total amount due must";
  if (items.some((item) => item.currency !== currency))
    throw refused('All line items must have the same currency.');
  if (total > largestAmount(currency))
    throw refused(`${due} be no more than ${most}`, { code: 'amount_too_large' });
  if (total < minimumCharge(currency))
    throw refused(`${due} add up to at least ${least}`, { code: 'amount_too_small' });
  if (items.some(({ unitAmount }) => BigInt(unitAmount) % currencyStep(currency) !== 0n)) {
    throw refused(`Amounts in ${currency} must be divisible by ${currencyStep(currency)}.`, {
      param: 'line_items',
    });
  }
  return total;
}

function lineItemObject({ clock, livemode }: Simulator, item: Wanted['lineItems'][number]): Stripe.LineItem {
  const { currency, unitAmount, quantity } = item;
  const amount = unitAmount * quantity;
  return {
    id: newId('li_1'),
    object: 'item',
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: amount,
    amount_tax: 0,
    amount_total: amount,
    currency,
    description: item.name,
    metadata: item.metadata,
    price: {
      id: newId('price_1'),
      object: 'price',
      ...nulls('custom_unit_amount lookup_key nickname recurring tiers_mode transform_quantity'),
      active: false,
      billing_scheme: 'per_unit',
      created: clock.seconds(),
      currency,
      livemode,
      metadata: {},
      product: newId('prod_', 14),
      tax_behavior: 'unspecified',
      type: 'one_time',
      unit_amount: unitAmount,
      // A string on the wire; the SDK's type is what it makes of it.
      unit_amount_decimal: String(unitAmount) as unknown as Stripe.Decimal,
    },
    quantity,
  };
}
