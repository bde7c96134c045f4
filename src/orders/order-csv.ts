/**
 * An event's orders as CSV, in the order of the list, written as they are read: a page of rows at a time, and the next one
 * when the last has gone out, so that any number of orders takes the memory of a page.
 */
import { type Knex } from 'knex';
import { safeCell } from '../lib/csv';
import { moneyToText } from '../lib/money';
import { createAnswersStore } from '../questions/answers-store';
import { type Answer, type Question } from '../questions/question';
import { createQuestionsStore } from '../questions/questions-store';
import { listOrders, type ListedOrder } from './order-list';
import { type Cursor, ORDER_SORTS, type OrderSearch } from './order-search';

/** By date an index brings the next page; by anything else each page sorts all that is left, so that few are better. */
const PAGE_SIZE = { date: 500, otherwise: 5_000 };

const HEADINGS = [
  'Order',
  'State',
  'Name',
  'Mail',
  'Tickets',
  'Amount',
  'Currency',
  'Begun (UTC)',
  'Mode',
  'Code',
  'Complimentary',
];

/** Lines of the file, some hundred at a time. The mark at the beginning tells spreadsheets that it is UTF-8. */
export async function* ordersAsCsv(db: Knex, eventId: string, search: OrderSearch): AsyncGenerator<string> {
  const size = ORDER_SORTS[search.sort].by === 'date' ? PAGE_SIZE.date : PAGE_SIZE.otherwise;
  const store = createQuestionsStore(db);
  const questions = [...(await store.listOfEvent(eventId)), ...(await store.listEnded(eventId))];
  yield `\ufeff${csvLine([...HEADINGS, ...questions.map(({ label }) => label)])}`;
  let after: Cursor | null = null;
  do {
    const page: Awaited<ReturnType<typeof listOrders>> = await listOrders(
      db,
      eventId,
      { ...search, after },
      size,
    );
    const answers = questions.length > 0 ? await answersOf(db, page.orders) : new Map<string, Answer[]>();
    const lineOf = (order: ListedOrder) =>
      csvLine([...fieldsOf(order), ...answerFields(questions, answers.get(order.id) ?? [])]);
    if (page.orders.length > 0) yield page.orders.map(lineOf).join('');
    after = page.next;
  } while (after !== null);
}

function fieldsOf(order: ListedOrder): string[] {
  return [
    order.reference,
    order.status,
    order.buyerName ?? '',
    order.buyerEmail ?? '',
    String(order.tickets),
    moneyToText(order.total, order.currency),
    order.currency.toUpperCase(),
    order.createdAt.toISOString(),
    order.livemode ? 'live' : 'test',
    order.code ?? '',
    order.complimentary ? 'yes' : '',
  ];
}

function answersOf(db: Knex, orders: ListedOrder[]): Promise<Map<string, Answer[]>> {
  return createAnswersStore(db).listOfOrders(orders.map(({ id }) => id));
}

/** An answer for each question; of tickets, each on a line of the field with its ticket's number. */
function answerFields(questions: Question[], answers: Answer[]): string[] {
  return questions.map(({ id }) =>
    answers
      .filter(({ questionId }) => questionId === id)
      .map(({ seq, answer }) => {
        const text = answer.replaceAll('\n', ', ');
        return seq > 0 ? `Ticket ${seq}: ${text}` : text;
      })
      .join('\n'),
  );
}

function csvLine(fields: string[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

/** RFC 4180. What a spreadsheet would run as a formula gets an apostrophe before it, which shows it as text. */
export function csvField(text: string): string {
  const safe = safeCell(text);
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
