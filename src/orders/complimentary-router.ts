/** Tickets that a member gives away, and free tickets that are taken back. */
import { randomUUID } from 'node:crypto';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { type Dependencies } from '../dependencies';
import { Conflict } from '../errors';
import { currentUser, requireUser } from '../http/current-user';
import {
  emailField,
  emptyForm,
  type Form,
  optionalText,
  parseForm,
  textField,
  wholeNumber,
  withErrors,
} from '../http/forms';
import { renderPage } from '../http/views';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { type EventOfMember, eventOfMember, thingOfMember } from '../organizers/event-of-member';
import { paths } from '../paths';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { isFreeAndStands, takeTicketsBack } from './cancel-free-order';
import { giveTickets, whyNoGifts } from './give-tickets';
import { createOrdersStore } from './orders-store';

/** So many at once: more than a family, less than a mistake. */
const MOST_TICKETS = 20;
/** Foyer's mail goes to whom the member names: enough for a guest list, not for a campaign. */
const GIFTS_A_DAY = { points: 200, seconds: 86_400 };

const giftForm = z.object({
  type: z.uuid('Choose a ticket type'),
  quantity: wholeNumber({ required: 'Enter how many tickets', min: 1, max: MOST_TICKETS }),
  name: textField({ required: 'Enter the name of the guest', max: 120 }),
  email: emailField('Enter the email address of the guest'),
  reason: textField({ required: 'Enter a reason, like “Speaker” or “Press”', max: 200 }),
  key: z.uuid('This form is not whole. Go back and begin again'),
});

const takeBackForm = z.object({ message: optionalText({ max: 500, multiline: true }) });

export function complimentaryRouter(dependencies: Dependencies): Router {
  const { db, rateLimits } = dependencies;
  const router = Router();
  const guards: RequestHandler[] = [requireUser, loadOrganizer(db)];

  router.get(
    '/organizer/events/:id/complimentary-orders/new',
    guards,
    async (req: Request, res: Response) => {
      await showGift(req, res, await eventOfMember(db, req), emptyForm);
    },
  );

  router.post('/organizer/events/:id/complimentary-orders', guards, async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    const parsed = parseForm(giftForm, req.body);
    if (!parsed.ok) return showGift(req, res.status(422), event, parsed.form);
    await rateLimits.consume(
      'complimentary-order',
      event.organizer_id,
      GIFTS_A_DAY,
      'You have given tickets to very many people today. Go on tomorrow, or make an access code for hidden free tickets.',
    );
    const { type, key, ...gift } = parsed.data;
    const outcome = await giveTickets(dependencies, {
      ...gift,
      ticketTypeId: type,
      formKey: key,
      eventId: event.id,
      organizerId: event.organizer_id,
      userId: currentUser(req).id,
    });
    if (outcome.state === 'refused')
      return showGift(
        req,
        res.status(422),
        event,
        withErrors(parsed.form, { [outcome.field]: outcome.message }),
      );
    req.leaveNotice({ kind: 'success', text: `The tickets are on their way to ${gift.email}.` });
    res.redirect(303, paths.deskOrder(outcome.orderId));
  });

  router.get('/organizer/orders/:id/cancellation', guards, async (req: Request, res: Response) => {
    await showTakeBack(req, res, emptyForm);
  });

  router.post('/organizer/orders/:id/cancellation', guards, async (req: Request, res: Response) => {
    const { id } = await thingOfMember(db, req, 'orders', 'order');
    const parsed = parseForm(takeBackForm, req.body);
    if (!parsed.ok) return showTakeBack(req, res.status(422), parsed.form);
    const done = await takeTicketsBack(dependencies, {
      orderId: id,
      userId: currentUser(req).id,
      message: parsed.data.message,
    });
    req.leaveNotice(
      done
        ? { kind: 'success', text: 'The tickets are no longer valid, and their places are free again.' }
        : { kind: 'info', text: 'This order was over already. Nothing was changed.' },
    );
    res.redirect(303, paths.deskOrder(id));
  });

  return router;

  async function showGift(req: Request, res: Response, event: EventOfMember, form: Form): Promise<void> {
    const types = await createTicketTypesStore(db).listOfEvent(event.id);
    renderPage(
      req,
      res,
      'orders/give',
      { title: `Give tickets: ${event.title}`, layout: 'desk', page: { organizer: organizerOf(req) } },
      {
        event,
        obstacle: whyNoGifts(event),
        form: { ...form, values: { quantity: '1', ...form.values, key: form.values['key'] || randomUUID() } },
        types: types.map((type) => {
          const left = type.capacity - type.held - type.sold;
          const hidden = type.visibility === 'hidden' ? ', hidden' : '';
          return { value: type.id, label: `${type.name} (${left} left${hidden})` };
        }),
      },
    );
  }

  async function showTakeBack(req: Request, res: Response, form: Form): Promise<void> {
    const { id } = await thingOfMember(db, req, 'orders', 'order');
    const order = await createOrdersStore(db).get(id);
    if (!isFreeAndStands(order))
      throw new Conflict(
        order.totalAmount > 0n
          ? 'This order has cost something. Refund it instead: then its tickets end as well.'
          : 'This order has no tickets to take back any more.',
      );
    const event = await db('events').where({ id: order.eventId }).first();
    const tickets = await db('tickets').where({ order_id: id, status: 'valid' }).select('checked_in_at');
    renderPage(
      req,
      res,
      'orders/take-back',
      {
        title: `Take tickets back: order ${order.reference}`,
        layout: 'desk',
        page: { organizer: organizerOf(req) },
      },
      {
        order,
        event,
        form,
        tickets: tickets.length,
        used: tickets.filter((ticket) => ticket.checked_in_at).length,
      },
    );
  }
}
