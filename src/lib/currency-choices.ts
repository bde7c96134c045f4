import { CURRENCIES } from './money';

const names = new Intl.DisplayNames('en', { type: 'currency' });

/** "Euro (EUR)" and all others, in the order of their names, for a list to choose from. */
export function currencyChoices(): { value: string; label: string }[] {
  return CURRENCIES.map((code) => ({
    value: code,
    label: `${names.of(code.toUpperCase())} (${code.toUpperCase()})`,
  })).sort((one, other) => one.label.localeCompare(other.label, 'en'));
}
