import { type Request, type Response, Router } from 'express';
import { createConnectionsStore } from '../connect/connections-store';
import { type Dependencies } from '../dependencies';
import { Forbidden } from '../errors';
import { currentUser, requireUser, safeReturnPath } from '../http/current-user';
import { type Form, parseForm, readFields, withErrors } from '../http/forms';
import { keptNotice, keptValues } from '../http/kept-forms';
import { renderPage } from '../http/views';
import { paths } from '../paths';
import { chooseOrganizer, loadOrganizer, organizerOf } from './current-organizer';
import { deskTasks, paymentsBanner } from './desk-tasks';
import { organizerForm, termsForm } from './organizer-forms';
import { NO_TEXTS } from './organizer-terms';
import { createOrganizersStore, type Membership } from './organizers-store';
import { readOverview } from './overview';
import { createTermsStore } from './terms-store';

const NEW_ORGANIZERS = { points: 20, seconds: 60 * 60 };
const TOO_MANY_ORGANIZERS = 'You created many organizers within an hour. Wait a while, then go on.';

/** The desk's first page, and the organizers whose desk it is. Everything below /organizer needs a person. */
export function organizersRouter({ config, db, rateLimits }: Dependencies): Router {
  const router = Router();
  const organizers = createOrganizersStore(db);
  const connections = createConnectionsStore(db);
  const termsStore = createTermsStore(db);
  router.use(paths.desk(), requireUser);

  router.get(paths.desk(), loadOrganizer(db), async (req: Request, res: Response) => {
    const organizer = organizerOf(req);
    const { livemode } = config.stripe.primary;
    const overview = await readOverview(db, {
      organizerId: organizer.id,
      userId: currentUser(req).id,
      livemode,
    });
    const standard = await connections.findDefault(organizer.id, livemode);
    renderPage(
      req,
      res,
      'organizers/overview',
      { title: 'Overview', layout: 'desk', page: { organizer } },
      {
        organizer,
        memberships: req.memberships,
        overview,
        banner: paymentsBanner(overview, standard),
        tasks: deskTasks(overview, standard),
        editOrganizerPath,
      },
    );
  });

  router.get(paths.newOrganizer(), async (req: Request, res: Response) => {
    const form = { values: keptValues(req) ?? { contact_email: currentUser(req).email }, errors: {} };
    await showNewOrganizer(req, res, form, safeReturnPath(req.query['next']));
  });

  router.post(paths.organizers(), async (req: Request, res: Response) => {
    const user = currentUser(req);
    const next = safeReturnPath(req.body?.next);
    const parsed = parseForm(organizerForm, req.body);
    if (!parsed.ok) return showNewOrganizer(req, res, parsed.form, next);
    await rateLimits.consume('new-organizer', user.id, NEW_ORGANIZERS, TOO_MANY_ORGANIZERS);
    const organizer = await organizers.create(parsed.data, user.id);
    req.session.organizerId = organizer.id;
    res.redirect(303, next ?? paths.desk());
  });

  router.post(paths.switchOrganizer(), async (req: Request, res: Response) => {
    const organizer = await organizers.getOfUser(readFields(req.body)['organizer_id'], currentUser(req).id);
    req.session.organizerId = organizer.id;
    req.leaveNotice({ kind: 'info', text: `This is the desk of ${organizer.name} now.` });
    res.redirect(303, paths.desk());
  });

  router.get('/organizer/organizers/:id/edit', loadOrganizer(db), async (req: Request, res: Response) => {
    const edited = await ownOrganizer(req);
    const { name, contactEmail, website } = edited;
    const details = { name, contact_email: contactEmail, website: website ?? '' };
    const values = keptValues(req) ?? { ...details, ...(await termsValues(edited.id)) };
    const form = { values, errors: {} };
    showEditOrganizer(req, res, edited, form);
  });

  router.post('/organizer/organizers/:id/edit', loadOrganizer(db), async (req: Request, res: Response) => {
    const organizer = await ownOrganizer(req);
    const body = { ...(await termsValues(organizer.id)), ...req.body };
    const parsed = parseForm(organizerForm, body);
    const texts = parseForm(termsForm, body);
    if (!parsed.ok || !texts.ok)
      return showEditOrganizer(req, res, organizer, withErrors(parsed.form, texts.form.errors));
    await organizers.update(organizer.id, { ...parsed.data, texts: texts.data }, currentUser(req).id);
    req.leaveNotice({ kind: 'success', text: 'Your changes are saved.' });
    res.redirect(303, editOrganizerPath(organizer.id));
  });

  async function termsValues(organizerId: string): Promise<Record<string, string>> {
    const { terms, refundPolicy, imprint } = (await termsStore.findCurrent(organizerId)) ?? NO_TEXTS;
    return { terms, refund_policy: refundPolicy, imprint };
  }

  async function ownOrganizer(req: Request): Promise<Membership> {
    const organizer = await organizers.getOfUser(req.params['id'], currentUser(req).id);
    if (organizer.role !== 'owner') throw new Forbidden('Only an owner of this organizer can change it.');
    return organizer;
  }

  /** Who has no desk yet sees no navigation of one. */
  async function showNewOrganizer(
    req: Request,
    res: Response,
    form: Form,
    next: string | null,
  ): Promise<void> {
    const current = chooseOrganizer(req, await organizers.listOfUser(currentUser(req).id));
    renderPage(
      req,
      res,
      'organizers/new-organizer',
      {
        title: 'Set up your organizer',
        layout: current ? 'desk' : 'site',
        status: statusOf(form),
        page: { organizer: current, ...keptNotice(req) },
      },
      { form, next, isFirst: current === null },
    );
  }

  return router;
}

function showEditOrganizer(req: Request, res: Response, organizer: Membership, form: Form): void {
  renderPage(
    req,
    res,
    'organizers/edit-organizer',
    {
      title: 'Organizer',
      layout: 'desk',
      status: statusOf(form),
      page: { organizer: organizerOf(req), ...keptNotice(req) },
    },
    { form, organizer, editOrganizerPath },
  );
}

function editOrganizerPath(id: string): string {
  return `/organizer/organizers/${encodeURIComponent(id)}/edit`;
}

function statusOf(form: Form): number {
  return Object.keys(form.errors).length > 0 ? 422 : 200;
}
