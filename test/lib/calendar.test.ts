import { eventCalendar } from '../../src/lib/calendar';

const EVENT = {
  id: '0193a5c0-0123-7456-89ab-cdef01234567',
  title: 'A lecture',
  starts_at: new Date('2026-12-01T18:30:00Z'),
  ends_at: new Date('2026-12-01T20:00:00Z'),
  location_kind: 'venue',
  venue_name: 'Hall',
  venue_address: '1 Main Street',
  online_url: null,
  status: 'published',
  url: 'https://tickets.foyer.example/events/a-lecture',
  organizerName: 'Analytical Society',
};

/** The lines as a reader sees them: folded ones put together again (RFC 5545, 3.1). */
function linesOf(change: Partial<typeof EVENT> | { online_url: string }): string[] {
  return eventCalendar({ ...EVENT, ...change })
    .replace(/\r\n[ \t]/g, '')
    .split('\r\n');
}

const valueOf = (lines: string[], name: string) =>
  lines.filter((line) => line.startsWith(name)).map((line) => line.slice(line.indexOf(':') + 1));

test('an event has its time in UTC, its place, its page and a name of its own', () => {
  const lines = linesOf({});
  expect(lines).toEqual(
    expect.arrayContaining(['BEGIN:VCALENDAR', 'VERSION:2.0', 'BEGIN:VEVENT', 'END:VEVENT', 'END:VCALENDAR']),
  );
  expect(valueOf(lines, 'UID')).toEqual(['0193a5c0-0123-7456-89ab-cdef01234567@foyer']);
  expect(valueOf(lines, 'DTSTART')).toEqual(['20261201T183000Z']);
  expect(valueOf(lines, 'DTEND')).toEqual(['20261201T200000Z']);
  expect(valueOf(lines, 'SUMMARY')).toEqual(['A lecture']);
  expect(valueOf(lines, 'LOCATION')).toEqual(['Hall\\, 1 Main Street']);
  expect(valueOf(lines, 'URL')).toEqual(['https://tickets.foyer.example/events/a-lecture']);
  expect(valueOf(lines, 'DESCRIPTION')).toEqual([
    'By Analytical Society\\nhttps://tickets.foyer.example/events/a-lecture',
  ]);
  expect(valueOf(lines, 'DTSTAMP')).toHaveLength(1);
  expect(valueOf(lines, 'STATUS')).toEqual([]);
});

test('every line ends in CRLF and none is longer than 75 bytes', () => {
  const text = eventCalendar({ ...EVENT, title: 'Künstliche Wörter 🎻 '.repeat(20) });
  expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  for (const line of text.split('\r\n')) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
});

test('a cancelled event says so', () => {
  expect(valueOf(linesOf({ status: 'cancelled' }), 'STATUS')).toEqual(['CANCELLED']);
});

test('an online event shows its address only where it is given', () => {
  const online = { location_kind: 'online', venue_name: null, venue_address: null } as never;
  const shown = linesOf({ ...(online as object), online_url: 'https://meet.example/a,b' });
  expect(valueOf(shown, 'LOCATION')).toEqual(['https://meet.example/a\\,b']);
  expect(valueOf(linesOf(online), 'LOCATION')).toEqual(['Online']);
});

test.each([
  ['a comma, a semicolon and a backslash', 'a, b; c\\', 'a\\, b\\; c\\\\'],
  ['a line break', 'a\nb', 'a\\nb'],
  ['a Windows line break', 'a\r\nb', 'a\\nb'],
  [
    'another event',
    'a\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:b',
    'a\\nEND:VEVENT\\nBEGIN:VEVENT\\nSUMMARY:b',
  ],
])('%s in a title stays in the title', (_name, title, written) => {
  const lines = linesOf({ title });
  expect(valueOf(lines, 'SUMMARY')).toEqual([written]);
  expect(lines.filter((line) => line === 'BEGIN:VEVENT')).toHaveLength(1);
});

test('a lone carriage return opens no line', () => {
  expect(eventCalendar({ ...EVENT, title: 'a\rATTACH:b' }).replaceAll('\r\n', '')).not.toContain('\r');
});
