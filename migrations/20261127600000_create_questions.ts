import { type Knex } from 'knex';

export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE TABLE questions (
      id uuid PRIMARY KEY,
      event_id uuid NOT NULL REFERENCES events (id) ON DELETE CASCADE,
      scope text NOT NULL,
      kind text NOT NULL,
      label text NOT NULL,
      help text NOT NULL DEFAULT '',
      -- one on each line, where the answer is chosen
      options text,
      required boolean NOT NULL,
      -- by the buyer, until the event begins
      correctable boolean NOT NULL,
      shown_at_door boolean NOT NULL,
      position integer NOT NULL,
      -- not asked any more; the answers stay
      ended_at timestamptz,
      created_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT questions_scope_is_known CHECK (scope IN ('order', 'ticket')),
      CONSTRAINT questions_kind_is_known CHECK (kind IN ('text', 'long_text', 'one_of', 'several_of', 'yes_no', 'name')),
      CONSTRAINT questions_options_fit_kind CHECK ((kind IN ('one_of', 'several_of')) = (options IS NOT NULL)),
      CONSTRAINT questions_name_is_of_a_ticket CHECK (kind <> 'name' OR scope = 'ticket')
    );
    CREATE INDEX questions_event_id ON questions (event_id);
    -- a ticket has one name
    CREATE UNIQUE INDEX questions_one_name ON questions (event_id) WHERE kind = 'name' AND ended_at IS NULL;

    -- none: asked for all ticket types
    CREATE TABLE question_ticket_types (
      question_id uuid NOT NULL REFERENCES questions (id) ON DELETE CASCADE,
      ticket_type_id uuid NOT NULL REFERENCES ticket_types (id) ON DELETE CASCADE,
      PRIMARY KEY (question_id, ticket_type_id)
    );
    CREATE INDEX question_ticket_types_ticket_type_id ON question_ticket_types (ticket_type_id);

    CREATE TABLE answers (
      order_id uuid NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
      question_id uuid NOT NULL REFERENCES questions (id),
      -- as tickets.seq, which is given out when the order is paid; 0: of the whole order
      ticket_seq integer NOT NULL,
      -- the question in the words that were answered
      asked text NOT NULL,
      -- several chosen ones: each on a line
      answer text NOT NULL,
      answered_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (order_id, question_id, ticket_seq),
      CONSTRAINT answers_ticket_is_sane CHECK (ticket_seq >= 0),
      CONSTRAINT answers_say_something CHECK (answer <> '')
    );
    CREATE INDEX answers_question_id ON answers (question_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE answers;
    DROP TABLE question_ticket_types;
    DROP TABLE questions;
  `);
}
