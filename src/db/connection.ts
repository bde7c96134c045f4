import { AsyncLocalStorage } from 'node:async_hooks';
import { type Socket } from 'node:net';
import knex, { type Knex } from 'knex';
import { type ClientBase, TypeOverrides } from 'pg';
import {
  createStatementNames,
  isPlanSpoilt,
  prepareRepeated,
  type QueryingConnection,
} from './prepare-repeated';

// bigint columns are money and counts: read them as BigInt, never as float or text. For our connections alone: the
// worker and other users of pg in this process expect text.
const bigintTypes = new TypeOverrides();
bigintTypes.setTypeParser(20, (text: string) => BigInt(text));

const insideTransaction = new AsyncLocalStorage<boolean>();

/** How long anything waits for a connection or a lock, in milliseconds. */
const PATIENCE_MS = 2000;

interface Limits {
  /** how long to wait for a connection or a lock */
  patienceMs: number;
  /** what a statement may take; 0: as long as it takes */
  statementMs: number;
}

/** No statement may wait for ever: a held lock or a slow query ends as an error that the pages turn into a 503. */
function sessionSettings({ patienceMs, statementMs }: Limits): string {
  return [
    `SET lock_timeout = ${patienceMs}`,
    `SET statement_timeout = ${statementMs}`,
    "SET idle_in_transaction_session_timeout = '10s'",
    "SET TIME ZONE 'UTC'",
  ].join('; ');
}

/**
 * Every statement is answered within its time limit, by Postgres itself if need be. A connection that is silent for longer
 * leads nowhere any more (a cable, a machine, a failover without a word): it is ended, and what waited on it fails. The
 * pool has let go of idle ones by then.
 */
const SILENCE_BEYOND_LIMIT_MS = 3000;

/** The pool of one process. */
export function createDatabase(options: {
  url: string;
  poolSize?: number;
  prepared?: boolean;
  patienceMs?: number;
  /** for work that no page waits for: no limit for a statement; a lock is waited for as ever, since others queue behind */
  unhurried?: boolean;
}): Knex {
  const patienceMs = options.patienceMs ?? PATIENCE_MS;
  const limits = { patienceMs, statementMs: options.unhurried ? 0 : Math.max(5000, patienceMs) };
  const names = createStatementNames();
  const settings: Knex.Config & { userParams: object } = {
    client: 'pg',
    userParams: { prepared: options.prepared ?? true },
    connection: {
      types: bigintTypes as never,
      connectionString: options.url,
      application_name: 'foyer',
      keepAlive: true,
    },
    acquireConnectionTimeout: patienceMs,
    pool: {
      min: 0,
      max: options.poolSize ?? 10,
      idleTimeoutMillis: Math.max(5000, patienceMs),
      afterCreate(
        connection: QueryingConnection & { connection: { stream: Socket } },
        done: (error: Error | null, connection: unknown) => void,
      ) {
        const { stream } = connection.connection;
        if (limits.statementMs > 0)
          stream.setTimeout(limits.statementMs + SILENCE_BEYOND_LIMIT_MS, () =>
            stream.destroy(new Error('Connection terminated: the database was silent')),
          );
        if (options.prepared ?? true) prepareRepeated(connection, names);
        connection.query(sessionSettings(limits), (error) => done(error, connection));
      },
    },
  };
  return knex(settings);
}

/**
 * Runs `work` in one transaction and again (at most three times in all) when Postgres gave up on it because of a deadlock,
 * a serialization failure, or a plan that a migration has spoilt. `work` must have no effect outside the transaction: no network call (promise 4).
 */
export async function inTransaction<T>(db: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  return withRetries(() => db.transaction((trx) => insideTransaction.run(true, () => work(trx))));
}

/** A statement with a name is planned once on each connection, where the database can be reached without a pooler that forgets. */
export interface PreparedStatement {
  name: string;
  text: string;
}

export type RunPrepared = <Row>(statement: PreparedStatement, values: unknown[]) => Promise<Row[]>;

/**
 * As `inTransaction`, for the one path where knex' own work counts: statements go to pg as they are, on a connection of
 * the same pool.
 */
export async function inPreparedTransaction<T>(db: Knex, work: (run: RunPrepared) => Promise<T>): Promise<T> {
  return withRetries(() =>
    onConnection(db, async (connection, run) => {
      try {
        await connection.query('BEGIN');
        const result = await insideTransaction.run(true, () => work(run));
        await connection.query('COMMIT');
        return result;
      } catch (error) {
        await connection.query('ROLLBACK').catch((cause: unknown) => {
          // the mark by which knex' pool knows what it must not hand out again
          Object.assign(connection, { __knex__disposed: cause });
        });
        throw error;
      }
    }),
  );
}

/** Prepared statements outside a transaction: each sees what is committed when it runs. For reads that need no lock. */
export async function onPreparedConnection<T>(db: Knex, work: (run: RunPrepared) => Promise<T>): Promise<T> {
  return onConnection(db, (_connection, run) => work(run));
}

async function onConnection<T>(
  db: Knex,
  work: (connection: ClientBase, run: RunPrepared) => Promise<T>,
): Promise<T> {
  const connection = (await db.client.acquireConnection()) as ClientBase;
  try {
    return await work(connection, async ({ name, text }, values) => {
      const query = db.userParams['prepared'] ? { name, text, values } : { text, values };
      return (await connection.query(query)).rows;
    });
  } finally {
    await db.client.releaseConnection(connection);
  }
}

async function withRetries<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= 3 || !isRetryable(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 40 * attempt));
    }
  }
}

/** True while the running code is inside `inTransaction`: the Stripe client refuses to be called there. */
export function isInsideTransaction(): boolean {
  return insideTransaction.getStore() === true;
}

const RETRYABLE = new Set(['40001', '40P01']);

function isRetryable(error: unknown): boolean {
  return (
    error instanceof Error && (('code' in error && RETRYABLE.has(String(error.code))) || isPlanSpoilt(error))
  );
}

/** Is this the database being away or too slow, rather than a mistake in our statement? */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { name, message } = error as { name?: unknown; message?: unknown };
  if (name === 'KnexTimeoutError') return true;
  const code = 'code' in error ? String(error.code) : '';
  // 08 connection, 53 resources, 57 operator intervention (shutdown, statement timeout), 55P03 lock timeout
  return (
    RETRYABLE.has(code) ||
    /^(08|53|57)/.test(code) ||
    code === '55P03' ||
    code === '25P03' ||
    /ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT/.test(code) ||
    /Connection terminated|Connection ended|Client has encountered a connection error/.test(String(message))
  );
}

/** The name of the unique constraint or index that a statement ran into, else null. */
export function violatedConstraint(error: unknown): string | null {
  if (error instanceof Error && 'code' in error && /^23/.test(String(error.code)))
    return String((error as { constraint?: string }).constraint ?? '');
  return null;
}
