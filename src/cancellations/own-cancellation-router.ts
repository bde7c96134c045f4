/** A buyer's own cancellation: what it means to the cent, then the deed. Reached by the token in the order's address. */
import { randomUUID } from 'node:crypto';
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { type Dependencies } from '../dependencies';
import { parseForm } from '../http/forms';
import { noStore } from '../http/security-headers';
import { renderPage } from '../http/views';
import { markedTitle } from '../events/event-mode';
import { formatMoney } from '../lib/money';
import { type Order } from '../orders/order';
import { createOrderLookUps } from '../orders/order-look-ups';
import { paths } from '../paths';
import { sendRefund } from '../payments/send-refund';
import { cancelOwnOrder, readOwnCancellation } from './cancel-own-order';

const confirmation = z.object({ key: z.uuid(), seen: z.string().max(20_000) });

export function ownCancellationRouter(dependencies: Dependencies): Router {
  const { config, db, logger } = dependencies;
  const { getOrder } = createOrderLookUps(dependencies);
  const router = Router();

  router.get('/orders/:token/cancellation', noStore, async (req: Request, res: Response) => {
    await show(req, res, await getOrder(req), 200, null);
  });

  router.post('/orders/:token/cancellation', noStore, async (req: Request, res: Response) => {
    const order = await getOrder(req);
    const parsed = parseForm(confirmation, req.body);
    if (!parsed.ok)
      return show(req, res, order, 422, 'This form was not whole. Nothing was changed. Look at it again.');
    const outcome = await cancelOwnOrder(dependencies, {
      orderId: order.id,
      formKey: parsed.data.key,
      seen: parsed.data.seen,
    });
    if (outcome.state === 'refused') return show(req, res, order, 409, null);
    if (outcome.state === 'changed')
      return show(
        req,
        res,
        order,
        409,
        'Something about your order has changed since you saw this page. Nothing was cancelled. Look at it again, then decide.',
      );
    if (outcome.refundId)
      // the worker goes on where this does not come to an end
      await sendRefund(dependencies, outcome.refundId).catch((error: unknown) =>
        logger.warn({ err: error, orderId: order.id }, 'a refund could not be sent at once'),
      );
    res.redirect(303, paths.order(String(req.params['token'])));
  });

  return router;

  async function show(
    req: Request,
    res: Response,
    order: Order,
    status: number,
    problem: string | null,
  ): Promise<void> {
    const event = await db('events').where({ id: order.eventId }).first();
    const organizer = await db('organizers').where({ id: order.organizerId }).first('name', 'contact_email');
    const asked = await readOwnCancellation(db, { config }, order);
    const quote = asked.state === 'possible' ? asked.quote : null;
    const money = (amount: bigint) => formatMoney(amount, order.currency);
    res.set('X-Robots-Tag', 'noindex');
    renderPage(
      req,
      res,
      'cancellations/own',
      { title: 'Cancel your order', layout: 'checkout', status },
      {
        order,
        token: String(req.params['token']),
        eventTitle: markedTitle(config, event),
        organizer,
        asked,
        problem,
        key: randomUUID(),
        back: quote && money(quote.amount),
        lines: quote
          ? [
              {
                label: 'You paid, and still have with this order',
                note: null,
                amount: money(quote.amount + quote.left),
              },
              ...(quote.left > 0n
                ? [{ label: 'Foyer’s fee, which stays', note: null, amount: `− ${money(quote.left)}` }]
                : []),
              { label: 'You get back', note: null, amount: money(quote.amount), kind: 'total' },
            ]
          : [],
      },
    );
  }
}
