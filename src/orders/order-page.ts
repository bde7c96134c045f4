import { type Request, type Response } from 'express';
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { readMyOrders } from '../checkout/my-orders-cookie';
import { toldInWords } from '../events/worth-telling';
import { emptyForm, type Form } from '../http/forms';
import { isInTestMode, markedTitle } from '../events/event-mode';
import { type Notice, renderPage } from '../http/views';
import { formatMoney } from '../lib/money';
import { qrSvg } from '../lib/qr';
import { type OrganizerTerms, termsSections, whatIsAgreed } from '../organizers/organizer-terms';
import { paths } from '../paths';
import { createAnswersStore, TICKET_NAME_COLUMN } from '../questions/answers-store';
import { answersInGroups, labelsOf, longestAnswer, valuesOf } from '../questions/question';
import { askedOfBuyer, askedOfHold, placesOf } from '../questions/questions-of-order';
import { createRefundsStore } from '../payments/refunds-store';
import { refundForBuyer } from '../payments/refund-words';
import { readOwnCancellation } from '../cancellations/cancel-own-order';
import { policyWords, readPolicy } from '../cancellations/policy';
import { isComplimentary } from './complimentary-orders-store';
import { isFulfilled, isPaymentUnderWay, type Order, type OrderLine } from './order';
import { type OrderAftermath, readAftermath, readOrderContext } from './order-context';
import { sumLines } from './order-sum';
import { orderWords } from './order-words';

export interface OrderPageOptions {
  status?: number;
  form?: Form;
  problem?: { title: string; text: string } | null;
  /** they come from Stripe's page, and Stripe has not told us yet */
  confirming?: boolean;
}

/** The one page of an order, in all of its states. */
export async function renderOrderPage(
  req: Request,
  res: Response,
  dependencies: Pick<Dependencies, 'db' | 'config' | 'orderTokens' | 'stripe' | 'ticketCodes'>,
  order: Order,
  options: OrderPageOptions = {},
): Promise<void> {
  const { db, orderTokens } = dependencies;
  const token = orderTokens.sign(order.id);
  const isHold = order.status === 'held';
  const context = await readOrderContext(db, order, { agreed: !isHold });
  const { organizer, lines, change, terms, code } = context;
  const event = { ...context.event, title: markedTitle(dependencies.config, context.event) };
  const aftermath = isHold ? null : await readAftermath(db, order);
  const tickets = isFulfilled(order.status) ? await listTickets(dependencies, order.id) : [];
  const quantity = lines.reduce((sum, line) => sum + line.quantity, 0);
  const disputed = isFulfilled(order.status) && aftermath?.disputed === true;
  const valid = tickets.filter((ticket) => ticket.status === 'valid').length;
  const words = orderWords(order, isFulfilled(order.status) ? valid : quantity, {
    disputed,
    paid: otherSum(order, aftermath),
  });
  const url = paths.order(token);
  res.set('X-Robots-Tag', 'noindex');
  renderPage(
    req,
    res,
    'orders/order',
    {
      title: `${words.heading}: ${event.title}`,
      layout: 'checkout',
      status: options.status,
      page: {
        ...(req.query['sent'] === '1' ? { notice: SENT } : {}),
        ...(req.query['named'] === '1' ? { notice: NAMED } : {}),
        ...(req.query['answered'] === '1' ? { notice: ANSWERED } : {}),
        refresh: options.confirming
          ? { seconds: 3, url: `${url}?returned=1` }
          : words.lookAgain && !options.problem
            ? { seconds: words.lookAgain, url }
            : null,
      },
    },
    {
      order,
      token,
      event,
      organizer,
      words,
      disputed,
      inTestMode: isInTestMode(dependencies.config, order),
      stripeAway: waitsForStripe(order) && dependencies.stripe.isAway(order.livemode),
      tickets,
      refunds: aftermath?.hasRefunds ? await listRefundsForBuyer(db, order.id, organizer) : [],
      sumLines: sumLines(order, lines, code),
      terms: termsForPage(terms, organizer.name),
      ...(await questionsOfOrder(db, order, lines)),
      change: change && { text: toldInWords(change) },
      form: options.form ?? emptyForm,
      problem: options.problem ?? null,
      confirming: options.confirming === true,
      complimentary: await isComplimentary(db, order.id),
      cancellation: {
        text: event.self_cancellation ?? '',
        words: policyWords(readPolicy(event.self_cancellation)),
        possible:
          isFulfilled(order.status) &&
          (await readOwnCancellation(db, dependencies, order)).state === 'possible',
      },
      other: isHold ? await findOtherHold(req, dependencies, order) : null,
      extendable: isHold && order.holdExtendedAt === null,
      canCorrect: isFulfilled(order.status) && event.ends_at > new Date(),
      serverNow: new Date(),
    },
  );
}

/** What is asked with the details, or was answered and may be answered otherwise. */
async function questionsOfOrder(db: Knex, order: Order, lines: OrderLine[]) {
  const answers = await createAnswersStore(db).listOfOrder(order.id);
  const asked = order.status === 'held' ? await askedOfHold(db, order) : await askedOfBuyer(db, order);
  return {
    asked,
    askedLabels: labelsOf(asked),
    askedValues: valuesOf(asked, answers),
    answers: answersInGroups(answers, placesOf(lines)),
    longest: longestAnswer,
  };
}

function termsForPage(texts: OrganizerTerms | null, organizerName: string) {
  return {
    id: texts?.id ?? '',
    agreed: whatIsAgreed(texts, organizerName),
    sections: termsSections(texts),
  };
}

/** What has gone back, is going back, or should and does not. */
async function listRefundsForBuyer(
  db: Dependencies['db'],
  orderId: string,
  organizer: { name: string; contact_email: string },
) {
  const refunds = await createRefundsStore(db).listOfOrder(orderId);
  return refunds.flatMap(
    (refund) => refundForBuyer(refund, { name: organizer.name, contactEmail: organizer.contact_email }) ?? [],
  );
}

/** Does it need Stripe that this order goes on? */
function waitsForStripe(order: Order): boolean {
  return order.totalAmount > 0n && (order.status === 'held' || isPaymentUnderWay(order.status));
}

/** What the buyer was charged, where a person accepted or returned another sum than the order's. */
function otherSum(order: Order, aftermath: OrderAftermath | null): string | null {
  const paid = aftermath?.paid;
  if (!paid || (paid.amount === order.totalAmount && paid.currency === order.currency)) return null;
  return formatMoney(paid.amount, paid.currency);
}

const NAMED: Notice = { kind: 'success', text: 'The new name stands on your tickets.' };
const ANSWERED: Notice = { kind: 'success', text: 'Your answers are saved.' };
const SENT: Notice = { kind: 'success', text: 'The tickets are on their way to your mail once more.' };

/** The tickets of an order with their signed codes, ready to be shown. */
export async function listTickets(
  { db, ticketCodes }: Pick<Dependencies, 'db' | 'ticketCodes'>,
  orderId: string,
) {
  const rows = await db('tickets')
    .join('ticket_types', 'ticket_types.id', 'tickets.ticket_type_id')
    .where({ order_id: orderId })
    .orderBy('seq')
    .select('tickets.*', 'ticket_types.name as type_name', db.raw(TICKET_NAME_COLUMN));
  return Promise.all(
    rows.map(async (row) => {
      const code = ticketCodes.sign({ id: row.id, eventId: row.event_id });
      return {
        seq: row.seq as number,
        status: row.status as string,
        beingRefunded: row.refund_id !== null,
        checkedInAt: row.checked_in_at as Date | null,
        typeName: row.type_name as string,
        /** of its own; null: the buyer's */
        name: row.ticket_name as string | null,
        code,
        qr: await qrSvg(code),
        shortCode: shortCodeOf(row.id),
      };
    }),
  );
}

/** The end of a ticket's id, for people at the door who read it out. */
export function shortCodeOf(ticketId: string): string {
  return ticketId
    .replaceAll('-', '')
    .slice(-8)
    .toUpperCase()
    .replace(/^(.{4})/, '$1-');
}

/** Another unfinished order of the same visitor for the same event: offered, so that nobody holds twice by accident. */
async function findOtherHold(
  req: Request,
  { db, orderTokens }: Pick<Dependencies, 'db' | 'orderTokens'>,
  order: Order,
): Promise<{ url: string; reference: string; until: Date } | null> {
  const mine = readMyOrders(req, orderTokens).filter((id) => id !== order.id);
  if (mine.length === 0) return null;
  const row = await db('orders')
    .whereIn('id', mine)
    .where({ event_id: order.eventId, inventory: 'held' })
    .where('hold_expires_at', '>', db.fn.now())
    .whereNotNull('opened_at')
    .orderBy('created_at', 'desc')
    .first('id', 'reference', 'hold_expires_at');
  return row
    ? { url: paths.order(orderTokens.sign(row.id)), reference: row.reference, until: row.hold_expires_at }
    : null;
}
