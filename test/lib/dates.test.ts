/** They hold under any TZ: nothing here may depend on where the server stands. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import fc from 'fast-check';
import {
  formatDateTime,
  formatDuration,
  formatTimeRange,
  isTimeZone,
  listTimeZones,
  parseLocalDateTime,
  toLocalDateTime,
  zoneName,
} from '../../src/lib/dates';

describe('reading a wall-clock time in a zone', () => {
  test.each<[string, string, string]>([
    ['2027-03-12T19:30', 'Europe/Berlin', '2027-03-12T18:30:00Z'],
    ['2027-07-12T19:30', 'Europe/Berlin', '2027-07-12T17:30:00Z'],
    ['2027-03-12 19:30', 'Europe/Berlin', '2027-03-12T18:30:00Z'],
    ['2027-03-12T19:30:00', 'Europe/Berlin', '2027-03-12T18:30:00Z'],
    ['2027-03-12T19:30', 'UTC', '2027-03-12T19:30:00Z'],
    ['2027-03-12T19:30', 'Asia/Kathmandu', '2027-03-12T13:45:00Z'],
    ['2027-12-31T23:59', 'Pacific/Kiritimati', '2027-12-31T09:59:00Z'],
    ['2028-02-29T12:00', 'America/New_York', '2028-02-29T17:00:00Z'],
    // the last minute before and the first after the hour that is skipped
    ['2027-03-28T01:59', 'Europe/Berlin', '2027-03-28T00:59:00Z'],
    ['2027-03-28T03:00', 'Europe/Berlin', '2027-03-28T01:00:00Z'],
    // twice on that day: the first one
    ['2027-10-31T02:30', 'Europe/Berlin', '2027-10-31T00:30:00Z'],
    ['2027-11-07T01:30', 'America/New_York', '2027-11-07T05:30:00Z'],
    ['2027-10-31T03:00', 'Europe/Berlin', '2027-10-31T02:00:00Z'],
  ])('%s in %s is %s', (text, zone, instant) => {
    expect(parseLocalDateTime(text, zone)).toEqual({ instant: new Date(instant) });
  });

  test.each<[string, string, string]>([
    ['2027-03-28T02:00', 'Europe/Berlin', 'skipped_by_clock_change'],
    ['2027-03-28T02:30', 'Europe/Berlin', 'skipped_by_clock_change'],
    ['2027-03-28T02:59', 'Europe/Berlin', 'skipped_by_clock_change'],
    ['2027-03-14T02:30', 'America/New_York', 'skipped_by_clock_change'],
    // half an hour only
    ['2027-10-03T02:15', 'Australia/Lord_Howe', 'skipped_by_clock_change'],
    ['', 'UTC', 'not_a_date'],
    ['tomorrow', 'UTC', 'not_a_date'],
    ['2027-02-29T10:00', 'UTC', 'not_a_date'],
    ['2027-13-01T10:00', 'UTC', 'not_a_date'],
    ['2027-00-01T10:00', 'UTC', 'not_a_date'],
    ['2027-01-01T25:00', 'UTC', 'not_a_date'],
    ['2027-01-01T10:60', 'UTC', 'not_a_date'],
    ['2027-01-01', 'UTC', 'not_a_date'],
    ['2027-01-01T10:00Z', 'UTC', 'not_a_date'],
    ['2027-01-01T10:00+02:00', 'UTC', 'not_a_date'],
    ['12/03/2027 19:30', 'UTC', 'not_a_date'],
    ['+275760-09-13T00:00', 'UTC', 'not_a_date'],
    ['1969-12-31T23:59', 'UTC', 'not_a_date'],
    ['2201-01-01T00:00', 'UTC', 'not_a_date'],
  ])('%j in %s is refused: %s', (text, zone, problem) => {
    expect(parseLocalDateTime(text, zone)).toEqual({ problem });
  });

  test('what the form shows of an instant is read back as the same wall-clock time', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'UTC'];
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 60 * 24 * 365 * 40 }),
        fc.constantFrom(...zones),
        (minute, zone) => {
          const instant = new Date(Date.UTC(2010, 0, 1) + minute * 60_000);
          const shown = toLocalDateTime(instant, zone);
          const read = parseLocalDateTime(shown, zone);
          expect('instant' in read && toLocalDateTime(read.instant, zone)).toBe(shown);
          // only a doubled hour can be read as an earlier instant, and never by more than that hour
          if ('instant' in read)
            expect([0, 30 * 60_000, 3_600_000]).toContain(instant.getTime() - read.instant.getTime());
        },
      ),
    );
  });
});

test('dates are said in words, in the zone of the event', () => {
  const start = new Date('2027-03-12T18:30:00Z');
  expect(formatDateTime(start, 'Europe/Berlin')).toBe('Fri 12 Mar 2027, 19:30');
  expect(formatDateTime(start, 'Asia/Tokyo')).toBe('Sat 13 Mar 2027, 03:30');
  expect(formatTimeRange(start, new Date('2027-03-12T21:00:00Z'), 'Europe/Berlin')).toBe(
    'Fri 12 Mar 2027, 19:30 to 22:00, Berlin time',
  );
  expect(formatTimeRange(start, new Date('2027-03-13T01:00:00Z'), 'Europe/Berlin')).toBe(
    'Fri 12 Mar 2027, 19:30 to Sat 13 Mar 2027, 02:00, Berlin time',
  );
});

test.each([
  ['UTC', 'UTC'],
  ['Europe/Berlin', 'Berlin time'],
  ['America/New_York', 'New York time'],
  ['America/Argentina/Buenos_Aires', 'Buenos Aires time'],
])('%s is called %s', (zone, name) => {
  expect(zoneName(zone)).toBe(name);
});

test.each([
  ['', false],
  ['Mars/Olympus', false],
  ['+02:00', false],
  ["Europe/Berlin'; DROP TABLE events; --", false],
  ['Europe/Berlin\u0000', false],
  ['x'.repeat(1000), false],
  [['UTC'], false],
  [null, false],
  ['Europe/Berlin', true],
  ['UTC', true],
])('%j as a time zone: %s', (zone, valid) => {
  expect(isTimeZone(zone)).toBe(valid);
});

test('every zone in the list is one', () => {
  expect(listTimeZones().filter((zone) => !isTimeZone(zone))).toEqual([]);
});

test.each([
  [-5, '0 seconds'],
  [1, '1 second'],
  [59.9, '59 seconds'],
  [60, '1 minute'],
  [719, '11 minutes'],
  [7200, '2 hours'],
])('%s seconds are %s', (seconds, words) => {
  expect(formatDuration(seconds)).toBe(words);
});

test('B6: a server in another zone reads and shows the same', () => {
  const { outputFiles } = buildSync({
    stdin: {
      contents: `import * as dates from './dates';
        const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC'];
        const texts = ['2027-03-28T02:30', '2027-10-31T02:30', '2027-03-14T02:30', '2030-02-30T10:00', '2027-07-01T00:00'];
        console.log(JSON.stringify(zones.map((zone) => texts.map((text) => {
          const read = dates.parseLocalDateTime(text, zone);
          return 'instant' in read ? [read.instant, dates.formatDateTime(read.instant, zone)] : read;
        }))));`,
      resolveDir: join(__dirname, '../../src/lib'),
    },
    bundle: true,
    platform: 'node',
    write: false,
  });
  const under = (TZ: string) =>
    execFileSync(process.execPath, ['-'], { input: outputFiles[0]!.text, env: { TZ }, encoding: 'utf8' });
  const [here, ...elsewhere] = ['UTC', 'America/New_York', 'Pacific/Kiritimati'].map(under);
  expect(JSON.parse(here!).flat()).toContainEqual([
    '2027-07-01T00:00:00.000Z',
    expect.stringMatching(/1 Jul/),
  ]);
  for (const there of elsewhere) expect(there).toBe(here);
});
