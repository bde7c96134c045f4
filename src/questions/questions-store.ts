import { type Knex } from 'knex';
import { NotFound } from '../errors';
import { isUuid } from '../lib/ids';
import { type Question, type QuestionKind } from './question';

interface QuestionRow {
  id: string;
  event_id: string;
  scope: Question['scope'];
  kind: QuestionKind;
  label: string;
  help: string;
  options: string | null;
  required: boolean;
  correctable: boolean;
  shown_at_door: boolean;
  position: number;
  ended_at: Date | null;
  ticket_type_ids: string[] | null;
}

/** What the form decides. Kind and scope are chosen once: answers were given to them. */
export type QuestionWords = Pick<
  Question,
  'label' | 'help' | 'options' | 'required' | 'correctable' | 'shownAtDoor' | 'ticketTypeIds'
>;
export type NewQuestion = Omit<Question, 'endedAt'>;

/** SQL of questions. Nothing is deleted, since answers name their question. */
export function createQuestionsStore(db: Knex) {
  const questions = () =>
    db<QuestionRow>('questions').select(
      'questions.*',
      db.raw(
        '(SELECT array_agg(ticket_type_id) FROM question_ticket_types WHERE question_id = questions.id) AS ticket_type_ids',
      ),
    );

  return {
    /** What is asked today, in its order. */
    async listOfEvent(eventId: string): Promise<Question[]> {
      const rows = await questions()
        .where({ event_id: eventId, ended_at: null })
        .orderBy(['position', 'created_at', 'id']);
      return (rows as QuestionRow[]).map(toQuestion);
    },

    /** Those that are not asked any more and have answers. */
    async listEnded(eventId: string): Promise<Question[]> {
      const rows = await questions()
        .where({ event_id: eventId })
        .whereNotNull('ended_at')
        .whereExists(db('answers').whereRaw('answers.question_id = questions.id'))
        .orderBy('ended_at', 'desc');
      return (rows as QuestionRow[]).map(toQuestion);
    },

    /** How many answers each question of the event has; none: not in the map. */
    async countAnswers(eventId: string): Promise<Map<string, number>> {
      const rows: { question_id: string; count: number }[] = await db('answers')
        .join('questions', 'questions.id', 'answers.question_id')
        .where({ event_id: eventId })
        .groupBy('question_id')
        .select('question_id', db.raw('count(*)::int AS count'));
      return new Map(rows.map(({ question_id, count }) => [question_id, count]));
    },

    async getOfEvent(id: unknown, eventId: string): Promise<Question> {
      const row = isUuid(id) ? await questions().where({ id, event_id: eventId }).first() : undefined;
      if (!row) throw new NotFound('question');
      return toQuestion(row as QuestionRow);
    },

    /** Behind all others. */
    async create(question: NewQuestion): Promise<void> {
      await db('questions').insert({
        id: question.id,
        event_id: question.eventId,
        scope: question.scope,
        kind: question.kind,
        ...columnsOf(question),
        position: db.raw('(SELECT coalesce(max(position), 0) + 1 FROM questions WHERE event_id = ?)', [
          question.eventId,
        ]),
      });
      await setTicketTypes(question.id, question.ticketTypeIds);
    },

    async update(id: string, words: QuestionWords): Promise<void> {
      await db('questions').where({ id }).update(columnsOf(words));
      await db('question_ticket_types').where({ question_id: id }).delete();
      await setTicketTypes(id, words.ticketTypeIds);
    },

    async setPosition(id: string, position: number): Promise<void> {
      await db('questions').where({ id }).update({ position });
    },

    /** Answers whether this changed anything. */
    async markAsked(id: string, asked: boolean): Promise<boolean> {
      const changed = await db('questions')
        .where({ id })
        .modify((query) => (asked ? query.whereNotNull('ended_at') : query.whereNull('ended_at')))
        .update({ ended_at: asked ? null : db.fn.now() });
      return changed === 1;
    },
  };

  async function setTicketTypes(id: string, ticketTypeIds: string[] | null): Promise<void> {
    const rows = (ticketTypeIds ?? []).map((ticket_type_id) => ({ question_id: id, ticket_type_id }));
    if (rows.length > 0) await db('question_ticket_types').insert(rows);
  }
}

function columnsOf(words: QuestionWords) {
  return {
    label: words.label,
    help: words.help,
    options: words.options.length > 0 ? words.options.join('\n') : null,
    required: words.required,
    correctable: words.correctable,
    shown_at_door: words.shownAtDoor,
  };
}

function toQuestion(row: QuestionRow): Question {
  return {
    id: row.id,
    eventId: row.event_id,
    scope: row.scope,
    kind: row.kind,
    label: row.label,
    help: row.help,
    options: row.options?.split('\n') ?? [],
    required: row.required,
    correctable: row.correctable,
    shownAtDoor: row.shown_at_door,
    ticketTypeIds: row.ticket_type_ids,
    endedAt: row.ended_at,
  };
}
