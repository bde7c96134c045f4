import { type Knex } from 'knex';
import { createDatabase, inTransaction } from '../../src/db/connection';
import { createStatementNames } from '../../src/db/prepare-repeated';
import { createTestDatabase } from '../support/test-database';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Knex;
beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.url, poolSize: 1 });
  await db.raw('CREATE TABLE seats (id integer PRIMARY KEY, name text)');
  await db('seats').insert([
    { id: 1, name: 'A1' },
    { id: 2, name: 'A2' },
  ]);
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

const seat = (on: Knex, id: number) => on('seats').where({ id }).first();
const prepared = async (text: string) =>
  (await db.raw('SELECT 1 FROM pg_prepared_statements WHERE statement LIKE ?', [`%${text}%`])).rows.length;

async function ask(times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) await seat(db, 1);
}

test('what is asked often is planned once; what is asked once, or without values, is not', async () => {
  await ask(1);
  expect(await prepared('"seats"')).toBe(0);
  await ask(10);
  expect(await prepared('"seats"')).toBe(1);
  expect(await seat(db, 2)).toEqual({ id: 2, name: 'A2' });
});

test('of statements in any number of shapes only so many are kept, and those stay', () => {
  const names = createStatementNames();
  const ask = (text: string) => Array.from({ length: 6 }, () => names.nameOf(text)).at(-1);
  const first = ask('SELECT 1');
  const given = Array.from({ length: 3000 }, (_, shape) => ask(`SELECT ${shape} + 2`));
  expect(new Set(given.filter((name) => name !== undefined)).size).toBe(399);
  expect(names.nameOf('SELECT 1')).toBe(first);
});

test('a column that a migration adds meanwhile is there at once, with and without a transaction', async () => {
  const other = createDatabase({ url: database.url, poolSize: 1 });
  for (let n = 0; n < 8; n += 1) await seat(other, 1);
  await db.raw("ALTER TABLE seats ADD COLUMN row text NOT NULL DEFAULT 'A'");
  expect(await seat(other, 1)).toMatchObject({ row: 'A' });

  for (let n = 0; n < 8; n += 1) await seat(other, 1);
  await db.raw("ALTER TABLE seats ADD COLUMN block text NOT NULL DEFAULT 'left'");
  let tries = 0;
  const found = await inTransaction(other, async (trx) => {
    tries += 1;
    return seat(trx, 1);
  });
  expect(found).toMatchObject({ block: 'left' });
  // the first of them was lost to the old plan: without that there would be nothing to see to
  expect(tries).toBe(2);
  await other.destroy();
});

test('where a pooler can not carry them, nothing is prepared', async () => {
  const plain = createDatabase({ url: database.url, poolSize: 1, prepared: false });
  for (let n = 0; n < 10; n += 1) await seat(plain, 1);
  const { rows } = await plain.raw('SELECT count(*)::integer AS n FROM pg_prepared_statements');
  await plain.destroy();
  expect(rows[0].n).toBe(0);
});
