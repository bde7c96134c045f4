/** Rehearsing an event with test cards, and going live. Behind the desk's own middleware. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { BadRequest, NotFound } from '../errors';
import { currentUser } from '../http/current-user';
import { renderPage } from '../http/views';
import { organizerOf } from '../organizers/current-organizer';
import { paths } from '../paths';
import { offersTestMode, purgeTestOrders, readMode, switchMode } from './event-mode';
import { createEventsStore } from './events-store';

export function eventModeRouter({ config, db }: Pick<Dependencies, 'config' | 'db'>): Router {
  const router = Router();

  router.get('/organizer/events/:id/mode', async (req: Request, res: Response) => {
    const event = await getEvent(req);
    renderPage(
      req,
      res,
      'events/mode',
      { title: 'Test and live', layout: 'desk', page: { organizer: organizerOf(req) } },
      { event, ...(await readMode(db, event)) },
    );
  });

  router.post('/organizer/events/:id/mode', async (req: Request, res: Response) => {
    const event = await getEvent(req);
    const to: unknown = req.body?.to;
    if (to !== 'test' && to !== 'live')
      throw new BadRequest('This form is not whole. Nothing was changed. Go back and send it again.');
    await switchMode(db, deedOf(req, event.id), to);
    req.leaveNotice(
      to === 'live'
        ? { kind: 'success', text: 'The event is live: from now on tickets are sold for real.' }
        : {
            kind: 'info',
            text: 'The event is in test mode: pay with test cards. It is not in the programme.',
          },
    );
    res.redirect(303, paths.manageEvent(event.id));
  });

  router.post('/organizer/events/:id/test-orders/removal', async (req: Request, res: Response) => {
    const event = await getEvent(req);
    const removed = await purgeTestOrders(db, deedOf(req, event.id));
    req.leaveNotice({
      kind: 'success',
      text:
        removed === 0
          ? 'There was no test order to remove.'
          : `${removed === 1 ? 'One test order was' : `${removed} test orders were`} removed, with tickets.`,
    });
    res.redirect(303, paths.eventMode(event.id));
  });

  return router;

  async function getEvent(req: Request) {
    if (!offersTestMode(config)) throw new NotFound('page');
    return createEventsStore(db).getOfOrganizer(req.params['id'], organizerOf(req).id);
  }

  function deedOf(req: Request, eventId: string) {
    return { eventId, organizerId: organizerOf(req).id, userId: currentUser(req).id };
  }
}
