/**
 * Migrations run as .ts (tests) and as .js (the built app): the source names them without their extension, or knex
 * would call the folder corrupt. The worker's schema is part of it.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runMigrations } from 'graphile-worker';
import { type Knex } from 'knex';
import { Client } from 'pg';
import { createDatabase } from './connection';

const FOLDER = join(__dirname, '../../migrations');

interface Migration {
  up(knex: Knex): Promise<void>;
  down(knex: Knex): Promise<void>;
}

const migrationSource: Knex.MigrationSource<string> = {
  async getMigrations() {
    return readdirSync(FOLDER)
      .filter((file) => /^\d{14}_\w+\.(ts|js)$/.test(file))
      .map((file) => file.replace(/\.(ts|js)$/, ''))
      .sort();
  },
  getMigrationName: (name) => name,
  async getMigration(name) {
    // not import(): that would resolve as an ES module, which needs the extension that we leave out
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    return require(join(FOLDER, name)) as Migration;
  },
};

/** A number of our own that no other use of advisory locks on this database shares. */
const MIGRATION_LOCK = 4_711_020_261;

/**
 * Brings the database at `url` (a direct connection, not a pooler's) up to date. Processes that start together wait for
 * each other on an advisory lock, which dies with its connection; knex's own lock row, which a killed process leaves
 * behind, is freed under it.
 */
export async function migrateToLatest(url: string): Promise<{ applied: string[] }> {
  const lock = new Client({ connectionString: url });
  await lock.connect();
  // an index on a large table takes minutes, and so may ANALYZE; what waits for a lock gives up as ever, and is run again
  const db = createDatabase({ url, poolSize: 2, unhurried: true });
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await db.migrate.forceFreeMigrationsLock({ migrationSource });
    // A process of the version before may start when the next one has migrated already: it finds what it does not know.
    const [, applied] = (await db.migrate.latest({
      migrationSource,
      disableMigrationsListValidation: true,
    })) as [number, string[]];
    await runMigrations({ connectionString: url });
    // A foreign key's check that is planned while its parent table is empty stays a sequential scan: give the planner numbers.
    if (applied.length > 0) await db.raw('ANALYZE');
    return { applied };
  } finally {
    await db.destroy();
    await lock.end();
  }
}

/** Takes back every migration, newest first. For tests of `down`. */
export async function rollbackAll(db: Knex): Promise<void> {
  await db.migrate.rollback({ migrationSource }, true);
}
