import { type Harness, startHarness } from './harness';

let harness: Harness;
let account: string;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());
beforeEach(async () => {
  account = await installed();
});

/** An account with the app, and nothing else of the platform. */
async function installed(): Promise<string> {
  const { id } = await harness.control<{ id: string }>('/accounts', { email: 'ada@example.com' });
  await harness.control(`/accounts/${id}/install`, {});
  return id;
}

const OF_ADA = { type: 'user', user: 'usr_ada' } as const;
const secrets = () => harness.stripe.apps.secrets;
const at = () => ({ stripeAccount: account });
const set = (name: string, payload: string, more: { expires_at?: number; scope?: object } = {}) =>
  secrets().create({ name, payload, scope: OF_ADA, ...more } as never, at());
const find = (name: string, expand?: string[]) => secrets().find({ name, scope: OF_ADA, expand }, at());

test('a secret is kept by name for its scope; what is in it comes only when it is asked for', async () => {
  await set('token', 'first');
  const replaced = await set('token', 'second');
  expect(replaced).toMatchObject({ object: 'apps.secret', name: 'token', scope: OF_ADA, livemode: false });
  expect(replaced).not.toHaveProperty('payload');
  expect(await find('token')).not.toHaveProperty('payload');
  expect(await find('token', ['payload'])).toMatchObject({ payload: 'second' });
  await expect(
    secrets().find({ name: 'token', scope: { type: 'user', user: 'usr_grace' } }, at()),
  ).rejects.toMatchObject({ statusCode: 404, code: 'resource_missing' });
  const other = await installed();
  await expect(
    secrets().find({ name: 'token', scope: OF_ADA }, { stripeAccount: other }),
  ).rejects.toMatchObject({ statusCode: 404 });
  expect(await secrets().deleteWhere({ name: 'token', scope: OF_ADA }, at())).toMatchObject({
    deleted: true,
  });
  await expect(find('token')).rejects.toMatchObject({ statusCode: 404 });
  const { requests } = await harness.control<{ requests: { params: Record<string, string> }[] }>('/requests');
  expect(JSON.stringify(requests)).not.toMatch(/first|second/);
});

test('a scope has ten; one more is refused, replacing one is not', async () => {
  for (let n = 1; n <= 10; n += 1) await set(`name${n}`, 'x');
  await expect(set('name11', 'x')).rejects.toMatchObject({ statusCode: 400 });
  await set('name10', 'y');
  await set('name11', 'x', { scope: { type: 'account' } });
});

test('a secret vanishes when its time has come; a time that is over is refused', async () => {
  const now = Math.floor(Date.now() / 1000);
  await expect(set('token', 'x', { expires_at: now - 1 })).rejects.toMatchObject({ param: 'expires_at' });
  await set('token', 'x', { expires_at: now + 60 });
  await find('token');
  await harness.control('/clock', { offsetSeconds: 61 });
  await expect(find('token')).rejects.toMatchObject({ statusCode: 404 });
  await harness.control('/clock', { offsetSeconds: 0 });
});

test('only an installed app has secrets: a connection alone has none', async () => {
  account = await harness.connectedAccount();
  await expect(set('token', 'x')).rejects.toMatchObject({ statusCode: 403, code: 'account_invalid' });
});
