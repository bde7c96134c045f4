import { type Knex } from 'knex';
import { Secret, TOTP } from 'otpauth';
import { type Agent, createTestApp, type TestApp } from '../support/test-app';
import { type Person, postForm, signUp, signUpAdmin, textOf } from '../support/people';

let testApp: TestApp;
let db: Knex;

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
});
beforeEach(() => db('rate_limits').delete());
afterAll(() => testApp.close());

const STEP_MS = 30_000;

/** What the app on a phone shows, so many steps from now. */
function codeOf(secret: string, steps = 0): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({
    timestamp: Date.now() + steps * STEP_MS,
  });
}

/** A step must not end between making a code and sending it. */
async function untilEarlyInStep(): Promise<void> {
  const left = STEP_MS - (Date.now() % STEP_MS);
  if (left < 8_000) await new Promise((done) => setTimeout(done, left + 50));
}

/** Sets it up by the real pages, with the code of the step before this one, so that this one's is still unused. */
async function turnOn(agent: Agent): Promise<{ secret: string; recoveryCodes: string[] }> {
  await untilEarlyInStep();
  await postForm(agent, '/account/two-factor', {}, { action: '/account/two-factor/setup' });
  const page = await agent.get('/account/two-factor');
  expect(page.text).toContain('<svg');
  const secret = /<code[^>]*>([A-Z2-7 ]+)<\/code>/.exec(page.text)![1]!.replaceAll(' ', '');
  const done = await postForm(
    agent,
    '/account/two-factor',
    { code: codeOf(secret, -1) },
    { action: '/account/two-factor' },
  );
  expect(done.status).toBe(200);
  return { secret, recoveryCodes: done.text.match(/(?:[2-9A-Z]{4}-){3}[2-9A-Z]{4}/g) ?? [] };
}

/** The password, up to the page that asks for the code. */
async function givePassword(person: Person, next = ''): Promise<Agent> {
  const agent = testApp.agent();
  const answer = await postForm(agent, `/sign-in${next}`, { email: person.email, password: person.password });
  expect([answer.status, answer.headers.location]).toEqual([303, '/sign-in/code']);
  return agent;
}

const isIn = async (agent: Agent) => (await agent.get('/account')).status === 200;

test('after the password the code is asked for, and nothing is open before', async () => {
  const person = await signUp(testApp);
  const { secret } = await turnOn(person.agent);
  const agent = await givePassword(person, '?next=/account/password');
  expect(await isIn(agent)).toBe(false);
  const answer = await postForm(agent, '/sign-in/code', { code: codeOf(secret) });
  expect([answer.status, answer.headers.location]).toEqual([303, '/account/password']);
  expect(await isIn(agent)).toBe(true);
});

test('a code that was used is refused, in another browser too, and so is an older one', async () => {
  const person = await signUp(testApp);
  const { secret } = await turnOn(person.agent);
  const used = codeOf(secret);
  await postForm(await givePassword(person), '/sign-in/code', { code: used });
  for (const code of [used, codeOf(secret, -1)]) {
    const agent = await givePassword(person);
    expect((await postForm(agent, '/sign-in/code', { code })).status).toBe(422);
    expect(await isIn(agent)).toBe(false);
  }
  const next = await givePassword(person);
  expect((await postForm(next, '/sign-in/code', { code: codeOf(secret, 1) })).status).toBe(303);
});

test('of two who send one code at once, one comes in', async () => {
  const person = await signUp(testApp);
  const { secret } = await turnOn(person.agent);
  const agents = [await givePassword(person), await givePassword(person)];
  const code = codeOf(secret);
  const answers = await Promise.all(agents.map((agent) => postForm(agent, '/sign-in/code', { code })));
  expect(answers.map((answer) => answer.status).sort()).toEqual([303, 422]);
});

test('a recovery code works once, however it is typed, and the person hears of it', async () => {
  const person = await signUp(testApp);
  const { recoveryCodes } = await turnOn(person.agent);
  expect(new Set(recoveryCodes).size).toBe(10);
  const typed = recoveryCodes[0]!.toLowerCase().replaceAll('-', ' ');
  const first = await givePassword(person);
  expect((await postForm(first, '/sign-in/code', { code: typed })).status).toBe(303);
  const second = await givePassword(person);
  expect((await postForm(second, '/sign-in/code', { code: recoveryCodes[0]! })).status).toBe(422);
  const mail = await db('mails').where({ recipient: person.email, template: 'recovery-code-used' }).first();
  expect(mail.text_body).toContain('You have 9 left');
  expect(JSON.stringify(await db('recovery_codes').select())).not.toContain(recoveryCodes[1]);
});

test('one person’s recovery code opens nothing of another’s', async () => {
  const one = await signUp(testApp);
  const two = await signUp(testApp);
  const { recoveryCodes } = await turnOn(one.agent);
  await turnOn(two.agent);
  const agent = await givePassword(two);
  expect((await postForm(agent, '/sign-in/code', { code: recoveryCodes[0]! })).status).toBe(422);
});

test('new recovery codes replace the old ones', async () => {
  const person = await signUp(testApp);
  const { recoveryCodes } = await turnOn(person.agent);
  const page = await postForm(
    person.agent,
    '/account/two-factor',
    {},
    { action: '/account/two-factor/recovery-codes' },
  );
  expect(page.text.match(/(?:[2-9A-Z]{4}-){3}[2-9A-Z]{4}/g)).toHaveLength(10);
  const agent = await givePassword(person);
  expect((await postForm(agent, '/sign-in/code', { code: recoveryCodes[0]! })).status).toBe(422);
});

test('guessing codes ends after ten, in new browsers too', async () => {
  const person = await signUp(testApp);
  const { secret } = await turnOn(person.agent);
  await db('rate_limits').delete();
  const statuses = [];
  for (let round = 0; round < 10; round += 1) {
    const agent = await givePassword(person);
    statuses.push((await postForm(agent, '/sign-in/code', { code: '000000' })).status);
  }
  const closed = await postForm(await givePassword(person), '/sign-in/code', { code: codeOf(secret) });
  expect(statuses).toEqual(Array<number>(10).fill(422));
  expect(closed.status).toBe(429);
  expect(Number(closed.headers['retry-after'])).toBeGreaterThan(0);
});

test('the password counts for ten minutes at the code', async () => {
  const person = await signUp(testApp);
  await turnOn(person.agent);
  const agent = await givePassword(person);
  await db('sessions')
    .where({ user_id: person.id })
    .whereRaw("data->>'userId' IS NULL")
    .update({ data: db.raw(`jsonb_set(data, '{halfSignedIn,since}', '1')`) });
  expect((await agent.get('/sign-in/code')).headers.location).toBe('/sign-in');
  expect(await isIn(agent)).toBe(false);
});

test('a session that owes its code ends with a change of the password, and is not listed', async () => {
  const person = await signUp(testApp);
  await turnOn(person.agent);
  const half = await givePassword(person);
  expect(textOf(await person.agent.get('/account'))).not.toContain('Sign out all other browsers');
  await postForm(person.agent, '/account/password', {
    current_password: person.password,
    password: 'other words than before',
  });
  expect((await half.get('/sign-in/code')).headers.location).toBe('/sign-in');
});

test('turning it on ends other sessions; a wrong code turns nothing on', async () => {
  const person = await signUp(testApp);
  const elsewhere = testApp.agent();
  await postForm(elsewhere, '/sign-in', { email: person.email, password: person.password });
  await postForm(person.agent, '/account/two-factor', {}, { action: '/account/two-factor/setup' });
  const wrong = await postForm(
    person.agent,
    '/account/two-factor',
    { code: '000000' },
    { action: '/account/two-factor' },
  );
  expect(wrong.status).toBe(422);
  expect(await isIn(elsewhere)).toBe(true);
  await turnOn(person.agent);
  expect(await isIn(elsewhere)).toBe(false);
  expect(await isIn(person.agent)).toBe(true);
});

test('the secret is kept encrypted, is shown only while it is set up, and a setup does not replace one that is on', async () => {
  const person = await signUp(testApp);
  const { secret } = await turnOn(person.agent);
  expect(JSON.stringify(await db('two_factor').select('secret_encrypted'))).not.toContain(secret);
  expect((await person.agent.get('/account/two-factor')).text).not.toContain(secret.slice(0, 4));
  const before = await db('two_factor').where({ user_id: person.id }).first();
  const page = await person.agent.get('/account/two-factor');
  const token = /name="_csrf" value="([^"]+)"/.exec(page.text)![1];
  await person.agent.post('/account/two-factor/setup').type('form').send({ _csrf: token });
  expect(await db('two_factor').where({ user_id: person.id }).first()).toEqual(before);
  expect(testApp.logs()).not.toContain(secret);
});

test('turned off, the password is enough again', async () => {
  const person = await signUp(testApp);
  await turnOn(person.agent);
  await postForm(person.agent, '/account/two-factor', {}, { action: '/account/two-factor/removal' });
  const agent = testApp.agent();
  const answer = await postForm(agent, '/sign-in', { email: person.email, password: person.password });
  expect(answer.headers.location).toBe('/organizer');
  const mails = await db('mails').where({ recipient: person.email }).whereLike('template', 'two-factor-%');
  expect(mails.map((mail) => mail.template).sort()).toEqual(['two-factor-off', 'two-factor-on']);
});

test('signing up again with the right password asks for the code as well', async () => {
  const person = await signUp(testApp);
  await turnOn(person.agent);
  const agent = testApp.agent();
  const { name, email, password } = person;
  const answer = await postForm(agent, '/sign-up', { name, email, password });
  expect(answer.headers.location).toBe('/sign-in/code');
  expect(await isIn(agent)).toBe(false);
});

test('in production an admin without it is led to set it up, and sees no admin page before', async () => {
  const production = await createTestApp({ config: { production: true } });
  try {
    const admin = await signUpAdmin(production);
    const led = await admin.agent.get('/admin');
    expect([led.status, led.headers.location]).toEqual([303, '/account/two-factor']);
    await turnOn(admin.agent);
    expect((await admin.agent.get('/admin')).status).toBe(200);
    const other = await signUp(production);
    expect((await other.agent.get('/admin')).status).toBe(404);
  } finally {
    await production.close();
  }
});
