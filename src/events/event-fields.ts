/**
 * The fields of the event form: their fixed names, what a new form holds, and how the ticket types' rows
 * (`tickets.0.name`) are found among them. The form, its drafts and its views all go by these names.
 */

const EVENT_FIELDS = [
  'title',
  'description',
  'starts_at',
  'ends_at',
  'time_zone',
  'location_kind',
  'venue_name',
  'venue_address',
  'online_url',
  'currency',
  'capacity',
  'stripe_connection',
] as const;

const TICKET_FIELDS = [
  'id',
  'name',
  'description',
  'kind',
  'price',
  'fee_payer',
  'capacity',
  'min_per_order',
  'max_per_order',
  'sales_start',
  'sales_end',
  'visibility',
  'remove',
] as const;

export type TicketField = (typeof TICKET_FIELDS)[number];
export type FormValues = Record<string, string>;

/** More rows than this are refused. */
export const MOST_TICKET_TYPES = 20;

const TICKET_FIELD = /^tickets\.(0|[1-9]\d?)\.([a-z_]+)$/;

export function ticketField(row: number, field: TicketField): string {
  return `tickets.${row}.${field}`;
}

/** The values that belong to the event form, cleaned of what Postgres can't keep (NUL, halves of a character). */
export function pickEventValues(values: FormValues): FormValues {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([name]) => isEventField(name))
      .map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('utf8').replaceAll('\u0000', '')]),
  );
}

function isEventField(name: string): boolean {
  const match = TICKET_FIELD.exec(name);
  return match
    ? (TICKET_FIELDS as readonly string[]).includes(match[2]!)
    : (EVENT_FIELDS as readonly string[]).includes(name);
}

/** The numbers of the rows that the form holds, in order. They may have gaps. */
export function ticketRows(values: FormValues): number[] {
  const rows = new Set<number>();
  for (const name of Object.keys(values)) {
    const match = TICKET_FIELD.exec(name);
    if (match && (TICKET_FIELDS as readonly string[]).includes(match[2]!)) rows.add(Number(match[1]));
  }
  return [...rows].sort((a, b) => a - b);
}

/** One row's values by the fields' own names. */
export function ticketRowValues(values: FormValues, row: number): FormValues {
  return Object.fromEntries(
    TICKET_FIELDS.map((field) => [field, values[ticketField(row, field)]]).filter(
      (entry): entry is [TicketField, string] => entry[1] !== undefined,
    ),
  );
}

/** Errors in the order in which the form shows their fields; those that belong to no field first. */
export function inOrderOfFields(errors: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(errors).sort(([one], [other]) => placeInForm(one) - placeInForm(other)),
  );
}

function placeInForm(name: string): number {
  const match = TICKET_FIELD.exec(name);
  if (!match) return (EVENT_FIELDS as readonly string[]).indexOf(name);
  const row = Number(match[1]) + 1;
  return row * 100 + (TICKET_FIELDS as readonly string[]).indexOf(match[2]!);
}

/** A row in which nobody has typed. Its selects and limits come filled, so they say nothing. */
export function isEmptyRow(values: FormValues, row: number): boolean {
  const typed: TicketField[] = ['id', 'name', 'description', 'price', 'capacity', 'sales_start', 'sales_end'];
  return typed.every((field) => (values[ticketField(row, field)] ?? '').trim() === '');
}

/** Is this row marked for removal? */
export function isRemovedRow(values: FormValues, row: number): boolean {
  return (values[ticketField(row, 'remove')] ?? '') !== '';
}

/** The values with one more empty row; rows that were never saved and are marked for removal go. */
export function withAnotherRow(values: FormValues): { values: FormValues; row: number } {
  const kept = { ...values };
  for (const row of ticketRows(values)) {
    if (isRemovedRow(values, row) && !values[ticketField(row, 'id')])
      for (const field of TICKET_FIELDS) delete kept[ticketField(row, field)];
  }
  const row = Math.max(-1, ...ticketRows(kept)) + 1;
  return { values: { ...kept, ...newTicketValues(row) }, row };
}

/** What a form for a new event holds before anybody types. */
export function newEventValues(): FormValues {
  return {
    time_zone: 'Europe/Berlin',
    location_kind: 'venue',
    currency: 'eur',
    ...newTicketValues(0),
  };
}

function newTicketValues(row: number): FormValues {
  return {
    [ticketField(row, 'kind')]: 'paid',
    [ticketField(row, 'fee_payer')]: 'organizer',
    [ticketField(row, 'min_per_order')]: '1',
    [ticketField(row, 'max_per_order')]: '10',
    [ticketField(row, 'visibility')]: 'public',
  };
}
