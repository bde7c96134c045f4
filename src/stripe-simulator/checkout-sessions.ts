/** Checkout Sessions in `mode=payment`, hosted by us, as direct charges on the account of the header. */
import type Stripe from 'stripe';
import { currencyStep, formatMoney, isCurrency, LARGEST_AMOUNT, minimumCharge } from '../lib/money';
import { type ApiCall, type Route } from './api';
import { isEmail } from './connect-oauth';
import { type Cause, newId, nulls, type Simulator } from './context';
import { lineItemsOf, toPage } from './lists';
import { noSuch, refused } from './refusal';
import { invalid, type Params } from './request-params';
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
const METHODS =
  'acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact billie bizum blik boleto card cashapp crypto customer_balance eps fpx giropay grabpay ideal kakao_pay klarna konbini kr_card link mb_way mobilepay multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco paynow paypal paypay payto pix promptpay revolut_pay samsung_pay satispay scalapay sepa_debit sequra sofort sunbit swish twint upi us_bank_account wechat_pay zip'.split(
    ' ',
  );

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

type Wanted = ReturnType<typeof readSession>;

function readSession(params: Params, direct: boolean) {
  if (params.list('payment_method_types')) {
    const message =
      'The `payment_method_types` parameter is no longer supported. Use `allowed_payment_method_types`.';
    throw invalid(message, 'payment_method_types', 'payment_method_types_no_longer_supported');
  }
  params.needed('mode');
  params.oneOf('mode', ['payment']);
  params.oneOf('ui_mode', ['hosted_page']);
  params.oneOf('origin_context', ['web']);
  const email = params.text('customer_email');
  if (email && !isEmail(email))
    throw invalid(`Invalid email address: ${email}`, 'customer_email', 'email_invalid');
  const reference = params.text('client_reference_id') ?? null;
  if (reference && reference.length > 200)
    throw invalid('Up to 200 characters are possible.', 'client_reference_id');
  const intent = params.inside('payment_intent_data');
  const feeAmount = intent.integer('application_fee_amount', 1) ?? null;
  if (feeAmount !== null && !direct) {
    const message = 'An application_fee_amount needs a direct charge: send the Stripe-Account header.';
    throw invalid(message, 'payment_intent_data[application_fee_amount]');
  }
  const lineItems = params.each('line_items').map(readLineItem);
  if (lineItems.length === 0) params.needed('line_items');
  if (lineItems.length > 100) throw invalid('Up to 100 line items are possible.', 'line_items');
  return {
    lineItems,
    feeAmount,
    intent: {
      metadata: intent.metadata(),
      description: intent.text('description') ?? null,
      receipt_email: intent.text('receipt_email') ?? null,
    },
    expiresAt: params.integer('expires_at'),
    allowed: params.list('allowed_payment_method_types', METHODS) ?? null,
    excluded: params.list('excluded_payment_method_types', METHODS),
    fields: {
      adaptive_pricing: { enabled: params.inside('adaptive_pricing').flag('enabled') ?? false },
      allow_promotion_codes: params.flag('allow_promotion_codes') ?? null,
      billing_address_collection: params.oneOf('billing_address_collection', ['auto', 'required']) ?? null,
      cancel_url: readUrl(params, 'cancel_url') ?? null,
      client_reference_id: reference,
      customer_creation: params.oneOf('customer_creation', ['always', 'if_required']) ?? 'if_required',
      customer_email: email ?? null,
      locale: params.text('locale') ?? null,
      metadata: params.metadata(),
      phone_number_collection: { enabled: params.inside('phone_number_collection').flag('enabled') ?? false },
      submit_type: params.oneOf('submit_type', ['auto', 'book', 'donate', 'pay']) ?? null,
      success_url: readUrl(params, 'success_url') ?? params.needed('success_url'),
    },
    submitText: params.inside('custom_text').inside('submit').text('message'),
  };
}

function readUrl(params: Params, name: string): string | undefined {
  const url = params.text(name);
  if (url && !(/^https?:\/\//.test(url) && URL.canParse(url)))
    throw invalid('Not a valid URL', name, 'url_invalid');
  return url;
}

function readLineItem(item: Omit<Params, 'refuseUnread'>) {
  const price = item.text('price');
  if (price) throw noSuch('price', price, item.full('price'));
  const data = item.inside('price_data');
  const currency = data.needed('currency').toLowerCase();
  if (!isCurrency(currency)) throw invalid(`Invalid currency: ${currency}`, data.full('currency'));
  const product = data.inside('product_data');
  product.text('description');
  product.list('images');
  product.metadata();
  const [unitAmount, quantity] = [data.neededInteger('unit_amount'), item.neededInteger('quantity', 1)];
  return { currency, unitAmount, quantity, name: product.needed('name'), metadata: item.metadata() };
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
  const most = `${formatMoney(LARGEST_AMOUNT, currency)} ${currency}`;
  const least = `${formatMoney(minimumCharge(currency), currency)} ${currency}`;
  const due = "The Checkout Session's total amount due must";
  if (items.some((item) => item.currency !== currency))
    throw refused('All line items must have the same currency.');
  if (total > LARGEST_AMOUNT) throw refused(`${due} be no more than ${most}`, { code: 'amount_too_large' });
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
