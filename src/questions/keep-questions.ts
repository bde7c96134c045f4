/**
 * Questions of an event: made, changed, put in another order, ended and asked again. Invariant: whatever is done to a
 * question, the answers to it stay as they were given, each with the words it was given to.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction, violatedConstraint } from '../db/connection';
import { createQuestionsStore, type NewQuestion, type QuestionWords } from './questions-store';

/** More than this nobody answers. */
export const MOST_QUESTIONS = 30;

interface Deed {
  eventId: string;
  organizerId: string;
  userId: string;
}

export async function makeQuestion(
  db: Knex,
  deed: Deed,
  question: NewQuestion,
): Promise<'made' | 'too_many' | 'name_taken'> {
  return orNameTaken(() =>
    inTransaction(db, async (trx) => {
      const store = await lockQuestions(trx, deed.eventId);
      if ((await store.listOfEvent(deed.eventId)).length >= MOST_QUESTIONS) return 'too_many';
      await store.create(question);
      await audit(trx, deed, 'event.question_made', question.label);
      return 'made' as const;
    }),
  );
}

/** Throws NotFound for a question of another event. */
export async function changeQuestion(db: Knex, deed: Deed, id: string, words: QuestionWords): Promise<void> {
  await inTransaction(db, async (trx) => {
    const store = await lockQuestions(trx, deed.eventId);
    await store.getOfEvent(id, deed.eventId);
    await store.update(id, words);
    await audit(trx, deed, 'event.question_changed', words.label);
  });
}

/** Ends a question, or asks it again behind the others. Answers what it is called. Throws NotFound for one of another event. */
export async function askQuestion(
  db: Knex,
  deed: Deed,
  id: string,
  asked: boolean,
): Promise<{ label: string; outcome: 'done' | 'already' | 'too_many' | 'name_taken' }> {
  const { label } = await createQuestionsStore(db).getOfEvent(id, deed.eventId);
  const outcome = await orNameTaken(() =>
    inTransaction(db, async (trx) => {
      const store = await lockQuestions(trx, deed.eventId);
      const others = await store.listOfEvent(deed.eventId);
      if (asked && others.length >= MOST_QUESTIONS) return 'too_many';
      if (!(await store.markAsked(id, asked))) return 'already';
      if (asked) await renumber(store, [...others.map((other) => other.id), id]);
      await audit(trx, deed, asked ? 'event.question_asked_again' : 'event.question_ended', label);
      return 'done' as const;
    }),
  );
  return { label, outcome };
}

/** One place up or down among those that are asked. At the end of the list nothing happens. */
export async function moveQuestion(db: Knex, deed: Deed, id: string, to: 'up' | 'down'): Promise<void> {
  await inTransaction(db, async (trx) => {
    const store = await lockQuestions(trx, deed.eventId);
    await store.getOfEvent(id, deed.eventId);
    const ids = (await store.listOfEvent(deed.eventId)).map((question) => question.id);
    const from = ids.indexOf(id);
    const place = from + (to === 'up' ? -1 : 1);
    if (from < 0 || place < 0 || place >= ids.length) return;
    ids.splice(from, 1);
    ids.splice(place, 0, id);
    await renumber(store, ids);
  });
}

/** Two people at the same desk come one after the other. */
async function lockQuestions(trx: Knex.Transaction, eventId: string) {
  await trx('questions').where({ event_id: eventId }).orderBy('id').forUpdate().select('id');
  return createQuestionsStore(trx);
}

async function renumber(store: ReturnType<typeof createQuestionsStore>, ids: string[]): Promise<void> {
  for (const [index, id] of ids.entries()) await store.setPosition(id, index + 1);
}

async function orNameTaken<T>(work: () => Promise<T>): Promise<T | 'name_taken'> {
  try {
    return await work();
  } catch (error) {
    if (violatedConstraint(error) === 'questions_one_name') return 'name_taken';
    throw error;
  }
}

async function audit(trx: Knex, deed: Deed, action: string, question: string): Promise<void> {
  await writeAudit(trx, {
    actor: 'organizer',
    actorUserId: deed.userId,
    action,
    organizerId: deed.organizerId,
    subjectType: 'event',
    subjectId: deed.eventId,
    details: { question },
  });
}
