/** Which coming events the desk's first page names, and where it leads. */
import { deskTasks } from '../../src/organizers/desk-tasks';
import { type Overview } from '../../src/organizers/overview';

const coming = (fields: Partial<Overview['comingEvents'][number]>) => ({
  id: 'e',
  title: 'Lecture',
  startsAt: new Date('2030-01-01T18:00Z'),
  timeZone: 'UTC',
  place: 'Hall',
  sold: 10,
  held: 0,
  capacity: 50,
  soon: false,
  today: false,
  ...fields,
});
const tasksOf = (event: Overview['comingEvents'][number]) =>
  deskTasks(
    {
      hasEvents: true,
      sellsPaidTickets: false,
      stoppedEvents: [],
      unfinishedForms: [],
      draftEvents: [],
      comingEvents: [event],
      comingCount: 1,
      ticketsSold: 0,
      revenue: [],
      undecided: [],
      disputes: [],
      refundMatters: [],
    },
    null,
  );

test('an event of today leads to its door, one of the next days to its page, a later one is not named', () => {
  expect(tasksOf(coming({ soon: true, today: true }))).toMatchObject([
    { href: '/organizer/events/e/check-in', text: expect.stringMatching(/Open its door here/) },
  ]);
  expect(tasksOf(coming({ soon: true }))).toMatchObject([{ href: '/organizer/events/e' }]);
  expect(tasksOf(coming({}))).toEqual([]);
});

test.each([
  [44, 0, false],
  [40, 5, true],
  [49, 0, true],
  [50, 0, false],
])('with %i sold and %i held of 50 nearly sold out is %p', (sold, held, named) => {
  const titles = tasksOf(coming({ sold, held })).map(({ title }) => title);
  expect(titles).toEqual(named ? ['“Lecture” is nearly sold out'] : []);
});
