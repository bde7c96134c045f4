/** Connections as admins see them: the list, one with its history, the end of it, and an organizer's paid sales paused. */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { refreshConnection } from '../connect/account-health';
import { accountName, type Connection } from '../connect/connection';
import { badgeOf, connectionFacts, STATE_BADGES } from '../connect/connection-facts';
import { createConnectionsStore } from '../connect/connections-store';
import {
  consequencesOf,
  continueDisconnecting,
  forceDisconnect,
  requestDisconnect,
} from '../connect/disconnect';
import { noticeOfDisconnect } from '../connect/endings';
import { setPause } from '../connect/pause-sales';
import { statusCard } from '../connect/status-card';
import { listUnknownGrants } from '../connect/unknown-grants';
import { type Dependencies } from '../dependencies';
import { BadRequest, NotFound } from '../errors';
import { currentUser, requireRecentPassword } from '../http/current-user';
import { emptyForm, type Form, parseForm, textField } from '../http/forms';
import { renderPage } from '../http/views';
import { isUuid } from '../lib/ids';
import { formatMoney } from '../lib/money';
import { paths } from '../paths';
import { listAppStatus } from '../stripe-app/app-status';
import { dashboardUrl } from '../stripe/dashboard-links';
import { type Act, readReason, showAct } from './acts';
import { listAuditOf } from './audit-list';
import { CONNECTION_FILTERS, type ConnectionFilter, listConnections } from './connections-list';

const disconnectForm = z.object({
  reason: textField({
    required: 'Enter the reason; the organizer reads it in a mail',
    max: 500,
    multiline: true,
  }),
});

export function adminConnectionsRouter(dependencies: Dependencies): Router {
  const { appOAuth, config, db } = dependencies;
  const router = Router();
  const connections = createConnectionsStore(db);

  router.get(paths.adminConnections(), async (req: Request, res: Response) => {
    const search = readSearch(req.query);
    renderPage(
      req,
      res,
      'admin/connections',
      { title: 'Connections', layout: 'admin' },
      {
        search,
        list: await listConnections(db, search),
        badgeOf,
        states: FILTER_WORDS,
        unknownGrants: await listUnknownGrants(db, appOAuth.clientIds()),
      },
    );
  });

  router.get('/admin/connections/:id', async (req: Request, res: Response) => {
    const connection = await getConnection(req);
    const organizer = await db('organizers').where({ id: connection.organizerId }).first();
    renderPage(
      req,
      res,
      'admin/connection',
      { title: `Connection of ${organizer.name}`, layout: 'admin' },
      {
        connection,
        organizer,
        badge: badgeOf(connection),
        card: statusCard(
          connection,
          dashboardUrl(config.stripe, connection),
          organizer.paid_sales_pause_reason,
        ),
        facts: [...connectionFacts(connection), ...(await appFacts(connection))],
        consequences: await consequencesOf(db, connection),
        isDefault: organizer.default_connection_id === connection.id,
        others: (await connections.listOfOrganizer(connection.organizerId)).filter(
          ({ id }) => id !== connection.id,
        ),
        badgeOf,
        entries: await listAuditOf(db, { subjectType: 'connection', subjectId: connection.id }),
      },
    );
  });

  router.post(
    '/admin/connections/:id/refresh',
    requireRecentPassword,
    async (req: Request, res: Response) => {
      const connection = await getConnection(req);
      if (connection.status === 'active') {
        const answer = await refreshConnection(dependencies, connection);
        req.leaveNotice({
          kind: answer === 'unanswered' ? 'warning' : 'info',
          text: {
            read: 'Stripe was asked anew. This is what it says.',
            access_lost: 'Stripe does not let Foyer in to this account.',
            unanswered: 'Stripe gave no usable answer. What you see is what it said last.',
          }[answer],
        });
      }
      res.redirect(303, paths.adminConnection(connection.id));
    },
  );

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

  router.get(
    '/admin/connections/:id/forced-end',
    requireRecentPassword,
    async (req: Request, res: Response) => {
      showAct(req, res, await forcedEndAct(await getConnection(req)), emptyForm);
    },
  );

  router.post(
    '/admin/connections/:id/forced-end',
    requireRecentPassword,
    async (req: Request, res: Response) => {
      const connection = await getConnection(req);
      const parsed = readReason(req);
      if (!parsed.ok) return showAct(req, res, await forcedEndAct(connection), parsed.form);
      if (connection.status === 'disconnecting') {
        await forceDisconnect(db, connection.id, {
          userId: currentUser(req).id,
          reason: parsed.data.reason,
        });
        req.leaveNotice(noticeOfDisconnect(await continueDisconnecting(dependencies, connection.id)));
      } else req.leaveNotice({ kind: 'info', text: 'There was nothing to force. Nothing was changed.' });
      res.redirect(303, paths.adminConnection(connection.id));
    },
  );

  router.get(
    '/admin/organizers/:id/paid-sales',
    requireRecentPassword,
    async (req: Request, res: Response) => {
      showAct(req, res, (await pauseAct(req)).act, emptyForm);
    },
  );

  /** The form says which state it leads to: pressed twice, or beside a colleague, it does not turn things back. */
  router.post(
    '/admin/organizers/:id/paid-sales',
    requireRecentPassword,
    async (req: Request, res: Response) => {
      const { act, organizerId } = await pauseAct(req);
      const to: unknown = req.body?.to;
      if (to !== 'paused' && to !== 'on_sale')
        throw new BadRequest('This form is not whole. Nothing was changed. Go back and send it again.');
      const parsed = readReason(req);
      if (!parsed.ok) return showAct(req, res, act, parsed.form);
      const changed = await setPause(dependencies, {
        organizerId,
        pause: to === 'paused',
        adminId: currentUser(req).id,
        reason: parsed.data.reason,
      });
      req.leaveNotice(
        changed
          ? { kind: 'success', text: 'Done. The owners of the organizer were told by mail.' }
          : { kind: 'info', text: 'It was so already. Nothing was changed.' },
      );
      res.redirect(303, act.back.href);
    },
  );

  return router;

  async function appFacts(connection: Connection) {
    const lines = ((await listAppStatus(db, appOAuth, [connection])) ?? []).map(
      ({ mode, badge, words }) => `${mode ? `${mode}: ` : ''}${badge.label}. ${words}`,
    );
    return lines.length > 0 ? [{ term: 'App in the Stripe Dashboard', lines }] : [];
  }

  async function getConnection(req: Request): Promise<Connection> {
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

  async function forcedEndAct(connection: Connection): Promise<Act> {
    const { processing } = await consequencesOf(db, connection);
    return {
      heading: 'End it without waiting',
      lead:
        processing.length === 0
          ? 'No payment of this account is with a bank. The connection ends by itself.'
          : 'These payments were begun, and the buyers’ banks have not decided yet. Once the connection has ended, Foyer can’t see how they go on.',
      back: { href: paths.adminConnection(connection.id), label: accountName(connection) },
      facts: processing.map((order) => ({
        term: `Order ${order.reference}`,
        text: formatMoney(order.total_amount, order.currency),
      })),
      consequences: [
        'Their tickets stay held, and the orders wait among what needs attention: ask the organizer how each payment went.',
        'If the same account is connected again, Foyer asks Stripe about them by itself.',
        'Foyer gives up its access at Stripe now.',
      ],
      action: paths.adminForcedEnd(connection.id),
      button: { label: 'End it without waiting', kind: 'danger' },
      reasonHint: 'It stands in the audit log, with the list of these orders.',
    };
  }

  async function pauseAct(req: Request): Promise<{ act: Act; organizerId: string }> {
    const id = String(req.params['id']);
    const organizer = isUuid(id) ? await db('organizers').where({ id }).first() : undefined;
    if (!organizer) throw new NotFound('organizer');
    const paused = organizer.paid_sales_paused_at !== null;
    return {
      organizerId: id,
      act: {
        heading: paused
          ? `Let paid sales of ${organizer.name} go on`
          : `Pause paid sales of ${organizer.name}`,
        lead: paused
          ? 'This is what happens:'
          : 'A way to stop the money without ending a connection. This is what happens:',
        back: { href: paths.adminOrganizer(id), label: organizer.name },
        facts: [
          { term: 'Contact', text: organizer.contact_email },
          ...(paused ? [{ term: 'Paused because', text: organizer.paid_sales_pause_reason }] : []),
        ],
        consequences: paused
          ? ['Paid tickets of all its events are on sale again, where the account can take payments.']
          : [
              'No paid ticket of any of its events can be ordered any more, on whichever account. Free tickets go on.',
              'Payments that have begun still count. Tickets that were bought stay valid, and refunds can be made.',
              'Its Stripe accounts stay connected. One that it connects meanwhile is paused too.',
            ],
        action: paths.adminPaidSales(id),
        button: paused
          ? { label: 'Let paid sales go on', kind: 'primary' }
          : { label: 'Pause paid sales', kind: 'danger' },
        reasonHint: 'The owners read it in a mail. It also stands in the audit log.',
        hidden: { to: paused ? 'on_sale' : 'paused' },
      },
    };
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
