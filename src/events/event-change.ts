/** What an event that people already hold tickets of no longer lets its organizer change: pure rules. */
import { type TicketType } from '../ticket-types/ticket-type';
import { type EventDetails } from './event';
import { needsPayment } from './event-availability';
import { type EventInput } from './event-forms';

export interface EventBeforeChange {
  event: EventDetails;
  ticketTypes: TicketType[];
  /** there are orders, whatever became of them */
  hasOrders: boolean;
  /** the ticket types that stand in any order */
  typesWithOrders: Set<string>;
  canTakeCharges: boolean;
}

/** Messages by form field; none when the change may be made. Run under the event's lock. */
export function problemsOfChange(before: EventBeforeChange, input: EventInput): Record<string, string> {
  const { event } = before;
  const errors: Record<string, string> = {};
  const taken = capacityTaken(event);
  if (input.event.capacity !== null && input.event.capacity < taken.count)
    errors['capacity'] = `${taken.words}. Enter ${taken.count} or more`;
  if (input.event.currency !== event.currency && before.hasOrders)
    errors['currency'] =
      `There are orders in ${event.currency.toUpperCase()}, so the currency cannot change any more`;

  const known = new Map(before.ticketTypes.map((type) => [type.id, type]));
  const seen = new Set<string>();
  for (const { row, id, fields } of input.ticketTypes) {
    const type = id === null ? null : known.get(id);
    if (type === undefined || (id !== null && seen.has(id))) {
      errors[`tickets.${row}.name`] =
        'This ticket type was removed meanwhile. Tick “Remove”, or enter it as a new one';
      continue;
    }
    if (id !== null) seen.add(id);
    if (type) {
      const takenOfType = capacityTaken(type);
      if (fields.capacity < takenOfType.count)
        errors[`tickets.${row}.capacity`] = `${takenOfType.words}. Enter ${takenOfType.count} or more`;
      if (fields.kind !== type.kind && before.typesWithOrders.has(type.id))
        errors[`tickets.${row}.kind`] =
          'People have ordered this ticket, so what kind it is cannot change. Hide it and add another type instead';
    }
    const newlyPaid = needsPayment(fields) && (type === null || !needsPayment(type));
    if (event.status === 'published' && newlyPaid && !before.canTakeCharges)
      errors[`tickets.${row}.kind`] ??=
        'Connect a Stripe account before you add tickets that cost money to a published event';
  }
  for (const { row, id } of input.removed) {
    if (before.typesWithOrders.has(id))
      errors[`tickets.${row}.remove`] =
        'People have ordered this ticket, so it cannot be removed. Choose “Hidden” to sell no more of it';
  }
  return errors;
}

function capacityTaken(counted: { held: number; sold: number }): { count: number; words: string } {
  const { held, sold } = counted;
  const words =
    held > 0
      ? `${sold} ${sold === 1 ? 'ticket is' : 'tickets are'} sold and ${held} ${held === 1 ? 'is' : 'are'} held by buyers`
      : `${sold} ${sold === 1 ? 'ticket is' : 'tickets are'} sold`;
  return { count: held + sold, words };
}
