/**
 * Refunds of one order, at the organizer's desk and for admins: choose, see to the cent what will happen, do it; then try
 * again or take back what has stopped. Both have the same pages; who stands behind them differs.
 */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { currentUser, requireAdmin, requireRecentPassword, requireUser } from '../http/current-user';
import { emptyForm, parseForm, readFields, withErrors } from '../http/forms';
import { type Notice } from '../http/views';
import { isUuid } from '../lib/ids';
import { formatMoney } from '../lib/money';
import { type Order } from '../orders/order';
import { createOrdersStore } from '../orders/orders-store';
import { loadOrganizer } from '../organizers/current-organizer';
import { thingOfMember } from '../organizers/event-of-member';
import { paths } from '../paths';
import { asksForTickets, chooseTickets } from './choose-tickets';
import { quoteRefund, type Refund } from './refund';
import { adminConfirmation, organizerConfirmation, readChoice, readTickets } from './refund-forms';
import { createRefundPages, type Side } from './refund-pages';
import { requestRefund } from './request-refund';
import { createRefundsStore } from './refunds-store';
import { retryRefund, withdrawRefund } from './retry-refund';
import { sendRefund } from './send-refund';

export function refundsRouter(dependencies: Dependencies): Router {
  const { config, db, logger } = dependencies;
  const { readPayment, renderNew, renderPreview, renderTickets } = createRefundPages(dependencies);
  const router = Router();
  const orders = createOrdersStore(db);
  const refunds = createRefundsStore(db);

  const desk: Side = {
    as: 'organizer',
    layout: 'desk',
    load: async (req, id) => orders.get((await thingOfMember(db, req, 'orders', 'order', id)).id),
    paths: {
      order: paths.deskOrder,
      newRefund: paths.orderRefund,
      preview: paths.orderRefundPreview,
      refunds: paths.orderRefunds,
    },
  };
  const admin: Side = {
    as: 'admin',
    layout: 'admin',
    async load(_req, id) {
      const order = isUuid(id) ? await orders.find(id) : null;
      if (!order) throw new NotFound('order');
      return order;
    },
    paths: {
      order: paths.adminOrder,
      newRefund: paths.adminOrderRefund,
      preview: paths.adminOrderRefundPreview,
      refunds: paths.adminOrderRefunds,
    },
  };

  const member = [requireUser, loadOrganizer(db)];
  router.get('/organizer/orders/:id/refunds/new', member, showNew(desk));
  router.get('/organizer/orders/:id/refunds/preview', member, showPreview(desk));
  router.post('/organizer/orders/:id/refunds', member, refund(desk));
  router.post('/organizer/refunds/:id/attempts', member, retry(desk));
  router.post('/organizer/refunds/:id/withdrawal', member, withdraw(desk));

  const administration = [requireUser, requireAdmin, requireRecentPassword];
  router.get('/admin/orders/:id/refunds/new', administration, showNew(admin));
  router.get('/admin/orders/:id/refunds/preview', administration, showPreview(admin));
  router.post('/admin/orders/:id/refunds', administration, refund(admin));
  router.post('/admin/refunds/:id/attempts', administration, retry(admin));
  router.post('/admin/refunds/:id/withdrawal', administration, withdraw(admin));

  router.get('/organizer/refunds/:id/tickets', member, async (req: Request, res: Response) => {
    const { order, refund: made } = await loadRefund(desk, req);
    if (!asksForTickets(made, order)) return res.redirect(303, paths.deskOrder(order.id));
    await renderTickets(req, res, order, made, emptyForm);
  });

  router.post('/organizer/refunds/:id/tickets', member, async (req: Request, res: Response) => {
    const { order, refund: made } = await loadRefund(desk, req);
    const fields = readFields(req.body);
    const form = { values: fields, errors: {} };
    const seqs = readTickets(fields);
    if (fields['which'] !== 'none' && fields['which'] !== 'some')
      return renderTickets(req, res, order, made, withErrors(form, { which: 'Choose one of the two' }));
    if (fields['which'] === 'some' && seqs.length === 0)
      return renderTickets(
        req,
        res,
        order,
        made,
        withErrors(form, { tickets: 'Choose at least one ticket' }),
      );
    const outcome = await chooseTickets(dependencies, made.id, {
      seqs: fields['which'] === 'some' ? seqs : [],
      userId: currentUser(req).id,
    });
    if (outcome.state === 'changed')
      return renderTickets(
        req,
        res,
        order,
        made,
        withErrors(form, { tickets: 'One of these tickets is void by now. Choose again' }),
      );
    req.leaveNotice(
      outcome.state === 'too_late'
        ? { kind: 'info', text: 'Somebody has decided this already. Nothing was changed.' }
        : { kind: 'success', text: voidedWords(outcome.voided) },
    );
    res.redirect(303, paths.deskOrder(order.id));
  });

  return router;

  function showNew(side: Side): RequestHandler {
    return async (req, res) => {
      const order = await side.load(req, req.params['id']);
      await renderNew(req, res, side, order, emptyForm);
    };
  }

  function showPreview(side: Side): RequestHandler {
    return async (req, res) => {
      const order = await side.load(req, req.params['id']);
      const read = readChoice(req.query, order.currency);
      if (!read.choice) return renderNew(req, res, side, order, read.form);
      const known = await readPayment(order);
      if (known.obstacle) return renderNew(req, res, side, order, read.form);
      const quoted = quoteRefund(known.refundable, read.choice, config.platformFeeRefund);
      if ('problem' in quoted)
        return renderNew(
          req,
          res,
          side,
          order,
          withErrors(read.form, { [quoted.problem.field]: quoted.problem.message }),
        );
      await renderPreview(req, res, side, order, known.payment, quoted.quote, read.form);
    };
  }

  function refund(side: Side): RequestHandler {
    return async (req, res) => {
      const order = await side.load(req, req.params['id']);
      const read = readChoice(req.body, order.currency);
      if (!read.choice) return renderNew(req, res, side, order, read.form);
      const parsed = parseForm(side.as === 'admin' ? adminConfirmation : organizerConfirmation, req.body);
      const again = async (errors: Record<string, string>) => {
        const known = await readPayment(order);
        const quoted =
          known.obstacle === null
            ? quoteRefund(known.refundable, read.choice, config.platformFeeRefund)
            : null;
        if (known.obstacle !== null || quoted === null || 'problem' in quoted)
          return renderNew(
            req,
            res,
            side,
            order,
            withErrors(
              read.form,
              quoted && 'problem' in quoted ? { [quoted.problem.field]: quoted.problem.message } : {},
            ),
          );
        return renderPreview(
          req,
          res,
          side,
          order,
          known.payment,
          quoted.quote,
          withErrors(read.form, errors),
        );
      };
      if (!parsed.ok) return again(parsed.form.errors);
      const outcome = await requestRefund(dependencies, {
        orderId: order.id,
        choice: read.choice,
        by: { as: side.as, userId: currentUser(req).id },
        reason: parsed.data.reason,
        formKey: parsed.data.key,
        seen: parsed.data.seen,
      });
      if (outcome.state === 'changed')
        return again({
          form: 'Something about this order has changed since you saw this page. Nothing was refunded. Look at the new figures, then decide again.',
        });
      if (outcome.state === 'refused')
        return renderNew(
          req,
          res,
          side,
          order,
          withErrors(read.form, { [outcome.problem.field]: outcome.problem.message }),
        );
      await sendNow(outcome.refundId);
      req.leaveNotice(await noticeOf(outcome.refundId));
      res.redirect(303, side.paths.order(order.id));
    };
  }

  function retry(side: Side): RequestHandler {
    return async (req, res) => {
      const { order, refund: stopped } = await loadRefund(side, req);
      const begun = await retryRefund(dependencies, stopped.id, { as: side.as, userId: currentUser(req).id });
      if (begun) await sendNow(stopped.id);
      req.leaveNotice(await noticeOf(stopped.id));
      res.redirect(
        303,
        stopped.eventRefundId && side.as === 'organizer'
          ? paths.eventRefunds(order.eventId)
          : side.paths.order(order.id),
      );
    };
  }

  function withdraw(side: Side): RequestHandler {
    return async (req, res) => {
      const { order, refund: stopped } = await loadRefund(side, req);
      const done = await withdrawRefund(dependencies, stopped.id, {
        as: side.as,
        userId: currentUser(req).id,
      });
      req.leaveNotice(
        done
          ? { kind: 'success', text: 'The refund is taken back. Its tickets are valid as before.' }
          : { kind: 'info', text: 'This refund is under way or done already. Nothing was changed.' },
      );
      res.redirect(303, side.paths.order(order.id));
    };
  }

  async function loadRefund(side: Side, req: Request): Promise<{ order: Order; refund: Refund }> {
    const found = await refunds.get(req.params['id']);
    return { order: await side.load(req, found.orderId), refund: found };
  }

  /** Whoever asked waits for Stripe's answer, eight seconds at most; the worker goes on where there is none. */
  async function sendNow(refundId: string): Promise<void> {
    await sendRefund(dependencies, refundId).catch((error: unknown) =>
      logger.error({ refundId, err: error }, 'a refund could not be sent at once'),
    );
  }

  async function noticeOf(refundId: string): Promise<Notice> {
    const made = await refunds.get(refundId);
    const amount = formatMoney(made.amount, made.currency);
    switch (made.status) {
      case 'succeeded':
        return { kind: 'success', text: `${amount} was given back. The buyer is told by mail.` };
      case 'pending':
        return {
          kind: 'info',
          text: `${amount} is on its way back. The buyer is told by mail when it has gone.`,
        };
      case 'requested':
      case 'sent':
        return {
          kind: 'info',
          text: `Stripe has not answered yet. The refund of ${amount} is kept and sent again by itself; it is made once.`,
        };
      default:
        return {
          kind: 'warning',
          text: `The refund of ${amount} was not made. What happened and what to do stands below.`,
        };
    }
  }
}

function voidedWords(count: number): string {
  if (count === 0) return 'All tickets of this order stay valid.';
  return count === 1
    ? 'One ticket is void, and its place can be bought again.'
    : `${count} tickets are void, and their places can be bought again.`;
}
