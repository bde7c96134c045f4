/** What stands in the database, table by table, as hashes: to say that a refused request changed nothing, and where one did. */
import { type Knex } from 'knex';

/** These change by looking, counting and reporting. */
const RESTLESS = [
  'sessions',
  'rate_limits',
  'worker_heartbeats',
  'platform_signs',
  'event_page_views',
  'stripe_request_slots',
];

/** Looking at an order notes that it was opened, and that Stripe was asked about it. */
const NOTED_BY_LOOKING: Record<string, string> = { orders: 'opened_at', payment_attempts: 'checked_at' };

export type DatabaseState = Record<string, string>;

/** `organizerId` narrows it to the tables and rows of one organizer; `without` leaves a table out. */
export async function databaseState(
  db: Knex,
  of: { organizerId?: string; without?: string } = {},
): Promise<DatabaseState> {
  const { tables, hashes } = await knowledgeOf(db);
  const wanted = tables.filter(
    (table) => table.name !== of.without && (!of.organizerId || table.belongsToOrganizer),
  );
  const keyOf = (name: string) => `${name} ${of.organizerId ?? ''}`;
  const versions = await versionsOf(db, wanted);
  const written = wanted.filter(({ name }) => hashes.get(keyOf(name))?.version !== versions[name]);
  const fresh = written.length > 0 ? await hashRows(db, written, of.organizerId) : {};
  for (const { name } of written) hashes.set(keyOf(name), { version: versions[name]!, hash: fresh[name]! });
  return Object.fromEntries(wanted.map(({ name }) => [name, hashes.get(keyOf(name))!.hash]));
}

/** The sessions of people who are signed in, whole. */
export async function sessionsOfPeople(db: Knex): Promise<unknown[]> {
  return db('sessions').whereNotNull('user_id').orderBy('id_hash').select('id_hash', 'user_id', 'data');
}

type Table = { name: string; belongsToOrganizer: boolean };
type Knowledge = { tables: Table[]; hashes: Map<string, { version: string; hash: string }> };

const known = new WeakMap<Knex, Promise<Knowledge>>();

function knowledgeOf(db: Knex): Promise<Knowledge> {
  const knowledge = known.get(db) ?? listTables(db).then((tables) => ({ tables, hashes: new Map() }));
  known.set(db, knowledge);
  return knowledge;
}

/**
 * Which version of each row there is and where it lies: every write changes it, reading does not. So only what was written
 * since the last time is read whole, which is ten times as fast as reading everything.
 */
async function versionsOf(db: Knex, tables: Table[]): Promise<Record<string, string>> {
  const parts = tables.map(
    () =>
      `SELECT ?::text AS name, count(*) || ' ' || coalesce(sum(hashtextextended(xmin::text || ctid::text, 0)), 0) AS version FROM ??`,
  );
  const bindings = tables.flatMap(({ name }) => [name, name]);
  const { rows } = await db.raw(parts.join(' UNION ALL '), bindings);
  return Object.fromEntries(rows.map(({ name, version }: Record<string, string>) => [name, version]));
}

/** A row that was written and says the same as before has the same hash. */
async function hashRows(db: Knex, tables: Table[], organizerId?: string): Promise<DatabaseState> {
  const hashes = tables.map(({ name }) => {
    const lines = db({ row: name })
      .modify((query) => organizerId && query.where({ organizer_id: organizerId }))
      .select(db.raw('md5((to_jsonb(row) - ?)::text) AS line', [NOTED_BY_LOOKING[name] ?? '']));
    return db
      .from(lines.as('lines'))
      .select(
        db.raw('? AS name', [name]),
        db.raw(`coalesce(md5(string_agg(line, '' ORDER BY line COLLATE "C")), 'empty') AS hash`),
      );
  });
  const rows = await db.unionAll(hashes);
  return Object.fromEntries(rows.map(({ name, hash }) => [name, hash]));
}

async function listTables(db: Knex): Promise<Table[]> {
  return db('information_schema.columns')
    .where({ table_schema: 'public' })
    .whereNotIn('table_name', RESTLESS)
    .groupBy('table_name')
    .orderBy('table_name')
    .select(
      'table_name as name',
      db.raw('bool_or(column_name = ?) AS "belongsToOrganizer"', ['organizer_id']),
    );
}
