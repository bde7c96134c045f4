/**
 * Forms: a zod schema at the edge of each route, messages that instruct, and what was typed kept. `parseForm` never
 * throws for what a person typed; it refuses (400) only shapes that no form of ours sends.
 */
import { z } from 'zod';
import { BadRequest } from '../errors';

export interface Form {
  values: Record<string, string>;
  errors: Record<string, string>;
}

export const emptyForm: Form = { values: {}, errors: {} };

export type ParsedForm<T> = { ok: true; data: T; form: Form } | { ok: false; form: Form };

/** The body's fields as plain strings. A doubled field or a nested one is not something our forms send: 400. */
export function readFields(body: unknown): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries((body ?? {}) as Record<string, unknown>)) {
    if (name === '_csrf') continue;
    if (typeof value !== 'string')
      throw new BadRequest(
        `The field "${name.slice(0, 40)}" came more than once. Nothing was changed. Go back and send the form again.`,
      );
    fields[name] = value;
  }
  return fields;
}

/** Checks a body against a schema of text fields. `secret` fields are never given back to the page. */
export function parseForm<T>(
  schema: z.ZodType<T>,
  body: unknown,
  options: { secret?: string[] } = {},
): ParsedForm<T> {
  const fields = readFields(body);
  const parsed = schema.safeParse(fields);
  const values = Object.fromEntries(
    Object.entries(fields).filter(([name]) => !options.secret?.includes(name)),
  );
  if (parsed.success) return { ok: true, data: parsed.data, form: { values, errors: {} } };
  return { ok: false, form: { values, errors: errorsByField(parsed.error) } };
}

export function errorsByField(error: z.ZodError): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const issue of error.issues) {
    const name = issue.path.join('.');
    errors[name] ??= issue.message;
  }
  return errors;
}

/** The form again with errors that only the use-case could find. */
export function withErrors(form: Form, errors: Record<string, string>): Form {
  return { values: form.values, errors: { ...form.errors, ...errors } };
}

const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff]/g;

const LINE_BREAKS = /[\r\n\t\u2028\u2029]+/g;
/** More than eight marks on one letter say nothing and run over other lines. */
const PILED_MARKS = /(\p{M}{8})\p{M}+/gu;

/** Well-formed, without controls and direction overrides, NFC, trimmed; on one line unless `multiline`. */
export function cleanText(text: string, options: { multiline?: boolean } = {}): string {
  // NFC last: a control may have kept a letter and its mark apart.
  const clean = text.toWellFormed().replace(CONTROLS, '').normalize('NFC').replace(PILED_MARKS, '$1');
  return (options.multiline ? clean.replace(/\r\n?/g, '\n') : clean.replace(LINE_BREAKS, ' ')).trim();
}

/** What leaves nothing on the page: spaces, joiners, blank letters, marks without a letter. */
const INVISIBLE = /[\s\p{Default_Ignorable_Code_Point}\p{M}\p{C}]/gu;

/** A line of text. Lengths count code points. What is required can be seen: a name of joiners is no name. */
export function textField(options: {
  required?: string;
  max: number;
  tooLong?: string;
  multiline?: boolean;
}) {
  const tooLong = options.tooLong ?? `Use at most ${options.max} characters`;
  return z
    .string({ error: options.required ?? 'Enter text' })
    .transform((text) => cleanText(text, { multiline: options.multiline }))
    .refine((text) => !options.required || text.replace(INVISIBLE, '') !== '', {
      error: options.required,
      abort: true,
    })
    .refine((text) => [...text].length <= options.max, { error: tooLong });
}

/** A text field that may be left out or empty. */
export function optionalText(options: { max: number; tooLong?: string; multiline?: boolean }) {
  return textField(options)
    .optional()
    .transform((text) => text ?? '');
}

const EMAIL = /^[^\s@<>(),;:\\"[\]]+@[^\s@<>(),;:\\"[\].]+(\.[^\s@<>(),;:\\"[\].]+)+$/;

/** Controls, joiners, halves of letters: no address needs them, and nobody would see them. */
const UNSEEN = /[\p{C}\p{Default_Ignorable_Code_Point}]/u;

/** One mail address, lower-cased. Line breaks and lists are refused, not cleaned: they are attempts on the header. */
export function emailField(required = 'Enter your email address') {
  const problem = 'Enter an email address in the correct format, like name@example.com';
  return z
    .string({ error: required })
    .transform((text) => text.trim().normalize('NFC').toLowerCase())
    .refine((text) => text !== '', { error: required, abort: true })
    .refine((text) => text.length <= 254 && EMAIL.test(text) && !UNSEEN.test(text), { error: problem });
}

/** A whole number written in plain digits. `Number()` would take "1e3", "0x10" and "". */
export function wholeNumber(options: { required: string; min: number; max: number; problem?: string }) {
  const problem = options.problem ?? `Enter a whole number from ${options.min} to ${options.max}`;
  return z
    .string({ error: options.required })
    .transform((text) => text.trim())
    .refine((text) => text !== '', { error: options.required, abort: true })
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= options.min && Number(text) <= options.max, {
      error: problem,
    })
    .transform(Number);
}

/** A web address with http or https, nothing else (`javascript:` is an address too). */
export function isWebAddress(text: string): boolean {
  try {
    const url = new URL(text);
    return (
      (url.protocol === 'https:' || url.protocol === 'http:') &&
      url.hostname.includes('.') &&
      url.username === '' &&
      url.password === ''
    );
  } catch {
    return false;
  }
}
