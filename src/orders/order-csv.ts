/**
 * An event's orders as CSV, written as they are read: a page of rows at a time, and the next one when the last has gone
 * out, so that any number of orders takes the memory of a few hundred.
 */
import { type Knex } from 'knex';
import { safeCell } from '../lib/csv';
import { moneyToText } from '../lib/money';
import { listOrders, type ListedOrder, type OrderSearch, readOrderSearch } from './order-list';

const PAGE_SIZE = 500;

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
];

/** Lines of the file, some hundred at a time. The mark at the beginning tells spreadsheets that it is UTF-8. */
export async function* ordersAsCsv(
  db: Knex,
  eventId: string,
  search: Pick<OrderSearch, 'q' | 'filter'>,
): AsyncGenerator<string> {
  yield `\ufeff${csvLine(HEADINGS)}`;
  let after: string | null = null;
  do {
    const cursor: OrderSearch['after'] = after === null ? null : readOrderSearch({ after }).after;
    const page: Awaited<ReturnType<typeof listOrders>> = await listOrders(
      db,
      eventId,
      { ...search, after: cursor },
      PAGE_SIZE,
    );
    if (page.orders.length > 0) yield page.orders.map((order) => csvLine(fieldsOf(order))).join('');
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
  ];
}

function csvLine(fields: string[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

/** RFC 4180. What a spreadsheet would run as a formula gets an apostrophe before it, which shows it as text. */
export function csvField(text: string): string {
  const safe = safeCell(text);
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
