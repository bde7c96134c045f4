/** The form in which an admin sets an organizer's fee. Amounts are read in the currency that was chosen. */
import { z } from 'zod';
import { optionalText, type ParsedForm, parseForm, textField, withErrors } from '../http/forms';
import { currencyStep, formatMoney, isCurrency, moneyToText, parseMoney } from '../lib/money';
import { type OrganizerFee } from '../payments/organizer-fees-store';

/** No fee of one ticket comes near it, in any currency; the table holds no more. */
const LARGEST = 99_999_999n;

const PERCENT = /^\d{1,2}([.,]\d{1,2})?$/;

const feeForm = z.object({
  currency: z.string({ error: 'Choose a currency' }).refine(isCurrency, { error: 'Choose a currency' }),
  rule: z.enum(['own', 'platform'], { error: 'Choose which fee holds' }),
  percent: optionalText({ max: 10 }),
  fixed: optionalText({ max: 20 }),
  least: optionalText({ max: 20 }),
  most: optionalText({ max: 20 }),
  reason: textField({
    required: 'Enter the reason; the organizer reads it in a mail',
    max: 500,
    multiline: true,
  }),
});

export interface FeeAgreement {
  currency: string;
  /** null = the platform's */
  fee: OrganizerFee | null;
  reason: string;
}

export function parseFeeForm(body: unknown): ParsedForm<FeeAgreement> {
  const parsed = parseForm(feeForm, body);
  if (!parsed.ok) return parsed;
  const { currency, rule, reason, ...typed } = parsed.data;
  if (rule === 'platform') return { ok: true, data: { currency, fee: null, reason }, form: parsed.form };

  const errors: Record<string, string> = {};
  const amount = (field: 'fixed' | 'least' | 'most'): bigint => {
    if (typed[field] === '') return 0n;
    const read = parseMoney(typed[field], currency);
    if ('amount' in read && read.amount <= LARGEST) return read.amount;
    errors[field] = amountProblem(currency);
    return 0n;
  };
  if (!PERCENT.test(typed.percent)) errors['percent'] = 'Enter a percentage from 0 to 99.99, such as 2.5';
  const fee: OrganizerFee = {
    currency,
    percentHundredths: errors['percent'] ? 0 : toHundredths(typed.percent),
    fixed: amount('fixed'),
    least: amount('least'),
    most: typed.most === '' ? null : amount('most'),
  };
  if (!errors['most'] && !errors['least'] && fee.most !== null && fee.most < fee.least)
    errors['most'] = `Enter at least ${formatMoney(fee.least, currency)}, the least that you set above`;
  if (Object.keys(errors).length > 0) return { ok: false, form: withErrors(parsed.form, errors) };
  return { ok: true, data: { currency, fee, reason }, form: parsed.form };
}

/** What the form shows of the fee that holds. */
export function feeFormValues(currency: string, fee: OrganizerFee | null): Record<string, string> {
  if (!fee) return { currency, rule: 'platform' };
  return {
    currency,
    rule: 'own',
    percent: String(fee.percentHundredths / 100),
    fixed: moneyToText(fee.fixed, currency),
    least: fee.least > 0n ? moneyToText(fee.least, currency) : '',
    most: fee.most === null ? '' : moneyToText(fee.most, currency),
  };
}

function amountProblem(currency: string): string {
  const step = currencyStep(currency);
  const steps = step > 1n ? `, in steps of ${formatMoney(step, currency)}` : '';
  return `Enter an amount in ${currency.toUpperCase()}, in digits like ${moneyToText(step * 50n, currency)}${steps}`;
}

/** "2.5" or "2,5" → 250 hundredths of a percent. */
function toHundredths(text: string): number {
  const [whole, fraction = ''] = text.replace(',', '.').split('.');
  return Number(whole) * 100 + Number(fraction.padEnd(2, '0'));
}
