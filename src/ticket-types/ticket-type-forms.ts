/** One row of the event form: a ticket type as it is typed, and the rules between its fields. */
import { z } from 'zod';
import { optionalText, textField, wholeNumber } from '../http/forms';
import { currencyStep, formatMoney, largestAmount, minimumCharge, parseMoney } from '../lib/money';
import { type FeePolicy, pricePassedOn } from '../payments/fees';
import { type TicketTypeFields } from './ticket-types-store';

export const LARGEST_CAPACITY = 1_000_000;
const MOST_PER_ORDER = 100;

/** The row's fields, each on its own; `dateField` reads a time in the event's zone. */
export function ticketTypeShape(dateField: z.ZodType<Date | null>) {
  return {
    name: textField({ required: 'Enter a name for this ticket type', max: 100 }),
    description: optionalText({ max: 300 }),
    kind: z.enum(['paid', 'free', 'donation'], { error: 'Choose what this ticket costs' }),
    price: optionalText({ max: 30 }),
    fee_payer: z.enum(['organizer', 'buyer'], { error: 'Choose who pays the fee' }).optional(),
    capacity: wholeNumber({
      required: 'Enter how many of these tickets there are',
      min: 1,
      max: LARGEST_CAPACITY,
      problem: 'Enter a whole number from 1 to 1,000,000',
    }),
    min_per_order: wholeNumber({
      required: 'Enter the fewest tickets that one order can have',
      min: 1,
      max: MOST_PER_ORDER,
    }),
    max_per_order: wholeNumber({
      required: 'Enter the most tickets that one order can have',
      min: 1,
      max: MOST_PER_ORDER,
    }),
    sales_start: dateField,
    sales_end: dateField,
    visibility: z.enum(['public', 'hidden'], { error: 'Choose who sees this ticket type' }),
  };
}

type Shape = ReturnType<typeof ticketTypeShape>;
export type TicketTypeParts = { [Field in keyof Shape]?: z.infer<Shape[Field]> };
/** What prices are read by: the event's currency, and what the platform keeps of its tickets. */
export interface Terms {
  currency: string;
  fees: FeePolicy;
}
type Errors = Partial<Record<keyof Shape, string>>;

/** What is wrong between the fields of a row, of those that are right by themselves. `eventEnd` null = not known. */
export function ticketTypeProblems(
  parts: TicketTypeParts,
  { currency, fees, eventEnd }: Terms & { eventEnd: Date | null },
): Errors {
  const errors: Errors = {};
  const { min_per_order: min, max_per_order: max, capacity } = parts;
  if (min !== undefined && max !== undefined && min > max)
    errors.max_per_order = `Enter at least ${min}, the fewest that one order can have`;
  if (min !== undefined && capacity !== undefined && min > capacity)
    errors.min_per_order = `Enter at most ${capacity}: there are no more of these tickets`;

  const { sales_start: start, sales_end: end } = parts;
  if (start && end && end <= start) errors.sales_end = 'Enter a time after sales begin';
  if (start && eventEnd && start >= eventEnd)
    errors.sales_start = 'Enter a time before the event ends; nothing is sold afterwards';
  if (end && eventEnd && end > eventEnd)
    errors.sales_end ??= 'Enter a time no later than the end of the event; nothing is sold afterwards';

  if (parts.kind === 'donation' && parts.fee_payer === 'buyer')
    errors.fee_payer =
      'People choose what they pay for this ticket, so its fee comes out of that. Choose “You, out of the price”';
  const price = readPrice(parts, { currency, fees });
  if ('problem' in price) errors.price = price.problem;
  else if (price.amount > 0n && max !== undefined && price.amount * BigInt(max) > largestAmount(currency))
    errors.max_per_order ??= `Enter at most ${largestAmount(currency) / price.amount}: one payment cannot be more than ${largestPayment(currency)}`;
  return errors;
}

/** A row without problems as what is stored. */
export function toTicketTypeFields(parts: TicketTypeParts, terms: Terms): TicketTypeFields {
  const whole = parts as Required<TicketTypeParts>;
  const price = readPrice(whole, terms);
  if ('problem' in price) throw new Error('a ticket type was taken over with a wrong price');
  return {
    name: whole.name,
    description: whole.description,
    kind: whole.kind,
    price: price.amount,
    passedOnFee: price.passedOnFee,
    capacity: whole.capacity,
    minPerOrder: whole.min_per_order,
    maxPerOrder: whole.max_per_order,
    salesStart: whole.sales_start,
    salesEnd: whole.sales_end,
    visibility: whole.visibility,
  };
}

/** What the buyer pays: the price that was typed, with the fee where the buyer pays that too. */
export function readPrice(
  parts: Pick<TicketTypeParts, 'kind' | 'price' | 'fee_payer'>,
  { currency, fees }: Terms,
): { amount: bigint; passedOnFee: bigint | null } | { problem: string } {
  const asked = readAsked(parts, currency);
  if ('problem' in asked || parts.kind !== 'paid' || parts.fee_payer !== 'buyer')
    return { ...asked, passedOnFee: null };
  const { price, passedOnFee } = pricePassedOn(asked.amount, currency, fees);
  return { amount: price, passedOnFee };
}

/** Stripe charges nothing below a currency's minimum, so a price is that or more; a donation may also start at nothing. */
function readAsked(
  { kind, price: text }: TicketTypeParts,
  currency: string,
): { amount: bigint } | { problem: string } {
  if (kind === undefined || text === undefined) return { amount: 0n };
  if (text === '') return kind === 'paid' ? { problem: 'Enter a price, or choose “Free”' } : { amount: 0n };
  const parsed = parseMoney(text, currency);
  if ('problem' in parsed) return { problem: priceProblem(parsed.problem, currency) };
  const { amount } = parsed;
  const minimum = minimumCharge(currency);
  if (kind === 'free')
    return amount === 0n
      ? { amount }
      : { problem: 'A free ticket has no price. Empty the price, or choose “Paid”' };
  if (kind === 'paid' && amount < minimum)
    return {
      problem: `Enter ${formatMoney(minimum, currency)} or more, the least that Stripe charges; or choose “Free”`,
    };
  if (kind === 'donation' && amount > 0n && amount < minimum)
    return {
      problem: `Enter ${formatMoney(minimum, currency)} or more, the least that Stripe charges; or leave it empty`,
    };
  return { amount };
}

function priceProblem(
  problem: 'not_a_number' | 'too_many_decimals' | 'too_large' | 'not_a_step',
  currency: string,
): string {
  const code = currency.toUpperCase();
  switch (problem) {
    case 'not_a_number':
      return 'Enter the price in digits, like 20 or 20.50, without a currency sign';
    case 'too_many_decimals':
      return `Enter a price without more decimals than ${code} has`;
    case 'too_large':
      return `Enter at most ${largestPayment(currency)}`;
    case 'not_a_step':
      return `Enter a price that ends in 0: Stripe charges ${code} in steps of ${formatMoney(currencyStep(currency), currency)}`;
  }
}

function largestPayment(currency: string): string {
  return formatMoney(largestAmount(currency), currency);
}
