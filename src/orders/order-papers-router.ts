/** An order on paper: its tickets as PDF, and a receipt. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { Conflict } from '../errors';
import { markedTitle } from '../events/event-mode';
import { codeOf } from '../discounts/discount-codes-store';
import { renderPage } from '../http/views';
import { formatTimeRange } from '../lib/dates';
import { formatMoney } from '../lib/money';
import { createTermsStore } from '../organizers/terms-store';
import { isComplimentary } from './complimentary-orders-store';
import { createOrderLookUps } from './order-look-ups';
import { listTickets } from './order-page';
import { isFulfilled, type Order } from './order';
import { sumLines } from './order-sum';
import { createOrdersStore } from './orders-store';

export function orderPapersRouter(dependencies: Dependencies): Router {
  const { db, ticketPrinter } = dependencies;
  const { getOrder } = createOrderLookUps(dependencies);
  const router = Router();

  router.get('/orders/:token/tickets.pdf', async (req: Request, res: Response) => {
    const order = await getOrder(req);
    const tickets = isFulfilled(order.status) ? await listTickets(dependencies, order.id) : [];
    const valid = tickets.filter((ticket) => ticket.status === 'valid');
    if (valid.length === 0)
      throw new Conflict('This order has no valid tickets, so there is nothing to print.');
    const event = await db('events').where({ id: order.eventId }).first();
    const organizer = await db('organizers').where({ id: order.organizerId }).first('name', 'contact_email');
    const pdf = await ticketPrinter.print({
      eventTitle: markedTitle(dependencies.config, event),
      when: formatTimeRange(event.starts_at, event.ends_at, event.time_zone),
      where:
        event.location_kind === 'online'
          ? 'Online; the address is on the page of your order'
          : [event.venue_name, event.venue_address?.replaceAll('\n', ', ')]
              .filter(Boolean)
              .join(', ')
              .replaceAll(/\s*\n\s*/g, ', '),
      organizer: `${organizer.name} · ${organizer.contact_email}`,
      reference: order.reference,
      tickets: valid.map((ticket) => ({
        typeName: ticket.typeName,
        holder: ticket.name ?? order.buyerName!,
        position: `${ticket.seq} of ${tickets.length}`,
        shortCode: ticket.shortCode,
        code: ticket.code,
      })),
    });
    res.type('application/pdf').attachment(`tickets-${order.reference}.pdf`).send(pdf);
  });

  router.get('/orders/:token/receipt', async (req: Request, res: Response) => {
    const order = await getOrder(req);
    if (!order.paidAt) throw new Conflict('There is a receipt as soon as the order is paid.');
    const event = await db('events').where({ id: order.eventId }).first();
    const organizer = await db('organizers').where({ id: order.organizerId }).first('name', 'contact_email');
    res.set('X-Robots-Tag', 'noindex');
    renderPage(
      req,
      res,
      'orders/receipt',
      { title: `Receipt for order ${order.reference}`, layout: 'checkout' },
      {
        order,
        token: String(req.params['token']),
        event,
        organizer,
        imprint: await imprintOf(order),
        complimentary: await isComplimentary(db, order.id),
        sumLines: await sumLinesOf(order),
        payment: await db('payment_attempts')
          .where({ order_id: order.id, status: 'paid' })
          .orderBy('n')
          .first('payment_intent_id'),
      },
    );
  });

  return router;

  async function sumLinesOf(order: Order) {
    const money = (amount: bigint) => formatMoney(amount, order.currency);
    const lines = await createOrdersStore(db).listLines(order.id);
    const refunds = await db('refunds')
      .where({ order_id: order.id, status: 'succeeded' })
      .whereNot({ origin: 'duplicate_payment' })
      .orderBy('created_at')
      .select('amount');
    const givenBack = refunds.reduce((sum: bigint, refund) => sum + (refund.amount as bigint), 0n);
    return [
      ...sumLines(order, lines, await codeOf(db, order), 'Paid'),
      ...(givenBack > 0n
        ? [
            { label: 'Given back', note: null, amount: `− ${money(givenBack)}` },
            {
              label: 'What remains',
              note: null,
              amount: money(order.totalAmount - givenBack),
              kind: 'total',
            },
          ]
        : []),
    ];
  }

  /** Of the version that was agreed to: a receipt says who sold, not who would sell today. */
  async function imprintOf(order: Order): Promise<string | null> {
    return (await createTermsStore(db).findAgreed(order.id))?.imprint || null;
  }
}
