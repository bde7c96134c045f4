import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { type Knex } from 'knex';
import { csrfTokenOf, mailedLink, PASSWORD, postForm, signIn, signUp, textOf } from '../support/people';
import { createTestApp, type TestApp } from '../support/test-app';

let testApp: TestApp;
let db: Knex;
const NEW_PASSWORD = 'other words than before';

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
});
beforeEach(() => db('rate_limits').delete());
afterAll(() => testApp.close());

/** Asks for the mail and answers the path of its link. */
async function askForLink(email: string): Promise<string> {
  await postForm(testApp.agent(), '/forgotten-password', { email });
  expect(await testApp.runJobs()).toEqual([]);
  return mailedLink(db, email, 'reset-password');
}

test('a mailed link changes the password, ends every session, and works once', async () => {
  const person = await signUp(testApp);
  const elsewhere = await signIn(testApp, person);
  const link = await askForLink(person.email);

  const agent = testApp.agent();
  const answer = await postForm(agent, link, { password: NEW_PASSWORD });
  expect([answer.status, answer.headers.location]).toEqual([303, '/sign-in']);
  expect(textOf(await agent.get('/sign-in'))).toContain('Your password is changed');
  for (const ended of [person.agent, elsewhere])
    expect((await ended.get('/organizer')).headers.location).toMatch(/^\/sign-in/);

  const old = await postForm(testApp.agent(), '/sign-in', { email: person.email, password: PASSWORD });
  expect(old.status).toBe(422);
  await signIn(testApp, { email: person.email, password: NEW_PASSWORD });
  expect((await testApp.agent().get(link)).status).toBe(404);
  const told = await db('mails').where({ recipient: person.email, template: 'password-changed' });
  expect(told).toHaveLength(1);
});

test('looking at the link does not use it up', async () => {
  const person = await signUp(testApp);
  const link = await askForLink(person.email);
  for (let look = 0; look < 3; look += 1) expect((await testApp.agent().get(link)).status).toBe(200);
  expect((await postForm(testApp.agent(), link, { password: NEW_PASSWORD })).status).toBe(303);
});

test('of two who send the same link at once, one changes the password', async () => {
  const person = await signUp(testApp);
  const link = await askForLink(person.email);
  const passwords = ['the words of the first', 'the words of the second'];
  const answers = await Promise.all(
    passwords.map((password) => postForm(testApp.agent(), link, { password })),
  );
  expect(answers.map((answer) => answer.status).sort()).toEqual([303, 404]);
});

test('one link ends the others, and so does a change of the password', async () => {
  const person = await signUp(testApp);
  const first = await askForLink(person.email);
  const second = await askForLink(person.email);
  expect(second).not.toBe(first);
  await postForm(testApp.agent(), second, { password: NEW_PASSWORD });
  expect((await testApp.agent().get(first)).status).toBe(404);

  const third = await askForLink(person.email);
  const agent = await signIn(testApp, { email: person.email, password: NEW_PASSWORD });
  await postForm(agent, '/account/password', { current_password: NEW_PASSWORD, password: PASSWORD });
  expect((await testApp.agent().get(third)).status).toBe(404);
});

test('it is over after an hour', async () => {
  const person = await signUp(testApp);
  const link = await askForLink(person.email);
  const row = await db('mailed_links').where({ user_id: person.id, purpose: 'reset_password' }).first();
  expect(row.expires_at - row.created_at).toBe(3600_000);
  await db('mailed_links')
    .where({ user_id: person.id })
    .update({
      created_at: db.raw("now() - interval '61 minutes'"),
      expires_at: db.raw("now() - interval '1 minute'"),
    });
  expect((await testApp.agent().get(link)).status).toBe(404);
});

test('an unknown, a disabled and a known address get the same answer, and only the known one a mail', async () => {
  const known = await signUp(testApp);
  const disabled = await signUp(testApp);
  await db('users').where({ id: disabled.id }).update({ disabled_at: db.fn.now() });
  const pages = [];
  for (const email of [known.email, disabled.email, 'nobody-at-all@people.example']) {
    const agent = testApp.agent();
    const answer = await postForm(agent, '/forgotten-password', { email });
    expect([answer.status, answer.headers.location]).toEqual([303, '/forgotten-password?sent=1']);
    pages.push(textOf(await agent.get('/forgotten-password?sent=1')));
  }
  expect(new Set(pages).size).toBe(1);
  expect(await testApp.runJobs()).toEqual([]);
  const mails = await db('mails').where({ template: 'reset-password' }).orderBy('id', 'desc').limit(3);
  expect(mails.filter((mail) => mail.recipient === known.email)).toHaveLength(1);
  expect(
    mails.filter((mail) => [disabled.email, 'nobody-at-all@people.example'].includes(mail.recipient)),
  ).toEqual([]);
});

test('a link of a person who was disabled meanwhile, or has another address now, opens nothing', async () => {
  const disabled = await signUp(testApp);
  const link = await askForLink(disabled.email);
  await db('users').where({ id: disabled.id }).update({ disabled_at: db.fn.now() });
  expect((await testApp.agent().get(link)).status).toBe(404);

  const moved = await signUp(testApp);
  const before = await askForLink(moved.email);
  await db('users').where({ id: moved.id }).update({ email: 'moved@people.example' });
  expect((await testApp.agent().get(before)).status).toBe(404);
});

test('a weak password is refused with the reason, and the link stays good', async () => {
  const person = await signUp(testApp);
  const link = await askForLink(person.email);
  for (const password of ['', 'short', 'password12', person.email]) {
    const answer = await postForm(testApp.agent(), link, { password });
    expect(answer.status).toBe(422);
  }
  expect((await postForm(testApp.agent(), link, { password: NEW_PASSWORD })).status).toBe(303);
});

test('another person’s link, a wrong one and nonsense are all just not there', async () => {
  const agent = testApp.agent();
  for (const token of ['x', 'A'.repeat(43), '%00', '..%2f..', 'A'.repeat(5000)]) {
    const page = await agent.get(`/password-resets/${token}`);
    expect(page.status).toBe(404);
    const sent = await agent
      .post(`/password-resets/${token}`)
      .type('form')
      .send({ _csrf: await csrfTokenOf(agent, '/sign-in'), password: NEW_PASSWORD });
    expect(sent.status).toBe(404);
  }
});

test('a link for confirming an address does not change a password', async () => {
  const person = await signUp(testApp, { confirmed: false });
  const link = await mailedLink(db, person.email, 'verify-email');
  const token = link.split('/').pop()!;
  expect((await testApp.agent().get(`/password-resets/${token}`)).status).toBe(404);
});

test('the link is in the mail and nowhere else, and its page sends no referrer', async () => {
  const person = await signUp(testApp);
  const link = await askForLink(person.email);
  const token = link.split('/').pop()!;
  const page = await testApp.agent().get(link);
  expect(page.headers['referrer-policy']).toBe('no-referrer');
  expect(page.headers['cache-control']).toBe('no-store');
  expect(JSON.stringify(await db('mailed_links').select())).not.toContain(token);
  await postForm(testApp.agent(), link, { password: NEW_PASSWORD });
  await testApp.agent().get(`/sign-in?next=${encodeURIComponent(link)}`);
  expect(testApp.logs()).not.toContain(token);
});

test('asking is limited for one address, known or not, and says when to come back', async () => {
  const person = await signUp(testApp);
  for (const email of [person.email, 'no-such-person@people.example']) {
    const statuses = [];
    let last;
    for (let round = 0; round < 5; round += 1) {
      last = await postForm(testApp.agent(), '/forgotten-password', { email });
      statuses.push(last.status);
    }
    expect(statuses).toEqual([303, 303, 303, 303, 429]);
    expect(Number(last!.headers['retry-after'])).toBeGreaterThan(0);
    expect(textOf(last!)).toContain('Look into your mailbox');
  }
});

test('asking is limited for a network', async () => {
  const agent = testApp.agent();
  const statuses = [];
  for (let round = 0; round < 31; round += 1)
    statuses.push(
      (await postForm(agent, '/forgotten-password', { email: `n${round}@people.example` })).status,
    );
  expect(statuses).toEqual([...Array<number>(30).fill(303), 429]);
});

test('a new password opens an account that wrong ones had closed', async () => {
  const person = await signUp(testApp);
  for (let round = 0; round < 11; round += 1)
    await postForm(testApp.agent(), '/sign-in', { email: person.email, password: `wrong ${round}` });
  const link = await askForLink(person.email);
  await postForm(testApp.agent(), link, { password: NEW_PASSWORD });
  await signIn(testApp, { email: person.email, password: NEW_PASSWORD });
});

test('a mail that carried a link is not kept once it was sent', async () => {
  const smtp = await listenForMail();
  const sending = await createTestApp({ config: { smtpUrl: `smtp://127.0.0.1:${smtp.port}` } });
  try {
    const person = await signUp(sending);
    await postForm(sending.agent(), '/forgotten-password', { email: person.email });
    expect(await sending.runJobs()).toEqual([]);
    expect(smtp.taken()).toContain('/password-resets/');
    const row = await sending
      .db('mails')
      .where({ recipient: person.email, template: 'reset-password' })
      .first();
    expect(row.status).toBe('sent');
    expect(row.text_body + row.html_body).not.toContain('/password-resets/');
  } finally {
    await sending.close();
    smtp.close();
  }
});

/** As much of an SMTP server (RFC 5321) as takes mails. */
async function listenForMail() {
  let taken = '';
  const server = createServer((socket) => {
    let inData = false;
    socket.write('220 test\r\n');
    createInterface({ input: socket }).on('line', (line) => {
      if (inData) {
        taken += `${line}\n`;
        if (line !== '.') return;
        inData = false;
      } else if (line === 'DATA') {
        inData = true;
        return socket.write('354 go on\r\n');
      }
      return socket.write(line === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return { port, taken: () => taken.replaceAll('=\n', ''), close: () => server.close() };
}
