/** Messages to those who have tickets: written, looked at, tried, sent; and those that were sent. */
import { randomUUID } from 'node:crypto';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { type Dependencies } from '../dependencies';
import { Conflict, NotFound } from '../errors';
import { markedTitle } from '../events/event-mode';
import { currentUser, requireUser } from '../http/current-user';
import { emptyForm, type Form, parseForm, textField, withErrors } from '../http/forms';
import { type Notice, renderPage } from '../http/views';
import { isUuid } from '../lib/ids';
import { type MailContent } from '../mail/compose-mail';
import { queueMail } from '../mail/outbox';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { type EventOfMember, eventOfMember } from '../organizers/event-of-member';
import { paths } from '../paths';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { type Audience, messageMail, type MessageText } from './message';
import { createMessagesStore, type SentMessage } from './messages-store';
import { beginMessage, MOST_A_DAY } from './send-message';

const TESTS_AN_HOUR = { points: 20, seconds: 3600 };
const MOST_LISTED = 100;

const messageForm = z.object({
  subject: textField({ required: 'Enter what it is about', max: 120 }),
  body: textField({ required: 'Write the message', max: 5000, multiline: true }),
  audience: z
    .string({ error: 'Choose who gets it' })
    .refine((text) => text === 'all' || text === 'not_in' || isUuid(text), { error: 'Choose who gets it' }),
  key: z.uuid('This form is not whole. Go back and begin again'),
  action: z.enum(['preview', 'edit', 'test', 'send']).catch('preview'),
});

export function messagesRouter(dependencies: Dependencies): Router {
  const { config, db, rateLimits } = dependencies;
  const store = createMessagesStore(db);
  const router = Router();
  const guards: RequestHandler[] = [requireUser, loadOrganizer(db)];

  router.get('/organizer/events/:id/messages', guards, async (req: Request, res: Response) => {
    await showCompose(req, res, await eventOfMember(db, req), emptyForm);
  });

  router.post('/organizer/events/:id/messages', guards, async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    const { suspended_at: suspended, organizer_suspended: closed } = await db('events')
      .where({ id: event.id })
      .first('suspended_at', 'organizer_suspended');
    if (suspended || closed)
      throw new Conflict('This event is suspended by Foyer, so no message can be sent.');
    const parsed = parseForm(messageForm, req.body);
    if (!parsed.ok) return showCompose(req, res.status(422), event, parsed.form);
    const { action, key, ...message } = parsed.data;
    const audience = await readAudience(event, message.audience);
    if (!audience)
      return showCompose(
        req,
        res.status(422),
        event,
        withErrors(parsed.form, { audience: 'Choose a ticket type of this event' }),
      );
    if (action === 'edit') return showCompose(req, res, event, parsed.form);
    if (action === 'test') return sendTest(req, res, event, message, audience, parsed.form);
    if (action === 'preview') return showPreview(req, res, event, message, audience, parsed.form);
    const outcome = await beginMessage(dependencies, {
      subject: message.subject,
      body: message.body,
      event,
      audience,
      userId: currentUser(req).id,
      formKey: key,
    });
    if (outcome.state === 'begun') return res.redirect(303, paths.eventMessage(event.id, outcome.messageId));
    const why =
      outcome.state === 'nobody'
        ? 'Nobody has such tickets now, so nothing was sent.'
        : `An event can send ${MOST_A_DAY} messages a day. Send this one tomorrow; it was not sent.`;
    return showCompose(req, res.status(422), event, withErrors(parsed.form, { form: why }));
  });

  router.get('/organizer/events/:id/messages/:messageId', guards, async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    const id = req.params['messageId'];
    const message = isUuid(id) ? await store.find(event.id, id) : null;
    if (!message) throw new NotFound('message');
    const under = message.queuedAt === null || message.sent + message.failed < message.orders;
    renderPage(
      req,
      res,
      'messages/sent',
      {
        title: `${message.subject}: ${event.title}`,
        layout: 'desk',
        page: {
          organizer: organizerOf(req),
          refresh: under ? { seconds: 10, url: paths.eventMessage(event.id, message.id) } : null,
        },
      },
      { event, message, under, to: audienceWords(message) },
    );
  });

  return router;

  async function readAudience(event: EventOfMember, text: string): Promise<Audience | null> {
    if (text === 'all' || text === 'not_in') return { of: text };
    const type = await db('ticket_types').where({ id: text, event_id: event.id }).first('id');
    return type ? { of: 'type', ticketTypeId: type.id } : null;
  }

  async function showCompose(req: Request, res: Response, event: EventOfMember, form: Form): Promise<void> {
    const types = await createTicketTypesStore(db).listOfEvent(event.id);
    const messages = await store.listOfEvent(event.id, MOST_LISTED);
    renderPage(
      req,
      res,
      'messages/messages',
      { title: `Messages: ${event.title}`, layout: 'desk', page: { organizer: organizerOf(req) } },
      {
        event,
        form: {
          ...form,
          values: { audience: 'all', ...form.values, key: form.values['key'] || randomUUID() },
        },
        audiences: [
          { value: 'all', label: 'Everybody with a valid ticket' },
          { value: 'not_in', label: 'Who is not checked in yet' },
          ...types.map(({ id, name }) => ({ value: id, label: `Who has a ticket of “${name}”` })),
        ],
        messages: messages.map((message) => ({ ...message, to: audienceWords(message) })),
        mostADay: MOST_A_DAY,
      },
    );
  }

  async function showPreview(
    req: Request,
    res: Response,
    event: EventOfMember,
    message: MessageText,
    audience: Audience,
    form: Form,
    notice?: Notice,
  ): Promise<void> {
    const { count } = await store.audience(event, audience).first(db.raw('count(*)::int AS count'));
    renderPage(
      req,
      res,
      'messages/preview',
      {
        title: `Look at the message: ${event.title}`,
        layout: 'desk',
        page: { organizer: organizerOf(req), ...(notice ? { notice } : {}) },
      },
      { event, form, count, mail: await exampleOf(event, message) },
    );
  }

  async function sendTest(
    req: Request,
    res: Response,
    event: EventOfMember,
    message: MessageText,
    audience: Audience,
    form: Form,
  ): Promise<void> {
    const user = currentUser(req);
    await rateLimits.consume(
      'message-test',
      user.id,
      TESTS_AN_HOUR,
      'You have tried this many times within the last hour. Try again later.',
    );
    const content = await exampleOf(event, message);
    await queueMail(db, {
      dedupeKey: `message-test:${randomUUID()}`,
      template: 'attendee-message-test',
      recipient: user.email,
      content: { ...content, subject: `[Try] ${content.subject}` },
    });
    await showPreview(req, res, event, message, audience, form, {
      kind: 'success',
      text: `A mail to look at is on its way to ${user.email}. Nobody else has got anything yet.`,
    });
  }

  /** The mail as somebody with an order would get it. */
  async function exampleOf(event: EventOfMember, message: MessageText): Promise<MailContent> {
    const organizer = await db('organizers').where({ id: event.organizer_id }).first('name', 'contact_email');
    return messageMail(
      message,
      { event: { title: markedTitle(config, event) }, organizer },
      { reference: 'ABCD2345', buyerName: 'Ada', url: config.baseUrl + paths.event(event.slug) },
    );
  }
}

function audienceWords({ audience, typeName }: Pick<SentMessage, 'audience' | 'typeName'>): string {
  if (audience === 'all') return 'Everybody with a valid ticket';
  if (audience === 'not_in') return 'Who was not checked in';
  return typeName ? `Who had a ticket of “${typeName}”` : 'Who had a ticket of a type that was removed';
}
