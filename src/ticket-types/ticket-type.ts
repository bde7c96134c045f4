import { type TicketTypeForSale } from '../events/event-availability';
import { formatMoney } from '../lib/money';

/** One kind of ticket of an event, as it is stored. */
export interface TicketType extends TicketTypeForSale {
  eventId: string;
  position: number;
  description: string;
}

/** "€20.00", "Free", "from €5.00" and "Pay what you want": the price as people meet it first. */
export function priceInWords(type: Pick<TicketType, 'kind' | 'price'>, currency: string): string {
  if (type.kind === 'free') return 'Free';
  if (type.kind === 'paid') return formatMoney(type.price, currency);
  return type.price > 0n ? `from ${formatMoney(type.price, currency)}` : 'Pay what you want';
}

/** What the organizer asks for: the price without a fee that is passed on. */
export function askedPrice(type: Pick<TicketType, 'price' | 'passedOnFee'>): bigint {
  return type.price - (type.passedOnFee ?? 0n);
}
