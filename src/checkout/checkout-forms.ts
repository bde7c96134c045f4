import { z } from 'zod';
import { emailField, type Form, readFields, textField } from '../http/forms';
import { isUuid } from '../lib/ids';
import { parseMoney } from '../lib/money';
import { type RequestedLine } from './allocate';

/** A quantity as a form of ours sends it. `Number()` would take "1e9", "0x10" and "". */
const QUANTITY = /^[1-9]\d{0,2}$/;

/** An order has at most this many kinds of tickets. */
const MOST_LINES = 50;

export type ParsedChoice = { ok: true; lines: RequestedLine[]; form: Form } | { ok: false; form: Form };

/** What was chosen on the event page: `quantity.<id>`, `price.<id>` as it was shown, `amount.<id>` for pay what you want. */
export function parseChoice(body: unknown, currency: string): ParsedChoice {
  const fields = readFields(body);
  const errors: Record<string, string> = {};
  const lines: RequestedLine[] = [];
  for (const [name, text] of Object.entries(fields)) {
    const id = /^quantity\.(.+)$/.exec(name)?.[1];
    if (id === undefined || text.trim() === '' || text === '0') continue;
    if (!isUuid(id)) {
      errors['form'] = 'These tickets are not on sale here. Choose from the list.';
      continue;
    }
    if (!QUANTITY.test(text)) {
      errors[name] = 'Choose a number of tickets from the list.';
      continue;
    }
    const amount = readAmount(fields[`amount.${id}`], currency);
    if (amount === undefined) {
      errors[`amount.${id}`] = 'Enter an amount, such as 12 or 12.50.';
      continue;
    }
    const shown = fields[`price.${id}`];
    lines.push({
      ticketTypeId: id,
      quantity: Number(text),
      shownPrice: shown !== undefined && /^\d{1,12}$/.test(shown) ? BigInt(shown) : null,
      amount,
    });
  }
  const form = { values: fields, errors };
  return Object.keys(errors).length > 0 || lines.length > MOST_LINES
    ? { ok: false, form }
    : { ok: true, lines, form };
}

/** null = left empty, undefined = not an amount. */
function readAmount(text: string | undefined, currency: string): bigint | null | undefined {
  if (text === undefined || text.trim() === '') return null;
  const parsed = parseMoney(text, currency);
  return 'amount' in parsed ? parsed.amount : undefined;
}

export const detailsForm = z.object({
  name: textField({ required: 'Enter your name', max: 120 }),
  email: emailField('Enter your email address'),
  /** what the page said of cancelling by oneself */
  cancellation: z
    .string()
    .optional()
    .transform((text) => text || null),
  /** the version of the organizer's terms that the page showed */
  terms: z
    .string()
    .optional()
    .transform((id) => id || null),
});
