import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { currentUser } from '../http/current-user';
import { emptyForm, type Form, parseForm } from '../http/forms';
import { renderPage } from '../http/views';
import { organizerOf } from '../organizers/current-organizer';
import { paths } from '../paths';
import { createOrganizerFeesStore } from '../payments/organizer-fees-store';
import { type EventDetails } from './event';
import { createEventDraftsStore } from './event-drafts';
import { changeNoticeForm, parseEventForm } from './event-forms';
import { createEventsStore } from './events-store';
import { changeEvent, refuseCancelled } from './save-event';
import { changeMail, countHolders } from './tell-holders';
import { changesWorthTelling, fingerprintOf, type ToldChange } from './worth-telling';

const MOST_NOTICES = { points: 10, seconds: 24 * 60 * 60 };
const TOO_MANY_NOTICES =
  'People with tickets for this event were told of changes ten times within a day. What you typed is kept under Events; save it tomorrow.';

/**
 * The step between the form and the change, where people hold tickets and time or place is to change: who is told of
 * what, and in which words. Behind the desk's own middleware. What was typed waits in the draft.
 */
export function eventChangeRouter(dependencies: Dependencies): Router {
  const { db, config, rateLimits } = dependencies;
  const router = Router();
  const events = createEventsStore(db);
  const drafts = createEventDraftsStore(db);

  router.get('/organizer/events/:id/change-notice', async (req: Request, res: Response) => {
    const event = await getEvent(req);
    const draft = await findDraft(req, event, req.query['draft']);
    const changes = draft?.changes ?? [];
    if (!draft || changes.length === 0) return res.redirect(303, paths.editEvent(event.id, draft?.id));
    await show(req, res, event, { draftId: draft.id, title: draft.title, changes, form: emptyForm });
  });

  router.post('/organizer/events/:id/change-notice', async (req: Request, res: Response) => {
    const event = await getEvent(req);
    refuseCancelled(event);
    const parsed = parseForm(changeNoticeForm, req.body);
    const draft = await findDraft(req, event, parsed.form.values['draft']);
    // gone with the change that it was about: this was pressed twice
    if (!draft) return res.redirect(303, paths.manageEvent(event.id));
    if (!draft.input) return res.redirect(303, paths.editEvent(event.id, draft.id));
    const shown = { draftId: draft.id, title: draft.title, changes: draft.changes, form: parsed.form };
    if (!parsed.ok) return show(req, res.status(422), event, shown);
    await rateLimits.consume('event-change', event.id, MOST_NOTICES, TOO_MANY_NOTICES);
    const by = { userId: currentUser(req).id };
    const changed = await changeEvent(dependencies, event.id, event.organizerId, draft.input, by, {
      ...by,
      message: parsed.data.message,
      seen: parsed.data.seen,
    });
    if (changed.outcome === 'refused') {
      req.leaveNotice({
        kind: 'warning',
        text: `Nothing was saved or mailed. ${Object.values(changed.errors)[0]}.`,
      });
      return res.redirect(303, paths.editEvent(event.id, draft.id));
    }
    if (changed.outcome === 'must_tell')
      return show(req, res.status(409), event, { ...shown, changes: changed.changes, stale: true });
    await drafts.deleteDraft(draft.id, ownerOf(req));
    req.leaveNotice({
      kind: 'success',
      text: `Your changes are saved. ${changed.told === 0 ? 'Nobody had to be told.' : `${ordersInWords(changed.told)} told by mail.`}`,
    });
    res.redirect(303, paths.manageEvent(event.id));
  });

  return router;

  async function getEvent(req: Request): Promise<EventDetails> {
    return events.getOfOrganizer(req.params['id'], organizerOf(req).id);
  }

  /** The form that waits, what it would make, and what of that people must hear. */
  async function findDraft(req: Request, event: EventDetails, id: unknown) {
    const draft = await drafts.findDraft(id, ownerOf(req));
    if (draft?.eventId !== event.id) return null;
    const now = new Date();
    const parsed = parseEventForm(draft.values, {
      now,
      unchangedStart: event.startsAt,
      fees: await createOrganizerFeesStore(db).policyFor(
        event.organizerId,
        draft.values['currency'] ?? '',
        config.platformFee,
      ),
    });
    const input = parsed.ok ? parsed.input : null;
    const changes = input ? changesWorthTelling(event, input.event, now) : [];
    return { id: draft.id, input, changes, title: input?.event.title ?? event.title };
  }

  async function show(
    req: Request,
    res: Response,
    event: EventDetails,
    shown: { draftId: string; title: string; changes: ToldChange[]; form: Form; stale?: boolean },
  ): Promise<void> {
    const organizer = organizerOf(req);
    const mail = changeMail({
      event: { title: shown.title },
      organizer: { name: organizer.name, contact_email: organizer.contactEmail },
      order: { status: 'paid', reference: '(its number)', buyerName: '(name)' },
      changes: shown.changes,
      message: shown.form.values['message'] || '(your words, if you enter any)',
      url: '',
    });
    renderPage(
      req,
      res,
      'events/change-notice',
      { title: 'Tell people of the change', layout: 'desk', page: { organizer } },
      {
        event,
        ...shown,
        stale: shown.stale ?? false,
        told: ordersInWords(await countHolders(db, event.id)),
        mail,
        seen: fingerprintOf(shown.changes),
      },
    );
  }
}

function ownerOf(req: Request): { userId: string; organizerId: string } {
  return { userId: currentUser(req).id, organizerId: organizerOf(req).id };
}

/** "One order is", "12 orders are" */
function ordersInWords(count: number): string {
  return count === 1 ? 'One order is' : `${count} orders are`;
}
