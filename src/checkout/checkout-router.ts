/** From the choice to the payment: guests' forms, without a session; each order is reached by the token in its address. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { renderEventPage } from '../events/event-page';
import { type Form, parseForm } from '../http/forms';
import { noStore } from '../http/security-headers';
import { renderPage } from '../http/views';
import { isSlug } from '../lib/slugs';
import { keyedHash } from '../lib/tokens';
import { isPaymentUnderWay, type Order } from '../orders/order';
import { renderOrderPage } from '../orders/order-page';
import { createOrdersStore } from '../orders/orders-store';
import { releaseOrder } from '../orders/release-order';
import { settleOrder } from '../orders/settle-order';
import { paths } from '../paths';
import { StripeFailure } from '../stripe/stripe-errors';
import { MAX_OPEN_HOLDS_PER_VISITOR, type Refusal } from './allocate';
import { detailsForm, parseChoice } from './checkout-forms';
import { createHoldQueue } from './hold-queue';
import { readMyOrders, rememberOrder } from './my-orders-cookie';
import { sendAttempt } from './send-attempt';
import { startPayment } from './start-payment';

/** One browser's unfinished orders of one event. */
const MOST_OPEN_ORDERS_PER_BROWSER = 5;

export function checkoutRouter(dependencies: Dependencies): Router {
  const { config, db, logger, orderTokens } = dependencies;
  const router = Router();
  const holds = createHoldQueue(db, config.platformFee);
  const secure = config.baseUrl.startsWith('https://');
  router.use('/orders', noStore);

  router.post('/events/:slug/orders', async (req: Request, res: Response) => {
    const slug = String(req.params['slug']);
    const event = isSlug(slug)
      ? await db('events')
          .where({ slug })
          .whereIn('status', ['published', 'cancelled'])
          .first('id', 'currency')
      : undefined;
    if (!event) throw new NotFound('event');
    const choice = parseChoice(req.body, event.currency);
    if (!choice.ok)
      return renderEventPage(req, res, dependencies, slug, {
        status: 400,
        form: choice.form,
        problem: { title: 'Nothing is held yet', text: 'Check the numbers of tickets and choose again.' },
      });
    if (await hasTooManyOpenOrders(readMyOrders(req, orderTokens), event.id))
      return refuse(req, res, slug, choice.form, { reason: 'too_many_holds', problems: new Map() });
    const placement = await holds.placeOrder(event.id, {
      lines: choice.lines,
      visitorHash: visitorHash(req),
    });
    if (!placement.ok) return refuse(req, res, slug, choice.form, placement.refusal);
    rememberOrder(req, res, orderTokens, placement.orderId, secure);
    res.redirect(303, paths.order(orderTokens.sign(placement.orderId)));
  });

  /** Details in, payment begun. Pressing it again leads to the same payment. */
  router.post('/orders/:token/payment', async (req: Request, res: Response) => {
    const order = await getOrder(req);
    const token = String(req.params['token']);
    if (order.status !== 'held')
      return res.redirect(
        303,
        isPaymentUnderWay(order.status) ? paths.orderPayment(token) : paths.order(token),
      );
    const details = parseForm(detailsForm, req.body);
    if (!details.ok)
      return renderOrderPage(req, res, dependencies, order, { status: 422, form: details.form });
    const started = await startPayment(dependencies, order.id, details.data);
    if (started.outcome === 'refused') {
      return renderOrderPage(req, res, dependencies, await createOrdersStore(db).get(order.id), {
        status: 409,
        form: details.form,
        problem: PAYMENT_REFUSED[started.reason],
      });
    }
    if (started.outcome === 'started') await sendNow(started.attemptId);
    res.redirect(303, started.outcome === 'paid' ? paths.order(token) : paths.orderPayment(token));
  });

  /** Leads on to Stripe, or waits for it. A redirect of the form's own answer would be bound by CSP form-action. */
  router.get('/orders/:token/payment', async (req: Request, res: Response) => {
    const token = String(req.params['token']);
    let order = await getOrder(req);
    const attempt = await createOrdersStore(db).findLivingAttempt(order.id);
    // A session that was offered before may have been paid meanwhile: ask before anybody is sent to pay again.
    if (attempt?.answeredAt && Date.now() - attempt.answeredAt.getTime() > 5000) {
      await settleOrder(dependencies, order.id).catch((error: unknown) =>
        logger.warn({ err: error, orderId: order.id }, 'a payment could not be checked'),
      );
      order = await createOrdersStore(db).get(order.id);
    }
    if (order.status === 'awaiting_payment' && attempt?.checkoutUrl) {
      return renderPage(
        req,
        res,
        'checkout/to-stripe',
        { title: 'Payment', layout: 'checkout', page: { refresh: { seconds: 0, url: attempt.checkoutUrl } } },
        { order, token, checkoutUrl: attempt.checkoutUrl },
      );
    }
    if (order.status !== 'creating_session') return res.redirect(303, paths.order(token));
    renderPage(
      req,
      res,
      'checkout/waiting',
      {
        title: 'Preparing your payment',
        layout: 'checkout',
        page: { refresh: { seconds: 3, url: paths.orderPayment(token) } },
      },
      { order, token, serverNow: new Date() },
    );
  });

  /** The buyer gives the tickets back before paying. */
  router.post('/orders/:token/release', async (req: Request, res: Response) => {
    const order = await getOrder(req);
    await releaseOrder(dependencies, order.id, {
      now: { actor: 'buyer', reason: 'given back by the buyer' },
    });
    res.redirect(303, paths.order(String(req.params['token'])));
  });

  return router;

  async function getOrder(req: Request): Promise<Order> {
    const id = orderTokens.verify(req.params['token']);
    const order = id ? await createOrdersStore(db).find(id) : null;
    if (!order) throw new NotFound('order');
    return order;
  }

  /** One try while the person waits; a job goes on. */
  async function sendNow(attemptId: string): Promise<void> {
    await sendAttempt(dependencies, attemptId).catch((error: unknown) => {
      logger[error instanceof StripeFailure ? 'warn' : 'error'](
        { err: error, attemptId },
        'the first send of a payment attempt failed',
      );
    });
  }

  async function hasTooManyOpenOrders(orderIds: string[], eventId: string): Promise<boolean> {
    if (orderIds.length < MOST_OPEN_ORDERS_PER_BROWSER) return false;
    const row = await db('orders')
      .whereIn('id', orderIds)
      .where({ event_id: eventId, inventory: 'held' })
      .count('* as count')
      .first();
    return Number(row?.count ?? 0) >= MOST_OPEN_ORDERS_PER_BROWSER;
  }

  /** Who this visitor is to the cap on holds. The machine's own address says nothing: it is a proxy, or a test. */
  function visitorHash(req: Request): string | null {
    const address = req.ip ?? '';
    if (address === '' || /^(::1|127\.|::ffff:127\.)/.test(address)) return null;
    return keyedHash(config.sessionSecrets[0]!, 'visitor-address', address);
  }

  function refuse(req: Request, res: Response, slug: string, form: Form, refusal: Refusal): Promise<void> {
    const field = refusal.reason === 'amount' ? 'amount' : 'quantity';
    const errors = Object.fromEntries([...refusal.problems].map(([id, text]) => [`${field}.${id}`, text]));
    return renderEventPage(req, res, dependencies, slug, {
      status: REFUSAL_STATUS[refusal.reason],
      form: { ...form, errors },
      problem: { title: 'Nothing is held, and you were not charged', text: REFUSAL_TEXT[refusal.reason] },
    });
  }
}

const REFUSAL_STATUS: Record<Refusal['reason'], number> = {
  nothing_chosen: 422,
  quantity: 422,
  amount: 422,
  too_many_holds: 429,
  price_changed: 409,
  sold_out: 409,
  not_on_sale: 409,
  no_payments: 409,
  event_closed: 409,
};

const REFUSAL_TEXT: Record<Refusal['reason'], string> = {
  nothing_chosen: 'Choose at least one ticket.',
  quantity: 'Choose another number of tickets; the limits stand beside them.',
  amount: 'Check what you want to pay for each ticket.',
  too_many_holds: `Too many unfinished orders for this event come from your browser or network (at most ${MOST_OPEN_ORDERS_PER_BROWSER} from one browser, ${MAX_OPEN_HOLDS_PER_VISITOR} from one network). Finish or release one of them, or wait 15 minutes.`,
  price_changed:
    'A price changed while you were choosing. The new price is shown below; choose again if you agree.',
  sold_out: 'There are not as many tickets left as you chose. What is left is shown below.',
  not_on_sale: 'One of these tickets is not on sale any more. What is on sale is shown below.',
  no_payments:
    'Paid tickets are not on sale right now, because the organizer cannot take payments. Free tickets are still available.',
  event_closed: 'Tickets for this event are no longer on sale.',
};

const PAYMENT_REFUSED = {
  hold_over: {
    title: 'Your time to pay is over',
    text: 'The tickets are no longer held for you, and you were not charged. Go back to the event and choose again.',
  },
  event_closed: {
    title: 'This event is no longer on sale',
    text: 'You were not charged. Your tickets are released by themselves.',
  },
  no_payments: {
    title: 'Paid tickets are not on sale right now',
    text: 'The organizer cannot take payments at this moment. You were not charged. Your tickets stay held until the time below; try again before then.',
  },
};
