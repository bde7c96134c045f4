import { type Request, type RequestHandler, type Response, Router } from 'express';
import { conversionWords } from '../connect/account-currency';
import { accountName, type Connection, whyNoPaidSales } from '../connect/connection';
import { connectionForEvent } from '../connect/connection-for-event';
import { type Dependencies } from '../dependencies';
import { Forbidden, NotFound } from '../errors';
import { currentUser } from '../http/current-user';
import { type Form, parseForm, withErrors } from '../http/forms';
import { keptNotice, keptValues } from '../http/kept-forms';
import { renderPage } from '../http/views';
import { isUuid } from '../lib/ids';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { paths } from '../paths';
import { type FeePolicy, feeWords } from '../payments/fees';
import { createOrganizerFeesStore } from '../payments/organizer-fees-store';
import { priceInWords, type TicketType } from '../ticket-types/ticket-type';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { cancelEvent } from './cancel-event';
import { eventChangeRouter } from './event-change-router';
import { duplicateEvent } from './duplicate-event';
import { createEventChangesStore } from './event-changes-store';
import { createDeskEvents, type DeskPeriod, toDeskEvent } from './desk-events';
import { type EventDetails, lacksConnection, whatIsMissing } from './event';
import { needsPayment } from './event-availability';
import { accountProblems, readAccountChoice } from './event-account';
import { createEventDraftsStore } from './event-drafts';
import { type FormValues, pickEventValues, ticketField, withAnotherRow } from './event-fields';
import { eventFormView } from './event-form-view';
import {
  cancellationForm,
  type EventFormAction,
  eventFormValues,
  newEventForm,
  parseEventForm,
  readEventForm,
} from './event-forms';
import { isInTestMode, offersTestMode } from './event-mode';
import { eventModeRouter } from './event-mode-router';
import { eventPreviewRouter } from './event-preview-router';
import { createEventsStore } from './events-store';
import { payoutPreviewRouter } from './payout-preview-router';
import { payoutTable } from './payout-words';
import { pageOfList } from './programme';
import { CONFIRM_EMAIL_FIRST, publishEvent, unpublishEvent } from './publish-event';
import { changeEvent, createEvent, refuseCancelled } from './save-event';

const NOTICES_SHOWN = 5;

/** The desk's events: making them, changing them, putting them on sale and taking them off. */
export function eventDeskRouter(dependencies: Dependencies): Router {
  const { config, db } = dependencies;
  const router = Router();
  const events = createEventsStore(db);
  const ticketTypes = createTicketTypesStore(db);
  const deskEvents = createDeskEvents(db);
  const drafts = createEventDraftsStore(db);

  router.use([paths.events(), '/organizer/drafts', paths.payoutPreview()], loadOrganizer(db));
  router.use('/organizer/events/:id', organizerOfEvent);
  router.use(eventPreviewRouter(dependencies));
  router.use(eventChangeRouter(dependencies));
  router.use(payoutPreviewRouter(dependencies));
  router.use(eventModeRouter(dependencies));

  router.get(paths.events(), async (req: Request, res: Response) => {
    const organizer = organizerOf(req);
    const period = periodOf(req.query['show']);
    const page = pageOfList(req.query['page'], await deskEvents.count(organizer.id, period));
    renderDesk(req, res, 'events/list', 'Events', {
      period,
      deskEvents: await deskEvents.list(organizer.id, period, page, new Date()),
      unfinished: await drafts.listDrafts(currentUser(req).id, organizer.id),
      pages: page,
      hrefFor: (number: number) => `${paths.events()}?show=${period}${number > 1 ? `&page=${number}` : ''}`,
    });
  });

  router.get(paths.newEvent(), async (req: Request, res: Response) => {
    const draft = await findDraft(req, null);
    const values = keptEventValues(req) ?? draft?.values;
    await showForm(req, res, { event: null, draftId: draft?.id ?? null, form: newEventForm(values) });
  });

  router.post(paths.events(), async (req: Request, res: Response) => {
    const { action, draftId, values } = readEventForm(req.body);
    const kept = { draftId, values, event: null };
    if (action === 'save_draft' || action === 'add_ticket') return keepDraft(req, res, { action, ...kept });
    const fees = await feesOf(organizerOf(req).id, values['currency']);
    const parsed = parseEventForm(values, { now: new Date(), fees });
    if (!parsed.ok) return showProblems(req, res, { event: null, draftId, form: parsed.form });
    const owner = { organizerId: organizerOf(req).id, livemode: config.stripe.primary.livemode };
    const problems = await accountProblems(db, { ...owner, before: null }, parsed.input);
    if (hasAny(problems))
      return showProblems(req, res, { event: null, draftId, form: withErrors(parsed.form, problems) });
    if (action === 'preview') return keepDraft(req, res, { action, ...kept });
    const id = await createEvent(db, parsed.input, owner);
    await drafts.deleteDraft(draftId, draftOwner(req));
    req.leaveNotice({ kind: 'success', text: `“${parsed.input.event.title}” is saved. Nobody sees it yet.` });
    res.redirect(303, paths.manageEvent(id));
  });

  router.get('/organizer/events/:id', async (req: Request, res: Response) => {
    const known = await getEvent(req);
    const sales = await deskEvents.readSales(known.event.id);
    renderDesk(req, res, 'events/home', known.event.title, {
      ...homeLocals(known, config.baseUrl),
      sales,
      told: await createEventChangesStore(db).list(known.event.id, NOTICES_SHOWN),
      offersTestMode: offersTestMode(config),
      inTestMode: isInTestMode(config, known.event),
      mayDuplicate: organizerOf(req).role === 'owner',
    });
  });

  router.get('/organizer/events/:id/edit', async (req: Request, res: Response) => {
    const { event, types } = await getEvent(req);
    refuseCancelled(event);
    const draft = await findDraft(req, event.id);
    const values = keptEventValues(req) ?? draft?.values ?? eventFormValues(event, types);
    await showForm(req, res, { event, draftId: draft?.id ?? null, form: { values, errors: {} } });
  });

  router.post('/organizer/events/:id/edit', async (req: Request, res: Response) => {
    const { event } = await getEvent(req);
    refuseCancelled(event);
    const { action, draftId, values } = readEventForm(req.body);
    const kept = { draftId, values, event };
    if (action === 'save_draft' || action === 'add_ticket') return keepDraft(req, res, { action, ...kept });
    const parsed = parseEventForm(values, {
      now: new Date(),
      unchangedStart: event.startsAt,
      fees: await feesOf(event.organizerId, values['currency']),
    });
    if (!parsed.ok) return showProblems(req, res, { event, draftId, form: parsed.form });
    if (action === 'preview') return keepDraft(req, res, { action, ...kept });
    const by = { userId: currentUser(req).id };
    const changed = await changeEvent(dependencies, event.id, event.organizerId, parsed.input, by);
    if (changed.outcome === 'refused')
      return showProblems(req, res, { event, draftId, form: withErrors(parsed.form, changed.errors) });
    if (changed.outcome === 'must_tell') return keepDraft(req, res, { action: 'tell', ...kept });
    await drafts.deleteDraft(draftId, draftOwner(req));
    req.leaveNotice({ kind: 'success', text: 'Your changes are saved.' });
    res.redirect(303, paths.manageEvent(event.id));
  });

  router.get('/organizer/events/:id/publication', async (req: Request, res: Response) => {
    const known = await getEvent(req);
    if (known.event.status === 'published') return res.redirect(303, paths.manageEvent(known.event.id));
    renderDesk(req, res, 'events/publication', 'Publish event', homeLocals(known, config.baseUrl));
  });

  router.post('/organizer/events/:id/publication', async (req: Request, res: Response) => {
    const known = await getEvent(req);
    const { missing } = await publishEvent(db, deedOf(req, known.event));
    if (missing.length > 0) {
      res.status(422);
      return renderDesk(req, res, 'events/publication', 'Publish event', {
        ...homeLocals(known, config.baseUrl),
        missing,
        refused: true,
      });
    }
    req.leaveNotice({ kind: 'success', text: `“${known.event.title}” is published and on sale.` });
    res.redirect(303, paths.manageEvent(known.event.id));
  });

  router.post('/organizer/events/:id/unpublication', async (req: Request, res: Response) => {
    const { event } = await getEvent(req);
    await unpublishEvent(db, deedOf(req, event));
    req.leaveNotice({
      kind: 'info',
      text:
        event.sold > 0
          ? 'The event page is gone and nothing more is sold. Tickets that were sold stay good, and nobody is told: if the event does not take place, cancel it.'
          : 'The event page is gone and nothing more is sold. You can publish it again at any time.',
    });
    res.redirect(303, paths.manageEvent(event.id));
  });

  router.get('/organizer/events/:id/cancellation', async (req: Request, res: Response) => {
    const known = await getEvent(req);
    refuseCancelled(known.event);
    await showCancellation(req, res, known, { values: keptValues(req) ?? {}, errors: {} });
  });

  router.post('/organizer/events/:id/cancellation', async (req: Request, res: Response) => {
    const known = await getEvent(req);
    const parsed = parseForm(cancellationForm, req.body);
    if (!parsed.ok) {
      res.status(422);
      return showCancellation(req, res, known, parsed.form);
    }
    await cancelEvent(dependencies, { ...deedOf(req, known.event), reason: parsed.data.reason });
    req.leaveNotice({
      kind: 'success',
      text: `“${known.event.title}” is cancelled. Everybody who has tickets gets a mail with your words.`,
    });
    const { taken } = await deskEvents.readSales(known.event.id);
    // money was taken: what happens with it is the next question
    res.redirect(303, taken > 0n ? paths.eventRefunds(known.event.id) : paths.manageEvent(known.event.id));
  });

  router.post('/organizer/events/:id/duplicates', async (req: Request, res: Response) => {
    const { event } = await getEvent(req);
    if (organizerOf(req).role !== 'owner')
      throw new Forbidden('Only an owner of this organizer can duplicate its events.');
    const owner = { organizerId: event.organizerId, livemode: config.stripe.primary.livemode };
    const { id, codes } = await duplicateEvent(db, event.id, owner, new Date());
    req.leaveNotice({
      kind: 'success',
      text: `This is a copy of “${event.title}”. Nobody sees it yet, and nothing of it is sold. Check its title, and when it starts.${codes === 0 ? '' : ' Its codes came along, switched off: switch on those that should work.'}`,
    });
    res.redirect(303, paths.editEvent(id));
  });

  router.post('/organizer/drafts/:id/removal', async (req: Request, res: Response) => {
    if (!(await drafts.deleteDraft(req.params['id'], draftOwner(req))))
      throw new NotFound('unfinished event');
    req.leaveNotice({ kind: 'info', text: 'The unfinished form is gone.' });
    res.redirect(303, paths.events());
  });

  /**
   * A person with several organizers sees each event as the organizer that it belongs to, and so does what they press
   * there: “Connect with Stripe” on this event's form connects this organizer and no other.
   */
  async function organizerOfEvent(...[req, _res, next]: Parameters<RequestHandler>): Promise<void> {
    const id = req.params['id'];
    const row = isUuid(id) ? await db('events').where({ id }).first('organizer_id') : undefined;
    const membership = row && req.memberships?.find((organizer) => organizer.id === row.organizer_id);
    if (membership && membership.id !== req.organizer?.id) {
      req.organizer = membership;
      req.session.organizerId = membership.id;
    }
    next();
  }

  async function getEvent(req: Request): Promise<KnownEvent> {
    const event = await events.getOfOrganizer(req.params['id'], organizerOf(req).id);
    return {
      event,
      types: await ticketTypes.listOfEvent(event.id),
      connection: await connectionForEvent(db, event),
      fees: await feesOf(event.organizerId, event.currency),
      unverifiedEmail: currentUser(req).emailVerified ? null : currentUser(req).email,
    };
  }

  /** What the platform keeps of this organizer's tickets. */
  function feesOf(organizerId: string, currency: string | undefined): Promise<FeePolicy> {
    return createOrganizerFeesStore(db).policyFor(organizerId, currency ?? '', config.platformFee);
  }

  async function findDraft(req: Request, eventId: string | null) {
    const id = keptValues(req)?.['draft'] ?? req.query['draft'];
    const draft = await drafts.findDraft(id, draftOwner(req));
    return draft?.eventId === eventId ? draft : null;
  }

  /** Stores what was typed without checking it: to go on later, or to go on with one more row. */
  async function keepDraft(
    req: Request,
    res: Response,
    kept: {
      action: Exclude<EventFormAction, 'save'> | 'tell';
      draftId: string | null;
      values: FormValues;
      event: EventDetails | null;
    },
  ): Promise<void> {
    const { event } = kept;
    const more = kept.action === 'add_ticket' ? withAnotherRow(kept.values) : null;
    const { id } = await drafts.saveDraft({
      ...draftOwner(req),
      eventId: event?.id ?? null,
      draftId: kept.draftId,
      values: more?.values ?? kept.values,
    });
    if (kept.action === 'preview') return res.redirect(303, paths.draftPreview(id));
    if (kept.action === 'tell') return res.redirect(303, paths.eventChangeNotice(event!.id, id));
    const address = event ? paths.editEvent(event.id, id) : paths.newEvent(id);
    if (!more)
      req.leaveNotice({
        kind: 'info',
        text: 'Everything you typed is kept. You find it under Events when you want to go on.',
      });
    const newRow = more ? `#${ticketField(more.row, 'name').replaceAll('.', '-')}` : '';
    res.redirect(303, address + newRow);
  }

  async function showProblems(
    req: Request,
    res: Response,
    shown: { event: EventDetails | null; draftId: string | null; form: Form },
  ): Promise<void> {
    const { id } = await drafts.saveDraft({
      ...draftOwner(req),
      eventId: shown.event?.id ?? null,
      draftId: shown.draftId,
      values: shown.form.values,
    });
    res.status(422);
    await showForm(req, res, { ...shown, draftId: id });
  }

  async function showForm(
    req: Request,
    res: Response,
    shown: { event: EventDetails | null; draftId: string | null; form: Form },
  ): Promise<void> {
    const { event } = shown;
    const owner = event ?? { organizerId: organizerOf(req).id, livemode: config.stripe.primary.livemode };
    const accounts = await readAccountChoice(db, owner, shown.form.values['stripe_connection'] ?? '');
    const typesWithOrders = event ? await ticketTypes.listIdsWithOrders(event.id) : new Set<string>();
    renderDesk(
      req,
      res,
      'events/form',
      event ? `Change ${event.title}` : 'New event',
      eventFormView({
        ...shown,
        accounts,
        typesWithOrders,
        fees: await feesOf(owner.organizerId, shown.form.values['currency']),
      }),
    );
  }

  async function showCancellation(req: Request, res: Response, known: KnownEvent, form: Form): Promise<void> {
    const sales = await deskEvents.readSales(known.event.id);
    renderDesk(req, res, 'events/cancellation', 'Cancel event', { event: known.event, sales, form });
  }

  return router;
}

interface KnownEvent {
  event: EventDetails;
  types: TicketType[];
  connection: Connection | null;
  /** what the platform keeps of its tickets */
  fees: FeePolicy;
  /** of a person who must confirm it before they publish */
  unverifiedEmail: string | null;
}

/** What the event's own pages at the desk show of it. */
function homeLocals({ event, types, connection, fees, unverifiedEmail }: KnownEvent, baseUrl: string) {
  const now = new Date();
  return {
    deskEvent: toDeskEvent(event, types, now),
    event,
    types,
    missing:
      event.status === 'draft'
        ? [
            ...whatIsMissing(event, types, connection, now),
            ...(unverifiedEmail === null ? [] : [CONFIRM_EMAIL_FIRST]),
          ]
        : [],
    unverifiedEmail,
    needsConnection: event.status !== 'cancelled' && lacksConnection(types, connection),
    whyNoSales: whyNoPaidSales(connection),
    payee: connection && types.some(needsPayment) ? accountName(connection) : null,
    conversion: types.some(needsPayment) ? conversionWords(connection, event.currency) : null,
    payout: payoutTable(types, { currency: event.currency, fees, account: connection }),
    feeWords: types.some(needsPayment) ? feeWords(fees, event.currency) : null,
    publicUrl: baseUrl + paths.event(event.slug),
    takesMoney: types.some(needsPayment),
    priceInWords,
    refused: false,
  };
}

function renderDesk(
  req: Request,
  res: Response,
  view: string,
  heading: string,
  locals: Record<string, unknown>,
): void {
  renderPage(
    req,
    res,
    view,
    {
      title: heading,
      layout: 'desk',
      page: { organizer: organizerOf(req), ...keptNotice(req) },
    },
    locals,
  );
}

function hasAny(problems: Record<string, string>): boolean {
  return Object.keys(problems).length > 0;
}

function deedOf(req: Request, event: EventDetails) {
  return {
    eventId: event.id,
    organizerId: event.organizerId,
    userId: currentUser(req).id,
  };
}

function keptEventValues(req: Request): FormValues | null {
  const kept = keptValues(req);
  return kept && pickEventValues(kept);
}

function draftOwner(req: Request): { userId: string; organizerId: string } {
  return { userId: currentUser(req).id, organizerId: organizerOf(req).id };
}

function periodOf(asked: unknown): DeskPeriod {
  return asked === 'past' || asked === 'cancelled' ? asked : 'upcoming';
}
