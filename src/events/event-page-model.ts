/** What the event page shows, worked out from what is stored: pure, so that each state can be told in words and tested. */
import { type DiscountCode, discountInWords, discountOn, unlocks } from '../discounts/discount-code';
import { emptyForm, type Form } from '../http/forms';
import { formatDateTime, zoneName } from '../lib/dates';
import { formatMoney } from '../lib/money';
import { priceInWords, type TicketType } from '../ticket-types/ticket-type';
import { type EventDetails, isSoldOut } from './event';
import { isOffered, needsPayment, type TicketAvailability, ticketAvailability } from './event-availability';

/** From here on the number that is left is said. */
const FEW_LEFT = 20;

export interface TicketRow {
  id: string;
  name: string;
  description: string;
  price: string;
  /** before a code took something off; null where nothing was */
  fullPrice: string | null;
  /** minor units: what the buyer is shown, sent along so that a changed price is noticed */
  priceMinor: string;
  /** the quantities to choose from; null when none can be bought now */
  quantities: number[] | null;
  chosen: number;
  /** what keeps it from being bought, or how few are left */
  words: string | null;
  donation: { hint: string } | null;
  availability: TicketAvailability;
}

export interface TicketBox {
  rows: TicketRow[];
  /** anything that can be bought now: there is a form */
  open: boolean;
  /** above the rows: why some or all can't be bought */
  notice: { kind: 'info' | 'warning' | 'error'; title: string | null; text: string } | null;
  /** the bar on phones: "from €20.00", "Free" */
  fromPrice: string | null;
  takesMoney: boolean;
  /** there may be a code to enter; `open` where one was, `words` what it does */
  code: { open: boolean; words: string | null } | null;
}

export function ticketBox(
  event: EventDetails,
  ticketTypes: TicketType[],
  options: {
    connectionReady: boolean;
    now: Date;
    form?: Form;
    organizerName: string;
    /** the event has codes */
    takesCodes?: boolean;
    /** one that can be used now */
    code?: DiscountCode | null;
  },
): TicketBox {
  const form = options.form ?? emptyForm;
  const code = options.code ?? null;
  const offered = ticketTypes
    .filter((type) => isOffered(type) || unlocks(code, type))
    .map((type) => {
      const discount = discountOn(code, type);
      const payable = options.connectionReady || (discount > 0n && discount === type.price);
      return {
        type,
        discounted: { ...type, price: type.price - discount },
        availability: ticketAvailability(type, event, payable, options.now),
      };
    });
  const onSale = offered.filter(({ availability }) => availability.state === 'on_sale');
  const rows = offered.map(({ type, discounted, availability }) => ({
    id: type.id,
    name: type.name,
    description: type.description,
    price: discountedInWords(discounted, event.currency),
    fullPrice: discounted.price < type.price ? priceInWords(type, event.currency) : null,
    priceMinor: type.price.toString(),
    quantities: availability.state === 'on_sale' ? quantities(availability) : null,
    chosen: chosenQuantity(form, type.id, availability, onSale.length),
    words: wordsFor(type, availability, event.timeZone),
    donation: type.kind === 'donation' ? { hint: donationHint(type, event.currency) } : null,
    availability,
  }));
  return {
    rows,
    open: onSale.length > 0,
    notice: noticeFor(event, offered, options),
    fromPrice: fromPriceInWords(
      (onSale.length > 0 ? onSale : offered).map(({ discounted }) => discounted),
      event.currency,
    ),
    takesMoney: offered.some(({ type }) => needsPayment(type)),
    code:
      options.takesCodes && event.status === 'published' && options.now < event.endsAt
        ? {
            open: (form.values['code'] ?? '') !== '',
            words: code && `Code ${code.code}: ${discountInWords(code)}`,
          }
        : null,
  };
}

/** "Free", "€20.00", "from €20.00", "Free or from €20.00": the least that tickets cost. Null without ticket types. */
export function fromPriceInWords(
  types: Pick<TicketType, 'kind' | 'price'>[],
  currency: string,
): string | null {
  if (types.length === 0) return null;
  const lowest = types.reduce((least, type) => (type.price < least.price ? type : least));
  if (types.every((type) => type.kind === lowest.kind && type.price === lowest.price))
    return priceInWords(lowest, currency);
  const costing = types.filter((type) => type.price > 0n);
  if (lowest.price === 0n)
    return costing.length > 0 ? `Free or ${fromPriceInWords(costing, currency)}` : 'Free';
  return `from ${formatMoney(lowest.price, currency)}`;
}

/** The price column of the programme: what it costs, or why nothing can be bought. */
export function programmePrice(event: EventDetails, ticketTypes: TicketType[], now: Date): string {
  const offered = ticketTypes.filter(isOffered);
  if (offered.length === 0) return 'No tickets yet';
  if (isSoldOut(event, ticketTypes)) return 'Sold out';
  const sold = (type: TicketType) => ticketAvailability(type, event, true, now).state;
  const buyable = offered.filter((type) => ['on_sale', 'all_held', 'not_yet'].includes(sold(type)));
  if (buyable.length === 0) return 'Sales have ended';
  return fromPriceInWords(buyable, event.currency)!;
}

/** "Free" where a code took off all that it cost. */
function discountedInWords(type: TicketType, currency: string): string {
  return type.kind === 'paid' && type.price === 0n ? 'Free' : priceInWords(type, currency);
}

function quantities({ least, most }: TicketAvailability): number[] {
  return Array.from({ length: most - least + 1 }, (_, index) => least + index);
}

/** What was chosen before, else one where there is nothing else to choose. */
function chosenQuantity(form: Form, id: string, availability: TicketAvailability, choices: number): number {
  const typed = form.values[`quantity.${id}`];
  if (typed !== undefined) return /^\d{1,3}$/.test(typed) ? Number(typed) : 0;
  return choices === 1 ? availability.least : 0;
}

function wordsFor(type: TicketType, availability: TicketAvailability, zone: string): string | null {
  switch (availability.state) {
    case 'on_sale':
      return availability.left <= FEW_LEFT ? `${availability.left} left` : null;
    case 'not_yet':
      return `On sale from ${formatDateTime(type.salesStart!, zone)}, ${zoneName(zone)}`;
    case 'ended':
      return 'Sales have ended';
    case 'sold_out':
      return 'Sold out';
    case 'all_held':
      return 'All that are left are held by other buyers. Look again in a few minutes.';
    case 'unavailable':
      return 'Not on sale right now';
    case 'over':
    case 'cancelled':
    case 'not_offered':
      return null;
  }
}

function donationHint(type: TicketType, currency: string): string {
  return type.price > 0n
    ? `For each ticket. At least ${formatMoney(type.price, currency)}; leave it empty to pay that.`
    : 'For each ticket. Leave it empty to pay nothing.';
}

function noticeFor(
  event: EventDetails,
  offered: { type: TicketType; availability: TicketAvailability }[],
  options: { now: Date; organizerName: string },
): TicketBox['notice'] {
  if (event.status === 'cancelled')
    return {
      kind: 'error',
      title: 'This event is cancelled',
      text: event.cancellationReason || 'No more tickets are sold.',
    };
  if (options.now >= event.endsAt)
    return { kind: 'info', title: 'This event is over', text: 'No more tickets are sold.' };
  const states = offered.map(({ availability }) => availability.state);
  if (states.includes('unavailable')) {
    const free = states.includes('on_sale') ? ' Free tickets are still available.' : '';
    return {
      kind: 'warning',
      title: null,
      text: `Paid tickets are not on sale right now. The organizer is fixing their payment account.${free}`,
    };
  }
  if (offered.length === 0)
    return {
      kind: 'info',
      title: null,
      text: `There are no tickets to choose from here. Ask ${options.organizerName} how to get in.`,
    };
  if (states.every((state) => state === 'sold_out'))
    return { kind: 'info', title: 'Sold out', text: 'Every ticket has found somebody.' };
  return null;
}
