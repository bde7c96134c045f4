/** What the forms about refunds say: which part of an order, why, and what the person had seen. */
import { z } from 'zod';
import { type Form, optionalText, readFields, textField } from '../http/forms';
import { type MoneyProblem, parseMoney } from '../lib/money';
import { type RefundChoice } from './refund';

/** The order's tickets are ticked one by one: ticket.1, ticket.2 … */
const TICKET_FIELD = /^ticket\.([1-9]\d{0,3})$/;

export const ticketField = (seq: number) => `ticket.${seq}`;

export function readChoice(
  given: unknown,
  currency: string,
): { choice: RefundChoice; form: Form } | { choice: null; form: Form } {
  const values = readFields(given);
  const refuse = (field: string, message: string) => ({
    choice: null,
    form: { values, errors: { [field]: message } },
  });
  switch (values['scope']) {
    case 'order':
      return { choice: { scope: 'order' }, form: { values, errors: {} } };
    case 'tickets':
      return { choice: { scope: 'tickets', seqs: readTickets(values) }, form: { values, errors: {} } };
    case 'amount': {
      const parsed = parseMoney(values['amount'] ?? '', currency);
      if ('problem' in parsed) return refuse('amount', AMOUNT_PROBLEMS[parsed.problem]);
      return { choice: { scope: 'amount', amount: parsed.amount }, form: { values, errors: {} } };
    }
    default:
      return refuse('scope', 'Choose what to refund');
  }
}

export function readTickets(values: Record<string, string>): number[] {
  return Object.keys(values)
    .flatMap((name) => TICKET_FIELD.exec(name)?.[1] ?? [])
    .map(Number);
}

const AMOUNT_PROBLEMS: Record<MoneyProblem, string> = {
  not_a_number: 'Enter the amount as a number, like 12.50',
  too_many_decimals: 'Enter an amount with no more decimals than this currency has',
  too_large: 'Enter an amount that is not more than was paid',
  not_a_step: 'Enter an amount that can be paid in this currency',
};

const confirmation = {
  key: z.uuid('This form is not whole. Go back and begin again'),
  seen: z.string().max(20_000).default(''),
};

/** The organizer may write a word to the buyer. */
export const organizerConfirmation = z.object({
  ...confirmation,
  reason: optionalText({ max: 500, multiline: true }),
});

/** An admin says why; the organizer and the audit log keep it. */
export const adminConfirmation = z.object({
  ...confirmation,
  reason: textField({ required: 'Enter the reason', max: 500, multiline: true }),
});
