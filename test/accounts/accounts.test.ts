import { type Knex } from 'knex';
import { createTestApp, type TestApp } from '../support/test-app';
import { csrfTokenOf, PASSWORD, postForm, readForm, signIn, signUp, textOf } from '../support/people';

let testApp: TestApp;
let db: Knex;

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
});
beforeEach(() => db('rate_limits').delete());
afterAll(() => testApp.close());

const sidOf = (answer: { headers: Record<string, unknown> }): string | undefined =>
  ((answer.headers['set-cookie'] as string[] | undefined) ?? [])
    .find((cookie) => /^(__Host-)?sid=/.test(cookie))
    ?.split(';')[0];

describe('signing up', () => {
  test('a new person is signed in at once and led to the desk', async () => {
    const agent = testApp.agent();
    const answer = await postForm(agent, '/sign-up', {
      name: '  Ada  Byron ',
      email: ' Ada@Society.EXAMPLE ',
      password: PASSWORD,
    });
    expect([answer.status, answer.headers.location]).toEqual([303, '/organizer']);
    const user = await db('users').where({ email: 'ada@society.example' }).first();
    expect(user).toMatchObject({ name: 'Ada  Byron', is_admin: false, disabled_at: null });
    expect(user.password_hash).toMatch(/^\$argon2id\$/);
    expect((await agent.get('/organizer')).headers.location).toBe('/organizer/organizers/new');
  });

  test('fields that the form does not have change nothing', async () => {
    const agent = testApp.agent();
    await postForm(agent, '/sign-up', {
      name: 'Mallory',
      email: 'mallory@people.example',
      password: PASSWORD,
      is_admin: 'true',
      isAdmin: '1',
      id: '00000000-0000-7000-8000-000000000000',
      disabled_at: '2020-01-01',
    });
    const user = await db('users').where({ email: 'mallory@people.example' }).first();
    expect(user).toMatchObject({ is_admin: false, disabled_at: null });
    expect(user.id).not.toBe('00000000-0000-7000-8000-000000000000');
  });

  test('what is wrong is said for each field, what was typed stays, and the password is never given back', async () => {
    const answer = await postForm(testApp.agent(), '/sign-up', {
      name: '',
      email: 'ada at society',
      password: 'too short',
    });
    expect(answer.status).toBe(422);
    expect(textOf(answer)).toContain('Enter your name');
    expect(textOf(answer)).toContain('Enter an email address in the correct format');
    expect(textOf(answer)).toContain('Use at least 10 characters for your password');
    expect(readForm(answer, '/sign-up').values).toMatchObject({ email: 'ada at society', password: '' });
    expect(answer.text).not.toContain('too short');
  });

  test('a taken address with its own password signs in, and makes no second account', async () => {
    const { email } = await signUp(testApp);
    const agent = testApp.agent();
    const answer = await postForm(agent, '/sign-up', { name: 'Somebody', email, password: PASSWORD });
    expect(answer.status).toBe(303);
    expect((await agent.get('/sign-in')).status).toBe(303);
    expect(await db('users').where({ email })).toHaveLength(1);
    expect((await db('users').where({ email }).first()).name).not.toBe('Somebody');
  });

  test('a taken address with another password gets one careful sentence, and the owner one mail a day', async () => {
    const { email, id } = await signUp(testApp);
    for (let round = 0; round < 3; round += 1) {
      const agent = testApp.agent();
      const answer = await postForm(agent, '/sign-up', {
        name: 'A Stranger With A Name',
        email,
        password: 'another phrase entirely',
      });
      expect(answer.status).toBe(422);
      expect(textOf(answer)).toContain('We could not create this account. If you already have one, sign in.');
      expect((await agent.get('/organizer')).headers.location).toMatch(/^\/sign-in/);
    }
    const mails = await db('mails').where({ recipient: email, template: 'sign-up-with-taken-address' });
    expect(mails).toHaveLength(1);
    expect(mails[0].dedupe_key).toMatch(
      new RegExp(`^sign-up-with-taken-address:${id}:\\d{4}-\\d\\d-\\d\\d$`),
    );
    expect(mails[0].text_body).toContain('http://127.0.0.1/sign-in');
    expect(mails[0].text_body + mails[0].html_body).not.toContain('Stranger');
    expect(await testApp.runJobs()).toEqual([]);
    expect((await db('mails').where({ id: mails[0].id }).first()).status).toBe('kept');
  });

  test('two people who send the same address at the same moment get one account', async () => {
    const fields = (password: string) => ({ name: 'Twin', email: 'twins@people.example', password });
    const answers = await Promise.all([
      postForm(testApp.agent(), '/sign-up', fields('the phrase of the first')),
      postForm(testApp.agent(), '/sign-up', fields('the phrase of the second')),
    ]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([303, 422]);
    expect(await db('users').where({ email: 'twins@people.example' })).toHaveLength(1);
  });

  test('a disabled account is not opened by signing up again', async () => {
    const { email, id } = await signUp(testApp);
    await db('users').where({ id }).update({ disabled_at: db.fn.now() });
    const answer = await postForm(testApp.agent(), '/sign-up', { name: 'Ada', email, password: PASSWORD });
    expect(answer.status).toBe(422);
  });

  test('guessing a password at the sign-up form counts as guessing it', async () => {
    const { email } = await signUp(testApp);
    const agent = testApp.agent();
    for (let round = 0; round < 10; round += 1)
      await postForm(agent, '/sign-up', { name: 'Eve', email, password: `a guessed phrase ${round}` });
    const answer = await postForm(testApp.agent(), '/sign-in', { email, password: PASSWORD });
    expect(answer.status).toBe(429);
  });

  test('hostile text ends as a message, never as a 500', async () => {
    const agent = testApp.agent();
    const token = await csrfTokenOf(agent, '/sign-up');
    for (const body of [
      `name=%00%00&email=a%00b@x.example&password=${encodeURIComponent(PASSWORD)}`,
      'name=%ED%A0%80&email=%ff%fe&password=%00%00%00%00%00%00%00%00%00%00',
      `name=${'x'.repeat(60_000)}&email=${'y'.repeat(300)}@x.example&password=z`,
      'email=a%0d%0aBcc:b@x.example&name=A&password=four+quiet+words+here',
      '__proto__=1&constructor=2&toString=3',
      '',
    ]) {
      const answer = await agent.post('/sign-up').type('form').send(`_csrf=${token}&${body}`);
      expect([422, 400]).toContain(answer.status);
    }
    const doubled = await agent
      .post('/sign-up')
      .type('form')
      .send(`_csrf=${token}&name=a&name=b&email=e&password=p`);
    expect(doubled.status).toBe(400);
  });

  test('a name is shown as text, whatever it holds', async () => {
    const agent = testApp.agent();
    await postForm(agent, '/sign-up', {
      name: '<script>alert(1)</script>"\'',
      email: 'canary@people.example',
      password: PASSWORD,
    });
    const page = await agent.get('/organizer/organizers/new');
    expect(page.text).not.toContain('<script>alert(1)');
    expect(page.text).toContain('&lt;script&gt;alert(1)');
  });
});

test('a password that is the own name is refused at the form', async () => {
  const answer = await postForm(testApp.agent(), '/sign-up', {
    name: 'Augusta Ada King',
    email: 'augusta@people.example',
    password: 'augusta ADA king',
  });
  expect(answer.status).toBe(422);
  expect(textOf(answer)).toContain('Choose a password that is not your name or email address');
});

describe('signing in', () => {
  test('the right password opens the account and leads to where the person was going', async () => {
    const person = await signUp(testApp);
    const agent = testApp.agent();
    const refused = await agent.get('/organizer/payments?tab=1');
    expect([refused.status, refused.headers.location]).toEqual([
      303,
      '/sign-in?next=%2Forganizer%2Fpayments%3Ftab%3D1',
    ]);
    const answer = await postForm(agent, refused.headers.location as string, {
      email: person.email.toUpperCase(),
      password: person.password,
    });
    expect([answer.status, answer.headers.location]).toEqual([303, '/organizer/payments?tab=1']);
    expect((await agent.get('/sign-in')).headers.location).toBe('/organizer');
  });

  test('an unknown address, a wrong password and a disabled account get the same answer', async () => {
    const known = await signUp(testApp);
    const disabled = await signUp(testApp);
    await db('users').where({ id: disabled.id }).update({ disabled_at: db.fn.now() });
    const pages = [];
    for (const [email, password] of [
      ['nobody@people.example', PASSWORD],
      [known.email, 'not the password at all'],
      [disabled.email, PASSWORD],
    ] as const) {
      const agent = testApp.agent();
      const answer = await postForm(agent, '/sign-in', { email, password });
      expect(answer.status).toBe(422);
      expect((await agent.get('/organizer')).headers.location).toMatch(/^\/sign-in/);
      pages.push(
        answer.text.replaceAll(email, 'EMAIL').replace(/name="_csrf" value="[^"]+"/g, 'name="_csrf"'),
      );
    }
    expect(pages[0]).toContain('The email address or the password is not right.');
    expect(pages[1]).toBe(pages[0]);
    expect(pages[2]).toBe(pages[0]);
  });

  test('a planted session id is dead after signing in', async () => {
    const person = await signUp(testApp);
    const agent = testApp.agent();
    const planted = sidOf(await agent.get('/sign-in'));
    const token = await csrfTokenOf(agent, '/sign-in');
    const answer = await agent
      .post('/sign-in')
      .type('form')
      .send({ _csrf: token, email: person.email, password: person.password });
    expect(planted).toBeDefined();
    expect(sidOf(answer)).toBeDefined();
    expect(sidOf(answer)).not.toBe(planted);
    const withPlanted = await testApp.agent().get('/organizer').set('Cookie', planted!);
    expect(withPlanted.headers.location).toMatch(/^\/sign-in/);
    const withNew = await testApp.agent().get('/sign-in').set('Cookie', sidOf(answer)!);
    expect(withNew.headers.location).toBe('/organizer');
  });

  test('an id that was never given out is not taken on', async () => {
    const invented = 'sid=s%3AinventedByAnAttacker.c2lnbmF0dXJl';
    const page = await testApp.agent().get('/sign-in').set('Cookie', invented);
    expect(sidOf(page)).toBeDefined();
    expect(sidOf(page)).not.toContain('inventedByAnAttacker');
  });

  test('a person who is disabled is out at their next page', async () => {
    const person = await signUp(testApp);
    await db('users').where({ id: person.id }).update({ disabled_at: db.fn.now() });
    expect((await person.agent.get('/organizer')).headers.location).toMatch(/^\/sign-in/);
  });

  test('ten failures close the account for everybody, the right password included', async () => {
    const person = await signUp(testApp);
    const other = await signUp(testApp);
    const agent = testApp.agent();
    for (let round = 0; round < 10; round += 1)
      expect(
        (await postForm(agent, '/sign-in', { email: person.email, password: `wrong ${round}` })).status,
      ).toBe(422);
    const closed = await postForm(testApp.agent(), '/sign-in', {
      email: person.email,
      password: person.password,
    });
    expect(closed.status).toBe(429);
    expect(Number(closed.headers['retry-after'])).toBeGreaterThan(0);
    expect(textOf(closed)).toContain('Wait 15 minutes, then sign in again.');
    await signIn(testApp, other);
  });

  test('an unknown address is closed just the same', async () => {
    const agent = testApp.agent();
    const statuses = [];
    for (let round = 0; round < 11; round += 1)
      statuses.push(
        (await postForm(agent, '/sign-in', { email: 'ghost@people.example', password: 'x' })).status,
      );
    expect(statuses).toEqual([...Array<number>(10).fill(422), 429]);
  });

  test('tries side by side count as well as tries in a row', async () => {
    const person = await signUp(testApp);
    const agent = testApp.agent();
    const token = await csrfTokenOf(agent, '/sign-in');
    const answers = await Promise.all(
      Array.from({ length: 25 }, (_, round) =>
        agent
          .post('/sign-in')
          .type('form')
          .send({ _csrf: token, email: person.email, password: `wrong ${round}` }),
      ),
    );
    expect(answers.filter((answer) => answer.status === 422)).toHaveLength(10);
    expect(answers.filter((answer) => answer.status === 429)).toHaveLength(15);
  });

  test('signing in forgets the failures before it', async () => {
    const person = await signUp(testApp);
    for (let wave = 0; wave < 2; wave += 1) {
      const agent = testApp.agent();
      for (let round = 0; round < 8; round += 1)
        await postForm(agent, '/sign-in', { email: person.email, password: `wrong ${round}` });
      await signIn(testApp, person);
    }
  });

  test('a network has a limit over all accounts', async () => {
    const agent = testApp.agent();
    const token = await csrfTokenOf(agent, '/sign-in');
    const statuses = [];
    for (let round = 0; round < 101; round += 1) {
      const answer = await agent
        .post('/sign-in')
        .type('form')
        .send({ _csrf: token, email: `ghost${round}@people.example`, password: 'x' });
      statuses.push(answer.status);
    }
    expect(statuses.slice(0, 100)).toEqual(Array<number>(100).fill(422));
    expect(statuses[100]).toBe(429);
  });

  test('the table of limits names nobody', async () => {
    await postForm(testApp.agent(), '/sign-in', { email: 'named@people.example', password: 'x' });
    const rows = await db('rate_limits').select('key');
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toMatch(/people\.example|127\.0\.0\.1/);
  });
});

describe('where signing in leads', () => {
  test.each([
    ['/organizer/payments?x=1', '/organizer/payments?x=1'],
    ['//evil.example', '/organizer'],
    ['/\\evil.example', '/organizer'],
    ['\\\\evil.example', '/organizer'],
    ['/\t/evil.example', '/organizer'],
    ['https:evil.example', '/organizer'],
    ['https://evil.example/organizer', '/organizer'],
    ['javascript:alert(1)', '/organizer'],
    ['data:text/html,x', '/organizer'],
    ['/organizer\r\nSet-Cookie: a=b', '/organizer'],
    ['/%0d%0aSet-Cookie:a=b', '/%0d%0aSet-Cookie:a=b'],
    ['/%2f%2fevil.example', '/%2f%2fevil.example'],
    ['/.//evil.example', '/organizer'],
    ['/x/..//evil.example', '/organizer'],
    ['http://127.0.0.1@evil.example/', '/organizer'],
    [' /organizer/payments', '/organizer'],
    ['', '/organizer'],
    [`/${'x'.repeat(3000)}`, '/organizer'],
  ])('next %j leads to %s', async (next, target) => {
    const person = await signUp(testApp);
    const agent = testApp.agent();
    const answer = await postForm(agent, `/sign-in?next=${encodeURIComponent(next)}`, {
      email: person.email,
      password: person.password,
    });
    expect([answer.status, answer.headers.location]).toEqual([303, target]);
    // the same as a field, and for somebody who is signed in already
    const forged = await postForm(testApp.agent(), '/sign-in', {
      email: person.email,
      password: person.password,
      next,
    });
    expect(forged.headers.location).toBe(target);
    const already = await agent.get(`/sign-in?next=${encodeURIComponent(next)}`);
    expect(already.headers.location).toBe(target);
  });

  test('a doubled next leads to the desk', async () => {
    const person = await signUp(testApp);
    const answer = await person.agent.get('/sign-in?next=/a&next=//evil.example');
    expect(answer.headers.location).toBe('/organizer');
  });
});

describe('signing out', () => {
  test('ends the session here and in the database', async () => {
    const person = await signUp(testApp);
    const before = await person.agent.get('/organizer/organizers/new');
    const sessions = () => db('sessions').where({ user_id: person.id });
    expect(await sessions()).toHaveLength(1);
    const answer = await postForm(person.agent, '/organizer/organizers/new', {}, { action: '/sign-out' });
    expect([answer.status, answer.headers.location]).toEqual([303, '/']);
    expect(answer.headers['set-cookie']?.[0]).toMatch(/^sid=;.*Expires=Thu, 01 Jan 1970/);
    expect(await sessions()).toHaveLength(0);
    expect((await person.agent.get('/organizer')).headers.location).toMatch(/^\/sign-in/);
    expect(before.headers['cache-control']).toBe('no-store');
  });

  test('a link can not do it', async () => {
    const person = await signUp(testApp);
    expect((await person.agent.get('/sign-out')).status).toBe(404);
    expect((await person.agent.get('/sign-in')).status).toBe(303);
  });
});

describe('giving the password again', () => {
  test('needs the right one, counts the wrong ones, and leads back', async () => {
    const person = await signUp(testApp);
    const page = '/confirm-password?next=%2Forganizer%2Fpayments';
    const long = Math.floor(Date.now() / 1000) - 3600;
    await db('sessions')
      .where({ user_id: person.id })
      .update({ data: db.raw(`jsonb_set(data, '{authenticatedAt}', ?::jsonb)`, [String(long)]) });
    const wrong = await postForm(person.agent, page, { password: 'not mine at all' });
    expect(wrong.status).toBe(422);
    expect(textOf(wrong)).toContain('This is not your password.');
    const right = await postForm(person.agent, page, { password: person.password });
    expect([right.status, right.headers.location]).toEqual([303, '/organizer/payments']);
    const { data } = await db('sessions').where({ user_id: person.id }).first();
    expect(data.authenticatedAt).toBeGreaterThan(long + 3500);
  });

  test('is closed after ten wrong ones', async () => {
    const person = await signUp(testApp);
    const statuses = [];
    for (let round = 0; round < 11; round += 1)
      statuses.push((await postForm(person.agent, '/confirm-password', { password: `w${round}` })).status);
    expect(statuses).toEqual([...Array<number>(10).fill(422), 429]);
  });

  test('a guest signs in first', async () => {
    const answer = await testApp.agent().get('/confirm-password?next=/admin');
    expect(answer.headers.location).toBe('/sign-in?next=%2Fconfirm-password%3Fnext%3D%2Fadmin');
  });
});

describe('a form without its token', () => {
  const forms = [
    ['/sign-up', { name: 'Eve', email: 'csrf@people.example', password: PASSWORD }],
    ['/sign-in', { email: 'csrf-owner@people.example', password: PASSWORD }],
    ['/sign-out', {}],
    ['/confirm-password', { password: PASSWORD }],
  ] as const;

  beforeAll(() => signUp(testApp, { email: 'csrf-owner@people.example' }));

  test.each(forms)('%s is refused in each way', async (path, fields) => {
    const person = await signUp(testApp);
    const guest = testApp.agent();
    await guest.get('/sign-in');
    const foreign = await csrfTokenOf(testApp.agent(), '/sign-in');
    const agent = path === '/sign-in' || path === '/sign-up' ? guest : person.agent;
    const own = await csrfTokenOf(agent, agent === guest ? '/sign-in' : '/organizer/organizers/new');
    const attempts: [string, string][] = [
      [path, ''],
      [path, '_csrf='],
      [path, '_csrf=wrong'],
      [path, `_csrf=${foreign}`],
      [path, `_csrf[]=${own}`],
      [path, `_csrf=${own}&_csrf=${own}`],
      [`${path}?_csrf=${own}`, ''],
    ];
    const people = await db('users').count().first();
    for (const [address, token] of attempts) {
      const body = `${token}&${new URLSearchParams(fields as Record<string, string>)}`;
      const answer = await agent.post(address).type('form').send(body);
      expect([answer.status, address, token]).toEqual([403, address, token]);
      expect(textOf(answer)).toContain('This form has expired');
    }
    const inHeader = await agent
      .post(path)
      .set('X-CSRF-Token', own)
      .type('form')
      .send({ ...fields });
    expect(inHeader.status).toBe(403);
    expect(await db('users').count().first()).toEqual(people);
    expect((await guest.get('/organizer')).headers.location).toMatch(/^\/sign-in/);
    expect((await person.agent.get('/sign-in')).status).toBe(303);
  });

  test('a post from another site is refused even with its token', async () => {
    const agent = testApp.agent();
    const token = await csrfTokenOf(agent, '/sign-in');
    for (const [header, value] of [
      ['Sec-Fetch-Site', 'cross-site'],
      ['Sec-Fetch-Site', 'same-site'],
      ['Origin', 'https://evil.example'],
      ['Origin', 'null'],
    ] as const) {
      const answer = await agent
        .post('/sign-in')
        .set(header, value)
        .type('form')
        .send({ _csrf: token, email: 'csrf-owner@people.example', password: PASSWORD });
      expect(answer.status).toBe(403);
    }
  });
});

test('a session in daily use ends a month after signing in all the same', async () => {
  const { agent, id } = await signUp(testApp);
  const age = (days: number) =>
    testApp
      .db('sessions')
      .where({ user_id: id })
      .update({ created_at: testApp.db.raw('now() - make_interval(days => ?)', [days]) });
  await age(29);
  expect((await agent.get('/account')).status).toBe(200);
  await age(31);
  expect((await agent.get('/account')).headers.location).toMatch(/^\/sign-in/);
});

describe('the session cookie', () => {
  test('over http it is bound to this host and hidden from scripts', async () => {
    const cookie = (await testApp.agent().get('/sign-in')).headers['set-cookie']?.[0];
    expect(cookie).toMatch(/^sid=/);
    expect(cookie).toMatch(/; Path=\//);
    expect(cookie).toMatch(/; HttpOnly/);
    expect(cookie).toMatch(/; SameSite=Lax/);
    expect(cookie).not.toMatch(/Domain=|Secure/);
  });

  test('over https, behind a proxy, it is a __Host- cookie', async () => {
    const secure = await createTestApp({
      config: { baseUrl: 'https://tickets.example', trustProxy: 1 },
    });
    try {
      const over = (path: string) => secure.agent().get(path).set('X-Forwarded-Proto', 'https');
      const cookie = (await over('/sign-in')).headers['set-cookie']?.[0];
      expect(cookie).toMatch(/^__Host-sid=/);
      for (const flag of [/; Path=\//, /; HttpOnly/, /; Secure/, /; SameSite=Lax/])
        expect(cookie).toMatch(flag);
      expect(cookie).not.toMatch(/Domain=/);
      // without TLS there is no session to steal
      expect((await secure.agent().get('/sign-in')).headers['set-cookie']).toBeUndefined();
    } finally {
      await secure.close();
    }
  });

  test('is kept only as a hash', async () => {
    const person = await signUp(testApp);
    const agent = testApp.agent();
    await agent.get('/sign-in');
    const token = await csrfTokenOf(agent, '/sign-in');
    const answer = await agent
      .post('/sign-in')
      .type('form')
      .send({ _csrf: token, email: person.email, password: person.password });
    const id = decodeURIComponent(sidOf(answer)!)
      .replace(/^sid=s:/, '')
      .split('.')[0]!;
    expect(id.length).toBeGreaterThan(20);
    expect(JSON.stringify(await db('sessions'))).not.toContain(id);
  });
});

test('who signed in and out, and that somebody was refused, stands in the log', async () => {
  const { email, id } = await signUp(testApp);
  const before = testApp.logs().length;
  await postForm(testApp.agent(), '/sign-in', { email, password: 'not the right one' });
  const agent = await signIn(testApp, { email, password: PASSWORD });
  await postForm(agent, '/account', {}, { action: '/sign-out' });
  const told = testApp
    .logs()
    .slice(before)
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { msg: string; userId?: string });
  expect(told.filter(({ msg }) => /sign/.test(msg)).map(({ msg, userId }) => [msg, userId])).toEqual([
    ['a sign-in was refused', undefined],
    ['signed in', id],
    ['signed out', id],
  ]);
});

test('no password, address or session reaches the log', () => {
  const logs = testApp.logs();
  expect(logs.length).toBeGreaterThan(0);
  expect(logs).not.toContain(PASSWORD);
  expect(logs).not.toContain('quiet');
  expect(logs).not.toContain('people.example');
  expect(logs).not.toContain('sid=');
});
