import { type Knex } from 'knex';
import { createDatabase } from '../../src/db/connection';
import { newId } from '../../src/lib/ids';
import { createInstallationsStore } from '../../src/stripe-app/installations-store';
import { createTestDatabase } from '../support/test-database';

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let db: Knex;
beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.url, poolSize: 2 });
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});
beforeEach(() => db('stripe_app_installations').delete());

const ACCOUNT = 'acct_1Store';
const TOKENS = {
  encrypted_access_token: 'x',
  access_token_expires_at: new Date(),
  encrypted_refresh_token: 'y',
  refresh_token_expires_at: new Date(),
};

async function installation(fields: Record<string, unknown> = {}): Promise<string> {
  const id = newId();
  const row = { id, stripe_user_id: ACCOUNT, livemode: false, scope: 'stripe_apps', ...TOKENS, ...fields };
  await db('stripe_app_installations').insert(row);
  return id;
}

test('an account is found in its own mode, as long as its installation has not ended', async () => {
  const store = createInstallationsStore(db);
  const ended = { status: 'uninstalled', ended_at: new Date(), ended_by: 'stripe' };
  const empty = Object.fromEntries(Object.keys(TOKENS).map((name) => [name, null]));
  await installation({ ...ended, ...empty });
  expect(await store.findByAccount(ACCOUNT, false)).toBeNull();
  const id = await installation();
  expect(await store.findByAccount(ACCOUNT, false)).toMatchObject({ id, status: 'installed' });
  expect(await store.findByAccount(ACCOUNT, true)).toBeNull();
  await expect(installation()).rejects.toThrow('stripe_app_installations_account_unique');
});

test('the database keeps tokens only while the app is installed, and never half of them', async () => {
  const id = await installation();
  const row = db('stripe_app_installations').where({ id });
  for (const fields of [
    { status: 'install_again' },
    { status: 'uninstalled', ended_at: new Date(), ended_by: 'stripe' },
    { encrypted_refresh_token: null },
  ])
    await expect(row.clone().update(fields)).rejects.toThrow(
      'stripe_app_installations_tokens_while_installed',
    );
});
