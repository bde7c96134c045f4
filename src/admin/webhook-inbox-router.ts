/** Stripe's events as they came in: what became of each, and working one off again. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { currentUser, requireRecentPassword } from '../http/current-user';
import { emptyForm } from '../http/forms';
import { renderPage } from '../http/views';
import { paths } from '../paths';
import { replayEvent } from '../webhooks/replay-event';
import { type Act, readReason, showAct } from './acts';
import { pageAddress, readListSearch } from './list-page';
import { findInboxEvent, INBOX_FILTERS, type InboxEvent, listInbox } from './webhook-inbox';

export function webhookInboxRouter({ db }: Pick<Dependencies, 'db'>): Router {
  const router = Router();

  router.get(paths.adminWebhooks(), async (req: Request, res: Response) => {
    const search = readListSearch(req.query, INBOX_FILTERS);
    renderPage(
      req,
      res,
      'admin/webhooks',
      { title: 'Webhooks', layout: 'admin' },
      {
        search,
        list: await listInbox(db, search),
        badges: STATE_BADGES,
        filterWords: FILTER_WORDS,
        hrefFor: pageAddress(paths.adminWebhooks(), search),
      },
    );
  });

  router.get('/admin/webhooks/:id', async (req: Request, res: Response) => {
    const found = await getEvent(req);
    renderPage(
      req,
      res,
      'admin/webhook',
      { title: `Event ${found.event.id}`, layout: 'admin' },
      {
        inboxEvent: found.event,
        facts: found.facts,
        orderId: found.orderId,
        stateBadge: STATE_BADGES[found.event.state],
      },
    );
  });

  router.get('/admin/webhooks/:id/replay', requireRecentPassword, async (req: Request, res: Response) => {
    showAct(req, res, replayOf((await getEvent(req)).event), emptyForm);
  });

  router.post('/admin/webhooks/:id/replay', requireRecentPassword, async (req: Request, res: Response) => {
    const { event } = await getEvent(req);
    const parsed = readReason(req);
    if (!parsed.ok) return showAct(req, res, replayOf(event), parsed.form);
    await replayEvent(db, event.id, { userId: currentUser(req).id, reason: parsed.data.reason });
    req.leaveNotice({ kind: 'success', text: 'The event is worked off again. Its page shows the outcome.' });
    res.redirect(303, paths.adminWebhook(event.id));
  });

  return router;

  async function getEvent(req: Request) {
    const found = await findInboxEvent(db, req.params['id']);
    if (!found) throw new NotFound('event');
    return found;
  }
}

const STATE_BADGES = {
  received: { kind: 'neutral', label: 'Received' },
  processed: { kind: 'green', label: 'Processed' },
  failed: { kind: 'amber', label: 'Failed, tried again' },
  parked: { kind: 'red', label: 'Parked' },
} as const;

const FILTER_WORDS = INBOX_FILTERS.map((value) => ({
  value,
  label: value === 'all' ? 'All' : STATE_BADGES[value].label,
}));

function replayOf(event: InboxEvent): Act {
  return {
    heading: 'Work off this event again',
    lead: 'Foyer does again what it does when this event arrives.',
    back: { href: paths.adminWebhook(event.id), label: `Event ${event.id}` },
    facts: [
      { term: 'Type', text: event.type },
      { term: 'State', text: STATE_BADGES[event.state].label },
      { term: 'Outcome', text: event.outcome ?? event.lastError ?? 'None yet' },
    ],
    consequences: [
      'Foyer asks Stripe how things stand now and records that. What stands in the event itself is not believed.',
      'Nothing is charged, refunded or mailed a second time.',
    ],
    action: paths.adminReplay(event.id),
    button: { label: 'Work off again', kind: 'primary' },
    reasonHint: 'It stands in the audit log.',
  };
}
