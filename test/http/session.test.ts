import { signUp } from '../support/people';
import { createTestApp, type TestApp } from '../support/test-app';

let testApp: TestApp;
beforeAll(async () => {
  testApp = await createTestApp();
});
afterAll(() => testApp.close());

const xmin = async () =>
  (await testApp.db('sessions').select(testApp.db.raw('xmin::text'))).map((row) => row.xmin);

test('who only looks at public pages has no session and gets no cookie', async () => {
  for (const path of ['/', '/events/unknown', '/orders/unknown']) {
    const answer = await testApp.agent().get(path);
    expect([path, answer.headers['set-cookie']]).toEqual([path, undefined]);
  }
  expect(await testApp.db('sessions').select('id_hash')).toEqual([]);
});

test('a session that is used again and again is written once in five minutes', async () => {
  const { agent } = await signUp(testApp);
  await agent.get('/account');
  const before = await xmin();
  for (let n = 0; n < 3; n += 1) expect((await agent.get('/account')).status).toBe(200);
  expect(await xmin()).toEqual(before);

  await testApp.db('sessions').update({ expires_at: testApp.db.raw("expires_at - interval '6 minutes'") });
  const aged = await xmin();
  await agent.get('/account');
  const touched = await xmin();
  expect(touched).not.toEqual(aged);
  await agent.get('/account');
  expect(await xmin()).toEqual(touched);
});
