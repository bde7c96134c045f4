import { DateTime } from 'luxon';
import { moneyToText } from '../lib/money';
import { type EventDetails, placeInWords } from './event';
import { descriptionText } from './event-text';
import { type TicketBox } from './event-page-model';
import { type AvailabilityState } from './event-availability';

const SCHEMA = 'https://schema.org';

const AVAILABILITY: Record<AvailabilityState, string> = {
  on_sale: 'InStock',
  not_yet: 'PreOrder',
  all_held: 'LimitedAvailability',
  sold_out: 'SoldOut',
  ended: 'Discontinued',
  over: 'Discontinued',
  cancelled: 'Discontinued',
  unavailable: 'OutOfStock',
  not_offered: 'OutOfStock',
};

/** The event for search engines (schema.org/Event), as JSON that is safe inside a script element. */
export function eventJsonLd(
  event: EventDetails,
  box: TicketBox,
  addresses: { page: string; poster: string; organizer: { name: string; url: string } },
): string {
  return jsonForScript({
    '@context': SCHEMA,
    '@type': 'Event',
    name: event.title,
    description: descriptionText(event.description, 500) || event.title,
    startDate: isoInZone(event.startsAt, event.timeZone),
    endDate: isoInZone(event.endsAt, event.timeZone),
    eventStatus: `${SCHEMA}/${event.status === 'cancelled' ? 'EventCancelled' : 'EventScheduled'}`,
    eventAttendanceMode: `${SCHEMA}/${event.locationKind === 'online' ? 'OnlineEventAttendanceMode' : 'OfflineEventAttendanceMode'}`,
    // the address of an online event is for the people who have tickets
    location:
      event.locationKind === 'online'
        ? { '@type': 'VirtualLocation', url: addresses.page }
        : { '@type': 'Place', name: event.venueName, address: event.venueAddress || placeInWords(event) },
    image: [addresses.poster],
    url: addresses.page,
    organizer: { '@type': 'Organization', name: addresses.organizer.name, url: addresses.organizer.url },
    offers: box.rows.map((row) => ({
      '@type': 'Offer',
      name: row.name,
      price: moneyToText(BigInt(row.priceMinor), event.currency),
      priceCurrency: event.currency.toUpperCase(),
      availability: `${SCHEMA}/${AVAILABILITY[row.availability.state]}`,
      url: addresses.page,
    })),
  });
}

/** `</script>` and `<!--` inside a value must not end the element; U+2028/9 must not end a line. */
function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function isoInZone(instant: Date, zone: string): string {
  return DateTime.fromJSDate(instant, { zone }).toISO({ suppressMilliseconds: true })!;
}
