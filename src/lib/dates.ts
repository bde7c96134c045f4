/**
 * Times are instants (UTC); people meet them in a named IANA zone. A wall-clock time that a zone skips or has twice
 * (daylight saving) follows one rule: skipped times are refused, doubled ones mean the first.
 */
import { DateTime, IANAZone } from 'luxon';

export type DateProblem = 'not_a_date' | 'skipped_by_clock_change';

/** Reads `YYYY-MM-DDTHH:mm` (what `datetime-local` sends) as wall-clock time in a zone. */
export function parseLocalDateTime(text: string, zone: string): { instant: Date } | { problem: DateProblem } {
  const match = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::00)?$/.exec(text.trim());
  if (!match) return { problem: 'not_a_date' };
  const [year, month, day, hour, minute] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (year < 1970 || year > 2200) return { problem: 'not_a_date' };
  const local = DateTime.fromObject({ year, month, day, hour, minute }, { zone });
  if (!local.isValid) return { problem: 'not_a_date' };
  if (local.hour !== hour || local.minute !== minute) return { problem: 'skipped_by_clock_change' };
  const earlier = local.minus({ hours: 1 });
  const first = earlier.hour === hour && earlier.minute === minute ? earlier : local;
  return { instant: first.toJSDate() };
}

/** The `datetime-local` text of an instant in a zone. */
export function toLocalDateTime(instant: Date, zone: string): string {
  return DateTime.fromJSDate(instant, { zone }).toFormat("yyyy-MM-dd'T'HH:mm");
}

export function isTimeZone(zone: unknown): zone is string {
  return (
    typeof zone === 'string' &&
    zone.length <= 64 &&
    /^[A-Za-z_]+(\/[A-Za-z0-9_+-]+)*$/.test(zone) &&
    IANAZone.isValidZone(zone)
  );
}

/** Zones a person can choose from. */
export function listTimeZones(): string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone')];
}

/** "Fri 12 Mar 2027, 19:30" */
export function formatDateTime(instant: Date, zone: string): string {
  return inZone(instant, zone).toFormat('ccc d LLL yyyy, HH:mm');
}

/** "Fri 12 Mar 2027" */
export function formatDate(instant: Date, zone: string): string {
  return inZone(instant, zone).toFormat('ccc d LLL yyyy');
}

/** "19:30" */
export function formatTime(instant: Date, zone: string): string {
  return inZone(instant, zone).toFormat('HH:mm');
}

/** "Fri 12 Mar 2027, 19:30 to 22:00, Berlin time" — the end's date only where it differs. */
export function formatTimeRange(start: Date, end: Date, zone: string): string {
  const sameDay = inZone(start, zone).hasSame(inZone(end, zone), 'day');
  const until = sameDay ? formatTime(end, zone) : formatDateTime(end, zone);
  return `${formatDateTime(start, zone)} to ${until}, ${zoneName(zone)}`;
}

/** "Berlin time", "UTC" */
export function zoneName(zone: string): string {
  if (zone === 'UTC') return 'UTC';
  return `${zone.split('/').pop()!.replaceAll('_', ' ')} time`;
}

/** "UTC+1", "UTC-3:30", "UTC": how far a zone is from it at an instant. */
export function offsetWords(instant: Date, zone: string): string {
  const offset = inZone(instant, zone).toFormat('Z');
  return offset === '+0' ? 'UTC' : `UTC${offset}`;
}

/** "12 minutes", "1 minute", "40 seconds": a span in words, never negative. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole >= 7200) return `${Math.floor(whole / 3600)} hours`;
  const minutes = Math.floor(whole / 60);
  if (minutes >= 1) return minutes === 1 ? '1 minute' : `${minutes} minutes`;
  return whole === 1 ? '1 second' : `${whole} seconds`;
}

/** The least number of whole weeks, at least one, after which an instant's time of day in a zone lies after `now`. */
export function weeksUntilAfter(instant: Date, now: Date, zone: string): number {
  let weeks = Math.max(1, Math.floor(inZone(now, zone).diff(inZone(instant, zone), 'weeks').weeks));
  while (moveByWeeks(instant, weeks, zone) <= now) weeks += 1;
  return weeks;
}

/** The same weekday and time of day, so many weeks later; a time that the zone skips then becomes the next there is. */
export function moveByWeeks(instant: Date, weeks: number, zone: string): Date {
  return inZone(instant, zone).plus({ weeks }).toJSDate();
}

function inZone(instant: Date, zone: string): DateTime {
  return DateTime.fromJSDate(instant, { zone }).setLocale('en-GB');
}
