/** What buyers of an event may cancel by themselves, as its organizer sets it. */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { currentUser, requireUser } from '../http/current-user';
import { type Form, parseForm, wholeNumber } from '../http/forms';
import { renderPage } from '../http/views';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { type EventOfMember, eventOfMember } from '../organizers/event-of-member';
import { paths } from '../paths';
import { policyWords, readPolicy, writePolicy } from './policy';

const LONGEST_DAYS = 366;

const policyForm = z.object({
  covers: z.enum(['none', 'free', 'paid', 'both'], { error: 'Choose what can be cancelled' }),
  until: wholeNumber({ required: 'Enter until when', min: 0, max: LONGEST_DAYS }),
  unit: z.enum(['hours', 'days'], { error: 'Choose hours or days' }),
  refund: z.enum(['whole', 'less_fee'], { error: 'Choose what goes back' }).catch('whole'),
});

export function policyDeskRouter({ config, db }: Pick<Dependencies, 'config' | 'db'>): Router {
  const router = Router();
  const guards: RequestHandler[] = [requireUser, loadOrganizer(db)];

  router.get('/organizer/events/:id/self-cancellation', guards, async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    await show(req, res, event, { values: valuesOf(await readText(event.id)), errors: {} });
  });

  router.post('/organizer/events/:id/self-cancellation', guards, async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    const parsed = parseForm(policyForm, req.body);
    if (!parsed.ok) return show(req, res.status(422), event, parsed.form);
    const { covers, until, unit, refund } = parsed.data;
    const policy = covers === 'none' ? null : { covers, hours: unit === 'days' ? until * 24 : until, refund };
    await inTransaction(db, async (trx) => {
      await trx('events')
        .where({ id: event.id })
        .update({ self_cancellation: policy && writePolicy(policy), updated_at: trx.fn.now() });
      await writeAudit(trx, {
        actor: 'organizer',
        actorUserId: currentUser(req).id,
        action: 'event.self_cancellation_set',
        organizerId: event.organizer_id,
        subjectType: 'event',
        subjectId: event.id,
        details: { policy: policy ? writePolicy(policy) : 'none' },
      });
    });
    req.leaveNotice({ kind: 'success', text: 'Saved. It holds for orders from now on.' });
    res.redirect(303, paths.selfCancellation(event.id));
  });

  return router;

  async function readText(eventId: string): Promise<string | null> {
    return (await db('events').where({ id: eventId }).first('self_cancellation')).self_cancellation;
  }

  async function show(req: Request, res: Response, event: EventOfMember, form: Form): Promise<void> {
    const now = readPolicy(await readText(event.id));
    renderPage(
      req,
      res,
      'cancellations/policy',
      { title: `Cancelling: ${event.title}`, layout: 'desk', page: { organizer: organizerOf(req) } },
      {
        event,
        form,
        words: policyWords(now),
        // where Foyer gives its fee back there is nothing that a buyer could bear
        feeIsKept: config.platformFeeRefund === 'keep' || now?.refund === 'less_fee',
      },
    );
  }
}

function valuesOf(text: string | null): Record<string, string> {
  const policy = readPolicy(text);
  if (!policy) return { covers: 'none', until: '2', unit: 'days', refund: 'whole' };
  const days = policy.hours % 24 === 0;
  return {
    covers: policy.covers,
    until: String(days ? policy.hours / 24 : policy.hours),
    unit: days ? 'days' : 'hours',
    refund: policy.refund,
  };
}
