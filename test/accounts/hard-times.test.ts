/** Accounts while the database is away, and while a crowd tries passwords. */
import supertest from 'supertest';
import { createApp } from '../../src/app';
import { createDatabase } from '../../src/db/connection';
import { csrfTokenOf, postForm, signUp, textOf } from '../support/people';
import { createPasswords } from '../../src/accounts/passwords';
import { createTestApp } from '../support/test-app';

test('A8: without the database who is signed in reads a 503, gets no other session, and the process lives', async () => {
  const testApp = await createTestApp();
  const away = createDatabase({ url: 'postgres://nobody@127.0.0.1:9/nowhere', poolSize: 1 });
  try {
    const person = await signUp(testApp);
    const signedIn = await postForm(testApp.agent(), '/sign-in', {
      email: person.email,
      password: person.password,
    });
    const cookie = sessionOf(signedIn);
    const cutOff = supertest(createApp({ ...testApp.dependencies, db: away }));
    for (const answer of [
      await cutOff.get('/organizer').set('Cookie', cookie),
      await cutOff.get('/sign-in').set('Cookie', cookie),
      await cutOff.post('/sign-in').set('Cookie', cookie).type('form').send({ email: 'a@b.example' }),
    ]) {
      expect([answer.status, answer.headers['set-cookie']]).toEqual([503, undefined]);
      expect(textOf(answer)).toContain('Please try again in a moment');
      expect(answer.headers['retry-after']).toBeDefined();
    }
    expect((await cutOff.get('/healthz')).status).toBe(200);
    // and it is still there when the database is back
    expect((await testApp.agent().get('/account').set('Cookie', cookie)).status).toBe(200);
  } finally {
    await away.destroy();
    await testApp.close();
  }
});

test('A8: while sessions can not be read, public pages answer, sign-in says 503 in words, and the process lives', async () => {
  const testApp = await createTestApp();
  const blocker = createDatabase({ url: testApp.databaseUrl, poolSize: 1 });
  try {
    const cookie = sessionOf(await testApp.agent().get('/sign-in'));
    const trx = await blocker.transaction();
    await trx.raw('LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE');
    const [home, signIn, health] = await Promise.all(
      ['/', '/sign-in', '/healthz'].map((path) => testApp.agent().get(path).set('Cookie', cookie)),
    );
    expect([home!.status, health!.status]).toEqual([200, 200]);
    expect([signIn!.status, signIn!.headers['set-cookie']]).toEqual([503, undefined]);
    expect(textOf(signIn!)).toContain('Nothing was changed. Try again in a moment.');
    await trx.rollback();
    expect((await testApp.agent().get('/sign-in').set('Cookie', cookie)).status).toBe(200);
  } finally {
    await blocker.destroy();
    await testApp.close();
  }
});

test('A15: two hundred sign-ins at once are answered, refused by a limit, or told to come again', async () => {
  const testApp = await createTestApp();
  try {
    const agent = testApp.agent();
    const token = await csrfTokenOf(agent, '/sign-in');
    let hashed = 0;
    const signIns = Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        agent
          .post('/sign-in')
          .type('form')
          .send({ _csrf: token, email: `crowd${n}@people.example`, password: `a guess of many ${n}` })
          .then((answer) => {
            hashed += answer.status === 422 ? 1 : 0;
            return answer.status;
          }),
      ),
    );
    await testApp.agent().get('/healthz').expect(200);
    const statuses = await signIns;
    // half of them run into the limit of their network; a busy machine tells some to come again
    expect(statuses.filter((status) => ![422, 429, 503].includes(status))).toEqual([]);
    expect(hashed).toBeGreaterThan(20);
  } finally {
    await testApp.close();
  }
}, 60_000);

test('A15: while passwords are hashed the process goes on with other work', async () => {
  const passwords = createPasswords();
  let turns = 0;
  let hashing = true;
  const turn = () => {
    turns += 1;
    if (hashing) setImmediate(turn);
  };
  setImmediate(turn);
  await Promise.all(Array.from({ length: 20 }, () => passwords.matches(null, 'a guess')));
  hashing = false;
  // a hash on the one thread would leave it a turn or two for each
  expect(turns).toBeGreaterThan(400);
});

function sessionOf(answer: supertest.Response): string {
  return (answer.headers['set-cookie'] as unknown as string[])[0]!.split(';')[0]!;
}
