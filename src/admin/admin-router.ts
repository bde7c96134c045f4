/** What admins see and end. For everybody else these pages don't exist. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { requireAdmin, requireUser } from '../http/current-user';
import { renderPage } from '../http/views';
import { isUuid } from '../lib/ids';
import { toOrder } from '../orders/orders-store';
import { termsSections } from '../organizers/organizer-terms';
import { createTermsStore } from '../organizers/terms-store';
import { paths } from '../paths';
import { readDeskRefunds } from '../payments/desk-refunds';
import { readDisputeView } from '../payments/dispute-view';
import { attentionRouter } from './attention-router';
import { auditRouter } from './audit-router';
import { adminConnectionsRouter } from './connections-router';
import { disputesRouter } from './disputes-router';
import { directoryRouter } from './directory-router';
import { adminHealthRouter } from './health-router';
import { mailLogRouter } from './mail-log-router';
import { organizerFeesRouter } from './organizer-fees-router';
import { readAdminOverview } from './overview';
import { reportsRouter } from './reports-router';
import { webhookInboxRouter } from './webhook-inbox-router';

export function adminRouter(dependencies: Dependencies): Router {
  const { config, db } = dependencies;
  const router = Router();
  router.use(paths.admin(), requireUser, requireAdmin);
  router.use(directoryRouter(dependencies));
  router.use(organizerFeesRouter(dependencies));
  router.use(attentionRouter(dependencies));
  router.use(adminConnectionsRouter(dependencies));
  router.use(disputesRouter(dependencies));
  router.use(reportsRouter(dependencies));
  router.use(webhookInboxRouter(dependencies));
  router.use(mailLogRouter(dependencies));
  router.use(auditRouter(dependencies));
  router.use(adminHealthRouter(dependencies));

  router.get(paths.admin(), async (req: Request, res: Response) => {
    renderPage(
      req,
      res,
      'admin/overview',
      { title: 'Admin', layout: 'admin' },
      { overview: await readAdminOverview(db), now: new Date() },
    );
  });

  router.get('/admin/orders/:id', async (req: Request, res: Response) => {
    const id = String(req.params['id']);
    const order = isUuid(id) ? await db('orders').where({ id }).first() : undefined;
    if (!order) throw new NotFound('order');
    const event = await db('events').where({ id: order.event_id }).first();
    const organizer = await db('organizers').where({ id: order.organizer_id }).first();
    const timeline = await db('order_timeline').where({ order_id: id }).orderBy('id');
    const attempts = await db('payment_attempts').where({ order_id: id }).orderBy('n');
    const deskRefunds = await readDeskRefunds(db, toOrder(order), 'admin');
    renderPage(
      req,
      res,
      'admin/order',
      { title: `Order ${order.reference}`, layout: 'admin' },
      {
        order,
        event,
        organizer,
        timeline,
        attempts,
        ...deskRefunds,
        ...(await readDisputeView(db, config, { id, buyerEmail: order.buyer_email })),
        terms: termsSections(await createTermsStore(db).findAgreed(id)),
      },
    );
  });

  return router;
}
