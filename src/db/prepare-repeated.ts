/**
 * What is asked again and again is planned once on each connection: a statement that this process has sent a few times
 * gets a name, so that Postgres parses and plans it no more. Nothing else about it changes.
 *
 * Two things are known to go wrong with plans that are kept, and both are seen to here: a plan made while a table was
 * small grows bad with it (so all are thrown away every few seconds), and a migration that adds a column spoils those that
 * read a whole row (so they are made anew, and the statement is sent again where no transaction was lost by it).
 */

/** What we need of a connection of `pg`, called the way knex calls it. */
export interface QueryingConnection {
  query(query: Query, done: Done): void;
}

type Query = string | { text: string; values?: unknown[]; name?: string };
type Done = (error: Error | null, result?: unknown) => void;

/** So often it is sent without a name: many statements are sent once or twice in a process' life. */
const SENT_BEFORE = 5;
/** Statements whose length depends on what was asked could go on for ever. */
const MOST_NAMES = 400;
const MOST_COUNTED = 2000;
/** How long a plan is trusted to fit the size of its tables. */
const PLANS_LIVE_MS = 10_000;

export function createStatementNames() {
  const names = new Map<string, string>();
  const seen = new Map<string, number>();
  let generation = 0;

  return {
    /** The name of a statement that is worth one, else undefined. */
    nameOf(text: string): string | undefined {
      const known = names.get(text);
      if (known !== undefined || names.size >= MOST_NAMES) return known;
      const times = (seen.get(text) ?? 0) + 1;
      if (seen.size >= MOST_COUNTED) seen.clear();
      if (times <= SENT_BEFORE) {
        seen.set(text, times);
        return undefined;
      }
      seen.delete(text);
      const name = `repeated-${generation}-${names.size}`;
      names.set(text, name);
      return name;
    },
    /** The tables are not what they were: every statement gets another name, under which nothing is planned yet. */
    renew(): void {
      generation += 1;
      names.clear();
    },
  };
}

type StatementNames = ReturnType<typeof createStatementNames>;

/** Names what goes over this connection. `names` is shared by all connections of a process. */
export function prepareRepeated(connection: QueryingConnection, names: StatementNames): void {
  const send = (query: Query, done: Done) =>
    (Object.getPrototypeOf(connection) as QueryingConnection).query.call(connection, query, done);
  let plansSince = performance.now();
  let inTransaction = false;

  function ask(query: Query, done: Done): void {
    const text = typeof query === 'string' ? query : query.text;
    if (/^(?:begin|commit|rollback)\b/i.test(text)) inTransaction = /^b/i.test(text);
    if (typeof query === 'string' || query.name !== undefined || !query.values?.length)
      return send(query, done);
    const name = names.nameOf(text);
    if (name === undefined) return send(query, done);
    const lost = inTransaction;
    send({ text, values: query.values, name }, (error, result) => {
      if (!error || !isPlanSpoilt(error)) return done(error, result);
      names.renew();
      if (lost) done(error);
      else send(query, done);
    });
  }

  connection.query = (query, done) => {
    // who awaits an answer instead of passing on what to do with it names its statements itself
    if (typeof done !== 'function') return send(query, done);
    if (performance.now() - plansSince < PLANS_LIVE_MS) return ask(query, done);
    plansSince = performance.now();
    send('DISCARD PLANS', (error) => (error ? done(error) : ask(query, done)));
  };
}

/** A kept plan would answer with other columns than it did at first: of Postgres, the same in all versions. */
export function isPlanSpoilt(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error as { code?: unknown }).code === '0A000' &&
    // knex puts the statement in front of it
    error.message.endsWith('cached plan must not change result type')
  );
}
