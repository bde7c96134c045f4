/**
 * The form of an event's page: tickets are chosen, and held. When a sale opens everybody posts it in the same second, so
 * it stands before all that it can do without: the log of requests (each hold has its timeline), sessions, the routes.
 */
import { randomUUID } from 'node:crypto';
import express, { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { type DiscountCode, readCode } from '../discounts/discount-code';
import { recognizeCode } from '../discounts/recognize-code';
import { type EventPageOptions, formWithCode } from '../events/event-page';
import { type Form } from '../http/forms';
import { networkOf } from '../http/network';
import { sameOriginOnly } from '../http/same-origin';
import { keyedHash } from '../lib/tokens';
import { paths } from '../paths';
import { MAX_OPEN_HOLDS_PER_VISITOR, type Refusal } from './allocate';
import { parseChoice } from './checkout-forms';
import { createHoldQueue } from './hold-queue';
import { readMyOrders, rememberOrder } from './my-orders-cookie';
import { HOLD_MINUTES } from './hold-deadline';

/** One browser's unfinished orders of one event. */
const MOST_OPEN_ORDERS_PER_BROWSER = 5;

export function holdsRouter(dependencies: Dependencies): Router {
  const { config, db, eventPages, orderTokens, rushDb } = dependencies;
  const router = Router();
  const holds = createHoldQueue(rushDb, config.platformFee);
  const secure = config.baseUrl.startsWith('https://');
  const readBody = express.urlencoded({ extended: false, limit: '100kb', parameterLimit: 1000 });

  router.post(
    '/events/:slug/orders',
    nameRequest,
    readBody,
    sameOriginOnly(config.baseUrl),
    async (req: Request, res: Response) => {
      const slug = String(req.params['slug']);
      // at most a second old; what counts is read under the event's lock
      const event = await eventPages.find(slug);
      if (!event) throw new NotFound('event');
      const choice = parseChoice(req.body, event.currency);
      const asked = readCode(choice.form.values['code']);
      const code =
        asked === null
          ? null
          : await recognizeCode(dependencies, { eventId: event.id, code: asked, address: req.ip });
      const form = asked === null ? choice.form : formWithCode(choice.form, asked, code);
      if (!choice.ok)
        return showAgain(res, slug, {
          status: 400,
          form,
          code,
          problem: { title: 'Nothing is held yet', text: 'Check the numbers of tickets and choose again.' },
        });
      if (await hasTooManyOpenOrders(readMyOrders(req, orderTokens), event.id))
        return refuse(res, slug, { form, code }, { reason: 'too_many_holds', problems: new Map() });
      const placement = await holds.placeOrder(event.id, {
        lines: choice.lines,
        visitorHash: visitorHash(req),
        code: asked,
      });
      if (!placement.ok) return refuse(res, slug, { form, code }, placement.refusal);
      eventPages.countersChanged(slug);
      rememberOrder(req, res, orderTokens, placement.orderId, secure);
      res
        .writeHead(303, { Location: paths.order(orderTokens.sign(placement.orderId)), 'Content-Length': 0 })
        .end();
    },
  );

  return router;

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
    return keyedHash(config.sessionSecrets[0]!, 'visitor-address', networkOf(address));
  }

  function refuse(
    res: Response,
    slug: string,
    { form, code }: { form: Form; code: DiscountCode | null },
    refusal: Refusal,
  ): Promise<void> {
    const field = refusal.reason === 'amount' ? 'amount' : 'quantity';
    if (refusal.reason === 'too_many_holds') res.set('Retry-After', String(HOLD_MINUTES * 60));
    const errors = Object.fromEntries([...refusal.problems].map(([id, text]) => [`${field}.${id}`, text]));
    if (refusal.codeProblem) errors['code'] = refusal.codeProblem;
    return showAgain(res, slug, {
      status: REFUSAL_STATUS[refusal.reason],
      form: { ...form, errors },
      code,
      problem: { title: 'Nothing is held, and you were not charged', text: REFUSAL_TEXT[refusal.reason] },
    });
  }

  /** The event's page with what was chosen, what was wrong with it, and what is left. */
  async function showAgain(res: Response, slug: string, options: EventPageOptions): Promise<void> {
    const body = await eventPages.renderRefusal(slug, options);
    if (!body) throw new NotFound('event');
    res.statusCode = options.status ?? 200;
    res.setHeader('Cache-Control', 'no-store');
    res.setHeader('Content-Type', 'text/html; charset=utf-8');
    res.setHeader('Content-Length', body.length);
    // as text: head and body then leave in one piece
    res.end(body, 'latin1');
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
  code: 409,
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
  code: 'Look at your code below. What you chose is kept.',
};

/** An error page shows the number under which the log has it. */
function nameRequest(req: Request, _res: Response, next: () => void): void {
  req.id = randomUUID();
  next();
}
