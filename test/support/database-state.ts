/** What stands in the database, table by table, as hashes: to say that a refused request changed nothing, and where one did. */
import { type Knex } from 'knex';

/** These change by looking, counting and reporting. */
const RESTLESS = ['sessions', 'rate_limits', 'worker_heartbeats', 'platform_signs'];

/** Looking at an order notes that it was opened, and that Stripe was asked about it. */
const NOTED_BY_LOOKING: Record<string, string> = { orders: 'opened_at', payment_attempts: 'checked_at' };

export type DatabaseState = Record<string, string>;

/** `organizerId` narrows it to the tables and rows of one organizer; `without` leaves a table out. */
export async function databaseState(
  db: Knex,
  of: { organizerId?: string; without?: string } = {},
): Promise<DatabaseState> {
  const tables = await tablesOf(db);
  const hashes = tables
    .filter((table) => table.name !== of.without && (!of.organizerId || table.belongsToOrganizer))
    .map(({ name }) => {
      const lines = db({ row: name })
        .modify((query) => of.organizerId && query.where({ organizer_id: of.organizerId }))
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

/** The sessions of people who are signed in, whole. */
export async function sessionsOfPeople(db: Knex): Promise<unknown[]> {
  return db('sessions').whereNotNull('user_id').orderBy('id_hash').select('id_hash', 'user_id', 'data');
}

type Table = { name: string; belongsToOrganizer: boolean };

const known = new WeakMap<Knex, Promise<Table[]>>();

function tablesOf(db: Knex): Promise<Table[]> {
  const tables = known.get(db) ?? listTables(db);
  known.set(db, tables);
  return tables;
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
