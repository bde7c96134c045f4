/** The one queue of what needs an admin: orders, refunds, and what comparisons found. Each opens a page with safe buttons. */
import { type Request, type Response, Router } from 'express';
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { currentUser, requireRecentPassword } from '../http/current-user';
import { emptyForm } from '../http/forms';
import { renderPage } from '../http/views';
import { inTransaction } from '../db/connection';
import { isUuid } from '../lib/ids';
import { type DecisionPlace, decisionPages } from '../orders/decision-pages';
import { ATTENTION_REASONS } from '../orders/order-words';
import { createOrdersStore } from '../orders/orders-store';
import { paths } from '../paths';
import { findingWords } from '../payments/finding';
import { closeFinding, type Finding, findFinding, listOpenFindings } from '../payments/findings-store';
import { refundsThatWait } from '../payments/refund-matters';
import { type Act, readReason, showAct } from './acts';
import { writeAudit } from './audit-log';

export function attentionRouter(dependencies: Dependencies): Router {
  const { db } = dependencies;
  const router = Router();
  const pages = decisionPages(dependencies);

  router.get(paths.adminAttention(), async (req: Request, res: Response) => {
    renderPage(
      req,
      res,
      'admin/needs-attention',
      { title: 'Needs attention', layout: 'admin' },
      {
        orders: await listOrders(db),
        refunds: await listRefunds(db),
        findings: (await listOpenFindings(db)).map((finding) => ({
          ...finding,
          words: findingWords(finding),
        })),
        reasons: ATTENTION_REASONS,
      },
    );
  });

  router.get('/admin/orders/:id/decision', requireRecentPassword, async (req: Request, res: Response) =>
    pages.show(req, res, await placeOf(req)),
  );
  router.post('/admin/orders/:id/decision', requireRecentPassword, async (req: Request, res: Response) =>
    pages.decide(req, res, await placeOf(req)),
  );
  router.post('/admin/orders/:id/check', requireRecentPassword, async (req: Request, res: Response) =>
    pages.check(req, res, await placeOf(req)),
  );

  router.get('/admin/findings/:id', async (req: Request, res: Response) => {
    const finding = await getFinding(req);
    renderPage(
      req,
      res,
      'admin/finding',
      { title: findingWords(finding).title, layout: 'admin' },
      { finding, words: findingWords(finding) },
    );
  });
  router.get('/admin/findings/:id/closure', requireRecentPassword, async (req: Request, res: Response) => {
    showAct(req, res, closureOf(await getFinding(req)), emptyForm);
  });
  router.post('/admin/findings/:id/closure', requireRecentPassword, async (req: Request, res: Response) => {
    const finding = await getFinding(req);
    const parsed = readReason(req);
    if (!parsed.ok) return showAct(req, res, closureOf(finding), parsed.form);
    const { reason } = parsed.data;
    await inTransaction(db, async (trx) => {
      await closeFinding(trx, finding.id, { by: currentUser(req).id, reason });
      await writeAudit(trx, {
        actor: 'admin',
        actorUserId: currentUser(req).id,
        action: 'finding.closed',
        organizerId: finding.organizerId,
        subjectType: 'finding',
        subjectId: finding.id,
        reason,
        details: { kind: finding.kind, about: finding.subject },
      });
    });
    req.leaveNotice({ kind: 'success', text: 'It is closed, with your reason.' });
    res.redirect(303, paths.adminAttention());
  });

  return router;

  async function placeOf(req: Request): Promise<DecisionPlace> {
    const id = req.params['id'];
    const order = isUuid(id) ? await createOrdersStore(db).find(id) : null;
    if (!order) throw new NotFound('order');
    return {
      as: 'admin',
      layout: 'admin',
      page: {},
      order,
      hrefs: {
        order: paths.adminOrder(order.id),
        list: paths.adminAttention(),
        check: paths.adminOrderCheck(order.id),
        decision: (to) => paths.adminDecision(order.id, to),
      },
    };
  }

  async function getFinding(req: Request): Promise<Finding> {
    const id = req.params['id'];
    const finding = isUuid(id) ? await findFinding(db, id) : null;
    if (!finding) throw new NotFound('finding');
    return finding;
  }
}

const SHOWN = 200;

async function listOrders(db: Knex) {
  return db('orders')
    .join('events', 'events.id', 'orders.event_id')
    .join('organizers', 'organizers.id', 'orders.organizer_id')
    .where('orders.status', 'needs_attention')
    .orderBy('orders.updated_at')
    .limit(SHOWN)
    .select(
      'orders.id',
      'orders.reference',
      'orders.status_detail',
      'orders.total_amount',
      'orders.currency',
      'orders.updated_at',
      'events.title as event_title',
      'organizers.name as organizer_name',
    );
}

/** Refunds that wait, of orders that are not in the queue themselves. */
async function listRefunds(db: Knex) {
  return refundsThatWait(db)
    .join('orders', 'orders.id', 'refunds.order_id')
    .join('organizers', 'organizers.id', 'orders.organizer_id')
    .whereNot('orders.status', 'needs_attention')
    .orderBy('refunds.updated_at')
    .limit(SHOWN)
    .select(
      'orders.id as order_id',
      'orders.reference',
      'refunds.amount',
      'refunds.currency',
      'refunds.reason',
      'refunds.status',
      'refunds.last_error',
      'refunds.updated_at',
      'organizers.name as organizer_name',
    );
}

function closureOf(finding: Finding): Act {
  const words = findingWords(finding);
  return {
    heading: 'Close this finding',
    lead: words.title,
    back: { href: paths.adminFinding(finding.id), label: words.title },
    facts: [
      { term: 'About', text: finding.subject },
      { term: 'Account', text: finding.account ?? 'None' },
    ],
    consequences: [
      'It leaves the queue, and does not come back for the same payment. Nothing else changes: no order, no counter, no money.',
    ],
    action: paths.adminFindingClosure(finding.id),
    button: { label: 'Close this finding', kind: 'primary' },
    reasonHint: 'Say what you did about it. It stands in the audit log.',
  };
}
