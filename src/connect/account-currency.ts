/** Whether an account can charge in an event's currency: pure rules, in sentences for the person who edits the event. */
import { accountName, type Connection } from './connection';

/** What the rules look at; where Stripe has not said, nothing is claimed. */
type CurrencyFacts = Pick<
  Connection,
  'displayName' | 'stripeUserId' | 'country' | 'defaultCurrency' | 'chargeCurrencies'
>;

const regions = new Intl.DisplayNames('en', { type: 'region' });

/** Why paid tickets in this currency can't be sold on this account; null when they can, or when Stripe has not said. */
export function whyNotInCurrency(connection: CurrencyFacts | null, currency: string): string | null {
  const known = connection?.chargeCurrencies;
  if (!connection || !known || known.includes(currency)) return null;
  const country = connection.country ? ` of ${regions.of(connection.country)}` : '';
  const instead =
    known.length <= 3
      ? `Choose ${known.map((code) => code.toUpperCase()).join(' or ')}`
      : connection.defaultCurrency
        ? `Choose another currency, such as ${connection.defaultCurrency.toUpperCase()}`
        : 'Choose another currency';
  return `The Stripe account ${accountName(connection)} is one${country} and can’t take ${currency.toUpperCase()}. ${instead}, or another account`;
}

/** That money is changed on its way, for whom it matters; null when it stays as it is. */
export function conversionWords(connection: CurrencyFacts | null, currency: string): string | null {
  const own = connection?.defaultCurrency;
  if (!connection || !own || own === currency || whyNotInCurrency(connection, currency)) return null;
  return `Buyers pay in ${currency.toUpperCase()}, and your account is in ${own.toUpperCase()}: Stripe changes the money and charges you for it, unless your account holds ${currency.toUpperCase()} too.`;
}
