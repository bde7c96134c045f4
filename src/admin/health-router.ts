import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { renderPage } from '../http/views';
import { paths } from '../paths';
import { readHealth } from './health';

export function adminHealthRouter(
  dependencies: Pick<Dependencies, 'db' | 'stripe' | 'connectOAuth' | 'config' | 'logger'>,
): Router {
  const router = Router();
  router.get(paths.adminHealth(), async (req: Request, res: Response) => {
    renderPage(
      req,
      res,
      'admin/health',
      { title: 'Health', layout: 'admin' },
      { health: await readHealth(dependencies), stripeProblems: STRIPE_PROBLEMS },
    );
  });
  return router;
}

const STRIPE_PROBLEMS: Record<string, string> = {
  away: 'Stripe has not answered lately, so it was not asked. Payments wait and are tried again by themselves.',
  unanswered: 'Stripe did not answer. Payments wait and are tried again by themselves.',
  platform_key: 'Stripe refused the platform’s key. Check STRIPE_SECRET_KEY.',
  rate_limited: 'Stripe asks Foyer to go slower.',
  access_lost: 'Stripe does not let the platform in.',
  other_platform:
    'STRIPE_SECRET_KEY belongs to another platform than the organizers’ accounts are connected to. Nothing was concluded about the accounts; put the right key in.',
};
