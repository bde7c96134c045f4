/** What a request to create a Checkout Session may say. Whatever is wrong with its form is refused here. */
import { isCurrency } from '../lib/money';
import { noSuch } from './refusal';
import { invalid, isEmail, type Params } from './request-params';

const METHODS =
  'acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact billie bizum blik boleto card cashapp crypto customer_balance eps fpx giropay grabpay ideal kakao_pay klarna konbini kr_card link mb_way mobilepay multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco paynow paypal paypay payto pix promptpay revolut_pay samsung_pay satispay scalapay sepa_debit sequra sofort sunbit swish twint upi us_bank_account wechat_pay zip'.split(
    ' ',
  );

export type Wanted = ReturnType<typeof readSession>;

export function readSession(params: Params, direct: boolean) {
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
