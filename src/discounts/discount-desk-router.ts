/** The codes of an event, as its organizer makes and counts them. */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { currentUser, requireUser } from '../http/current-user';
import { type Form, parseForm, withErrors } from '../http/forms';
import { renderPage } from '../http/views';
import { formatDateTime } from '../lib/dates';
import { isUuid, newId } from '../lib/ids';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { type EventOfMember, eventOfMember } from '../organizers/event-of-member';
import { paths } from '../paths';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { type DiscountCode, discountInWords } from './discount-code';
import { NEW_CODE, parseCodeForm, typeField } from './discount-code-forms';
import { createDiscountCodesStore } from './discount-codes-store';
import { makeCode, MOST_CODES, switchCode } from './make-code';

const switchForm = z.object({ to: z.enum(['on', 'off'], { error: 'Choose on or off' }) });

export function discountDeskRouter({ config, db }: Pick<Dependencies, 'config' | 'db'>): Router {
  const router = Router();
  const guards: RequestHandler[] = [requireUser, loadOrganizer(db)];

  router.get('/organizer/events/:id/codes', ...guards, async (req: Request, res: Response) => {
    await show(req, res, await eventOfMember(db, req), NEW_CODE);
  });

  router.post('/organizer/events/:id/codes', ...guards, async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    const parsed = parseCodeForm(req.body, event, await createTicketTypesStore(db).listOfEvent(event.id));
    if (!parsed.ok) return show(req, res.status(422), event, parsed.form);
    const { fields, form } = parsed;
    const made = await makeCode(db, deedOf(req, event), {
      ...fields,
      id: newId(),
      eventId: event.id,
      currency: event.currency,
    });
    if (made !== 'made')
      return show(req, res.status(422), event, withErrors(form, { code: WHY_NOT_MADE[made] }));
    req.leaveNotice({ kind: 'success', text: `The code ${fields.code} works from now on.` });
    res.redirect(303, paths.discountCodes(event.id));
  });

  router.post(
    '/organizer/events/:id/codes/:codeId/switch',
    ...guards,
    async (req: Request, res: Response) => {
      const event = await eventOfMember(db, req);
      const parsed = parseForm(switchForm, req.body);
      const id = req.params['codeId'];
      if (!parsed.ok || !isUuid(id)) throw new NotFound('code');
      const { to } = parsed.data;
      const name = await switchCode(db, deedOf(req, event), id, to);
      if (name)
        req.leaveNotice(
          to === 'off'
            ? {
                kind: 'info',
                text: `${name} is switched off. Orders that were placed with it keep their price.`,
              }
            : { kind: 'success', text: `${name} works again.` },
        );
      res.redirect(303, paths.discountCodes(event.id));
    },
  );

  return router;

  async function show(req: Request, res: Response, event: EventOfMember, form: Form): Promise<void> {
    const types = await createTicketTypesStore(db).listOfEvent(event.id);
    const nameOf = new Map(types.map((type) => [type.id, type.name]));
    const codes = await createDiscountCodesStore(db).listOfEvent(event.id);
    const now = new Date();
    renderPage(
      req,
      res,
      'discounts/codes',
      { title: `Codes: ${event.title}`, layout: 'desk', page: { organizer: organizerOf(req) } },
      {
        event,
        form,
        codes: codes.map((code) => ({
          ...code,
          does: capitalized(discountInWords(code)),
          appliesTo:
            code.ticketTypeIds?.map((id) => nameOf.get(id) ?? 'a removed ticket type').join(', ') ??
            'All ticket types',
          uses: usesInWords(code),
          window: windowInWords(code, event.time_zone),
          badge: badgeOf(code, now),
          link: config.baseUrl + paths.eventWithCode(event.slug, code.code),
        })),
        types: types.map((type) => ({
          name: typeField(type.id),
          label: type.name + (type.visibility === 'hidden' ? ' (hidden)' : ''),
        })),
      },
    );
  }
}

function deedOf(req: Request, event: EventOfMember) {
  return { eventId: event.id, organizerId: event.organizer_id, userId: currentUser(req).id };
}

const WHY_NOT_MADE = {
  name_taken: 'This event has a code of this name. Choose another, or switch that one on again',
  too_many: `An event can have ${MOST_CODES} codes, and this one has them. Use one of those`,
};

/** "3 of 10, 1 held" */
function usesInWords(code: DiscountCode): string {
  const limit = code.useLimit === null ? '' : ` of ${code.useLimit}`;
  return `${code.used}${limit}${code.held > 0 ? `, and ${code.held} held` : ''}`;
}

function windowInWords(code: DiscountCode, zone: string): string {
  const from = code.validFrom && formatDateTime(code.validFrom, zone);
  const until = code.validUntil && formatDateTime(code.validUntil, zone);
  if (from && until) return `${from} to ${until}`;
  if (from) return `From ${from}`;
  return until ? `Until ${until}` : 'At any time';
}

function badgeOf(code: DiscountCode, now: Date): { kind: 'green' | 'amber' | 'neutral'; label: string } {
  if (code.switchedOffAt) return { kind: 'neutral', label: 'Switched off' };
  if (code.validUntil && now >= code.validUntil) return { kind: 'neutral', label: 'Over' };
  if (code.validFrom && now < code.validFrom) return { kind: 'amber', label: 'Not yet' };
  if (code.useLimit !== null && code.used >= code.useLimit) return { kind: 'neutral', label: 'Used up' };
  return { kind: 'green', label: 'Works' };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
