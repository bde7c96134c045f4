import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createDatabase } from '../../src/db/connection';
import { migrateToLatest, rollbackAll } from '../../src/db/migrations';
import { buildApp } from '../support/built-app';
import { createTestDatabase } from '../support/test-database';

const FILES = readdirSync(join(__dirname, '../../migrations'))
  .map((file) => file.replace(/\.ts$/, ''))
  .sort();

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: ReturnType<typeof createDatabase>;
beforeEach(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.url, poolSize: 2 });
});
afterEach(async () => {
  await db.destroy();
  await database.drop();
});

/** All that stands in the schema of ours, knex's own two tables left out. */
async function schema(): Promise<string[]> {
  const { rows } = await db.raw(
    `SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS line
       FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'knex_%'
     UNION ALL
     SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
      WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE 'knex_%'
     UNION ALL
     SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'knex_%'
     UNION ALL
     SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
     UNION ALL
     SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
     UNION ALL
     SELECT 'sequence ' || sequencename FROM pg_sequences WHERE schemaname = 'public' AND sequencename NOT LIKE 'knex_%'
     ORDER BY line`,
  );
  return rows.map((row: { line: string }) => row.line);
}

const applied = async () => (await db('knex_migrations').orderBy('id').select('name')).map((row) => row.name);

/** A database in which nothing ever was: not a clone of the template. */
async function emptyTheDatabase(): Promise<void> {
  await db.raw('DROP SCHEMA public CASCADE; DROP SCHEMA graphile_worker CASCADE; CREATE SCHEMA public');
}

test('an empty database gets every migration in the order of its name, and the schema of the worker', async () => {
  const template = await schema();
  await emptyTheDatabase();
  expect(await schema()).toEqual([]);

  expect((await migrateToLatest(database.url)).applied).toEqual(FILES);
  expect(await applied()).toEqual(FILES);
  expect(await schema()).toEqual(template);
  const worker = await db.raw("SELECT to_regproc('graphile_worker.add_jobs') IS NOT NULL AS there");
  expect(worker.rows).toEqual([{ there: true }]);
});

test('a migration may take its time, and gives up on a lock as soon as a page would', async () => {
  await emptyTheDatabase();
  await db.raw(`CREATE SCHEMA seen; CREATE TABLE seen.limits (statement text, lock text);
    CREATE FUNCTION seen.note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
      IF current_setting('application_name') = 'foyer' THEN
        INSERT INTO seen.limits VALUES (current_setting('statement_timeout'), current_setting('lock_timeout'));
      END IF;
    END $$;
    CREATE EVENT TRIGGER note_limits ON ddl_command_end EXECUTE FUNCTION seen.note()`);
  await migrateToLatest(database.url);
  expect(await db('limits').withSchema('seen').distinct()).toEqual([{ statement: '0', lock: '2s' }]);
});

test('an up-to-date database is left alone', async () => {
  const before = await schema();
  expect((await migrateToLatest(database.url)).applied).toEqual([]);
  expect(await schema()).toEqual(before);
});

test('taking all back leaves nothing behind, and putting all on again gives the same', async () => {
  const before = await schema();
  expect(before.length).toBeGreaterThan(100);
  await rollbackAll(db);
  expect(await schema()).toEqual([]);
  expect(await applied()).toEqual([]);
  expect((await migrateToLatest(database.url)).applied).toEqual(FILES);
  expect(await schema()).toEqual(before);
});

test('processes that start together wait for each other', async () => {
  await emptyTheDatabase();
  const results = await Promise.all([1, 2, 3].map(() => migrateToLatest(database.url)));
  expect(results.map((result) => result.applied.length).sort((a, b) => a - b)).toEqual([0, 0, FILES.length]);
  expect(await applied()).toEqual(FILES);
});

test('a process that was killed while it migrated keeps no other from it', async () => {
  await rollbackAll(db);
  await db('knex_migrations_lock').update({ is_locked: 1 });
  expect((await migrateToLatest(database.url)).applied).toEqual(FILES);
  expect(await db('knex_migrations_lock').select('is_locked')).toEqual([{ is_locked: 0 }]);
});

test('each foreign key has an index that begins with its columns', async () => {
  const { rows } = await db.raw(
    `SELECT conrelid::regclass || ' ' || conname AS missing FROM pg_constraint c
      WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND NOT EXISTS (
        SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid
          AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey
          -- a part of the rows is enough only where it is those that refer to something
          AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$'))`,
  );
  expect(rows).toEqual([]);
});

test('the built app knows the migrations by the same names', async () => {
  const built = await buildApp();
  try {
    const script = `require('${join(built.folder, 'dist/src/db/migrations.js')}')
      .migrateToLatest(process.argv[1]).then((result) => console.log(JSON.stringify(result)))`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, database.url], {
      cwd: built.folder,
    });
    expect(JSON.parse(stdout)).toEqual({ applied: [] });

    await emptyTheDatabase();
    const fresh = await promisify(execFile)(process.execPath, ['-e', script, database.url], {
      cwd: built.folder,
    });
    expect(JSON.parse(fresh.stdout)).toEqual({ applied: FILES });
    expect((await migrateToLatest(database.url)).applied).toEqual([]);
  } finally {
    built.remove();
  }
});
