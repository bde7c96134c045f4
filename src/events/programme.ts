/** The programme: events as the front page and an organizer's page list them, month by month. Pure. */
import { DateTime } from 'luxon';
import { paths } from '../paths';
import { programmePrice } from './event-page-model';
import { type PublicEvent } from './public-events-store';

export interface ProgrammeEntry {
  title: string;
  href: string;
  poster: string;
  /** "2027-03-12T19:30+01:00" */
  datetime: string;
  weekday: string;
  day: string;
  time: string;
  /** "Ada House, Cambridge" or "Online" */
  place: string;
  organizer: string;
  price: string;
}

export interface ProgrammeMonth {
  /** "March 2027" */
  name: string;
  entries: ProgrammeEntry[];
}

/** Events in their given order, under the month that their own zone has when they begin. */
export function programmeByMonth(events: PublicEvent[], now: Date): ProgrammeMonth[] {
  const months: ProgrammeMonth[] = [];
  for (const { event, organizer, ticketTypes } of events) {
    const start = DateTime.fromJSDate(event.startsAt, { zone: event.timeZone }).setLocale('en-GB');
    const name = start.toFormat('LLLL yyyy');
    if (months.at(-1)?.name !== name) months.push({ name, entries: [] });
    months.at(-1)!.entries.push({
      title: event.title,
      href: paths.event(event.slug),
      poster: event.coverHash ? paths.cover(`${event.coverHash}-small.webp`) : paths.eventPoster(event.slug),
      datetime: start.toFormat("yyyy-MM-dd'T'HH:mmZZ"),
      weekday: start.toFormat('ccc'),
      day: start.toFormat('d'),
      time: start.toFormat('HH:mm'),
      place: event.locationKind === 'online' ? 'Online' : event.venueName!,
      organizer: organizer.name,
      price: now >= event.endsAt ? 'Over' : programmePrice(event, ticketTypes, now),
    });
  }
  return months;
}

const EVENTS_ON_A_PAGE = 20;

/** Where a page of a list begins; a number that is no page of it means the nearest one. */
export function pageOfList(
  asked: unknown,
  count: number,
): { current: number; pages: number; limit: number; offset: number } {
  const pages = Math.max(1, Math.ceil(count / EVENTS_ON_A_PAGE));
  const number = typeof asked === 'string' && /^\d{1,6}$/.test(asked) ? Number(asked) : 1;
  const current = Math.min(Math.max(number, 1), pages);
  return { current, pages, limit: EVENTS_ON_A_PAGE, offset: (current - 1) * EVENTS_ON_A_PAGE };
}
