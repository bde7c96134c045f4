/** The form that makes a code. Amounts are in the event's currency, times in its zone. */
import { z } from 'zod';
import { dateField } from '../events/event-forms';
import { errorsByField, type Form, optionalText, readFields, textField } from '../http/forms';
import { moneyToText, parseMoney } from '../lib/money';
import { type TicketType } from '../ticket-types/ticket-type';
import { type DiscountCode, isCode, readCode } from './discount-code';

type Fields = Pick<
  DiscountCode,
  | 'code'
  | 'kind'
  | 'percent'
  | 'amount'
  | 'unlocksHidden'
  | 'useLimit'
  | 'validFrom'
  | 'validUntil'
  | 'ticketTypeIds'
>;

export const NEW_CODE: Form = { values: { kind: 'percent' }, errors: {} };

/** The checkbox of a ticket type; none ticked means all. */
export const typeField = (id: string) => `type.${id}`;

export function parseCodeForm(
  body: unknown,
  event: { currency: string; time_zone: string },
  types: Pick<TicketType, 'id' | 'visibility'>[],
): { ok: true; fields: Fields; form: Form } | { ok: false; form: Form } {
  const values = readFields(body);
  const parsed = schemaFor(event).safeParse(values);
  if (!parsed.success) return { ok: false, form: { values, errors: errorsByField(parsed.error) } };
  const { code, kind, value, unlocks_hidden, use_limit, valid_from, valid_until } = parsed.data;
  const chosen = types.filter((type) => values[typeField(type.id)] === '1');
  const unlocksHidden = unlocks_hidden === '1' || kind === 'access';
  if (unlocksHidden && !(chosen.length > 0 ? chosen : types).some((type) => type.visibility === 'hidden'))
    return {
      ok: false,
      form: {
        values,
        errors: {
          [kind === 'access' ? 'kind' : 'unlocks_hidden']:
            'None of these ticket types is hidden. Hide one first, in the form of the event',
        },
      },
    };
  return {
    ok: true,
    form: { values, errors: {} },
    fields: {
      code,
      kind,
      percent: 'percent' in value ? value.percent : null,
      amount: 'amount' in value ? value.amount : null,
      unlocksHidden,
      useLimit: use_limit,
      validFrom: valid_from,
      validUntil: valid_until,
      ticketTypeIds: chosen.length > 0 ? chosen.map(({ id }) => id) : null,
    },
  };
}

function schemaFor(event: { currency: string; time_zone: string }) {
  return z
    .object({
      code: textField({ required: 'Enter the code that buyers type, like FRIENDS20', max: 40 })
        .transform((text) => readCode(text) ?? '')
        .refine(isCode, {
          error: 'Use 3 to 32 letters from A to Z and digits, and hyphens between them',
        }),
      kind: z.enum(['percent', 'amount', 'access'], { error: 'Choose what the code does' }),
      value: optionalText({ max: 30 }),
      unlocks_hidden: z.string().optional(),
      use_limit: z
        .string()
        .optional()
        .transform((text) => (text ?? '').trim())
        .refine((text) => text === '' || (/^[1-9]\d{0,5}$/.test(text) && Number(text) <= 100_000), {
          error: 'Enter a whole number from 1 to 100,000, or leave it empty for no limit',
        })
        .transform((text) => (text === '' ? null : Number(text))),
      valid_from: dateField(event.time_zone, null),
      valid_until: dateField(event.time_zone, null),
    })
    .superRefine((fields, context) => {
      if (fields.valid_from && fields.valid_until && fields.valid_until <= fields.valid_from)
        context.addIssue({
          code: 'custom',
          path: ['valid_until'],
          message: 'Enter a time after its beginning',
        });
    })
    .transform((fields, context) => {
      const value = readValue(fields.kind, fields.value, event.currency);
      if (!('problem' in value)) return { ...fields, value };
      context.addIssue({ code: 'custom', path: ['value'], message: value.problem });
      return z.NEVER;
    });
}

function readValue(
  kind: DiscountCode['kind'],
  text: string,
  currency: string,
): { percent: number } | { amount: bigint } | { access: true } | { problem: string } {
  if (kind === 'access')
    return text === ''
      ? { access: true }
      : { problem: 'Leave this empty: the code only opens hidden tickets. Or choose what it takes off' };
  if (kind === 'percent') {
    const percent = /^(\d{1,3})\s*%?$/.exec(text)?.[1];
    return percent !== undefined && Number(percent) >= 1 && Number(percent) <= 100
      ? { percent: Number(percent) }
      : { problem: 'Enter a whole number of percent from 1 to 100' };
  }
  const parsed = parseMoney(text, currency);
  return 'amount' in parsed && parsed.amount > 0n
    ? { amount: parsed.amount }
    : {
        problem: `Enter what it takes off each ticket, like ${moneyToText(500n, currency)}, without a currency sign`,
      };
}
