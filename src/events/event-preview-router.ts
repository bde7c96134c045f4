import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { currentUser } from '../http/current-user';
import { renderPage } from '../http/views';
import { posterSvg } from '../lib/poster';
import { organizerOf } from '../organizers/current-organizer';
import { type Membership } from '../organizers/organizers-store';
import { paths } from '../paths';
import { askedInPreview, type AskedGroup } from '../questions/question';
import { createQuestionsStore } from '../questions/questions-store';
import { createOrganizerFeesStore } from '../payments/organizer-fees-store';
import { type TicketType } from '../ticket-types/ticket-type';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { type EventDetails } from './event';
import { createEventDraftsStore, type EventDraft } from './event-drafts';
import { type EventInput, parseEventForm } from './event-forms';
import { eventPageLocals, posterOf, isConnectionReady, type PreviewNotice } from './event-page';
import { ticketBox } from './event-page-model';
import { createEventsStore } from './events-store';

/**
 * The event page as it will look, for members alone: of what is saved, and of an unfinished form. Nothing can be ordered
 * there. Behind the desk's own middleware, which says whose event it is.
 */
export function eventPreviewRouter(dependencies: Pick<Dependencies, 'db' | 'config'>): Router {
  const { db, config } = dependencies;
  const router = Router();
  const events = createEventsStore(db);
  const ticketTypes = createTicketTypesStore(db);

  router.get('/organizer/events/:id/preview', async (req: Request, res: Response) => {
    const event = await events.getOfOrganizer(req.params['id'], organizerOf(req).id);
    const types = await ticketTypes.listOfEvent(event.id);
    // as it would look once published, which takes a connection; a cancelled one as it looks now
    const draft = event.status === 'draft';
    const shown: EventDetails = draft ? { ...event, status: 'published' } : event;
    const connectionReady = draft || (await isConnectionReady(dependencies, { event, ticketTypes: types }));
    const asked = await askedOfEvent(event.id, types);
    show(req, res, { event: shown, types, connectionReady, asked }, SAVED(event.id));
  });

  router.get('/organizer/drafts/:id/preview', async (req: Request, res: Response) => {
    const organizer = organizerOf(req);
    const draft = await createEventDraftsStore(db).findDraft(req.params['id'], {
      userId: currentUser(req).id,
      organizerId: organizer.id,
    });
    if (!draft) throw new NotFound('unfinished event');
    const saved = draft.eventId ? await events.getOfOrganizer(draft.eventId, organizer.id) : null;
    const parsed = parseEventForm(draft.values, {
      now: new Date(),
      unchangedStart: saved?.startsAt,
      fees: await createOrganizerFeesStore(db).policyFor(
        organizer.id,
        draft.values['currency'] ?? '',
        config.platformFee,
      ),
    });
    const form = formOf(draft);
    if (!parsed.ok) {
      const [first] = Object.values(parsed.form.errors);
      req.leaveNotice({ kind: 'warning', text: `There is no preview of this form yet. ${first}.` });
      return res.redirect(303, form);
    }
    const { livemode } = config.stripe.primary;
    const shown = eventOfForm(draft.id, parsed.input, saved, { organizer, livemode });
    const asked = saved ? await askedOfEvent(saved.id, shown.types) : [];
    show(req, res, { ...shown, connectionReady: true, asked }, UNSAVED(form));
  });

  return router;

  async function askedOfEvent(eventId: string, types: TicketType[]): Promise<AskedGroup[]> {
    return askedInPreview(await createQuestionsStore(db).listOfEvent(eventId), types);
  }
}

function show(
  req: Request,
  res: Response,
  shown: { event: EventDetails; types: TicketType[]; connectionReady: boolean; asked: AskedGroup[] },
  previewOf: PreviewNotice,
): void {
  const { event, types, connectionReady } = shown;
  const organizer = organizerOf(req);
  const box = ticketBox(event, types, { connectionReady, now: new Date(), organizerName: organizer.name });
  // the public poster is not there before the event is
  const svg = Buffer.from(posterSvg({ id: event.id, title: event.title })).toString('base64');
  const poster = event.coverHash ? posterOf(event) : `data:image/svg+xml;base64,${svg}`;
  res.set('X-Robots-Tag', 'noindex');
  renderPage(
    req,
    res,
    'events/event',
    { title: `Preview: ${event.title}` },
    eventPageLocals({ event, organizer, legal: [] }, box, { poster, previewOf, asked: shown.asked }),
  );
}

const ONLY_MEMBERS = 'Only members of your organizer see this preview, and nothing can be ordered here.';

const SAVED = (eventId: string): PreviewNotice => ({
  text: `This is how your event page looks. ${ONLY_MEMBERS}`,
  back: { href: paths.manageEvent(eventId), label: 'Back to the event' },
});

const UNSAVED = (form: string): PreviewNotice => ({
  text: `This is how your event page will look. It is not saved yet. ${ONLY_MEMBERS}`,
  back: { href: form, label: 'Back to the form' },
});

function formOf(draft: EventDraft): string {
  return draft.eventId ? paths.editEvent(draft.eventId, draft.id) : paths.newEvent(draft.id);
}

/** What a form that was never saved would make, as the page shows it. */
function eventOfForm(
  draftId: string,
  input: EventInput,
  saved: EventDetails | null,
  { organizer, livemode }: { organizer: Membership; livemode: boolean },
): { event: EventDetails; types: TicketType[] } {
  const id = saved?.id ?? draftId;
  const event: EventDetails = {
    ...(saved ?? { ...NEVER_SAVED, organizerId: organizer.id, livemode }),
    ...input.event,
    id,
    status: 'published',
  };
  const types = input.ticketTypes.map(({ fields, id: typeId, row }) => ({
    ...fields,
    id: typeId ?? `${draftId}-${row}`,
    eventId: id,
    position: row,
    held: 0,
    sold: 0,
    removedAt: null,
  }));
  return { event, types };
}

const NEVER_SAVED = {
  slug: 'preview',
  held: 0,
  sold: 0,
  stripeConnectionId: null,
  publishedAt: null,
  cancelledAt: null,
  cancellationReason: null,
  updatedAt: new Date(0),
  coverHash: null,
  coverAlt: null,
  suspended: false,
};
