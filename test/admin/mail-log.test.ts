import { queueMail } from '../../src/mail/outbox';
import { type Person, signUp, signUpAdmin, textOf } from '../support/people';
import { createTestApp, type TestApp } from '../support/test-app';
import { act, auditOf } from './admins';

let testApp: TestApp;
let admin: Person;
beforeAll(async () => {
  testApp = await createTestApp();
  admin = await signUpAdmin(testApp);
});
afterAll(() => testApp.close());

let mails = 0;
async function aMail(changes: Record<string, unknown> = {}) {
  const dedupeKey = `test-${(mails += 1)}`;
  await queueMail(testApp.db, {
    dedupeKey,
    template: 'order-paid',
    recipient: `charles${mails}@people.example`,
    content: {
      subject: `Your tickets ${mails}`,
      heading: 'You are in',
      paragraphs: ['Canary of the text'],
      action: { label: 'Open', url: 'https://foyer.example/orders/canary-of-the-link' },
      footer: 'Foyer',
    },
  });
  await testApp.runJobs();
  if (Object.keys(changes).length > 0)
    await testApp.db('mails').where({ dedupe_key: dedupeKey }).update(changes);
  return testApp.db('mails').where({ dedupe_key: dedupeKey }).first();
}

const read = (id: string) => testApp.db('mails').where({ id }).first();

it('shows what went where, and never the text', async () => {
  const mail = await aMail();
  const list = await admin.agent.get('/admin/mails?q=your+tickets&status=kept').expect(200);
  const page = await admin.agent.get(`/admin/mails/${mail.id}`).expect(200);
  for (const seen of [list, page]) {
    expect(textOf(seen)).toContain(mail.recipient);
    expect(seen.text).not.toMatch(/canary/i);
  }
  expect(textOf(await admin.agent.get('/admin/mails?q=charles_'))).toContain('No mail matches');
});

it('sends one that went as a copy of its own, and says why in the audit log', async () => {
  const mail = await aMail();
  const answer = await act(admin, `/admin/mails/${mail.id}/delivery`, { reason: 'They deleted it' });
  const copyId = /\/admin\/mails\/([\w-]{36})$/.exec(String(answer.headers.location))![1]!;
  expect(copyId).not.toBe(mail.id);
  await testApp.runJobs();
  expect(await read(copyId)).toMatchObject({
    recipient: mail.recipient,
    subject: mail.subject,
    text_body: mail.text_body,
    html_body: mail.html_body,
    status: 'kept',
  });
  expect(await read(mail.id)).toEqual(mail);
  expect(await auditOf(testApp, mail.id)).toMatchObject([
    {
      action: 'mail.sent_again',
      actor_user_id: admin.id,
      reason: 'They deleted it',
      details: { mail: copyId },
    },
  ]);
});

it('tries one that failed again, itself', async () => {
  const mail = await aMail({ status: 'failed', attempts: 12, last_error: 'refused', sent_at: null });
  const answer = await act(admin, `/admin/mails/${mail.id}/delivery`, { reason: 'The mailbox is back' });
  expect(answer.headers.location).toBe(`/admin/mails/${mail.id}`);
  expect(await read(mail.id)).toMatchObject({ status: 'queued', attempts: 0 });
  await testApp.runJobs();
  expect(await read(mail.id)).toMatchObject({ status: 'kept', attempts: 1 });
});

it('wants a reason, and changes nothing without one', async () => {
  const mail = await aMail();
  const before = await testApp.db('mails').count('* as n').first();
  expect((await act(admin, `/admin/mails/${mail.id}/delivery`, { reason: '' })).status).toBe(422);
  expect(await testApp.db('mails').count('* as n').first()).toEqual(before);
});

it('is nobody else’s', async () => {
  const mail = await aMail();
  const person = await signUp(testApp);
  for (const path of ['', `/${mail.id}`, `/${mail.id}/delivery`])
    await person.agent.get(`/admin/mails${path}`).expect(404);
});
