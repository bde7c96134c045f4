import { type Knex } from 'knex';
import { createSessionStore } from '../../src/http/session';
import { hashToken } from '../../src/lib/tokens';
import {
  confirmEmail,
  csrfTokenOf,
  mailedLink,
  PASSWORD,
  postForm,
  signIn,
  signUp,
  signUpOrganizer,
  textOf,
} from '../support/people';
import { createTestApp, type TestApp } from '../support/test-app';
import { EVENT } from '../support/market';

let testApp: TestApp;
let db: Knex;
const NEW_PASSWORD = 'other words than before';
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0';

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
});
beforeEach(() => db('rate_limits').delete());
afterAll(() => testApp.close());

const isOut = async (agent: { get(path: string): PromiseLike<{ headers: Record<string, string> }> }) =>
  /^\/sign-in/.test((await agent.get('/organizer')).headers['location'] ?? '');

/** Makes the password one that was given long ago. */
const forgetPasswordGiven = (userId: string) =>
  db('sessions')
    .where({ user_id: userId })
    .update({ data: db.raw(`jsonb_set(data, '{authenticatedAt}', '1')`) });

describe('confirming the address', () => {
  async function draft() {
    const person = await signUp(testApp, { confirmed: false });
    await postForm(person.agent, '/organizer/organizers/new', { name: 'Analytical Society' });
    const saved = await postForm(person.agent, '/organizer/events/new', {
      ...EVENT,
      'tickets.0.kind': 'free',
      'tickets.0.price': '',
      action: 'save',
    });
    const id = /events\/([\w-]{36})$/.exec(saved.headers.location as string)![1]!;
    return { person, id, publication: `/organizer/events/${id}/publication` };
  }

  test('an unconfirmed person drafts, and publishes after opening the mailed link', async () => {
    const { person, id, publication } = await draft();
    const page = await person.agent.get(publication);
    expect(textOf(page)).toContain('Confirm your email address: open the link');
    const refused = await person.agent
      .post(publication)
      .type('form')
      .send({ _csrf: await csrfTokenOf(person.agent, publication) });
    expect(refused.status).toBe(422);
    expect((await db('events').where({ id }).first()).status).toBe('draft');

    const again = await postForm(person.agent, publication, {}, { action: '/account/verification-mails' });
    expect([again.status, again.headers.location]).toEqual([303, publication]);
    await confirmEmail(testApp, person);
    const published = await postForm(person.agent, publication, {}, { action: publication });
    expect(published.status).toBe(303);
    expect((await db('events').where({ id }).first()).status).toBe('published');
  });

  test('a stranger who finds the link can not confirm it, and looking does not use it up', async () => {
    const person = await signUp(testApp, { confirmed: false });
    const other = await signUp(testApp);
    const link = await mailedLink(db, person.email, 'verify-email');
    expect((await testApp.agent().get(link)).headers.location).toMatch(/^\/sign-in\?next=/);
    expect((await other.agent.get(link)).status).toBe(404);
    const tried = await other.agent
      .post(link)
      .type('form')
      .send({ _csrf: await csrfTokenOf(other.agent, '/account') });
    expect(tried.status).toBe(404);
    expect((await db('users').where({ id: person.id }).first()).email_verified_at).toBeNull();
    const page = await person.agent.get(link);
    expect(page.headers['referrer-policy']).toBe('no-referrer');
    await confirmEmail(testApp, person);
    expect((await person.agent.get(link)).status).toBe(404);
    expect(testApp.logs()).not.toContain(link.split('/').pop());
  });

  test('the mail is sent again five times an hour at most, and not to who needs none', async () => {
    const person = await signUp(testApp, { confirmed: false });
    const statuses = [];
    for (let round = 0; round < 6; round += 1)
      statuses.push(
        (await postForm(person.agent, '/account', {}, { action: '/account/verification-mails' })).status,
      );
    expect(statuses).toEqual([303, 303, 303, 303, 303, 429]);
    const sent = () => db('mails').where({ recipient: person.email, template: 'verify-email' });
    expect(await sent()).toHaveLength(6);

    const confirmed = await signUp(testApp);
    await confirmed.agent
      .post('/account/verification-mails')
      .type('form')
      .send({ _csrf: await csrfTokenOf(confirmed.agent, '/account'), next: '//evil.example' })
      .expect('Location', '/account');
    expect(await db('mails').where({ recipient: confirmed.email, template: 'verify-email' })).toHaveLength(1);
  });
});

describe('the name', () => {
  test('is changed, and an empty one is not', async () => {
    const person = await signUp(testApp);
    await postForm(person.agent, '/account', { name: 'Countess', is_admin: 'true', email: 'x@y.example' });
    expect(await db('users').where({ id: person.id }).first()).toMatchObject({
      name: 'Countess',
      is_admin: false,
      email: person.email,
    });
    expect((await postForm(person.agent, '/account', { name: ' ' })).status).toBe(422);
  });
});

describe('a new email address', () => {
  test('counts when the link in its mail is opened; the old one is told', async () => {
    const person = await signUp(testApp);
    const asked = await postForm(person.agent, '/account/email', { email: 'Countess@people.example' });
    expect(asked.status).toBe(303);
    expect((await db('users').where({ id: person.id }).first()).email).toBe(person.email);

    const link = await mailedLink(db, 'countess@people.example', 'change-email');
    const confirmed = await postForm(person.agent, link);
    expect([confirmed.status, confirmed.headers.location]).toEqual([303, '/account']);
    expect((await db('users').where({ id: person.id }).first()).email).toBe('countess@people.example');
    const told = await db('mails').where({ recipient: person.email, template: 'email-changed' }).first();
    expect(told.text_body).toContain('c…@people.example');
    expect(told.text_body).not.toContain('countess@');
    await signIn(testApp, { email: 'countess@people.example', password: PASSWORD });
    expect((await person.agent.get(link)).status).toBe(404);
  });

  test('a taken address is not told from a free one; its owner hears of it', async () => {
    const person = await signUp(testApp);
    const owner = await signUp(testApp);
    const answer = await postForm(person.agent, '/account/email', { email: owner.email });
    expect([answer.status, answer.headers.location]).toEqual([303, '/account']);
    expect(textOf(await person.agent.get('/account'))).toContain(`We sent a mail to ${owner.email}`);
    const mail = await db('mails').where({ recipient: owner.email, template: 'change-to-taken-address' });
    expect(mail).toHaveLength(1);
    expect(mail[0].text_body).not.toContain(person.name);
  });

  test('an address that was taken between asking and confirming stays its owner’s', async () => {
    const person = await signUp(testApp);
    await postForm(person.agent, '/account/email', { email: 'late@people.example' });
    await signUp(testApp, { email: 'late@people.example' });
    const answer = await postForm(person.agent, await mailedLink(db, 'late@people.example', 'change-email'));
    expect(answer.status).toBe(404);
    expect((await db('users').where({ id: person.id }).first()).email).toBe(person.email);
  });

  test('another person who opens the link gets nothing', async () => {
    const person = await signUp(testApp);
    const other = await signUp(testApp);
    await postForm(person.agent, '/account/email', { email: 'mine@people.example' });
    const link = await mailedLink(db, 'mine@people.example', 'change-email');
    expect((await other.agent.get(link)).status).toBe(404);
  });

  test('the password is asked for first', async () => {
    const person = await signUp(testApp);
    await forgetPasswordGiven(person.id);
    expect((await person.agent.get('/account/email')).headers.location).toMatch(/^\/confirm-password/);
  });

  test('five mails an hour', async () => {
    const person = await signUp(testApp);
    const statuses = [];
    for (let round = 0; round < 6; round += 1)
      statuses.push(
        (await postForm(person.agent, '/account/email', { email: `five${round}@people.example` })).status,
      );
    expect(statuses).toEqual([303, 303, 303, 303, 303, 429]);
  });
});

describe('a new password', () => {
  test('needs the present one; other sessions end, this one goes on', async () => {
    const person = await signUp(testApp);
    const elsewhere = await signIn(testApp, person);
    const wrong = await postForm(person.agent, '/account/password', {
      current_password: 'not the present one',
      password: NEW_PASSWORD,
    });
    expect(wrong.status).toBe(422);
    expect(wrong.text).not.toContain(NEW_PASSWORD);
    expect(await isOut(elsewhere)).toBe(false);

    const right = await postForm(person.agent, '/account/password', {
      current_password: person.password,
      password: NEW_PASSWORD,
    });
    expect(right.status).toBe(303);
    expect(await isOut(elsewhere)).toBe(true);
    expect(await isOut(person.agent)).toBe(false);
    await signIn(testApp, { email: person.email, password: NEW_PASSWORD });
    expect(await db('mails').where({ recipient: person.email, template: 'password-changed' })).toHaveLength(
      1,
    );
  });

  test('the present one can not be guessed there', async () => {
    const person = await signUp(testApp);
    const statuses = [];
    for (let round = 0; round < 11; round += 1)
      statuses.push(
        (
          await postForm(person.agent, '/account/password', {
            current_password: `guess ${round}`,
            password: NEW_PASSWORD,
          })
        ).status,
      );
    expect(statuses).toEqual([...Array<number>(10).fill(422), 429]);
  });
});

describe('where one is signed in', () => {
  test('each browser is listed in words, this one marked, and can be signed out alone', async () => {
    const person = await signUp(testApp);
    const firefox = testApp.agent();
    firefox.set('User-Agent', FIREFOX);
    await signIn(testApp, person, firefox);
    const third = await signIn(testApp, person);

    const page = await person.agent.get('/account');
    expect(textOf(page)).toContain('Firefox on Windows');
    expect(textOf(page).match(/This browser, now/g)).toHaveLength(1);
    const row = page.text.split('<tr>').find((html) => html.includes('Firefox on Windows'))!;
    const key = /name="session" value="(\w{64})"/.exec(row)![1]!;
    const answer = await postForm(
      person.agent,
      '/account',
      { session: key },
      { action: '/account/sessions' },
    );
    expect(answer.status).toBe(303);
    expect([await isOut(firefox), await isOut(third), await isOut(person.agent)]).toEqual([
      true,
      false,
      false,
    ]);

    await postForm(person.agent, '/account', { session: 'others' }, { action: '/account/sessions' });
    expect([await isOut(third), await isOut(person.agent)]).toEqual([true, false]);
  });

  test('nobody ends another person’s', async () => {
    const person = await signUp(testApp);
    await signIn(testApp, person);
    const page = await person.agent.get('/account');
    const key = /name="session" value="(\w{64})"/.exec(page.text)![1]!;
    const other = await signUp(testApp);
    await other.agent
      .post('/account/sessions')
      .type('form')
      .send({ _csrf: await csrfTokenOf(other.agent, '/account'), session: key });
    expect(await db('sessions').where({ user_id: person.id })).toHaveLength(2);
  });

  test('a session that ends while it is used does not come back', async () => {
    const person = await signUp(testApp);
    const { store } = await kept(person.id);
    await db('sessions').where({ user_id: person.id }).delete();
    await store();
    expect(await db('sessions').where({ user_id: person.id })).toHaveLength(0);
  });

  /** A request that has read its session and is about to write it. */
  async function kept(userId: string) {
    const sessions = createSessionStore(db);
    await db('sessions')
      .where({ user_id: userId })
      .update({ id_hash: hashToken('a known id') });
    const data = await new Promise<Parameters<typeof sessions.set>[1]>((done, fail) =>
      sessions.get('a known id', (error, found) => (found ? done(found) : fail(error))),
    );
    return {
      store: () =>
        new Promise<void>((done, fail) =>
          sessions.set('a known id', data, (error) => (error ? fail(error) : done())),
        ),
    };
  }
});

describe('closing the account', () => {
  test('needs the password, and leaves nothing of the person', async () => {
    const person = await signUp(testApp, { name: 'Vanishing Person' });
    const elsewhere = await signIn(testApp, person);
    const wrong = await postForm(person.agent, '/account/closure', { password: 'not mine at all' });
    expect(wrong.status).toBe(422);
    const answer = await postForm(person.agent, '/account/closure', { password: person.password });
    expect([answer.status, answer.headers.location]).toEqual([303, '/']);
    expect([await isOut(person.agent), await isOut(elsewhere)]).toEqual([true, true]);
    for (const table of ['users', 'sessions', 'mails', 'memberships', 'mailed_links', 'audit_log'])
      expect(textOfRows(await db(table).select())).not.toContain(person.email);
    expect(await db('audit_log').where({ action: 'user.closed', subject_id: person.id })).toHaveLength(1);
    const gone = await postForm(testApp.agent(), '/sign-in', {
      email: person.email,
      password: person.password,
    });
    expect(gone.status).toBe(422);
  });

  test('the last owner of an organizer can not, and reads why', async () => {
    const owner = await signUpOrganizer(testApp, { organizerName: 'Lonely Society' });
    const page = await owner.agent.get('/account/closure');
    expect(textOf(page)).toContain('You are the only owner of Lonely Society.');
    const tried = await owner.agent
      .post('/account/closure')
      .type('form')
      .send({ _csrf: await csrfTokenOf(owner.agent, '/account/closure'), password: owner.password });
    expect(tried.status).toBe(409);
    expect(await db('users').where({ id: owner.id })).toHaveLength(1);
  });

  test('one of two owners can; of two who leave at once, one stays', async () => {
    const one = await signUpOrganizer(testApp);
    const two = await signUp(testApp);
    await db('memberships').insert({ user_id: two.id, organizer_id: one.organizer.id, role: 'owner' });
    const answers = await Promise.all(
      [one, two].map((person) => postForm(person.agent, '/account/closure', { password: person.password })),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([303, 409]);
    expect(await db('memberships').where({ organizer_id: one.organizer.id, role: 'owner' })).toHaveLength(1);
  });
});

test('account pages are for who is signed in, and kept by no cache', async () => {
  for (const path of [
    '/account',
    '/account/email',
    '/account/password',
    '/account/closure',
    '/account/two-factor',
  ]) {
    expect((await testApp.agent().get(path)).headers.location).toBe(
      `/sign-in?next=${encodeURIComponent(path)}`,
    );
    const person = await signUp(testApp);
    const page = await person.agent.get(path);
    expect([path, page.status, page.headers['cache-control']]).toEqual([path, 200, 'no-store']);
    expect(page.headers['content-security-policy']).toContain("frame-ancestors 'none'");
  }
});

function textOfRows(rows: unknown[]): string {
  return JSON.stringify(rows, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
}
