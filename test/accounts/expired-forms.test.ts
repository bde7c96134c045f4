/** A long form whose session ran out while it was typed: nothing changes, and nothing that was typed is lost. */
import { type Knex } from 'knex';
import {
  type OrganizerPerson,
  PASSWORD,
  postForm,
  readForm,
  signUp,
  signUpOrganizer,
  textOf,
} from '../support/people';
import { type Agent, createTestApp, type TestApp } from '../support/test-app';
import { formValues } from '../events/samples';

let testApp: TestApp;
let db: Knex;
let ada: OrganizerPerson;

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
  ada = await signUpOrganizer(testApp, { email: 'ada@society.example' });
});
beforeEach(async () => {
  await db('rate_limits').delete();
  const answer = await ada.agent.get('/organizer');
  if (answer.status !== 200) await postForm(ada.agent, '/sign-in', { email: ada.email, password: PASSWORD });
});
afterAll(() => testApp.close());

const endSessions = () => db('sessions').delete();

/** Opens a form, lets the session run out, and sends what was typed. */
async function sendTooLate(agent: Agent, page: string, typed: Record<string, string>) {
  const form = readForm(await agent.get(page));
  await endSessions();
  return agent
    .post(form.action)
    .type('form')
    .send({ ...form.values, ...typed });
}

/** Presses the one button of the page that says so. */
async function goOn(agent: Agent, expired: Awaited<ReturnType<typeof sendTooLate>>) {
  const form = readForm(expired, '/kept-forms');
  return agent.post(form.action).type('form').send(form.values);
}

async function signInAgain(agent: Agent, location: string, person = ada) {
  const asked = await agent.get(location);
  expect(asked.headers['location']).toMatch(/^\/sign-in\?next=/);
  return postForm(agent, asked.headers['location']!, { email: person.email, password: PASSWORD });
}

test('a new event comes back after signing in, is not saved by itself, and is saved once by pressing', async () => {
  const typed = formValues({ title: 'Typed <b>for</b> an hour', description: 'Line\n\n“two”' });
  const expired = await sendTooLate(ada.agent, '/organizer/events/new', { ...typed, action: 'save' });
  expect([expired.status, textOf(expired)]).toEqual([
    403,
    expect.stringMatching(/This form has expired Nothing was changed.*What you typed is kept on this page/),
  ]);
  expect(expired.headers['cache-control']).toBe('no-store');
  // what is carried is not readable, and neither password nor token is in it
  expect(expired.text).not.toContain('for an hour');

  const led = await goOn(ada.agent, expired);
  expect(led.headers['location']).toBe('/organizer/events/new');
  const back = await signInAgain(ada.agent, led.headers['location']!);
  expect(back.headers['location']).toBe('/organizer/events/new');
  const form = await ada.agent.get('/organizer/events/new');
  expect(textOf(form)).toContain('What you typed is back in the form. It is not saved yet');
  expect(readForm(form).values).toMatchObject(typed);
  // looking at it again loses nothing and saves nothing
  expect(readForm(await ada.agent.get('/organizer/events/new')).values).toMatchObject(typed);
  expect(await db('events').where({ title: typed['title'] })).toEqual([]);

  expect((await postForm(ada.agent, '/organizer/events/new', { action: 'save' })).status).toBe(303);
  expect(await db('events').where({ title: typed['title'] })).toHaveLength(1);
  expect(readForm(await ada.agent.get('/organizer/events/new')).values['title']).toBe('');
});

test('changes of an event keep their draft, and only a member of its organizer gets them back', async () => {
  const saved = await postForm(ada.agent, '/organizer/events/new', { ...formValues(), action: 'save' });
  const edit = `${saved.headers['location']}/edit`;
  const draft = await postForm(ada.agent, edit, { title: 'Half', action: 'save_draft' });
  const expired = await sendTooLate(ada.agent, draft.headers['location']!, {
    title: 'Whole',
    action: 'save',
  });
  await goOn(ada.agent, expired);
  const mallory = await signUp(testApp);
  await signInAgain(ada.agent, edit, { ...ada, email: mallory.email });
  expect((await ada.agent.get(edit)).status).toBe(303);
  await signUpOrganizerInto(ada.agent);
  expect((await ada.agent.get(edit)).status).toBe(404);

  // the same words for Ada, with the draft that they belong to
  await endSessions();
  const again = testApp.agent();
  await postForm(again, '/sign-in', { email: ada.email, password: PASSWORD });
  const late = await sendTooLate(again, draft.headers['location']!, { title: 'Whole', action: 'save' });
  await goOn(again, late);
  await signInAgain(again, edit);
  const form = readForm(await again.get(edit));
  expect(form.values).toMatchObject({
    title: 'Whole',
    draft: /draft=(.*)$/.exec(draft.headers['location']!)![1],
  });
});

test('the organizer’s texts and the words of a cancellation come back too', async () => {
  for (const [page, typed] of [
    [`/organizer/organizers/${ada.organizer.id}/edit`, { terms: 'No **engines**', website: 'no address' }],
    [
      `${(await postForm(ada.agent, '/organizer/events/new', { ...formValues(), action: 'save' })).headers['location']}/cancellation`,
      { reason: 'The roof leaks, and more' },
    ],
  ] as [string, Record<string, string>][]) {
    const expired = await sendTooLate(ada.agent, page, typed);
    const led = await goOn(ada.agent, expired);
    await signInAgain(ada.agent, led.headers['location']!);
    expect(readForm(await ada.agent.get(page)).values).toMatchObject(typed);
  }
});

test('“Connect with Stripe” on the form of an event loses nothing either', async () => {
  const form = readForm(await ada.agent.get('/organizer/events/new'));
  await endSessions();
  const typed = { ...form.values, title: 'Before Stripe', from: 'event_form' };
  const expired = await ada.agent.post('/stripe/connect').type('form').send(typed);
  const led = await goOn(ada.agent, expired);
  await signInAgain(ada.agent, led.headers['location']!);
  expect(readForm(await ada.agent.get('/organizer/events/new')).values['title']).toBe('Before Stripe');
  await postForm(ada.agent, '/organizer/events/new', { action: 'save_draft' });
});

test('who signed in anew in another tab puts it back with one press', async () => {
  const page = '/organizer/events/new';
  const old = readForm(await ada.agent.get(page));
  await endSessions();
  await postForm(ada.agent, '/sign-in', { email: ada.email, password: PASSWORD });
  const typed = { ...old.values, title: 'In the first tab', action: 'save' };
  const expired = await ada.agent.post('/organizer/events').type('form').send(typed);
  expect([expired.status, textOf(expired)]).toEqual([
    403,
    expect.stringContaining('Put it back into the form'),
  ]);
  await goOn(ada.agent, expired);
  expect(readForm(await ada.agent.get(page)).values['title']).toBe('In the first tab');
});

describe('what is carried', () => {
  const carry = async (kept: string) => {
    const { _csrf } = readForm(await ada.agent.get('/organizer/organizers/new')).values;
    return ada.agent.post('/kept-forms').type('form').send({ _csrf, kept });
  };
  const seal = (kept: unknown, context = 'kept-form') =>
    testApp.dependencies.encryption.encrypt(JSON.stringify(kept), context);
  const fresh = { page: '/organizer/events/new', values: { title: 'x' }, at: Date.now() / 1000 };

  test.each<[string, () => string]>([
    ['nothing', () => ''],
    ['what we did not write', () => 'v1.a.b.c.d'],
    ['what was written for something else', () => seal(fresh, 'refresh-token')],
    ['what is older than two hours', () => seal({ ...fresh, at: Date.now() / 1000 - 7201 })],
  ])('is refused when it is %s', async (_what, kept) => {
    const answer = await carry(kept());
    expect([answer.status, textOf(answer)]).toEqual([
      400,
      expect.stringContaining('could not be read any more'),
    ]);
  });

  test('needs the token of the session it goes into', async () => {
    const answer = await ada.agent
      .post('/kept-forms')
      .type('form')
      .send({ kept: seal(fresh) });
    expect([answer.status, answer.headers['location']]).toEqual([403, undefined]);
  });

  test('has no password, code or token in it, and short forms are not kept', async () => {
    await endSessions();
    const typed = { title: 'x', password: PASSWORD, _csrf: 'old', code: '123456' };
    const expired = await testApp.agent().post('/organizer/events').type('form').send(typed);
    const { kept } = readForm(expired, '/kept-forms').values;
    expect(JSON.parse(testApp.dependencies.encryption.decrypt(kept!, 'kept-form')).values).toEqual({
      title: 'x',
    });
    const short = await testApp.agent().post('/account/password').type('form').send(typed);
    expect(short.text).not.toContain('/kept-forms');
  });
});

/** The person who is signed in here gets an organizer of their own. */
async function signUpOrganizerInto(agent: Agent): Promise<void> {
  await postForm(agent, '/organizer/organizers/new', { name: 'Elsewhere' });
}
