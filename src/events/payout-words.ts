/** What of a ticket's price ends where, in words: for a row of the form as it is typed, and for what is stored. */
import { type Connection } from '../connect/connection';
import { type FeePolicy } from '../payments/fees';
import { ESTIMATE_NOTE, payoutInWords, payoutOf, type PayoutWords } from '../payments/payout-preview';
import { readPrice } from '../ticket-types/ticket-type-forms';
import { type TicketType } from '../ticket-types/ticket-type';

interface Terms {
  currency: string;
  fees: FeePolicy;
  /** that the money goes to */
  account: Pick<Connection, 'country' | 'defaultCurrency'> | null;
}

const KINDS = ['paid', 'free', 'donation'] as const;

/** Null while there is no price that could be charged. */
export function payoutOfRow(
  typed: { kind: string | undefined; price: string | undefined; fee_payer: string | undefined },
  terms: Terms,
): PayoutWords | null {
  const read = readPrice(
    {
      kind: KINDS.find((kind) => kind === typed.kind),
      price: (typed.price ?? '').trim(),
      fee_payer: typed.fee_payer === 'buyer' ? 'buyer' : 'organizer',
    },
    terms,
  );
  if ('problem' in read || read.amount === 0n) return null;
  return wordsOf({ price: read.amount, passedOnFee: read.passedOnFee }, terms);
}

/** The event's tickets that cost money; null where there are none. */
export function payoutTable(types: TicketType[], terms: Terms) {
  const rows = types
    .filter((type) => type.price > 0n)
    .map((type) => ({
      name: type.kind === 'donation' ? `${type.name}, at the least` : type.name,
      payer: type.passedOnFee === null ? 'You pay Foyer’s fee' : 'The buyer pays Foyer’s fee',
      words: wordsOf(type, terms),
    }));
  return rows.length > 0 ? { rows, note: ESTIMATE_NOTE } : null;
}

function wordsOf(ticket: Pick<TicketType, 'price' | 'passedOnFee'>, terms: Terms): PayoutWords {
  return payoutInWords(payoutOf(ticket, terms.currency, terms.fees, terms.account), terms.currency);
}
