/** From the hold to the payment: guests' forms, without a session; each order is reached by the token in its address. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { parseForm, withErrors } from '../http/forms';
import { noStore } from '../http/security-headers';
import { renderPage } from '../http/views';
import { isPaymentUnderWay } from '../orders/order';
import { createOrderLookUps } from '../orders/order-look-ups';
import { renderOrderPage } from '../orders/order-page';
import { createOrdersStore } from '../orders/orders-store';
import { releaseOrder } from '../orders/release-order';
import { settleOrder } from '../orders/settle-order';
import { paths } from '../paths';
import { readAnswers } from '../questions/question';
import { askedOfHold } from '../questions/questions-of-order';
import { detailsForm } from './checkout-forms';
import { sendInTime } from './payment-dispatcher';
import { startPayment } from './start-payment';
import { waitingWords } from './waiting-words';

/** Longer than the queue's page waits before it looks again: whoever comes from there has not been to Stripe yet. */
const OFFERED_MS = 30_000;

export function checkoutRouter(dependencies: Dependencies): Router {
  const { db, logger, paymentQueue } = dependencies;
  const router = Router();
  const { getOrder } = createOrderLookUps(dependencies);
  router.use('/orders', noStore);

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
    const asked = await askedOfHold(db, order);
    const { answers, errors } = readAnswers(asked, details.form.values);
    const form = withErrors(details.form, errors);
    if (!details.ok || Object.keys(errors).length > 0)
      return renderOrderPage(req, res, dependencies, order, { status: 422, form });
    const started = await startPayment(dependencies, order.id, { ...details.data, asked, answers });
    if (started.outcome === 'refused') {
      return renderOrderPage(req, res, dependencies, await createOrdersStore(db).get(order.id), {
        status: 409,
        form,
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
    // A session that was offered a while ago may have been paid meanwhile: ask before anybody is sent to pay again.
    if (attempt?.answeredAt && Date.now() - attempt.answeredAt.getTime() > OFFERED_MS) {
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
    const place = attempt?.unansweredSends === 0 ? await paymentQueue.placeOf(attempt) : null;
    const words = waitingWords(place, dependencies.stripe.isAway(order.livemode));
    renderPage(
      req,
      res,
      'checkout/waiting',
      {
        title: words.title,
        layout: 'checkout',
        page: { refresh: { seconds: words.lookAgain, url: paths.orderPayment(token) } },
      },
      { order, token, words },
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

  /** Without a rush the person waits for Stripe here, once; else in the queue, which goes on by itself in either case. */
  async function sendNow(attemptId: string): Promise<void> {
    const claim = await paymentQueue.claimAtOnce(attemptId);
    if (claim) await sendInTime(dependencies, claim);
  }
}

const PAYMENT_REFUSED = {
  hold_over: {
    title: 'Your time to pay is over',
    text: 'The tickets are no longer held for you, and you were not charged. Go back to the event and choose again.',
  },
  event_closed: {
    title: 'This event is no longer on sale',
    text: 'You were not charged. Your tickets are released by themselves.',
  },
  terms_changed: {
    title: 'The organizer has changed what you agree to',
    text: 'You were not charged, and your tickets are still held. Read what is new below, then go on.',
  },
  no_payments: {
    title: 'Paid tickets are not on sale right now',
    text: 'The organizer cannot take payments at this moment. You were not charged. Your tickets stay held until the time below; try again before then.',
  },
};
