/** A guest reports an event to the admins. No session: guarded by where the form comes from, and by a limit. */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { networkOf } from '../http/network';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { emailField, emptyForm, type Form, parseForm, textField } from '../http/forms';
import { noStore } from '../http/security-headers';
import { renderPage } from '../http/views';
import { newId } from '../lib/ids';
import { keyedHash } from '../lib/tokens';
import { paths } from '../paths';
import { createPublicEventsStore, type PublicEvent } from './public-events-store';

const REPORTS = { points: 20, seconds: 60 * 60 };
const TOO_MANY_REPORTS =
  'Many reports came from your network within an hour. Wait a while, then send yours again.';

const reportForm = z.object({
  kind: z.enum(['fraud', 'harmful', 'rights', 'other'], { error: 'Choose what is wrong' }),
  message: textField({ required: 'Describe what is wrong', max: 2000, multiline: true }),
  email: z.union([z.literal('').transform(() => null), emailField()]).optional(),
});

export function eventReportsRouter({
  db,
  config,
  rateLimits,
}: Pick<Dependencies, 'db' | 'config' | 'rateLimits'>): Router {
  const router = Router();
  const publicEvents = createPublicEventsStore(db);

  router.get('/events/:slug/report', noStore, async (req: Request, res: Response) => {
    const found = await getEvent(req);
    if (req.query['sent'] === '1')
      return renderPage(req, res, 'events/report-sent', { title: 'Report sent' }, { event: found.event });
    showReport(req, res, found, emptyForm);
  });

  router.post('/events/:slug/report', noStore, async (req: Request, res: Response) => {
    const found = await getEvent(req);
    const parsed = parseForm(reportForm, req.body);
    if (!parsed.ok) return showReport(req, res, found, parsed.form);
    await rateLimits.consume(
      'abuse-report',
      keyedHash(config.sessionSecrets[0]!, 'rate-limits', networkOf(req.ip)),
      REPORTS,
      TOO_MANY_REPORTS,
    );
    await db('abuse_reports').insert({
      id: newId(),
      event_id: found.event.id,
      kind: parsed.data.kind,
      message: parsed.data.message,
      reporter_email: parsed.data.email ?? null,
    });
    res.redirect(303, `${paths.eventReport(found.event.slug)}?sent=1`);
  });

  return router;

  async function getEvent(req: Request): Promise<PublicEvent> {
    const found = await publicEvents.findBySlug(String(req.params['slug']));
    if (!found) throw new NotFound('event');
    return found;
  }
}

function showReport(req: Request, res: Response, { event, organizer }: PublicEvent, form: Form): void {
  const status = Object.keys(form.errors).length > 0 ? 422 : 200;
  renderPage(
    req,
    res,
    'events/report',
    { title: `Report ${event.title}`, status },
    { event, organizer, form },
  );
}
