/** What an organizer asks buyers, where it is asked, and how an answer is read: pure rules, the same before and after buying. */
import { textField } from '../http/forms';

export const QUESTION_KINDS = ['text', 'long_text', 'one_of', 'several_of', 'yes_no', 'name'] as const;
export type QuestionKind = (typeof QUESTION_KINDS)[number];

export interface Question {
  id: string;
  eventId: string;
  /** once for the whole order, or for each ticket */
  scope: 'order' | 'ticket';
  /** `name`: whose ticket it is; stands on the ticket, and opens the door's search */
  kind: QuestionKind;
  label: string;
  help: string;
  /** empty where the answer is not chosen from a list */
  options: string[];
  required: boolean;
  /** by the buyer, until the event begins */
  correctable: boolean;
  shownAtDoor: boolean;
  /** null = all of the event's ticket types */
  ticketTypeIds: string[] | null;
  endedAt: Date | null;
}

/** A ticket of an order, before it is given out too: the same number as `tickets.seq`. */
export interface TicketPlace {
  seq: number;
  ticketTypeId: string;
  ticketTypeName: string;
}

/** `seq` 0: of the whole order. `asked`: the question in the words that were answered. */
export interface Answer {
  questionId: string;
  seq: number;
  asked: string;
  /** several chosen ones: each on a line */
  answer: string;
}

/** One question at one place, and the field that asks it. */
export interface AskedQuestion {
  field: string;
  seq: number;
  question: Question;
}

/** What is asked together: of the order (no heading), or of one ticket. */
export interface AskedGroup {
  heading: string | null;
  asked: AskedQuestion[];
}

export const hasOptions = (kind: QuestionKind) => kind === 'one_of' || kind === 'several_of';

/** Longest answers, in code points. */
const LONGEST: Partial<Record<QuestionKind, number>> = { text: 200, long_text: 1000, name: 120 };
export const YES_OR_NO = ['Yes', 'No'];

export function coversTicketType(question: Pick<Question, 'ticketTypeIds'>, ticketTypeId: string): boolean {
  return question.ticketTypeIds === null || question.ticketTypeIds.includes(ticketTypeId);
}

/** What is asked of an order with these tickets, in the order of the questions. */
export function askedOf(questions: Question[], tickets: TicketPlace[]): AskedGroup[] {
  const ofOrder = questions
    .filter(
      (question) =>
        question.scope === 'order' &&
        tickets.some((ticket) => coversTicketType(question, ticket.ticketTypeId)),
    )
    .map((question) => askedAt(question, 0));
  const ofTickets = tickets.map((ticket) => ({
    heading: ticketHeading(ticket, tickets.length),
    asked: questions
      .filter((question) => question.scope === 'ticket' && coversTicketType(question, ticket.ticketTypeId))
      .map((question) => askedAt(question, ticket.seq)),
  }));
  return [{ heading: null, asked: ofOrder }, ...ofTickets].filter(({ asked }) => asked.length > 0);
}

/** For the organizer's preview: each ticket type once. */
export function askedInPreview(questions: Question[], types: { id: string; name: string }[]): AskedGroup[] {
  const places = types.map((type, index) => ({
    seq: index + 1,
    ticketTypeId: type.id,
    ticketTypeName: type.name,
  }));
  return askedOf(questions, places).map((group) => {
    const place = places.find(({ seq }) => seq === group.asked[0]!.seq);
    return place ? { ...group, heading: `For each ticket: ${place.ticketTypeName}` } : group;
  });
}

function ticketHeading(ticket: TicketPlace, of: number): string {
  return `Ticket ${of > 1 ? `${ticket.seq} of ${of}` : ticket.seq}: ${ticket.ticketTypeName}`;
}

function askedAt(question: Question, seq: number): AskedQuestion {
  return { question, seq, field: `answer.${question.id}.${seq}` };
}

/** The questions by the names of their fields, for the summary of errors. */
export function labelsOf(groups: AskedGroup[]): Record<string, string> {
  return Object.fromEntries(
    groups.flatMap(({ asked }) =>
      asked.map(({ field, seq, question }) => [
        field,
        seq > 0 ? `Ticket ${seq}, “${question.label}”` : `“${question.label}”`,
      ]),
    ),
  );
}

/** What was answered, or what is wrong with it by field. Fields of questions that are not asked are passed over. */
export function readAnswers(
  groups: AskedGroup[],
  values: Record<string, string>,
): { answers: Answer[]; errors: Record<string, string> } {
  const answers: Answer[] = [];
  const errors: Record<string, string> = {};
  for (const { field, seq, question } of groups.flatMap(({ asked }) => asked)) {
    const read = readAnswer(question, field, values);
    if ('problem' in read) errors[field] = read.problem;
    else if (read.answer !== '')
      answers.push({ questionId: question.id, seq, asked: question.label, answer: read.answer });
  }
  return { answers, errors };
}

function readAnswer(
  question: Question,
  field: string,
  values: Record<string, string>,
): { answer: string } | { problem: string } {
  const { kind, required } = question;
  if (kind === 'several_of') {
    const chosen = chosenOf(values, field);
    if (chosen.some((value) => !question.options.includes(value)))
      return { problem: 'The answers to choose from have changed. Choose from the list' };
    if (required && chosen.length === 0) return { problem: 'Choose at least one' };
    return { answer: question.options.filter((option) => chosen.includes(option)).join('\n') };
  }
  const text = values[field] ?? '';
  if (kind === 'one_of' || kind === 'yes_no') {
    const options = kind === 'yes_no' ? YES_OR_NO : question.options;
    if (text === '') return required ? { problem: 'Choose an answer' } : { answer: '' };
    return options.includes(text)
      ? { answer: text }
      : { problem: 'The answers to choose from have changed. Choose from the list' };
  }
  const parsed = textField({
    ...(required ? { required: kind === 'name' ? 'Enter a name' : 'Enter an answer' } : {}),
    max: LONGEST[kind]!,
    multiline: kind === 'long_text',
  }).safeParse(text);
  return parsed.success ? { answer: parsed.data } : { problem: parsed.error.issues[0]!.message };
}

/** Ticked boxes: each has a name of its own (a doubled one is refused) and says its answer in full, so that a new order of them changes nothing. */
export function chosenOf(values: Record<string, string>, field: string): string[] {
  return Object.entries(values)
    .filter(([name]) => name.startsWith(`${field}.`))
    .map(([, value]) => value);
}

/** The fields as they would have to be filled to give these answers. */
export function valuesOf(groups: AskedGroup[], answers: Answer[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const { field, seq, question } of groups.flatMap(({ asked }) => asked)) {
    const given = answers.find((answer) => answer.questionId === question.id && answer.seq === seq);
    if (!given) continue;
    if (question.kind === 'several_of')
      given.answer.split('\n').forEach((chosen, index) => (values[`${field}.${index}`] = chosen));
    else values[field] = given.answer;
  }
  return values;
}

/** Longest answer for the field's own limit; null where it is chosen. */
export function longestAnswer(kind: QuestionKind): number | null {
  return LONGEST[kind] ?? null;
}

/** Answers for reading: the order's first, then ticket by ticket. */
export function answersInGroups(
  answers: Answer[],
  tickets: TicketPlace[],
): { heading: string | null; rows: { term: string; lines: string[] }[] }[] {
  const rowsOf = (seq: number) =>
    answers
      .filter((answer) => answer.seq === seq)
      .map(({ asked, answer }) => ({ term: asked, lines: answer.split('\n') }));
  return [
    { heading: null, rows: rowsOf(0) },
    ...tickets.map((ticket) => ({
      heading: ticketHeading(ticket, tickets.length),
      rows: rowsOf(ticket.seq),
    })),
  ].filter(({ rows }) => rows.length > 0);
}
