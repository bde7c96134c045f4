import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { isUuid } from '../lib/ids';
import { paths } from '../paths';
import { noStore } from './security-headers';
import { renderPage } from './views';

/** What developers need and nobody else may see: the mails that were not sent, and all components together. */
export function devRouter({ config, db }: Pick<Dependencies, 'config' | 'db'>): Router {
  const router = Router();
  if (config.production) return router;
  router.use('/dev', noStore);

  router.get(paths.devMail(), async (req: Request, res: Response) => {
    const mails = await db('mails')
      .orderBy('created_at', 'desc')
      .limit(100)
      .select('id', 'recipient', 'subject', 'status', 'created_at');
    renderPage(req, res, 'dev/mails', { title: 'Mails' }, { mails, sending: config.smtpUrl !== null });
  });

  router.get('/dev/mail/:id', async (req: Request<{ id: string }>, res: Response) => {
    const mail = isUuid(req.params.id) ? await db('mails').where({ id: req.params.id }).first() : undefined;
    if (!mail) throw new NotFound('mail');
    renderPage(req as unknown as Request, res, 'dev/mail', { title: mail.subject }, { mail });
  });

  router.get('/dev/mail/:id/html', async (req: Request<{ id: string }>, res: Response) => {
    const mail = isUuid(req.params.id) ? await db('mails').where({ id: req.params.id }).first() : undefined;
    if (!mail) throw new NotFound('mail');
    // A mail carries its styles inline; it is shown in a frame of our own and runs nothing.
    res
      .set(
        'Content-Security-Policy',
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'; sandbox allow-popups",
      )
      .removeHeader('X-Frame-Options');
    res.type('html').send(mail.html_body);
  });

  router.get(paths.devComponents(), (req: Request, res: Response) => {
    renderPage(req, res, 'dev/components', { title: 'Components' });
  });
  return router;
}
