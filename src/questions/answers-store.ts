import { type Knex } from 'knex';
import { type Answer, type AskedGroup } from './question';

interface AnswerRow {
  question_id: string;
  ticket_seq: number;
  asked: string;
  answer: string;
}

const TICKET_NAME =
  "(SELECT answer FROM answers JOIN questions ON questions.id = question_id WHERE answers.order_id = tickets.order_id AND ticket_seq = tickets.seq AND kind = 'name' ORDER BY answered_at DESC LIMIT 1)";

/** The name that a ticket has of its own, as `ticket_name`; null: the buyer's. A column for queries over `tickets`. */
export const TICKET_NAME_COLUMN = `${TICKET_NAME} AS ticket_name`;

/** Has a ticket a name of its own like this pattern? A condition for queries over `tickets`. */
export const TICKET_NAME_IS_LIKE = `${TICKET_NAME} ILIKE ?`;

/** What the organizer wants to see at the door, a line for each answer, as `door_answers`. A column for queries over `tickets`. */
export const DOOR_ANSWERS_COLUMN =
  "(SELECT string_agg(asked || CASE WHEN right(asked, 1) = chr(63) THEN ' ' ELSE ': ' END || replace(answer, E'\\n', ', '), E'\\n' ORDER BY position) FROM answers JOIN questions ON questions.id = question_id WHERE answers.order_id = tickets.order_id AND ticket_seq IN (0, tickets.seq) AND shown_at_door) AS door_answers";

/** SQL of what buyers answered. */
export function createAnswersStore(db: Knex) {
  return {
    /** In the order of the questions. */
    async listOfOrder(orderId: string): Promise<Answer[]> {
      const rows: AnswerRow[] = await inOrder(db).where({ order_id: orderId });
      return rows.map(toAnswer);
    },

    /** Those of many orders. */
    async listOfOrders(orderIds: string[]): Promise<Map<string, Answer[]>> {
      const rows: (AnswerRow & { order_id: string })[] = await inOrder(db).whereIn('order_id', orderIds);
      const answers = new Map<string, Answer[]>();
      for (const row of rows)
        answers.set(row.order_id, [...(answers.get(row.order_id) ?? []), toAnswer(row)]);
      return answers;
    },

    /** Under the order's row lock: what was asked is answered by these alone; other answers stay. */
    async replace(orderId: string, groups: AskedGroup[], answers: Answer[]): Promise<void> {
      const places = groups.flatMap(({ asked }) => asked.map(({ question, seq }) => [question.id, seq]));
      if (places.length === 0) return;
      await db('answers')
        .where({ order_id: orderId })
        .whereIn(['question_id', 'ticket_seq'], places as never)
        .delete();
      const rows = answers.map(({ questionId, seq, asked, answer }) => ({
        order_id: orderId,
        question_id: questionId,
        ticket_seq: seq,
        asked,
        answer,
      }));
      if (rows.length > 0) await db('answers').insert(rows);
    },
  };
}

function inOrder(db: Knex): Knex.QueryBuilder {
  return db('answers')
    .join('questions', 'questions.id', 'answers.question_id')
    .orderBy(['ticket_seq', 'position', 'questions.id'])
    .select('order_id', 'question_id', 'ticket_seq', 'asked', 'answer');
}

function toAnswer(row: AnswerRow): Answer {
  return { questionId: row.question_id, seq: row.ticket_seq, asked: row.asked, answer: row.answer };
}
