/** Every dispute of every organizer. Admins watch; only the organizer can answer, at Stripe. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { renderPage } from '../http/views';
import { paths } from '../paths';
import { DISPUTE_BADGES } from '../payments/dispute';
import { DISPUTE_FILTERS, listAllDisputes } from '../payments/disputes-store';
import { pageAddress, readListSearch } from './list-page';

export function disputesRouter({ db }: Pick<Dependencies, 'db'>): Router {
  const router = Router();
  router.get(paths.adminDisputes(), async (req: Request, res: Response) => {
    const search = readListSearch(req.query, DISPUTE_FILTERS);
    renderPage(
      req,
      res,
      'admin/disputes',
      { title: 'Disputes', layout: 'admin' },
      {
        search,
        list: await listAllDisputes(db, search),
        badges: DISPUTE_BADGES,
        filterWords: FILTER_WORDS,
        hrefFor: pageAddress(paths.adminDisputes(), search),
      },
    );
  });
  return router;
}

const FILTER_WORDS = [
  { value: 'running', label: 'Running' },
  { value: 'all', label: 'All' },
  { value: 'won', label: 'Won' },
  { value: 'lost', label: 'Lost' },
];
