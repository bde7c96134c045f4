import ical from 'ical-generator';

export interface CalendarEvent {
  id: string;
  title: string;
  starts_at: Date;
  ends_at: Date;
  location_kind: string;
  venue_name: string | null;
  venue_address: string | null;
  online_url: string | null;
  status: string;
}

/** An event as an iCalendar text (RFC 5545). Times are written in UTC, so no zone table is needed to read them. */
export function eventCalendar(event: CalendarEvent & { url: string; organizerName: string }): string {
  const calendar = ical({ prodId: { company: 'Foyer', product: 'Foyer', language: 'EN' } });
  calendar.createEvent({
    id: `${event.id}@foyer`,
    start: event.starts_at,
    end: event.ends_at,
    summary: event.title,
    description: `By ${event.organizerName}\n${event.url}`,
    location:
      event.location_kind === 'online'
        ? (event.online_url ?? 'Online')
        : [event.venue_name, event.venue_address].filter(Boolean).join(', '),
    url: event.url,
    ...(event.status === 'cancelled' ? { status: 'CANCELLED' as never } : {}),
  });
  return calendar.toString();
}
