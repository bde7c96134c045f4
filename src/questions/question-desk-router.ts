/** What buyers of an event are asked, as its organizer decides it. */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { z } from 'zod';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { currentUser, requireUser } from '../http/current-user';
import { type Form, parseForm, withErrors } from '../http/forms';
import { keptNotice, keptValues } from '../http/kept-forms';
import { type Notice, renderPage } from '../http/views';
import { newId } from '../lib/ids';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { type EventOfMember, eventOfMember } from '../organizers/event-of-member';
import { paths } from '../paths';
import { createTicketTypesStore } from '../ticket-types/ticket-types-store';
import { askQuestion, changeQuestion, makeQuestion, MOST_QUESTIONS, moveQuestion } from './keep-questions';
import { type Question, type QuestionKind } from './question';
import { NEW_QUESTION, parseQuestionForm, questionFormValues, typeField } from './question-forms';
import { createQuestionsStore } from './questions-store';

const askedForm = z.object({ to: z.enum(['on', 'off'], { error: 'Choose on or off' }) });
const positionForm = z.object({ to: z.enum(['up', 'down'], { error: 'Choose up or down' }) });

export function questionDeskRouter({ db }: Pick<Dependencies, 'db'>): Router {
  const router = Router();
  const guards: RequestHandler[] = [requireUser, loadOrganizer(db)];
  const questions = createQuestionsStore(db);

  router.get('/organizer/events/:id/questions', ...guards, async (req: Request, res: Response) => {
    const kept = keptValues(req);
    await showList(
      req,
      res,
      await eventOfMember(db, req),
      kept ? { values: kept, errors: {} } : NEW_QUESTION,
    );
  });

  router.post('/organizer/events/:id/questions', ...guards, async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    const parsed = parseQuestionForm(req.body, await typesOf(event), null);
    if (!parsed.ok) return showList(req, res.status(422), event, parsed.form);
    const question = { ...parsed.fields, id: newId(), eventId: event.id };
    const made = await makeQuestion(db, deedOf(req, event), question);
    if (made !== 'made')
      return showList(req, res.status(422), event, withErrors(parsed.form, WHY_NOT_MADE[made]));
    req.leaveNotice({ kind: 'success', text: `Buyers are asked “${question.label}” from now on.` });
    res.redirect(303, paths.questions(event.id));
  });

  router.get(
    '/organizer/events/:id/questions/:questionId',
    ...guards,
    async (req: Request, res: Response) => {
      const event = await eventOfMember(db, req);
      const question = await questions.getOfEvent(req.params['questionId'], event.id);
      const values = keptValues(req) ?? questionFormValues(question);
      await showOne(req, res, event, question, { values, errors: {} });
    },
  );

  router.post(
    '/organizer/events/:id/questions/:questionId',
    ...guards,
    async (req: Request, res: Response) => {
      const event = await eventOfMember(db, req);
      const question = await questions.getOfEvent(req.params['questionId'], event.id);
      const parsed = parseQuestionForm(req.body, await typesOf(event), question);
      if (!parsed.ok) return showOne(req, res.status(422), event, question, parsed.form);
      await changeQuestion(db, deedOf(req, event), question.id, parsed.fields);
      req.leaveNotice({ kind: 'success', text: 'The question is changed. Answers that were given stay.' });
      res.redirect(303, paths.questions(event.id));
    },
  );

  router.post(
    '/organizer/events/:id/questions/:questionId/switch',
    ...guards,
    async (req: Request, res: Response) => {
      const event = await eventOfMember(db, req);
      const parsed = parseForm(askedForm, req.body);
      if (!parsed.ok) throw new NotFound('question');
      const { to } = parsed.data;
      const id = String(req.params['questionId']);
      const { label, outcome } = await askQuestion(db, deedOf(req, event), id, to === 'on');
      req.leaveNotice(switchNotice(label, to, outcome));
      res.redirect(303, paths.questions(event.id));
    },
  );

  router.post(
    '/organizer/events/:id/questions/:questionId/position',
    ...guards,
    async (req: Request, res: Response) => {
      const event = await eventOfMember(db, req);
      const parsed = parseForm(positionForm, req.body);
      if (!parsed.ok) throw new NotFound('question');
      const question = await questions.getOfEvent(req.params['questionId'], event.id);
      await moveQuestion(db, deedOf(req, event), question.id, parsed.data.to);
      res.redirect(303, `${paths.questions(event.id)}#question-${question.id}`);
    },
  );

  return router;

  function typesOf(event: EventOfMember) {
    return createTicketTypesStore(db).listOfEvent(event.id);
  }

  async function showList(req: Request, res: Response, event: EventOfMember, form: Form): Promise<void> {
    const types = await typesOf(event);
    const counts = await questions.countAnswers(event.id);
    const toRow = (question: Question) => ({ ...question, ...inWords(question, types, counts) });
    render(req, res, 'questions/list', `Questions: ${event.title}`, {
      event,
      form,
      asked: (await questions.listOfEvent(event.id)).map(toRow),
      ended: (await questions.listEnded(event.id)).map(toRow),
      kinds: KINDS,
      types: typeChoices(types),
    });
  }

  async function showOne(
    req: Request,
    res: Response,
    event: EventOfMember,
    question: Question,
    form: Form,
  ): Promise<void> {
    const types = await typesOf(event);
    const counts = await questions.countAnswers(event.id);
    render(req, res, 'questions/question', `Change a question: ${event.title}`, {
      event,
      form,
      question,
      words: inWords(question, types, counts),
      types: typeChoices(types),
    });
  }
}

function render(
  req: Request,
  res: Response,
  view: string,
  title: string,
  locals: Record<string, unknown>,
): void {
  renderPage(
    req,
    res,
    view,
    { title, layout: 'desk', page: { organizer: organizerOf(req), ...keptNotice(req) } },
    locals,
  );
}

function deedOf(req: Request, event: EventOfMember) {
  return { eventId: event.id, organizerId: event.organizer_id, userId: currentUser(req).id };
}

const KINDS: { value: QuestionKind; label: string; hint?: string }[] = [
  { value: 'text', label: 'A line of text' },
  { value: 'long_text', label: 'Several lines of text' },
  { value: 'one_of', label: 'One answer from a list' },
  { value: 'several_of', label: 'Any number of answers from a list' },
  { value: 'yes_no', label: 'Yes or no' },
  {
    value: 'name',
    label: 'A name for each ticket',
    hint: 'Stands on the ticket and at the door, in place of the buyer’s.',
  },
];

const TOO_MANY = `An event can ask ${MOST_QUESTIONS} questions, and this one does. Stop asking one of them`;
const NAME_TAKEN = 'This event asks for a name for each ticket already';
const WHY_NOT_MADE = { too_many: { label: TOO_MANY }, name_taken: { kind: NAME_TAKEN } };

function switchNotice(
  label: string,
  to: 'on' | 'off',
  outcome: Awaited<ReturnType<typeof askQuestion>>['outcome'],
): Notice {
  if (outcome === 'too_many') return { kind: 'error', text: `${TOO_MANY}.` };
  if (outcome === 'name_taken') return { kind: 'error', text: `${NAME_TAKEN}.` };
  return to === 'off'
    ? { kind: 'info', text: `“${label}” is not asked any more. Answers that were given stay.` }
    : { kind: 'success', text: `“${label}” is asked again.` };
}

function inWords(question: Question, types: { id: string; name: string }[], counts: Map<string, number>) {
  const names = new Map(types.map((type) => [type.id, type.name]));
  const count = counts.get(question.id) ?? 0;
  const kind = KINDS.find(({ value }) => value === question.kind)!.label;
  return {
    kindWords: question.options.length > 0 ? `${kind}: ${question.options.join(', ')}` : kind,
    scopeWords:
      (question.scope === 'ticket' ? 'For each ticket' : 'Once for the order') +
      (question.ticketTypeIds === null
        ? ''
        : `, with ${question.ticketTypeIds.map((id) => names.get(id) ?? 'a removed ticket type').join(', ')}`),
    answers: count === 0 ? 'None yet' : String(count),
  };
}

function typeChoices(types: { id: string; name: string; visibility: string }[]) {
  return types.map((type) => ({
    name: typeField(type.id),
    label: type.name + (type.visibility === 'hidden' ? ' (hidden)' : ''),
  }));
}
