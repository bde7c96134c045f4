/** "Find my tickets": a mail with the links of somebody's orders. No session: guarded by its origin and by limits. */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { type Dependencies } from '../dependencies';
import { emailField, emptyForm, type Form, parseForm } from '../http/forms';
import { networkOf } from '../http/network';
import { noStore } from '../http/security-headers';
import { renderPage } from '../http/views';
import { addJob } from '../jobs/jobs';
import { keyedHash } from '../lib/tokens';
import { paths } from '../paths';

const PER_NETWORK = { points: 20, seconds: 60 * 60 };
const PER_ADDRESS = { points: 3, seconds: 60 * 60 };
const TOO_MANY =
  'These tickets were asked for several times. Look into your spam folder, or try again in an hour.';

const findTicketsForm = z.object({
  email: emailField('Enter the email address that you gave with your order'),
});

export function findTicketsRouter({
  config,
  db,
  rateLimits,
}: Pick<Dependencies, 'config' | 'db' | 'rateLimits'>): Router {
  const router = Router();
  router.use(paths.findTickets(), noStore);

  router.get(paths.findTickets(), (req: Request, res: Response) => {
    show(req, res, emptyForm, req.query['sent'] === '1');
  });

  /** Known or unknown, the answer is the same and takes as long: what is different happens in the worker. */
  router.post(paths.findTickets(), async (req: Request, res: Response) => {
    const parsed = parseForm(findTicketsForm, req.body);
    if (!parsed.ok) return show(req, res, parsed.form, false);
    const { email } = parsed.data;
    await rateLimits.consume('find-tickets-network', keyOf(networkOf(req.ip)), PER_NETWORK, TOO_MANY);
    await rateLimits.consume('find-tickets-address', keyOf(email), PER_ADDRESS, TOO_MANY);
    await addJob(db, 'mail_tickets_of_buyer', { email });
    res.redirect(303, `${paths.findTickets()}?sent=1`);
  });

  return router;

  function keyOf(text: string): string {
    return keyedHash(config.sessionSecrets[0]!, 'rate-limits', text);
  }
}

function show(req: Request, res: Response, form: Form, sent: boolean): void {
  renderPage(
    req,
    res,
    'orders/find-tickets',
    {
      title: sent ? 'Look into your mailbox' : 'Find my tickets',
      status: Object.keys(form.errors).length > 0 ? 422 : 200,
    },
    { form, sent },
  );
}
