/** What the event form's view is given: its lists of choices, and a row for each ticket type. */
import { conversionWords, whyNotInCurrency } from '../connect/account-currency';
import { accountName, whyNoPaidSales } from '../connect/connection';
import { badgeOf } from '../connect/connection-facts';
import { type Form } from '../http/forms';
import { currencyChoices } from '../lib/currency-choices';
import { listTimeZones } from '../lib/dates';
import { isCurrency } from '../lib/money';
import { type FeePolicy, feeWords } from '../payments/fees';
import { ESTIMATE_NOTE } from '../payments/payout-preview';
import { type EventDetails } from './event';
import { type AccountChoice } from './event-account';
import { payoutOfRow } from './payout-words';
import {
  type FormValues,
  MOST_TICKET_TYPES,
  type TicketField,
  ticketField,
  ticketRows,
} from './event-fields';

interface Choice {
  value: string;
  label: string;
}

export function eventFormView(shown: {
  form: Form;
  event: EventDetails | null;
  draftId: string | null;
  accounts: AccountChoice;
  /** what the platform keeps of tickets in the form's currency */
  fees: FeePolicy;
  /** existing types that can't be removed any more */
  typesWithOrders: Set<string>;
}) {
  const { form, event } = shown;
  const rows = ticketRows(form.values);
  const currency = isCurrency(form.values['currency']) ? form.values['currency'] : 'eur';
  const payoutOfForm = (row: number) =>
    payoutOfRow(
      {
        kind: form.values[ticketField(row, 'kind')],
        price: form.values[ticketField(row, 'price')],
        fee_payer: form.values[ticketField(row, 'fee_payer')],
      },
      { currency, fees: shown.fees, account: shown.accounts.connection },
    );
  const ticketForms = (rows.length > 0 ? rows : [0]).map((row, index) => {
    const id = form.values[ticketField(row, 'id')] ?? '';
    const hasOrders = shown.typesWithOrders.has(id);
    return {
      row,
      heading: `Ticket type ${index + 1}`,
      id,
      hasOrders,
      payout: payoutOfForm(row),
      // one row alone has nothing to be removed for; what can't go says so
      removable: ticketField(row, 'remove') in form.errors || (!hasOrders && rows.length > 1),
      openDetails: DETAILS.some((field) => isWorthSeeing(form, row, field)),
    };
  });
  return {
    form,
    event,
    draftId: shown.draftId,
    ticketForms,
    labels: errorLabels(form, ticketForms),
    mayAddTicket: ticketForms.length < MOST_TICKET_TYPES,
    zones: zoneChoices(form.values['time_zone']),
    currencies: currencyChoices(),
    feeWords: feeWords(shown.fees, currency),
    payoutNote: ESTIMATE_NOTE,
    payee: payeeInWords(shown.accounts, form.values['currency'] ?? ''),
  };
}

const DETAILS: TicketField[] = ['min_per_order', 'max_per_order', 'sales_start', 'sales_end', 'visibility'];
const USUAL: FormValues = { min_per_order: '1', max_per_order: '10', visibility: 'public' };

/** Details are folded away only while they hold nothing but what every new row has. */
function isWorthSeeing(form: Form, row: number, field: TicketField): boolean {
  const name = ticketField(row, field);
  return name in form.errors || (form.values[name] ?? '') !== (USUAL[field] ?? '');
}

/** "Ticket type 2: Enter a price" in the summary of errors. */
function errorLabels(form: Form, ticketForms: { row: number; heading: string }[]): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const name of Object.keys(form.errors)) {
    const ticketForm = ticketForms.find(({ row }) => name.startsWith(`tickets.${row}.`));
    if (ticketForm) labels[name] = ticketForm.heading;
  }
  return labels;
}

/** Zones by continent; the chosen one too where it goes by another of its names. */
function zoneChoices(chosen: string | undefined): { label: string; options: Choice[] }[] {
  const groups = new Map<string, Choice[]>();
  const zones = listTimeZones();
  for (const zone of chosen && !zones.includes(chosen) ? [chosen, ...zones] : zones) {
    const [area, ...place] = zone.split('/');
    const group = place.length > 0 ? area! : 'Universal';
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group)!.push({ value: zone, label: (place.join(', ') || zone).replaceAll('_', ' ') });
  }
  return [...groups].map(([label, options]) => ({ label, options }));
}

/** Who gets the money, and what stands in the way. */
function payeeInWords({ connection, options, mayConnect }: AccountChoice, currency: string) {
  const notInCurrency = whyNotInCurrency(connection, currency);
  return {
    account: connection ? accountName(connection) : null,
    badge: badgeOf(connection),
    problem: notInCurrency ? `${notInCurrency}.` : whyNoPaidSales(connection),
    conversion: conversionWords(connection, currency),
    options,
    mayConnect,
  };
}
