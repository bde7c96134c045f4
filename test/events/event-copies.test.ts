/** A copy of an event, and the preview of one that is not saved yet. */
import { type Knex } from 'knex';
import { copyOf } from '../../src/events/duplicate-event';
import { toLocalDateTime } from '../../src/lib/dates';
import {
  csrfTokenOf,
  type OrganizerPerson,
  postForm,
  signUp,
  signUpOrganizer,
  textOf,
} from '../support/people';
import { createTestApp, type TestApp } from '../support/test-app';
import { anEvent, aTicketType, daysFromNow, formValues, NOW, ticketValues } from './samples';

let testApp: TestApp;
let db: Knex;
let ada: OrganizerPerson;

beforeAll(async () => {
  testApp = await createTestApp();
  ({ db } = testApp);
  ada = await signUpOrganizer(testApp, { email: 'ada@society.example' });
});
afterAll(() => testApp.close());

const NEW = '/organizer/events/new';
const idIn = (location: string | undefined): string => /[0-9a-f-]{36}/.exec(location ?? '')![0];

describe('duplicating', () => {
  test('makes a draft with all words and ticket types, and nothing of what was sold', async () => {
    const fields = formValues({
      title: 'Ada speaks',
      description: 'Bring **chalk**',
      capacity: '80',
      ...ticketValues(1, { name: 'Guest', capacity: '5' }),
    });
    const id = idIn((await postForm(ada.agent, NEW, { ...fields, action: 'save' })).headers['location']);
    await postForm(ada.agent, `/organizer/events/${id}/publication`);
    await db('ticket_types').where({ event_id: id, name: 'Guest' }).update({ sold: 2, held: 1 });
    await db('events').where({ id }).update({ sold: 2, held: 1 });

    const home = `/organizer/events/${id}`;
    const answer = await postForm(ada.agent, home, {}, { action: `${home}/duplicates` });
    expect([answer.status, answer.headers['location']]).toEqual([303, expect.stringMatching(/\/edit$/)]);
    const form = await ada.agent.get(answer.headers['location']!);
    expect(textOf(form)).toContain('This is a copy of “Ada speaks”. Nobody sees it yet');
    const [original, copy] = await Promise.all(
      [id, idIn(answer.headers['location'])].map((eventId) => db('events').where({ id: eventId }).first()),
    );
    expect(copy).toMatchObject({
      title: 'Copy of Ada speaks',
      slug: 'copy-of-ada-speaks',
      description: 'Bring **chalk**',
      capacity: 80,
      held: 0,
      sold: 0,
      status: 'draft',
      published_at: null,
      venue_name: original.venue_name,
      time_zone: original.time_zone,
    });
    expect(copy.starts_at.getTime() - original.starts_at.getTime()).toBe(7 * 24 * 3_600_000);
    expect(await db('ticket_types').where({ event_id: copy.id }).orderBy('position')).toMatchObject([
      { name: 'Standard', capacity: 100, held: 0, sold: 0 },
      { name: 'Guest', capacity: 5, held: 0, sold: 0 },
    ]);
    expect(original).toMatchObject({ title: 'Ada speaks', status: 'published', sold: 2 });
    expect((await testApp.agent().get('/events/copy-of-ada-speaks')).status).toBe(404);
  });

  test('is for owners: a member sees no button, and is refused', async () => {
    const fields = { ...formValues({ title: 'Owners only' }), action: 'save' };
    const id = idIn((await postForm(ada.agent, NEW, fields)).headers['location']);
    const luigi = await signUp(testApp);
    const membership = { user_id: luigi.id, organizer_id: ada.organizer.id, role: 'member' };
    await db('memberships').insert(membership);
    expect(textOf(await luigi.agent.get(`/organizer/events/${id}`))).not.toContain('Duplicate event');
    const answer = await luigi.agent
      .post(`/organizer/events/${id}/duplicates`)
      .type('form')
      .send({ _csrf: await csrfTokenOf(luigi.agent, NEW) });
    expect([answer.status, textOf(answer)]).toEqual([403, expect.stringContaining('Only an owner')]);
  });

  test.each([
    ['next week’s, of one that is still to come', '2027-03-12T19:30', '2027-03-19T19:30'],
    ['the first weekday that is still to come, of one long over', '2025-11-21T19:30', '2027-03-05T19:30'],
    ['the same hour by the clock on the wall when the clocks change', '2027-03-25T19:30', '2027-04-01T19:30'],
    ['never in the past', '2027-02-22T13:00', '2027-03-08T13:00'],
  ])('takes place on %s', (_what, from, to) => {
    const zone = 'Europe/Berlin';
    const startsAt = fromLocal(from, zone);
    const event = anEvent({ startsAt, endsAt: new Date(startsAt.getTime() + 3_600_000), timeZone: zone });
    const types = [aTicketType({ salesEnd: new Date(startsAt.getTime() - 3_600_000) })];
    const copy = copyOf(event, types, NOW);
    expect(toLocalDateTime(copy.event.startsAt, zone)).toBe(to);
    expect(copy.event.endsAt.getTime() - copy.event.startsAt.getTime()).toBe(3_600_000);
    expect(copy.event.startsAt.getTime() - copy.ticketTypes[0]!.fields.salesEnd!.getTime()).toBe(3_600_000);
  });

  test('is paid to the account that the original is paid to', () => {
    const event = anEvent({ stripeConnectionId: '01920000-0000-7000-8000-00000000acc0' });
    expect(copyOf(event, [], NOW).stripeConnectionId).toBe(event.stripeConnectionId);
  });

  test('a title stays within its length, and a copy of a copy is called after the original', () => {
    const titleFor = (title: string) =>
      copyOf(anEvent({ title, startsAt: daysFromNow(1) }), [], NOW).event.title;
    expect([...titleFor('é'.repeat(150))]).toHaveLength(150);
    expect(titleFor('Copy of Ada speaks')).toBe('Copy of Ada speaks');
  });
});

describe('the preview', () => {
  test('shows a form that was never saved, to its writer alone, and nothing can be ordered', async () => {
    const typed = formValues({ title: 'Not <b>saved</b>', description: 'With **words**' });
    const answer = await postForm(ada.agent, NEW, { ...typed, action: 'preview' });
    expect([answer.status, answer.headers['location']]).toEqual([303, expect.stringMatching(/\/preview$/)]);
    const preview = await ada.agent.get(answer.headers['location']!);
    expect(preview.status).toBe(200);
    expect(preview.headers).toMatchObject({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex' });
    expect(textOf(preview)).toMatch(/Preview This is how your event page will look. It is not saved yet/);
    expect(preview.text).toContain('<strong>words</strong>');
    expect(preview.text).not.toContain('<b>saved');
    expect(preview.text).not.toMatch(/action="\/events\//);
    expect(await db('events').where({ title: typed['title'] })).toEqual([]);

    const back = /href="([^"]+)">Back to the form/.exec(preview.text)![1]!.replaceAll('&amp;', '&');
    expect((await ada.agent.get(back)).text).toContain('value="Not &lt;b&gt;saved&lt;/b&gt;"');
    const other = await signUpOrganizer(testApp);
    expect((await other.agent.get(answer.headers['location']!)).status).toBe(404);
    expect((await testApp.agent().get(answer.headers['location']!)).status).toBe(303);
  });

  test('shows changes of a saved event that are not saved, while the public page stays', async () => {
    const saved = await postForm(ada.agent, NEW, { ...formValues({ title: 'As saved' }), action: 'save' });
    const id = idIn(saved.headers['location']);
    await postForm(ada.agent, `/organizer/events/${id}/publication`);
    const answer = await postForm(ada.agent, `/organizer/events/${id}/edit`, {
      title: 'As typed',
      action: 'preview',
    });
    expect(textOf(await ada.agent.get(answer.headers['location']!))).toContain('As typed');
    expect(textOf(await testApp.agent().get('/events/as-saved'))).not.toContain('As typed');
    expect((await ada.agent.get(`/organizer/events/${id}/publication`)).status).toBe(303);
  });

  test('of a form with mistakes is the form with its mistakes', async () => {
    const answer = await postForm(ada.agent, NEW, { ...formValues({ title: '' }), action: 'preview' });
    expect([answer.status, textOf(answer)]).toEqual([422, expect.stringContaining('Enter a title')]);
  });

  test('is one step from the form and from the page that publishes', async () => {
    const saved = await postForm(ada.agent, NEW, { ...formValues({ title: 'A step' }), action: 'save' });
    const home = saved.headers['location']!;
    expect((await ada.agent.get(`${home}/publication`)).text).toContain(`href="${home}/preview"`);
    expect((await ada.agent.get(`${home}/edit`)).text).toContain('name="action" value="preview"');
    const preview = await ada.agent.get(`${home}/preview`);
    expect(preview.headers).toMatchObject({ 'cache-control': 'no-store', 'x-robots-tag': 'noindex' });
  });
});

function fromLocal(text: string, zone: string): Date {
  const guess = new Date(`${text}Z`);
  const shown = new Date(`${toLocalDateTime(guess, zone)}Z`);
  return new Date(guess.getTime() - (shown.getTime() - guess.getTime()));
}
