import { type Knex } from 'knex';
import { createDatabase } from '../../src/db/connection';
import { ENCRYPTED_COLUMNS, reencrypt } from '../../src/db/reencrypt';
import { inWords } from '../../src/db/reencrypt-command';
import { newId } from '../../src/lib/ids';
import { createEncryption } from '../../src/lib/encryption';
import { createTestDatabase } from '../support/test-database';

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');
const [OLD, NEW, LOST] = [key(1), key(2), key(3)];

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Knex;
let organizerId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.url, poolSize: 3 });
  organizerId = newId();
  await db('organizers').insert({
    id: organizerId,
    slug: 'society',
    name: 'Society',
    contact_email: 'desk@people.example',
  });
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});
beforeEach(async () => {
  await db('stripe_connections').delete();
  await db('users').delete();
});

async function connectionWith(keys: string[], token: string): Promise<string> {
  const id = newId();
  await db('stripe_connections').insert({
    id,
    organizer_id: organizerId,
    stripe_user_id: `acct_${id.replaceAll('-', '')}`,
    livemode: false,
    scope: 'read_write',
    encrypted_refresh_token: createEncryption(keys).encrypt(token, `stripe_connections:${id}`),
  });
  return id;
}

async function tokenOf(id: string, keys: string[]): Promise<string> {
  const row = await db('stripe_connections').where({ id }).first('encrypted_refresh_token');
  return createEncryption(keys).decrypt(row.encrypted_refresh_token, `stripe_connections:${id}`);
}

test('all goes under the first key, in batches, and the old key can be taken out', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 7; n += 1) ids.push(await connectionWith([OLD], `rt_${n}`));
  const userId = newId();
  await db('users').insert({ id: userId, email: 'ada@people.example', name: 'Ada', password_hash: 'x' });
  await db('two_factor').insert({
    user_id: userId,
    secret_encrypted: createEncryption([OLD]).encrypt('JBSWY3DP', `two-factor:${userId}`),
  });

  const both = createEncryption([NEW, OLD]);
  expect(await reencrypt(db, both, { batchSize: 3 })).toEqual([
    { table: 'stripe_connections', changed: 7, unreadable: [] },
    { table: 'stripe_app_installations', changed: 0, unreadable: [] },
    { table: 'stripe_app_installations', changed: 0, unreadable: [] },
    { table: 'two_factor', changed: 1, unreadable: [] },
  ]);
  for (const [n, id] of ids.entries()) expect(await tokenOf(id, [NEW])).toBe(`rt_${n}`);
  const row = await db('two_factor').where({ user_id: userId }).first();
  expect(createEncryption([NEW]).decrypt(row.secret_encrypted, `two-factor:${userId}`)).toBe('JBSWY3DP');
  // run again, as after a stop: there is nothing left to do
  expect((await reencrypt(db, both)).map(({ changed }) => changed)).toEqual([0, 0, 0, 0]);
});

test('goes on where it was stopped, and leaves what no key opens as it is, by name', async () => {
  const done = await connectionWith([NEW], 'rt_done');
  const before = await db('stripe_connections').where({ id: done }).first();
  const left = await connectionWith([OLD], 'rt_left');
  const lost = await connectionWith([LOST], 'rt_lost');
  const [result] = await reencrypt(db, createEncryption([NEW, OLD]), { batchSize: 1 });
  expect(result).toEqual({ table: 'stripe_connections', changed: 1, unreadable: [lost] });
  expect(await db('stripe_connections').where({ id: done }).first()).toEqual(before);
  expect(await tokenOf(left, [NEW])).toBe('rt_left');
  expect(await tokenOf(lost, [LOST])).toBe('rt_lost');
  expect(inWords(result!)).toMatch(new RegExp(`1 written anew, 1 can't be read.*${lost}`));
});

test('a token that is renewed at the same moment is not overwritten', async () => {
  const id = await connectionWith([OLD], 'rt_old');
  const both = createEncryption([NEW, OLD]);
  const renewed = both.encrypt('rt_renewed', `stripe_connections:${id}`);
  const pending = db.transaction(async (trx) => {
    await trx('stripe_connections').where({ id }).update({ encrypted_refresh_token: renewed });
    // the command reads the old text, and then waits for this row
    const running = reencrypt(db, both);
    await new Promise((done) => setTimeout(done, 100));
    return { running };
  });
  const { running } = await pending;
  expect((await running)[0]).toMatchObject({ changed: 0 });
  expect(await tokenOf(id, [NEW])).toBe('rt_renewed');
});

test('every column that is called encrypted is among them', async () => {
  const { rows } = await db.raw(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns
      WHERE table_schema = 'public' AND column_name LIKE '%encrypted%' ORDER BY 1`,
  );
  expect(rows.map((row: { name: string }) => row.name)).toEqual(
    ENCRYPTED_COLUMNS.map(({ table, column }) => `${table}.${column}`).sort(),
  );
});
