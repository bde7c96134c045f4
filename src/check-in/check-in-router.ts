/** The door: a page for a phone that scans tickets, finds them by name, and says who comes in. */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { Conflict } from '../errors';
import { requireUser, currentUser } from '../http/current-user';
import { cameraPage } from '../http/security-headers';
import { emptyForm, type Form, parseForm } from '../http/forms';
import { renderPage } from '../http/views';
import { formatTime } from '../lib/dates';
import { markedTitle } from '../events/event-mode';
import { isUuid, newId } from '../lib/ids';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { type EventOfMember, eventOfMember } from '../organizers/event-of-member';
import { paths } from '../paths';
import { admitTicket, type Scan, takeBackEntry } from './admit-ticket';
import { checkInForm, removalForm } from './check-in-forms';
import { createDoorList, type DoorAnswer } from './door-list';

export function checkInRouter({
  config,
  db,
  ticketCodes,
}: Pick<Dependencies, 'config' | 'db' | 'ticketCodes'>): Router {
  const router = Router();
  const door = createDoorList(db);
  const guards: RequestHandler[] = [requireUser, loadOrganizer(db)];

  router.get('/organizer/events/:id/check-in', ...guards, cameraPage, async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    const scanId = req.query['scan'];
    await showDoor(req, res, event, {
      answer: isUuid(scanId) ? await door.answer(event.id, scanId) : null,
    });
  });

  router.post('/organizer/events/:id/check-in', ...guards, async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    const parsed = parseForm(checkInForm, req.body);
    if (!parsed.ok) {
      if (wantsJson(req)) return void res.status(422).json({ message: Object.values(parsed.form.errors)[0] });
      res.status(422);
      return showDoor(req, res, event, { form: parsed.form });
    }
    const { code, ticketId, requestKey } = parsed.data;
    const scan = await admitTicket(db, {
      eventId: event.id,
      userId: currentUser(req).id,
      presented: ticketId
        ? { id: ticketId, eventId: event.id }
        : (ticketCodes.verify(code) ?? (await door.findByShortCode(event.id, code))),
      requestKey,
    });
    await answerScan(req, res, event, scan);
  });

  router.post('/organizer/events/:id/check-in/removal', ...guards, async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    const parsed = parseForm(removalForm, req.body);
    const scan = parsed.ok
      ? await takeBackEntry(db, { eventId: event.id, userId: currentUser(req).id }, parsed.data.ticketId)
      : null;
    if (!scan) throw new Conflict('This ticket is not checked in, so there is nothing to take back.');
    await answerScan(req, res, event, scan);
  });

  router.get('/organizer/events/:id/check-in/counts', ...guards, async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    res.json(await door.count(event.id));
  });

  return router;

  async function answerScan(req: Request, res: Response, event: EventOfMember, scan: Scan): Promise<void> {
    if (!wantsJson(req)) return res.redirect(303, `${paths.checkIn(event.id)}?scan=${scan.id}`);
    const answer = await door.answer(event.id, scan.id);
    res.json({ ...toWords(answer!, event), counts: await door.count(event.id) });
  }

  async function showDoor(
    req: Request,
    res: Response,
    event: EventOfMember,
    shown: { answer?: DoorAnswer | null; form?: Form },
  ): Promise<void> {
    event.title = markedTitle(config, event);
    const q = typeof req.query['q'] === 'string' ? req.query['q'].replaceAll('\0', '').trim() : '';
    const found = q === '' ? [] : await door.search(event.id, q.toWellFormed().slice(0, 100));
    renderPage(
      req,
      res,
      'check-in/door',
      {
        title: `Check-in: ${event.title}`,
        layout: 'door',
        page: { organizer: organizerOf(req), stylesheet: 'door.css' },
      },
      {
        event,
        q,
        found,
        answer: shown.answer ? toWords(shown.answer, event) : null,
        counts: await door.count(event.id),
        form: shown.form ?? emptyForm,
        requestKey: newId(),
      },
    );
  }
}

/** What the page and the phone's script show of an answer: finished words. */
function toWords(answer: DoorAnswer, event: EventOfMember) {
  const { ticket } = answer;
  const sinceWords = answer.since
    ? ` At ${formatTime(answer.since, event.time_zone)}${answer.by ? `, let in by ${answer.by}` : ''}.`
    : '';
  return {
    outcome: answer.outcome,
    good: answer.good,
    heading: answer.heading,
    text: answer.text + sinceWords,
    ticketId: ticket?.id ?? null,
    name: ticket ? (ticket.holder ?? 'No name given') : null,
    answers: ticket?.answers ?? [],
    detail: ticket ? `${ticket.typeName} · ${ticket.position} · Order ${ticket.reference}` : null,
    canTakeBack: answer.outcome === 'admitted' || answer.outcome === 'already_in',
  };
}

function wantsJson(req: Request): boolean {
  return req.accepts(['html', 'json']) === 'json';
}
