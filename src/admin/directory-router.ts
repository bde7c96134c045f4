/** People, organizers and events: to find, to look at, to suspend. */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { BadRequest, NotFound } from '../errors';
import { currentUser, requireRecentPassword } from '../http/current-user';
import { emptyForm } from '../http/forms';
import { renderPage } from '../http/views';
import { paths } from '../paths';
import { feeWords } from '../payments/fees';
import { createOrganizerFeesStore, policyOf } from '../payments/organizer-fees-store';
import { type Act, readReason, showAct } from './acts';
import { listAuditOf } from './audit-list';
import {
  EVENT_FILTERS,
  findEvent,
  findOrganizer,
  findUser,
  type ListedEvent,
  type ListedOrganizer,
  type ListedUser,
  listEvents,
  listOrganizers,
  listUsers,
  ORGANIZER_FILTERS,
  USER_FILTERS,
} from './directory';
import { pageAddress, readListSearch } from './list-page';
import { setSuspension, type SuspendedKind } from './suspensions';

export function directoryRouter(dependencies: Pick<Dependencies, 'db' | 'config'>): Router {
  const { db } = dependencies;
  const router = Router();

  router.get(paths.adminUsers(), async (req: Request, res: Response) => {
    const search = readListSearch(req.query, USER_FILTERS);
    renderPage(
      req,
      res,
      'admin/users',
      { title: 'People', layout: 'admin' },
      {
        search,
        list: await listUsers(db, search),
        badgeOf: badgeOfUser,
        filterWords: words({ all: 'All', admins: 'Admins', disabled: 'Disabled' }),
        hrefFor: pageAddress(paths.adminUsers(), search),
      },
    );
  });

  router.get('/admin/users/:id', async (req: Request, res: Response) => {
    const found = present(await findUser(db, req.params['id']), 'person');
    renderPage(
      req,
      res,
      'admin/user',
      { title: found.user.name, layout: 'admin' },
      {
        person: found.user,
        organizers: found.organizers,
        sessions: found.sessions,
        stateBadge: badgeOfUser(found.user),
        isSelf: found.user.id === currentUser(req).id,
        entries: await listAuditOf(db, { subjectType: 'user', subjectId: found.user.id }),
      },
    );
  });

  router.get(paths.adminOrganizers(), async (req: Request, res: Response) => {
    const search = readListSearch(req.query, ORGANIZER_FILTERS);
    renderPage(
      req,
      res,
      'admin/organizers',
      { title: 'Organizers', layout: 'admin' },
      {
        search,
        list: await listOrganizers(db, search),
        badgeOf: badgeOfOrganizer,
        filterWords: words({ all: 'All', suspended: 'Suspended' }),
        hrefFor: pageAddress(paths.adminOrganizers(), search),
      },
    );
  });

  router.get('/admin/organizers/:id', async (req: Request, res: Response) => {
    const found = present(await findOrganizer(db, req.params['id']), 'organizer');
    renderPage(
      req,
      res,
      'admin/organizer',
      { title: found.organizer.name, layout: 'admin' },
      {
        organizer: found.organizer,
        members: found.members,
        events: found.events,
        orders: found.orders,
        onSale: found.onSale,
        stateBadge: badgeOfOrganizer(found.organizer),
        fees: (await createOrganizerFeesStore(db).listOfOrganizer(found.organizer.id)).map(
          (fee) => `${fee.currency.toUpperCase()}: ${feeWords(policyOf(fee), fee.currency)}`,
        ),
        badgeOfEvent,
        entries: await listAuditOf(db, { organizerId: found.organizer.id }),
      },
    );
  });

  router.get(paths.adminEvents(), async (req: Request, res: Response) => {
    const search = readListSearch(req.query, EVENT_FILTERS);
    renderPage(
      req,
      res,
      'admin/events',
      { title: 'Events', layout: 'admin' },
      {
        search,
        list: await listEvents(db, search),
        badgeOf: badgeOfEvent,
        filterWords: words({
          all: 'All',
          draft: 'Drafts',
          published: 'Published',
          cancelled: 'Cancelled',
          suspended: 'Suspended',
        }),
        hrefFor: pageAddress(paths.adminEvents(), search),
      },
    );
  });

  router.get('/admin/events/:id', async (req: Request, res: Response) => {
    const found = present(await findEvent(db, req.params['id']), 'event');
    renderPage(
      req,
      res,
      'admin/event',
      { title: found.event.title, layout: 'admin' },
      {
        event: found.event,
        orders: found.orders,
        stateBadge: badgeOfEvent(found.event),
        entries: await listAuditOf(db, { subjectType: 'event', subjectId: found.event.id }),
      },
    );
  });

  router.get('/admin/users/:id/suspension', requireRecentPassword, ask(actOnUser));
  router.post('/admin/users/:id/suspension', requireRecentPassword, suspend('user', actOnUser));
  router.get('/admin/organizers/:id/suspension', requireRecentPassword, ask(actOnOrganizer));
  router.post(
    '/admin/organizers/:id/suspension',
    requireRecentPassword,
    suspend('organizer', actOnOrganizer),
  );
  router.get('/admin/events/:id/suspension', requireRecentPassword, ask(actOnEvent));
  router.post('/admin/events/:id/suspension', requireRecentPassword, suspend('event', actOnEvent));

  return router;

  function ask(actOn: (id: unknown) => Promise<SuspensionAct>): RequestHandler {
    return async (req, res) => showAct(req, res, (await actOn(req.params['id'])).act, emptyForm);
  }

  /** The form says which state it leads to: pressed twice, or beside a colleague, it does not turn things back. */
  function suspend(kind: SuspendedKind, actOn: (id: unknown) => Promise<SuspensionAct>): RequestHandler {
    return async (req, res) => {
      const { act, id } = await actOn(req.params['id']);
      const to: unknown = req.body?.to;
      if (to !== 'suspended' && to !== 'active')
        throw new BadRequest('This form is not whole. Nothing was changed. Go back and send it again.');
      const parsed = readReason(req);
      if (!parsed.ok) return showAct(req, res, act, parsed.form);
      const changed = await setSuspension(dependencies, {
        kind,
        id,
        suspend: to === 'suspended',
        adminId: currentUser(req).id,
        reason: parsed.data.reason,
      });
      req.leaveNotice(
        changed
          ? {
              kind: 'success',
              text: `Done. ${kind === 'user' ? 'They were' : 'The organizer was'} told by mail.`,
            }
          : { kind: 'info', text: 'It was so already. Nothing was changed.' },
      );
      res.redirect(303, act.back.href);
    };
  }

  async function actOnUser(id: unknown): Promise<SuspensionAct> {
    const { user } = present(await findUser(db, id), 'person');
    const back = { href: paths.adminUser(user.id), label: user.name };
    return suspensionAct(user.id, user.disabledAt !== null, back, paths.adminUserSuspension(user.id), {
      facts: [{ term: 'Email', text: user.email }],
      begin: {
        heading: `Disable the account of ${user.name}`,
        button: 'Disable this account',
        consequences: [
          'They are signed out everywhere, and can not sign in any more.',
          'Their organizers go on: events stay on sale, orders stay. To stop those, suspend the organizer.',
        ],
      },
      end: {
        heading: `Enable the account of ${user.name}`,
        button: 'Enable this account',
        consequences: ['They can sign in again with their password.'],
      },
      reasonHint: 'They read it in a mail. It also stands in the audit log.',
    });
  }

  async function actOnOrganizer(id: unknown): Promise<SuspensionAct> {
    const { organizer, onSale, orders } = present(await findOrganizer(db, id), 'organizer');
    const back = { href: paths.adminOrganizer(organizer.id), label: organizer.name };
    const path = paths.adminOrganizerSuspension(organizer.id);
    return suspensionAct(organizer.id, organizer.suspendedAt !== null, back, path, {
      facts: [
        { term: 'Events on sale', text: String(onSale) },
        { term: 'Paid orders', text: String(orders.paid) },
        { term: 'Orders being placed', text: String(orders.open) },
      ],
      begin: {
        heading: `Suspend ${organizer.name}`,
        button: 'Suspend this organizer',
        consequences: [
          'Its page and the pages of all its events are gone at once, and no more tickets are sold.',
          'Payments that have begun still count. Orders that have not come to payment end by themselves.',
          'Paid orders and tickets stay valid, and their buyers still see them. Nobody is refunded by this.',
        ],
      },
      end: {
        heading: `Reinstate ${organizer.name}`,
        button: 'Reinstate this organizer',
        consequences: [
          'Its page and the pages of its published events are there again, and tickets are sold.',
          'Events that were suspended for themselves stay suspended.',
        ],
      },
      reasonHint: 'The organizer reads it in a mail. It also stands in the audit log.',
    });
  }

  async function actOnEvent(id: unknown): Promise<SuspensionAct> {
    const { event, orders } = present(await findEvent(db, id), 'event');
    const back = { href: paths.adminEvent(event.id), label: event.title };
    return suspensionAct(event.id, event.suspendedAt !== null, back, paths.adminEventSuspension(event.id), {
      facts: [
        { term: 'Organizer', text: event.organizer.name },
        { term: 'Paid orders', text: String(orders.paid) },
        { term: 'Orders being placed', text: String(orders.open) },
      ],
      begin: {
        heading: `Suspend ${event.title}`,
        button: 'Suspend this event',
        consequences: [
          'Its page is gone at once, and no more tickets are sold.',
          'Payments that have begun still count. Orders that have not come to payment end by themselves.',
          'Paid orders and tickets stay valid, and their buyers still see them. Nobody is refunded by this.',
        ],
      },
      end: {
        heading: `Reinstate ${event.title}`,
        button: 'Reinstate this event',
        consequences: [
          event.organizerSuspended
            ? 'Its organizer is suspended, so its page stays away until the organizer is reinstated too.'
            : 'If it is published, its page is there again, and tickets are sold.',
        ],
      },
      reasonHint: 'The organizer reads it in a mail. It also stands in the audit log.',
    });
  }
}

interface SuspensionAct {
  id: string;
  act: Act;
}

interface Wording {
  heading: string;
  button: string;
  consequences: string[];
}

function suspensionAct(
  id: string,
  suspended: boolean,
  back: Act['back'],
  action: string,
  words: { facts: Act['facts']; begin: Wording; end: Wording; reasonHint: string },
): SuspensionAct {
  const { heading, button, consequences } = suspended ? words.end : words.begin;
  return {
    id,
    act: {
      heading,
      lead: 'This is what happens:',
      back,
      facts: words.facts,
      consequences,
      action,
      button: { label: button, kind: suspended ? 'primary' : 'danger' },
      reasonHint: words.reasonHint,
      hidden: { to: suspended ? 'active' : 'suspended' },
    },
  };
}

function present<T>(found: T | null, what: string): T {
  if (found === null) throw new NotFound(what);
  return found;
}

function words(labels: Record<string, string>) {
  return Object.entries(labels).map(([value, label]) => ({ value, label }));
}

function badgeOfUser(user: ListedUser) {
  if (user.disabledAt) return { kind: 'red', label: 'Disabled' };
  return user.isAdmin ? { kind: 'accent', label: 'Admin' } : { kind: 'green', label: 'Active' };
}

function badgeOfOrganizer(organizer: ListedOrganizer) {
  return organizer.suspendedAt ? { kind: 'red', label: 'Suspended' } : { kind: 'green', label: 'Active' };
}

function badgeOfEvent(event: ListedEvent) {
  if (event.suspendedAt) return { kind: 'red', label: 'Suspended' };
  if (event.organizerSuspended) return { kind: 'red', label: 'Organizer suspended' };
  if (event.status === 'cancelled') return { kind: 'neutral', label: 'Cancelled' };
  return event.status === 'published'
    ? { kind: 'green', label: 'Published' }
    : { kind: 'neutral', label: 'Draft' };
}
