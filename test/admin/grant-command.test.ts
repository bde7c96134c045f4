import { type Knex } from 'knex';
import { grantAdmin } from '../../src/admin/grant-command';
import { createTestApp, type TestApp } from '../support/test-app';
import { signUp } from '../support/people';

let testApp: TestApp;
let db: Knex;

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
});
afterAll(() => testApp.close());

test('makes a person an admin and takes it back, at their next page, with a row for each', async () => {
  const person = await signUp(testApp);
  expect((await person.agent.get('/admin')).status).toBe(404);

  expect(await grantAdmin(db, { email: ` ${person.email.toUpperCase()} `, revoke: false })).toBe(
    `${person.email} is an admin now. The next page they open has "Admin" in its menu.`,
  );
  expect((await person.agent.get('/organizer/organizers/new')).text).toContain('href="/admin"');
  expect((await person.agent.get('/admin')).status).toBe(200);

  expect(await grantAdmin(db, { email: person.email, revoke: true })).toBe(
    `${person.email} is no longer an admin.`,
  );
  expect((await person.agent.get('/admin')).status).toBe(404);

  const audit = await db('audit_log').where({ subject_id: person.id }).orderBy('id');
  expect(audit.map((row) => [row.actor, row.action])).toEqual([
    ['system', 'user.admin_granted'],
    ['system', 'user.admin_revoked'],
  ]);
});

test('says so when there is nothing to do, and writes nothing', async () => {
  const person = await signUp(testApp);
  expect(await grantAdmin(db, { email: person.email, revoke: true })).toBe(
    `${person.email} is not an admin.`,
  );
  expect(await db('audit_log').where({ subject_id: person.id })).toEqual([]);
});

test('an address that nobody has is refused with what to do', async () => {
  await expect(grantAdmin(db, { email: 'nobody@people.example', revoke: false })).rejects.toThrow(
    'Nobody has an account with the address nobody@people.example. Sign up with it first, then run this again.',
  );
});
