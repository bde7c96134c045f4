/** Each kind of finding in words: what it is, and what a person can do about it. Pure. */
import { formatMoney } from '../lib/money';
import { type FindingKind } from './findings-store';

export interface FindingWords {
  title: string;
  what: string;
  next: string;
}

/** What a finding says of itself: numbers and ids as text. */
type Details = Record<string, unknown>;

export function findingWords(finding: { kind: FindingKind; details: Details }): FindingWords {
  const text = (name: string) => String(finding.details[name] ?? '');
  const money = () => formatMoney(BigInt(text('amount') || '0'), text('currency') || 'eur');
  switch (finding.kind) {
    case 'unknown_payment':
      return {
        title: 'A payment that Foyer does not know',
        what: `Stripe has a paid session (${text('session')}, ${money()}) that names an order of Foyer, and no payment attempt of ours belongs to it. That happens after a database was restored from a backup, or when somebody copied our reference.`,
        next: 'Compare it in the Stripe Dashboard of the account. If it was a buyer of ours, let the organizer give the money back there, or make up for the tickets; then close this with what you did.',
      };
    case 'ledger_drift':
      return {
        title: 'The books differ from Stripe',
        what: `For ${text('day')} what Foyer has booked on this account is not what Stripe has. Nothing was changed.`,
        next: 'Look at each difference below. The orders can be checked again from their own pages; close this when the cause is known.',
      };
    case 'counter_drift':
      return {
        title: 'A counter of tickets is wrong',
        what: `${text('what')} says ${text('says')}; its orders make ${text('counted')}. Nothing was changed.`,
        next: 'Sales go on by the counter. Ask whoever has touched the database, mend it by hand, and close this with what you did.',
      };
    case 'slow_payment':
      return {
        title: 'A payment that has been on its way for two weeks',
        what: 'Stripe still calls it “processing”. Its tickets stay held, and the buyer was told to wait.',
        next: 'Ask Stripe’s support about the payment. The order settles by itself when Stripe has an answer.',
      };
    case 'dispute_after_void':
      return {
        title: 'A dispute was won after its tickets were void',
        what: `The bank decided again, this time for the organizer (${text('dispute')}, ${money()}). The tickets are void, and their places may be sold.`,
        next: 'Ask the organizer whether the buyer should get tickets again or the money back; close this with what was agreed.',
      };
  }
}

/** Days of processing after which a person is shown a payment. */
export const SLOW_PAYMENT_DAYS = 14;
