/** An organizer decides about an order of their own that needs attention. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { requireRecentPassword } from '../http/current-user';
import { isUuid } from '../lib/ids';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { paths } from '../paths';
import { type DecisionPlace, decisionPages } from './decision-pages';
import { createOrdersStore } from './orders-store';

export function decisionDeskRouter(dependencies: Dependencies): Router {
  const { db } = dependencies;
  const router = Router();
  const pages = decisionPages(dependencies);
  const desk = [loadOrganizer(db), requireRecentPassword];

  router.get('/organizer/orders/:id/decision', desk, async (req: Request, res: Response) =>
    pages.show(req, res, await placeOf(req)),
  );
  router.post('/organizer/orders/:id/decision', desk, async (req: Request, res: Response) =>
    pages.decide(req, res, await placeOf(req)),
  );
  router.post('/organizer/orders/:id/check', desk, async (req: Request, res: Response) =>
    pages.check(req, res, await placeOf(req)),
  );
  return router;

  /** An order of an organizer that the person is a member of; another's is not found. */
  async function placeOf(req: Request): Promise<DecisionPlace> {
    const id = req.params['id'];
    const order = isUuid(id) ? await createOrdersStore(db).find(id) : null;
    const membership = order && req.memberships?.find((candidate) => candidate.id === order.organizerId);
    if (!membership) throw new NotFound('order');
    req.organizer = membership;
    req.session.organizerId = membership.id;
    return {
      as: 'organizer',
      layout: 'desk',
      page: { organizer: organizerOf(req) },
      order,
      hrefs: {
        order: paths.deskOrder(order.id),
        list: paths.eventOrderList(order.eventId),
        check: paths.deskOrderCheck(order.id),
        decision: (to) => paths.deskDecision(order.id, to),
      },
    };
  }
}
