/** An order afterwards: its page, its tickets, its calendar entry. Reached by the signed token in the address alone. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { Conflict } from '../errors';
import { noStore } from '../http/security-headers';
import { markedTitle } from '../events/event-mode';
import { renderPage } from '../http/views';
import { eventCalendar } from '../lib/calendar';
import { qrSvg } from '../lib/qr';
import { queueMail } from '../mail/outbox';
import { paths } from '../paths';
import { TICKET_NAME_COLUMN } from '../questions/answers-store';
import { isOrderDisputed } from '../payments/disputes-store';
import { isFulfilled, type Order } from './order';
import { orderPaidMail } from './order-mails';
import { renderOrderPage, shortCodeOf } from './order-page';
import { createOrderLookUps } from './order-look-ups';
import { createOrdersStore } from './orders-store';
import { settleAttempt } from './settle-order';

/** Somebody who reloads does not make us ask Stripe each time. */
const ASK_AGAIN_AFTER_MS = 4000;

export function ordersRouter(dependencies: Dependencies): Router {
  const { config, db, logger, rateLimits, ticketCodes } = dependencies;
  const { getOrder, refuseMiss } = createOrderLookUps(dependencies);
  const router = Router();
  router.use(['/orders', '/tickets'], noStore);

  router.get('/orders/:token', async (req: Request, res: Response) => {
    const order = await getOrder(req);
    // The one thing that looking changes: an order that nobody ever looks at is freed early.
    if (!order.openedAt)
      await db('orders').where({ id: order.id }).whereNull('opened_at').update({ opened_at: db.fn.now() });
    if (order.status !== 'awaiting_payment' && order.status !== 'processing')
      return renderOrderPage(req, res, dependencies, order);
    const returned = req.query['returned'] === '1';
    await askStripe(order, returned);
    const asked = await createOrdersStore(db).get(order.id);
    const confirming = returned && asked.status === 'awaiting_payment';
    await renderOrderPage(req, res, dependencies, asked, { confirming });
  });

  router.get('/orders/:token/calendar.ics', async (req: Request, res: Response) => {
    const order = await getOrder(req);
    const event = await db('events').where({ id: order.eventId }).first();
    const organizer = await db('organizers').where({ id: order.organizerId }).first('name');
    res
      .type('text/calendar')
      .attachment('event.ics')
      .send(
        eventCalendar({
          ...event,
          url: config.baseUrl + paths.event(event.slug),
          organizerName: organizer.name,
        }),
      );
  });

  /** Sends the tickets once more, to the address that the order has. */
  router.post('/orders/:token/mails', async (req: Request, res: Response) => {
    const order = await getOrder(req);
    if (!isFulfilled(order.status)) throw new Conflict('There are no tickets to send for this order.');
    await rateLimits.consume(
      'order-mail',
      order.id,
      { points: 5, seconds: 3600 },
      'These tickets were sent several times within the last hour. Look into your spam folder, or try again later.',
    );
    await queueMail(
      db,
      await orderPaidMail(db, dependencies, order, `order-paid-again:${order.id}:${Date.now()}`),
    );
    res.redirect(303, `${paths.order(String(req.params['token']))}?sent=1`);
  });

  router.get('/tickets/:code', async (req: Request, res: Response) => {
    const known = ticketCodes.verify(req.params['code']);
    const ticket = known
      ? await db('tickets')
          .where({ 'tickets.id': known.id, 'tickets.event_id': known.eventId })
          .join('ticket_types', 'ticket_types.id', 'ticket_type_id')
          .first('tickets.*', 'ticket_types.name as type_name', db.raw(TICKET_NAME_COLUMN))
      : undefined;
    if (!ticket) return refuseMiss(req, 'ticket');
    const order = await createOrdersStore(db).get(ticket.order_id);
    const event = await db('events').where({ id: ticket.event_id }).first();
    event.title = markedTitle(dependencies.config, event);
    const code = String(req.params['code']);
    res.set('X-Robots-Tag', 'noindex');
    renderPage(
      req,
      res,
      'orders/ticket',
      { title: `Ticket: ${event.title}`, layout: 'checkout' },
      {
        ticket,
        disputed: await isOrderDisputed(db, order.id),
        event,
        order,
        code,
        shortCode: shortCodeOf(ticket.id),
        qr: await qrSvg(code),
      },
    );
  });

  return router;

  /** Hurries what the webhook would do. Stripe being away changes nothing: webhook and sweep come after us. */
  async function askStripe(order: Order, returned: boolean): Promise<void> {
    const attempt = await createOrdersStore(db).findLivingAttempt(order.id);
    const askedAt = attempt?.checkedAt?.getTime() ?? 0;
    if (!returned && Date.now() - askedAt < ASK_AGAIN_AFTER_MS) return;
    if (!attempt) return;
    await settleAttempt(dependencies, attempt.id).catch((error: unknown) =>
      logger.warn({ err: error, orderId: order.id }, 'a payment could not be checked'),
    );
  }
}
