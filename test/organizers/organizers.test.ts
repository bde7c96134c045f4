import { type Knex } from 'knex';
import { createTestApp, type TestApp } from '../support/test-app';
import {
  createOrganizer,
  csrfTokenOf,
  postForm,
  readForm,
  signUp,
  signUpOrganizer,
  textOf,
} from '../support/people';
import { createOrganizersStore } from '../../src/organizers/organizers-store';

let testApp: TestApp;
let db: Knex;

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
});
beforeEach(() => db('rate_limits').delete());
afterAll(() => testApp.close());

const organizersOf = (userId: string) =>
  db('memberships')
    .join('organizers', 'organizers.id', 'memberships.organizer_id')
    .where({ user_id: userId })
    .orderBy('organizers.id');

describe('a person without an organizer', () => {
  test('is led to make one, and on to where they were going', async () => {
    const person = await signUp(testApp);
    const led = await person.agent.get('/organizer');
    expect([led.status, led.headers.location]).toEqual([303, '/organizer/organizers/new']);
    const form = '/organizer/organizers/new?next=%2Forganizer%2Fevents%2Fnew';
    expect(readForm(await person.agent.get(form)).values).toMatchObject({
      contact_email: person.email,
      next: '/organizer/events/new',
    });
    const made = await postForm(person.agent, form, {
      name: 'Analytical Society',
      contact_email: 'Box@Society.example',
      website: 'https://society.example/about',
    });
    expect([made.status, made.headers.location]).toEqual([303, '/organizer/events/new']);
    expect(await organizersOf(person.id)).toMatchObject([
      {
        name: 'Analytical Society',
        slug: 'analytical-society',
        contact_email: 'box@society.example',
        website: 'https://society.example/about',
        role: 'owner',
      },
    ]);
    expect((await person.agent.get('/organizer')).status).toBe(200);
  });

  test('a guest signs in first, whatever the page', async () => {
    const guest = testApp.agent();
    for (const path of ['/organizer', '/organizer/organizers/new', '/organizer/anything?x=1']) {
      const answer = await guest.get(path);
      expect([answer.status, answer.headers.location]).toEqual([
        303,
        `/sign-in?next=${encodeURIComponent(path)}`,
      ]);
    }
  });

  test('a session that ends while the form is filled leads back to the form', async () => {
    const person = await signUp(testApp);
    const page = await person.agent.get('/organizer/organizers/new?next=%2Forganizer%2Fpayments');
    const { values } = readForm(page);
    await db('users').where({ id: person.id }).update({ disabled_at: db.fn.now() });
    const answer = await person.agent
      .post('/organizer/organizers')
      .set('Referer', `${testApp.url}/organizer/organizers/new?next=%2Forganizer%2Fpayments`)
      .type('form')
      .send({ ...values, name: 'Too late' });
    expect(answer.headers.location).toBe(
      `/sign-in?next=${encodeURIComponent('/organizer/organizers/new?next=%2Forganizer%2Fpayments')}`,
    );
  });
});

describe('the organizer form', () => {
  test.each([
    [{ name: '' }, 'Enter the name of your organizer'],
    [{ name: ' \u200b\u2060 ' }, 'Enter the name of your organizer'],
    [{ name: 'x'.repeat(101) }, 'Use at most 100 characters'],
    [{ contact_email: '' }, 'Enter an email address that buyers can write to'],
    [{ contact_email: 'box@society' }, 'Enter an email address in the correct format'],
    [{ website: 'javascript:alert(1)' }, 'Enter a web address that begins with https://'],
    [{ website: 'society' }, 'Enter a web address that begins with https://'],
    [{ website: 'https://user:secret@society.example' }, 'Enter a web address that begins with https://'],
  ] as [Record<string, string>, string][])('%j', async (fields, message) => {
    const person = await signUp(testApp);
    const typed = { name: 'Society', contact_email: 'box@society.example', ...fields };
    const answer = await postForm(person.agent, '/organizer/organizers/new', typed);
    expect(answer.status).toBe(422);
    expect(textOf(answer)).toContain(message);
    expect(readForm(answer).values).toMatchObject(typed);
    expect(await organizersOf(person.id)).toEqual([]);
  });

  test('two organizers of one name have addresses of their own', async () => {
    const one = await signUpOrganizer(testApp, { organizerName: 'Café Größe' });
    const two = await signUpOrganizer(testApp, { organizerName: 'Café Größe' });
    expect(one.organizer.slug).toBe('cafe-grosse');
    expect(two.organizer.slug).toMatch(/^cafe-grosse-[0-9a-f]{6}$/);
  });

  test('a name without Latin letters has an address too', async () => {
    const person = await signUpOrganizer(testApp, { organizerName: '東京ホール' });
    expect(person.organizer.slug).toMatch(/^organizer(-[0-9a-f]{6})?$/);
  });

  test('fields that it does not have change nothing', async () => {
    const person = await signUp(testApp);
    const victim = await signUpOrganizer(testApp);
    await postForm(person.agent, '/organizer/organizers/new', {
      name: 'Mine',
      id: victim.organizer.id,
      slug: 'taken-over',
      role: 'member',
      organizer_id: victim.organizer.id,
      user_id: victim.id,
      default_connection_id: '00000000-0000-7000-8000-000000000000',
    });
    const [made, ...rest] = await organizersOf(person.id);
    expect(rest).toEqual([]);
    expect(made).toMatchObject({ slug: 'mine', role: 'owner', default_connection_id: null });
    expect(await organizersOf(victim.id)).toHaveLength(1);
  });
});

describe('a person with several organizers', () => {
  test('sees one desk, and switches to another', async () => {
    const person = await signUpOrganizer(testApp, { organizerName: 'First House' });
    const second = await createOrganizer(testApp, person, 'Second House');
    expect(textOf(await person.agent.get('/organizer'))).toContain('Second House this desk');
    const answer = await postForm(
      person.agent,
      '/organizer',
      { organizer_id: person.organizer.id },
      { action: '/organizer/current' },
    );
    expect([answer.status, answer.headers.location]).toEqual([303, '/organizer']);
    const desk = textOf(await person.agent.get('/organizer'));
    expect(desk).toContain('This is the desk of First House now.');
    expect(desk).toContain('First House this desk');
    expect(desk).toContain(second.name);
  });

  test('somebody else’s organizer can not be switched to, and is not shown when the membership ends', async () => {
    const person = await signUpOrganizer(testApp, { organizerName: 'Own House' });
    const other = await signUpOrganizer(testApp, { organizerName: 'Other House' });
    const token = await csrfTokenOf(person.agent, '/organizer');
    for (const organizerId of [other.organizer.id, 'nonsense', '', "' OR 1=1 --"]) {
      const answer = await person.agent
        .post('/organizer/current')
        .type('form')
        .send({ _csrf: token, organizer_id: organizerId });
      expect(answer.status).toBe(404);
    }
    expect((await person.agent.post('/organizer/current').type('form').send({ _csrf: token })).status).toBe(
      404,
    );

    await db('memberships').insert({ user_id: person.id, organizer_id: other.organizer.id, role: 'member' });
    const switched = await person.agent
      .post('/organizer/current')
      .type('form')
      .send({ _csrf: token, organizer_id: other.organizer.id });
    expect(switched.status).toBe(303);
    await db('memberships').where({ user_id: person.id, organizer_id: other.organizer.id }).delete();
    const desk = textOf(await person.agent.get('/organizer'));
    expect(desk).toContain('Own House');
    expect(desk).not.toContain('Overview Other House');
  });
});

describe('changing an organizer', () => {
  const editPath = (id: string) => `/organizer/organizers/${id}/edit`;

  test('keeps the address of its page, and writes who did it', async () => {
    const person = await signUpOrganizer(testApp, { organizerName: 'Old Name' });
    const page = editPath(person.organizer.id);
    const answer = await postForm(person.agent, page, { name: 'New Name', website: '' });
    expect([answer.status, answer.headers.location]).toEqual([303, page]);
    expect(textOf(await person.agent.get(page))).toContain('Your changes are saved.');
    expect(await organizersOf(person.id)).toMatchObject([
      { name: 'New Name', slug: person.organizer.slug, website: null },
    ]);
    const audit = await db('audit_log').where({ organizer_id: person.organizer.id }).orderBy('id');
    expect(audit).toMatchObject([
      { action: 'organizer.created', actor_user_id: person.id },
      { action: 'organizer.changed', actor_user_id: person.id },
    ]);
  });

  test('is for its owners: others find nothing, members may not', async () => {
    const owner = await signUpOrganizer(testApp, { organizerName: 'Guarded House' });
    const stranger = await signUpOrganizer(testApp);
    const member = await signUp(testApp);
    await db('memberships').insert({ user_id: member.id, organizer_id: owner.organizer.id, role: 'member' });
    const page = editPath(owner.organizer.id);
    for (const [person, status] of [
      [stranger, 404],
      [member, 403],
    ] as const) {
      expect((await person.agent.get(page)).status).toBe(status);
      const token = await csrfTokenOf(person.agent, '/organizer');
      const answer = await person.agent
        .post(page)
        .type('form')
        .send({ _csrf: token, name: 'Taken', contact_email: 'a@b.example' });
      expect(answer.status).toBe(status);
    }
    expect((await stranger.agent.get(editPath('nonsense'))).status).toBe(404);
    expect(await organizersOf(owner.id)).toMatchObject([{ name: 'Guarded House' }]);
  });
});

test('every form of the desk needs its token', async () => {
  const person = await signUpOrganizer(testApp, { organizerName: 'Token House' });
  const before = await db('organizers').count().first();
  for (const [path, fields] of [
    ['/organizer/organizers', { name: 'Forged', contact_email: 'a@b.example' }],
    ['/organizer/current', { organizer_id: person.organizer.id }],
    [`/organizer/organizers/${person.organizer.id}/edit`, { name: 'Forged', contact_email: 'a@b.example' }],
  ] as const) {
    expect((await person.agent.post(path).type('form').send(fields)).status).toBe(403);
    expect(
      (
        await person.agent
          .post(path)
          .type('form')
          .send({ ...fields, _csrf: 'wrong' })
      ).status,
    ).toBe(403);
  }
  expect(await db('organizers').count().first()).toEqual(before);
  expect(await organizersOf(person.id)).toMatchObject([{ name: 'Token House' }]);
});

test('membership is asked of the database, for ids that are ids', async () => {
  const owner = await signUpOrganizer(testApp);
  const stranger = await signUp(testApp);
  const organizers = createOrganizersStore(db);
  expect(await organizers.isMember(owner.id, owner.organizer.id)).toBe(true);
  expect(await organizers.isMember(stranger.id, owner.organizer.id)).toBe(false);
  expect(await organizers.isMember(owner.id, 'nonsense')).toBe(false);
});
