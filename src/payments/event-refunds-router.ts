/** Refunding everybody of a cancelled event: what it means, the button, and how far it is. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { Conflict } from '../errors';
import { currentUser } from '../http/current-user';
import { renderPage } from '../http/views';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { eventOfMember } from '../organizers/event-of-member';
import { paths } from '../paths';
import { previewEventRefund, readEventRefundProgress } from './event-payments';
import { beginEventRefund, retryEventRefunds } from './refund-event';

const LOOK_AGAIN_SECONDS = 5;

export function eventRefundsRouter(dependencies: Dependencies): Router {
  const { config, db } = dependencies;
  const router = Router();

  router.get('/organizer/events/:id/refunds', loadOrganizer(db), async (req: Request, res: Response) => {
    const event = await getCancelled(req);
    const begun = await db('event_refunds').where({ event_id: event.id }).first();
    const preview = await previewEventRefund(db, event.id, config.platformFeeRefund);
    const progress = begun ? await readEventRefundProgress(db, begun.id) : null;
    const working = progress !== null && (progress.waiting.count > 0 || preview.orders > 0);
    renderPage(
      req,
      res,
      'refunds/event',
      {
        title: `Refunds: ${event.title}`,
        layout: 'desk',
        page: {
          organizer: organizerOf(req),
          refresh: working ? { seconds: LOOK_AGAIN_SECONDS, url: paths.eventRefunds(event.id) } : null,
        },
      },
      { event, preview, progress, working, begunAt: begun?.created_at ?? null },
    );
  });

  router.post('/organizer/events/:id/refunds', loadOrganizer(db), async (req: Request, res: Response) => {
    const event = await getCancelled(req);
    await beginEventRefund(dependencies, {
      eventId: event.id,
      organizerId: event.organizer_id,
      userId: currentUser(req).id,
    });
    res.redirect(303, paths.eventRefunds(event.id));
  });

  router.post(
    '/organizer/events/:id/refunds/attempts',
    loadOrganizer(db),
    async (req: Request, res: Response) => {
      const event = await getCancelled(req);
      const begun = await retryEventRefunds(dependencies, event.id, currentUser(req).id);
      req.leaveNotice(
        begun > 0
          ? {
              kind: 'success',
              text: `${begun === 1 ? 'One refund is' : `${begun} refunds are`} tried again.`,
            }
          : { kind: 'info', text: 'There is no refund that can be tried again now.' },
      );
      res.redirect(303, paths.eventRefunds(event.id));
    },
  );

  return router;

  async function getCancelled(req: Request) {
    const event = await eventOfMember(db, req);
    if (event.status !== 'cancelled')
      throw new Conflict(
        'All orders of an event can be refunded at once when it is cancelled. Single orders can be refunded on their own page.',
        'This event is not cancelled',
      );
    return event;
  }
}
