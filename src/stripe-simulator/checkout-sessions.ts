/** Checkout Sessions in `mode=payment`, hosted by us, as direct charges on the account of the header. */
import type Stripe from 'stripe';
import { currencyStep, formatMoney, isCurrency, LARGEST_AMOUNT, minimumCharge } from '../lib/money';
import { getAccount } from './accounts';
import { type ApiCall, type createApi } from './api';
import { newId, type Simulator } from './context';
import { CREATED_PARAMS, lineItemsOf, PAGE_PARAMS, toPage } from './lists';
import { noSuch, refused } from './refusal';
import { invalid, oneOf, type Read, required } from './request-params';
import { type SimulatedSession } from './state';

const LIFETIME = { shortest: 30 * 60, longest: 24 * 60 * 60 };
/** The delayed method that a currency has here; success or failure comes after the buyer has left. */
const DELAYED_METHOD: Record<string, string> = {
  eur: 'sepa_debit',
  gbp: 'bacs_debit',
  usd: 'us_bank_account',
  cad: 'acss_debit',
  aud: 'au_becs_debit',
};
const METHODS =
  'acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact billie bizum blik boleto card cashapp crypto customer_balance eps fpx giropay grabpay ideal kakao_pay klarna konbini kr_card link mb_way mobilepay multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco paynow paypal paypay payto pix promptpay revolut_pay samsung_pay satispay scalapay sepa_debit sequra sofort sunbit swish twint upi us_bank_account wechat_pay zip'.split(
    ' ',
  );

const CREATE = {
  mode: 'string',
  ui_mode: 'string',
  success_url: 'string',
  cancel_url: 'string',
  line_items: [
    {
      price: 'string',
      price_data: {
        currency: 'string',
        unit_amount: 'integer',
        product: 'string',
        product_data: { name: 'string', description: 'string', images: ['string'], metadata: 'map' },
      },
      quantity: 'integer',
      metadata: 'map',
    },
  ],
  payment_intent_data: {
    application_fee_amount: 'integer',
    metadata: 'map',
    description: 'string',
    receipt_email: 'string',
    statement_descriptor_suffix: 'string',
  },
  client_reference_id: 'string',
  customer_email: 'string',
  customer_creation: 'string',
  metadata: 'map',
  expires_at: 'integer',
  allowed_payment_method_types: ['string'],
  excluded_payment_method_types: ['string'],
  payment_method_types: ['string'],
  submit_type: 'string',
  locale: 'string',
  billing_address_collection: 'string',
  allow_promotion_codes: 'boolean',
  custom_text: { submit: { message: 'string' }, after_submit: { message: 'string' } },
  adaptive_pricing: { enabled: 'boolean' },
  phone_number_collection: { enabled: 'boolean' },
} as const;
type CreateParams = Read<typeof CREATE>;

const LIST = {
  ...PAGE_PARAMS,
  ...CREATED_PARAMS,
  status: 'string',
  payment_intent: 'string',
  customer_details: { email: 'string' },
} as const;

export function checkoutSessionsApi(simulator: Simulator, route: ReturnType<typeof createApi>): void {
  const own = ({ id, account }: ApiCall<unknown>) => getSession(simulator, id, account);

  route('post', '/v1/checkout/sessions', CREATE, (call) => createSession(simulator, call).object);
  route('get', '/v1/checkout/sessions', LIST, ({ account, params }) => {
    const { status, payment_intent: intent, customer_details: customer } = params;
    const sessions = simulator.state
      .listFor('sessions', account)
      .map(({ id }) => getSession(simulator, id).object)
      .filter((session) => status === undefined || session.status === status)
      .filter((session) => intent === undefined || session.payment_intent === intent)
      .filter(
        (session) => customer?.email === undefined || session.customer_details?.email === customer.email,
      );
    return toPage(sessions, params, '/v1/checkout/sessions');
  });
  route('get', '/v1/checkout/sessions/:id', {}, (call) => own(call).object);
  route('get', '/v1/checkout/sessions/:id/line_items', PAGE_PARAMS, (call) =>
    lineItemsOf(simulator, own(call).id),
  );
  route('post', '/v1/checkout/sessions/:id/expire', {}, (call) => {
    const session = own(call);
    expireSession(simulator, session, call.cause);
    return session.object;
  });
}

/** The session, after time has done to it what it must. */
export function getSession(simulator: Simulator, id: string, account?: string): SimulatedSession {
  const session = simulator.state.get('sessions', id);
  if (!session || (account !== undefined && session.account !== account))
    throw noSuch('checkout.session', id, 'session');
  if (session.object.status === 'open' && session.object.expires_at <= simulator.clock.seconds()) {
    expireSession(simulator, session);
  }
  return session;
}

export function expireSession(
  simulator: Simulator,
  session: SimulatedSession,
  cause?: ApiCall<unknown>['cause'],
): void {
  const { object } = session;
  if (object.status !== 'open') {
    throw refused(
      `Only Checkout Sessions with a status in ["open"] can be expired. This one has a status of ${object.status}.`,
    );
  }
  closeSession(simulator, session, 'expired');
  const intent = simulator.state.get('intents', String(object.payment_intent));
  if (intent) {
    Object.assign(intent.object, {
      status: 'canceled',
      canceled_at: simulator.clock.seconds(),
      cancellation_reason: 'abandoned',
    });
    simulator.state.put('intents', intent);
  }
  void simulator.webhooks.emit({
    account: session.account,
    type: 'checkout.session.expired',
    object,
    ...(cause ? { cause } : {}),
  });
}

/** A session is open once; then it has no address and no clock any more. */
export function closeSession(
  { state }: Simulator,
  session: SimulatedSession,
  status: 'complete' | 'expired',
): void {
  session.object.status = status;
  session.object.url = null;
  state.put('sessions', session);
  state.remove('timers', session.id);
}

function createSession(simulator: Simulator, call: ApiCall<CreateParams>): SimulatedSession {
  const { params, account } = call;
  checkForm(params, call.direct);
  const created = simulator.clock.seconds();
  const expiresAt = params.expires_at ?? created + LIFETIME.longest;
  if (expiresAt < created + LIFETIME.shortest || expiresAt > created + LIFETIME.longest) {
    throw refused(
      'The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.',
      {
        param: 'expires_at',
      },
    );
  }
  if (call.direct && !getAccount(simulator, account).object.charges_enabled) {
    throw refused('Your account cannot currently make charges. Its details are still required.');
  }
  const lineItems = params.line_items!.map((item, index) => toLineItem(simulator, item, index));
  const { currency } = lineItems[0]!;
  const total = lineItems.reduce((sum, item) => sum + item.amount_total, 0);
  checkTotal(lineItems, total, currency);

  const id = newId(`cs_${simulator.livemode ? 'live' : 'test'}_a1`, 56);
  const object = sessionObject({
    id,
    params,
    created,
    expiresAt,
    currency,
    total,
    livemode: simulator.livemode,
  });
  object.url = `${call.baseUrl}/c/pay/${id}`;
  const data = params.payment_intent_data ?? {};
  simulator.state.put('timers', { id, account, at: expiresAt });
  return simulator.state.put('sessions', {
    id,
    account,
    object,
    lineItems,
    feeAmount: data.application_fee_amount ?? null,
    intent: {
      metadata: data.metadata ?? {},
      description: data.description ?? null,
      receiptEmail: data.receipt_email ?? null,
    },
  });
}

/** What can be seen without carrying anything out. */
function checkForm(params: CreateParams, direct: boolean): void {
  if (params.payment_method_types) {
    const message =
      'The `payment_method_types` parameter is no longer supported. Leave it out to use dynamic payment methods, or filter them with `allowed_payment_method_types`.';
    throw invalid(message, 'payment_method_types', 'payment_method_types_no_longer_supported');
  }
  if (oneOf(required(params.mode, 'mode'), ['payment', 'setup', 'subscription'], 'mode') !== 'payment') {
    throw invalid('This simulator plays mode=payment only.', 'mode');
  }
  oneOf(params.ui_mode ?? 'hosted_page', ['hosted_page'], 'ui_mode');
  oneOf(params.submit_type ?? 'auto', ['auto', 'book', 'donate', 'pay'], 'submit_type');
  for (const name of ['success_url', 'cancel_url'] as const) {
    const url = name === 'success_url' ? required(params[name], name) : params[name];
    if (url !== undefined && !(/^https?:\/\//.test(url) && URL.canParse(url)))
      throw invalid('Not a valid URL', name, 'url_invalid');
  }
  if (params.customer_email !== undefined && !/^[^\s@]+@[^\s@]+$/.test(params.customer_email)) {
    throw invalid(`Invalid email address: ${params.customer_email}`, 'customer_email', 'email_invalid');
  }
  if ((params.client_reference_id ?? '').length > 200) {
    throw invalid('client_reference_id has up to 200 characters', 'client_reference_id');
  }
  if (params.locale && !/^(auto|[a-z]{2,3}(-[A-Z0-9]{2,3})?)$/.test(params.locale))
    throw invalid('Invalid locale', 'locale');
  for (const name of ['allowed_payment_method_types', 'excluded_payment_method_types'] as const) {
    params[name]?.forEach((method, index) => oneOf(method, METHODS, `${name}[${index}]`));
  }
  const items = required(params.line_items, 'line_items');
  if (items.length === 0 || items.length > 100) throw invalid('There are 1 to 100 line_items', 'line_items');

  const fee = params.payment_intent_data?.application_fee_amount;
  const feeParam = 'payment_intent_data[application_fee_amount]';
  if (fee !== undefined && fee < 1) {
    throw invalid('This value must be greater than or equal to 1.', feeParam, 'parameter_invalid_integer');
  }
  if (fee !== undefined && !direct) {
    throw invalid(
      'An application_fee_amount needs a direct charge: send the Stripe-Account header.',
      feeParam,
    );
  }
}

function toLineItem(
  { clock, livemode }: Simulator,
  item: NonNullable<CreateParams['line_items']>[number],
  index: number,
): Stripe.LineItem {
  const at = `line_items[${index}]`;
  if (item.price !== undefined) throw noSuch('price', item.price, `${at}[price]`);
  const data = required(item.price_data, `${at}[price_data]`);
  const currency = required(data.currency, `${at}[price_data][currency]`).toLowerCase();
  if (!isCurrency(currency)) throw invalid(`Invalid currency: ${currency}`, `${at}[price_data][currency]`);
  const unitAmount = required(data.unit_amount, `${at}[price_data][unit_amount]`);
  if (unitAmount < 0) {
    throw invalid(
      'This value must be greater than or equal to 0.',
      `${at}[price_data][unit_amount]`,
      'parameter_invalid_integer',
    );
  }
  const name = required(
    required(data.product_data, `${at}[price_data][product_data]`).name,
    `${at}[price_data][product_data][name]`,
  );
  const quantity = required(item.quantity, `${at}[quantity]`);
  if (quantity < 1)
    throw invalid(
      'This value must be greater than or equal to 1.',
      `${at}[quantity]`,
      'parameter_invalid_integer',
    );
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
    description: name,
    metadata: item.metadata ?? {},
    price: {
      id: newId('price_1'),
      object: 'price',
      active: false,
      billing_scheme: 'per_unit',
      created: clock.seconds(),
      currency,
      custom_unit_amount: null,
      livemode,
      lookup_key: null,
      metadata: {},
      nickname: null,
      product: newId('prod_', 14),
      recurring: null,
      tax_behavior: 'unspecified',
      tiers_mode: null,
      transform_quantity: null,
      type: 'one_time',
      unit_amount: unitAmount,
      // On the wire it is a string; the SDK's type is what it makes of it.
      unit_amount_decimal: String(unitAmount) as unknown as Stripe.Decimal,
    },
    quantity,
  };
}

function checkTotal(items: Stripe.LineItem[], total: number, currency: string): void {
  if (items.some((item) => item.currency !== currency)) {
    throw refused('All line items must have the same currency.', { param: 'line_items' });
  }
  if (items.some((item) => BigInt(item.amount_total) % currencyStep(currency) !== 0n)) {
    throw refused(`Amounts in ${currency} must be divisible by ${currencyStep(currency)}.`, {
      param: 'line_items',
    });
  }
  if (total > LARGEST_AMOUNT) {
    const most = formatMoney(LARGEST_AMOUNT, currency);
    throw refused(`The Checkout Session's total amount due must be no more than ${most}`, {
      code: 'amount_too_large',
    });
  }
  if (total < minimumCharge(currency)) {
    const least = `${formatMoney(minimumCharge(currency), currency)} ${currency}`;
    throw refused(`The Checkout Session's total amount due must add up to at least ${least}`, {
      code: 'amount_too_small',
    });
  }
}

function methodsFor(params: CreateParams, currency: string): string[] {
  const delayed = DELAYED_METHOD[currency];
  const methods = ['card', ...(delayed ? [delayed] : [])].filter(
    (method) =>
      (params.allowed_payment_method_types ?? METHODS).includes(method) &&
      !params.excluded_payment_method_types?.includes(method),
  );
  if (methods.length === 0) throw refused('No payment method is left for this Checkout Session.');
  return methods;
}

function sessionObject(made: {
  id: string;
  params: CreateParams;
  created: number;
  expiresAt: number;
  currency: string;
  total: number;
  livemode: boolean;
}): Stripe.Checkout.Session {
  const { id, params, created, expiresAt, currency, total, livemode } = made;
  const text = (part: { message?: string } | undefined) => (part?.message ? { message: part.message } : null);
  return {
    id,
    object: 'checkout.session',
    adaptive_pricing: { enabled: params.adaptive_pricing?.enabled ?? false },
    after_expiration: null,
    allow_promotion_codes: params.allow_promotion_codes ?? null,
    allowed_payment_method_types: params.allowed_payment_method_types ?? null,
    amount_subtotal: total,
    amount_total: total,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: params.billing_address_collection ?? null,
    cancel_url: params.cancel_url ?? null,
    client_reference_id: params.client_reference_id ?? null,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created,
    currency,
    currency_conversion: null,
    custom_fields: [],
    custom_text: {
      after_submit: text(params.custom_text?.after_submit),
      shipping_address: null,
      submit: text(params.custom_text?.submit),
      terms_of_service_acceptance: null,
    },
    customer: null,
    customer_account: null,
    customer_creation: params.customer_creation ?? 'if_required',
    customer_details: null,
    customer_email: params.customer_email ?? null,
    discounts: [],
    ...(params.excluded_payment_method_types
      ? { excluded_payment_method_types: params.excluded_payment_method_types }
      : {}),
    expires_at: expiresAt,
    integration_identifier: null,
    invoice: null,
    invoice_creation: { enabled: false, invoice_data: NO_INVOICE },
    livemode,
    locale: params.locale ?? null,
    managed_payments: { enabled: false },
    metadata: params.metadata ?? {},
    mode: 'payment',
    origin_context: null,
    payment_intent: null,
    payment_link: null,
    payment_method_collection: 'if_required',
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: methodsFor(params, currency),
    payment_status: 'unpaid',
    permissions: null,
    phone_number_collection: { enabled: params.phone_number_collection?.enabled ?? false },
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: 'open',
    submit_type: params.submit_type ?? null,
    subscription: null,
    success_url: params.success_url ?? null,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: null,
    wallet_options: null,
  };
}

const NO_INVOICE = {
  account_tax_ids: null,
  custom_fields: null,
  description: null,
  footer: null,
  issuer: null,
  metadata: {},
  rendering_options: null,
};
