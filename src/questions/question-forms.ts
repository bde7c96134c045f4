/** The form of a question. Its kind, and whether each ticket is asked, are chosen once. */
import { z } from 'zod';
import { cleanText, errorsByField, type Form, optionalText, readFields, textField } from '../http/forms';
import { hasOptions, type Question, QUESTION_KINDS, type QuestionKind } from './question';
import { type QuestionWords } from './questions-store';

const MOST_OPTIONS = 30;
const LONGEST_OPTION = 80;

export const NEW_QUESTION: Form = {
  values: { kind: 'text', scope: 'order', correctable: '1' },
  errors: {},
};

/** The checkbox of a ticket type; none ticked means all. */
export const typeField = (id: string) => `type.${id}`;

export type QuestionSense = Pick<Question, 'kind' | 'scope'>;

/** `sense`: of a question that is there already. */
export function parseQuestionForm(
  body: unknown,
  types: { id: string }[],
  sense: QuestionSense | null,
): { ok: true; fields: QuestionWords & QuestionSense; form: Form } | { ok: false; form: Form } {
  const values = readFields(body);
  const parsed = SCHEMA.safeParse({
    ...values,
    ...(sense ? { kind: sense.kind, scope: sense.scope } : {}),
  });
  if (!parsed.success) return { ok: false, form: { values, errors: errorsByField(parsed.error) } };
  const { kind, scope, label, help, options, required, correctable, shown_at_door } = parsed.data;
  const chosen = types.filter((type) => values[typeField(type.id)] === '1');
  return {
    ok: true,
    form: { values, errors: {} },
    fields: {
      kind,
      // a name is a ticket's
      scope: kind === 'name' ? 'ticket' : scope,
      label,
      help,
      options,
      required: required === '1',
      correctable: correctable === '1',
      shownAtDoor: shown_at_door === '1',
      ticketTypeIds: chosen.length > 0 ? chosen.map(({ id }) => id) : null,
    },
  };
}

/** What the form of a question that is there shows. */
export function questionFormValues(question: Question): Record<string, string> {
  const ticked = (name: string, on: boolean) => (on ? { [name]: '1' } : {});
  return {
    label: question.label,
    help: question.help,
    options: question.options.join('\n'),
    ...ticked('required', question.required),
    ...ticked('correctable', question.correctable),
    ...ticked('shown_at_door', question.shownAtDoor),
    ...Object.fromEntries((question.ticketTypeIds ?? []).map((id) => [typeField(id), '1'])),
  };
}

const tick = z.string().optional();

const SCHEMA = z
  .object({
    kind: z.enum(QUESTION_KINDS, { error: 'Choose how it is answered' }),
    scope: z.enum(['order', 'ticket'], { error: 'Choose how often it is asked' }),
    label: textField({ required: 'Enter the question', max: 150 }),
    help: optionalText({ max: 300 }),
    options: optionalText({ max: MOST_OPTIONS * (LONGEST_OPTION + 1), multiline: true }),
    required: tick,
    correctable: tick,
    shown_at_door: tick,
  })
  .transform((fields, context) => {
    const options = readOptions(fields.kind, fields.options);
    if (!('problem' in options)) return { ...fields, options };
    context.addIssue({ code: 'custom', path: ['options'], message: options.problem });
    return z.NEVER;
  });

function readOptions(kind: QuestionKind, text: string): string[] | { problem: string } {
  const options = text
    .split('\n')
    .map((line) => cleanText(line))
    .filter((line) => line !== '');
  if (!hasOptions(kind))
    return options.length === 0
      ? []
      : { problem: 'Leave this empty, or choose a question whose answers are chosen from a list' };
  if (options.length < 2) return { problem: 'Enter at least two answers to choose from, each on a line' };
  if (options.length > MOST_OPTIONS)
    return { problem: `Enter at most ${MOST_OPTIONS} answers to choose from` };
  if (options.some((option) => [...option].length > LONGEST_OPTION))
    return { problem: `Use at most ${LONGEST_OPTION} characters on each line` };
  return new Set(options).size === options.length
    ? options
    : { problem: 'One of these answers stands there twice' };
}
