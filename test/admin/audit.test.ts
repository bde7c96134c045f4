import { writeAudit } from '../../src/admin/audit-log';
import { type Person, signUp, signUpAdmin, textOf } from '../support/people';
import { createTestApp, type TestApp } from '../support/test-app';

let testApp: TestApp;
let admin: Person;
beforeAll(async () => {
  testApp = await createTestApp();
  admin = await signUpAdmin(testApp);
});
afterAll(() => testApp.close());

let subjects = 0;
async function anEntry(fields: Partial<Parameters<typeof writeAudit>[1]> = {}, at?: string) {
  const subjectId = `subject-${(subjects += 1)}.`;
  await writeAudit(testApp.db, {
    actor: 'system',
    action: 'order.looked_at',
    subjectType: 'order',
    subjectId,
    ...fields,
  });
  if (at) await testApp.db('audit_log').where({ subject_id: subjectId }).update({ at });
  return subjectId;
}

const log = async (query: string) => textOf(await admin.agent.get(`/admin/audit?${query}`).expect(200));
const csv = async (query = '') =>
  (
    await admin.agent
      .get(`/admin/audit.csv?${query}`)
      .expect(200)
      .expect('Content-Type', 'text/csv; charset=utf-8')
      .expect('Content-Disposition', 'attachment; filename="foyer-audit-log.csv"')
      .expect('Cache-Control', 'no-store')
  ).text;

it('shows who did what, and why', async () => {
  const id = await anEntry({
    actor: 'admin',
    actorUserId: admin.id,
    reason: 'Nobody answers',
    details: { n: 3 },
  });
  expect(await log(`q=${id}`)).toMatch(
    new RegExp(`order looked at admin ${admin.email} .*${id} Nobody answers n: 3`),
  );
});

it('is narrowed by actor, subject and days, both days included', async () => {
  const byAdmin = await anEntry({ actor: 'admin' });
  const ofUser = await anEntry({ subjectType: 'user' });
  const early = await anEntry({}, '2026-03-01T00:00:00Z');
  const late = await anEntry({}, '2026-03-02T23:59:59Z');
  const later = await anEntry({}, '2026-03-03T00:00:00Z');
  const all = [byAdmin, ofUser, early, late, later];
  const found = async (query: string) => {
    const [page, file] = [await log(query), await csv(query)];
    const inPage = all.filter((id) => page.includes(id));
    expect(all.filter((id) => file.includes(id))).toEqual(inPage);
    return inPage;
  };
  expect(await found('q=subject')).toEqual(all);
  expect(await found('actor=admin')).toEqual([byAdmin]);
  expect(await found('subject=user')).toEqual([ofUser]);
  expect(await found('from=2026-03-01&to=2026-03-02')).toEqual([early, late]);
  expect(await found('from=2026-03-03&to=2026-03-03')).toEqual([later]);
  expect(await found('from=2026-02-30&to=nonsense&actor=x&subject=__proto__&page=-1')).toEqual(all);
});

it('finds what was typed, not what it would mean to a database', async () => {
  await anEntry({ reason: '100% sure' });
  expect(await log('q=100%25')).toContain('100% sure');
  expect(await log('q=1%25sure')).toContain('No entry matches');
  expect(await log("q=' OR 1=1--")).toContain('No entry matches');
});

it('is given as CSV that no spreadsheet takes for formulas', async () => {
  const id = await anEntry({ reason: '=HYPERLINK("https://evil.example","Open")' });
  const lines = (await csv(`q=${id}`)).split('\r\n');
  expect(lines).toHaveLength(3);
  expect(lines[0]).toMatch(/^"Time \(UTC\)","Actor","Person","Action"/);
  expect(lines[1]).toContain(`"${id}","'=HYPERLINK(""https://evil.example"",""Open"")","{}"`);
});

it('is given whole, newest first, however long it is', async () => {
  await testApp.db.raw(
    `INSERT INTO audit_log (actor, action, subject_type, subject_id)
     SELECT 'system', 'many.times', 'order', 'many-' || n FROM generate_series(1, 1203) n`,
  );
  const ids = [...(await csv('q=many.times')).matchAll(/"many-(\d+)"/g)].map((match) => Number(match[1]));
  expect(ids).toEqual(Array.from({ length: 1203 }, (_, index) => 1203 - index));
  const page = await log('q=many.times&page=49');
  expect(page).toContain('1203 entries');
});

it('breaks off quietly when the reader leaves', async () => {
  await testApp.db.raw(
    `INSERT INTO audit_log (actor, action, subject_type, subject_id, reason)
     SELECT 'system', 'long.story', 'order', 'long-' || n, repeat('x', 3000) FROM generate_series(1, 6000) n`,
  );
  await admin.agent
    .get('/admin/audit.csv?q=long.story')
    .expect(200)
    .buffer(false)
    .parse((reader, done) => {
      reader.once('data', () => {
        (reader as unknown as { destroy(): void }).destroy();
        done(null, null);
      });
    });
  while (!testApp.logs().includes('an export of the audit log was not finished'))
    await new Promise((done) => setTimeout(done, 20));
  expect(testApp.logs()).not.toMatch(/"level":(50|60)/);
  expect(await log('q=long.story')).toContain('6000 entries');
});

it('is nobody else’s', async () => {
  const person = await signUp(testApp);
  await person.agent.get('/admin/audit').expect(404);
  await person.agent.get('/admin/audit.csv').expect(404);
});
