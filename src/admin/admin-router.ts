/** What admins see and end. For everybody else these pages don't exist. */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { badgeOf, connectionFacts, STATE_BADGES } from '../connect/connection-facts';
import { noticeOfDisconnect } from '../connect/endings';
import { createConnectionsStore } from '../connect/connections-store';
import { consequencesOf, continueDisconnecting, requestDisconnect } from '../connect/disconnect';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { currentUser, requireAdmin, requireRecentPassword, requireUser } from '../http/current-user';
import { emptyForm, type Form, parseForm, textField } from '../http/forms';
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
import { CONNECTION_FILTERS, type ConnectionFilter, listConnections } from './connections-list';
import { disputesRouter } from './disputes-router';
import { directoryRouter } from './directory-router';
import { adminHealthRouter } from './health-router';
import { mailLogRouter } from './mail-log-router';
import { organizerFeesRouter } from './organizer-fees-router';
import { readAdminOverview } from './overview';
import { reportsRouter } from './reports-router';
import { webhookInboxRouter } from './webhook-inbox-router';

const disconnectForm = z.object({
  reason: textField({
    required: 'Enter the reason; the organizer reads it in a mail',
    max: 500,
    multiline: true,
  }),
});

export function adminRouter(dependencies: Dependencies): Router {
  const { config, db } = dependencies;
  const router = Router();
  const connections = createConnectionsStore(db);
  router.use(paths.admin(), requireUser, requireAdmin);
  router.use(directoryRouter(dependencies));
  router.use(organizerFeesRouter(dependencies));
  router.use(attentionRouter(dependencies));
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

  router.get(paths.adminConnections(), async (req: Request, res: Response) => {
    const search = readSearch(req.query);
    renderPage(
      req,
      res,
      'admin/connections',
      { title: 'Connections', layout: 'admin' },
      { search, list: await listConnections(db, search), badgeOf, states: FILTER_WORDS },
    );
  });

  router.get(
    '/admin/connections/:id/disconnection',
    requireRecentPassword,
    async (req: Request, res: Response) => {
      await showDisconnection(req, res, emptyForm, 200);
    },
  );

  router.post(
    '/admin/connections/:id/disconnection',
    requireRecentPassword,
    async (req: Request, res: Response) => {
      const connection = await getConnection(req);
      const parsed = parseForm(disconnectForm, req.body);
      if (!parsed.ok) return showDisconnection(req, res, parsed.form, 422);
      await requestDisconnect(db, connection.id, {
        by: 'admin',
        userId: currentUser(req).id,
        reason: parsed.data.reason,
      });
      req.leaveNotice(noticeOfDisconnect(await continueDisconnecting(dependencies, connection.id)));
      res.redirect(303, paths.adminConnections());
    },
  );

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

  async function getConnection(req: Request) {
    const connection = await connections.find(String(req.params['id']));
    if (!connection) throw new NotFound('connection');
    return connection;
  }

  async function showDisconnection(req: Request, res: Response, form: Form, status: number): Promise<void> {
    const connection = await getConnection(req);
    const organizer = await db('organizers').where({ id: connection.organizerId }).first();
    renderPage(
      req,
      res,
      'admin/disconnection',
      { title: 'End a connection', layout: 'admin', status },
      {
        connection,
        organizer,
        facts: connectionFacts(connection),
        consequences: await consequencesOf(db, connection),
        form,
      },
    );
  }
}

const FILTER_WORDS = CONNECTION_FILTERS.map((value) => ({
  value,
  label: value === 'all' ? 'All' : STATE_BADGES[value].label,
}));

/** What stands in the address; what makes no sense there is left out. */
function readSearch(query: Record<string, unknown>): { q: string; filter: ConnectionFilter; page: number } {
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  const filter = CONNECTION_FILTERS.find((known) => known === text(query['status'])) ?? 'all';
  const page = /^[1-9]\d{0,5}$/.test(text(query['page'])) ? Number(query['page']) : 1;
  return { q: text(query['q']).replaceAll('\0', '').trim().slice(0, 100), filter, page };
}
