/** The event form: what was typed, checked field by field and then between fields, so that all problems show at once. */
import { z } from 'zod';
import {
  emptyForm,
  type Form,
  isWebAddress,
  optionalText,
  readFields,
  textField,
  wholeNumber,
} from '../http/forms';
import { isTimeZone, parseLocalDateTime, toLocalDateTime } from '../lib/dates';
import { isCurrency, moneyToText } from '../lib/money';
import {
  LARGEST_CAPACITY,
  ticketTypeProblems,
  ticketTypeShape,
  toTicketTypeFields,
} from '../ticket-types/ticket-type-forms';
import { type FeePolicy } from '../payments/fees';
import { askedPrice, type TicketType } from '../ticket-types/ticket-type';
import { type TicketTypeFields } from '../ticket-types/ticket-types-store';
import { type EventDetails } from './event';
import {
  type FormValues,
  isEmptyRow,
  isRemovedRow,
  MOST_TICKET_TYPES,
  newEventValues,
  inOrderOfFields,
  pickEventValues,
  ticketField,
  ticketRows,
  ticketRowValues,
} from './event-fields';
import { type EventFields } from './events-store';

/** A ticket type as the form has it. */
export interface TicketTypeInput {
  /** its row in the form, so that what the use-case finds wrong can be said there */
  row: number;
  /** null for a new one */
  id: string | null;
  fields: TicketTypeFields;
}

export interface EventInput {
  event: EventFields;
  ticketTypes: TicketTypeInput[];
  /** rows of existing types that are to go */
  removed: { row: number; id: string }[];
  /** the account that the money goes to; null: the default; undefined: the form did not ask */
  stripeConnectionId?: string | null;
}

/** What the form's buttons ask for. */
const ACTIONS = ['save', 'save_draft', 'add_ticket', 'preview'] as const;
export type EventFormAction = (typeof ACTIONS)[number];

/** What one post of the form brings. Throws BadRequest for a shape that the form never sends. */
export function readEventForm(body: unknown): {
  action: EventFormAction;
  draftId: string | null;
  values: FormValues;
} {
  const fields = readFields(body);
  return {
    action: ACTIONS.find((action) => action === fields['action']) ?? 'save',
    draftId: fields['draft'] || null,
    values: pickEventValues(fields),
  };
}

/**
 * Reads the form's values. `unchangedStart` = when the event was to start before this change: an event may keep a start
 * that has passed, but nobody may choose one. `fees` = what the platform keeps of tickets in the form's currency.
 */
export function parseEventForm(
  values: FormValues,
  options: { now: Date; unchangedStart?: Date; fees: FeePolicy },
): { ok: true; input: EventInput; form: Form } | { ok: false; form: Form } {
  const zone = isTimeZone(values['time_zone']) ? values['time_zone'] : 'UTC';
  const terms = { currency: isCurrency(values['currency']) ? values['currency'] : 'eur', fees: options.fees };

  const { parts, errors: wrongFields } = parseParts(eventShape(zone), values);
  const errors: Record<string, string> = { ...eventProblems(parts, options), ...wrongFields };

  const rows = ticketRows(values).filter((row) => !isEmptyRow(values, row));
  const kept = rows.filter((row) => !isRemovedRow(values, row));
  const removed = rows
    .filter((row) => isRemovedRow(values, row))
    .map((row) => ({ row, id: values[ticketField(row, 'id')] ?? '' }))
    .filter(({ id }) => id !== '');
  if (kept.length === 0)
    errors[ticketField(ticketRows(values)[0] ?? 0, 'name')] =
      'Add at least one ticket type: enter its name and how many there are';
  if (kept.length > MOST_TICKET_TYPES)
    errors['form'] =
      `An event has at most ${MOST_TICKET_TYPES} ticket types. Remove ${kept.length - MOST_TICKET_TYPES}.`;

  const rowShape = ticketTypeShape(dateField(zone, null));
  const ticketParts = kept.map((row) => {
    const parsed = parseParts(rowShape, ticketRowValues(values, row));
    const between = ticketTypeProblems(parsed.parts, {
      ...terms,
      eventEnd: parts.ends_at ?? null,
    });
    for (const [name, message] of Object.entries({ ...between, ...parsed.errors }))
      errors[`tickets.${row}.${name}`] = message;
    return { row, id: values[ticketField(row, 'id')] || null, parts: parsed.parts };
  });

  const form = { values, errors: inOrderOfFields(errors) };
  if (Object.keys(errors).length > 0) return { ok: false, form };
  return {
    ok: true,
    form,
    input: {
      event: toEventFields(parts as Required<typeof parts>),
      ticketTypes: ticketParts.map(({ row, id, parts: rowParts }) => ({
        row,
        id,
        fields: toTicketTypeFields(rowParts, terms),
      })),
      removed,
      stripeConnectionId: parts.stripe_connection,
    },
  };
}

/** The form of a new event, or with the values of a draft. */
export function newEventForm(values: FormValues = newEventValues()): Form {
  return { values, errors: emptyForm.errors };
}

/** An event and its ticket types as the form shows them. */
export function eventFormValues(event: EventDetails, ticketTypes: TicketType[]): FormValues {
  const time = (instant: Date | null) => (instant ? toLocalDateTime(instant, event.timeZone) : '');
  const values: FormValues = {
    title: event.title,
    description: event.description,
    starts_at: time(event.startsAt),
    ends_at: time(event.endsAt),
    time_zone: event.timeZone,
    location_kind: event.locationKind,
    venue_name: event.venueName ?? '',
    venue_address: event.venueAddress ?? '',
    online_url: event.onlineUrl ?? '',
    currency: event.currency,
    capacity: event.capacity === null ? '' : String(event.capacity),
    stripe_connection: event.stripeConnectionId ?? '',
  };
  ticketTypes.forEach((type, row) => {
    values[ticketField(row, 'id')] = type.id;
    values[ticketField(row, 'name')] = type.name;
    values[ticketField(row, 'description')] = type.description;
    values[ticketField(row, 'kind')] = type.kind;
    values[ticketField(row, 'price')] = type.price > 0n ? moneyToText(askedPrice(type), event.currency) : '';
    values[ticketField(row, 'fee_payer')] = type.passedOnFee === null ? 'organizer' : 'buyer';
    values[ticketField(row, 'capacity')] = String(type.capacity);
    values[ticketField(row, 'min_per_order')] = String(type.minPerOrder);
    values[ticketField(row, 'max_per_order')] = String(type.maxPerOrder);
    values[ticketField(row, 'sales_start')] = time(type.salesStart);
    values[ticketField(row, 'sales_end')] = time(type.salesEnd);
    values[ticketField(row, 'visibility')] = type.visibility;
  });
  return values;
}

function eventShape(zone: string) {
  return {
    stripe_connection: z
      .string()
      .optional()
      .transform((text) => (text === undefined ? undefined : text.trim() || null)),
    title: textField({ required: 'Enter a title', max: 150 }),
    description: optionalText({ max: 10_000, multiline: true }),
    starts_at: dateField(zone, 'Enter when the event starts') as z.ZodType<Date>,
    ends_at: dateField(zone, 'Enter when the event ends') as z.ZodType<Date>,
    time_zone: z
      .string({ error: 'Choose a time zone' })
      .refine(isTimeZone, { error: 'Choose a time zone from the list' }),
    location_kind: z.enum(['venue', 'online'], { error: 'Choose where the event takes place' }),
    venue_name: optionalText({ max: 150 }),
    venue_address: optionalText({ max: 300, multiline: true }),
    online_url: optionalText({ max: 1000 }),
    currency: z
      .string({ error: 'Choose a currency' })
      .refine(isCurrency, { error: 'Choose a currency from the list' }),
    capacity: z
      .string()
      .optional()
      .transform((text) => (text?.trim() ? text : null))
      .pipe(
        z.union(
          [
            z.null(),
            wholeNumber({
              required: 'Enter a number',
              min: 1,
              max: LARGEST_CAPACITY,
            }),
          ],
          { error: 'Enter a whole number from 1 to 1,000,000, or leave this empty' },
        ),
      ),
  };
}

type EventParts = Partial<{
  [Field in keyof ReturnType<typeof eventShape>]: z.infer<ReturnType<typeof eventShape>[Field]>;
}>;

/** What is wrong between the event's fields, of those that are right by themselves. */
function eventProblems(
  parts: EventParts,
  options: { now: Date; unchangedStart?: Date },
): Record<string, string> {
  const errors: Record<string, string> = {};
  const { starts_at: start, ends_at: end } = parts;
  if (start && end && end <= start) errors['ends_at'] = 'Enter an end after the start';
  if (start && start <= options.now && start.getTime() !== options.unchangedStart?.getTime())
    errors['starts_at'] = 'Enter a start in the future';
  if (parts.location_kind === 'venue' && parts.venue_name === '')
    errors['venue_name'] = 'Enter the name of the venue';
  if (parts.location_kind === 'online') {
    if (parts.online_url === '') errors['online_url'] = 'Enter the address where the event takes place';
    else if (parts.online_url !== undefined && !isWebAddress(parts.online_url))
      errors['online_url'] = 'Enter a web address that begins with https://';
  }
  return errors;
}

/** A `datetime-local` text in a zone. Without `required`, an empty one is null. */
export function dateField(zone: string, required: string | null): z.ZodType<Date | null> {
  return z
    .string({ error: required ?? undefined })
    .optional()
    .transform((text, context): Date | null => {
      const trimmed = (text ?? '').trim();
      if (trimmed === '' && required === null) return null;
      const parsed = trimmed === '' ? { problem: 'missing' } : parseLocalDateTime(trimmed, zone);
      if ('instant' in parsed) return parsed.instant;
      context.addIssue({
        code: 'custom',
        message:
          parsed.problem === 'missing'
            ? required!
            : parsed.problem === 'skipped_by_clock_change'
              ? `There is no such time in ${zone}: the clocks go forward then. Enter a time before or after`
              : 'Enter a date and time, like 2027-03-12T19:30',
      });
      return z.NEVER;
    }) as z.ZodType<Date | null>;
}

function toEventFields(parts: Required<EventParts>): EventFields {
  const online = parts.location_kind === 'online';
  return {
    title: parts.title,
    description: parts.description,
    startsAt: parts.starts_at,
    endsAt: parts.ends_at,
    timeZone: parts.time_zone,
    locationKind: parts.location_kind,
    venueName: online ? null : parts.venue_name,
    venueAddress: online ? null : parts.venue_address || null,
    onlineUrl: online ? parts.online_url : null,
    currency: parts.currency,
    capacity: parts.capacity,
  };
}

/** Each field by its own schema, so that one wrong field hides nothing about the others. */
function parseParts<Shape extends Record<string, z.ZodType>>(
  shape: Shape,
  values: FormValues,
): { parts: { [Field in keyof Shape]?: z.infer<Shape[Field]> }; errors: Record<string, string> } {
  const parts: { [Field in keyof Shape]?: z.infer<Shape[Field]> } = {};
  const errors: Record<string, string> = {};
  for (const name of Object.keys(shape) as (keyof Shape & string)[]) {
    const parsed = shape[name]!.safeParse(values[name]);
    if (parsed.success) parts[name] = parsed.data as z.infer<Shape[typeof name]>;
    else errors[name] = parsed.error.issues[0]!.message;
  }
  return { parts, errors };
}

/** What goes along with a mail about a new time or place. */
export const changeNoticeForm = z.object({
  message: optionalText({ max: 1000, multiline: true }),
  draft: z.string().optional(),
  seen: z
    .string()
    .optional()
    .transform((seen) => seen ?? ''),
});

/** Why an event is cancelled: the words that its ticket holders read. */
export const cancellationForm = z.object({
  reason: textField({
    required: 'Enter what people who have tickets should know',
    max: 1000,
    multiline: true,
  }),
});
