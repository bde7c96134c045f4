import { payoutInWords, payoutOf } from '../../src/payments/payout-preview';
import { estimateStripeFee } from '../../src/payments/stripe-rates';

const FEES = { percentHundredths: 250, fixed: { eur: 30n, jpy: 50n } };
const account = (country: string | null, defaultCurrency: string | null) => ({ country, defaultCurrency });

it.each([
  // by hand: the percentage of the amount, half up to the step, and the fixed amount
  ['EUR 20.00 in Germany', 2000n, 'eur', account('DE', 'eur'), 55n],
  ['EUR 0.50', 50n, 'eur', account('FR', 'eur'), 26n],
  ['USD 20.00 in the United States', 2000n, 'usd', account('US', 'usd'), 88n],
  ['GBP 9.99 in Britain', 999n, 'gbp', account('GB', 'gbp'), 35n],
  ['JPY 1500 in Japan', 1500n, 'jpy', account('JP', 'jpy'), 54n],
  ['less than the fixed amount', 20n, 'eur', account('DE', 'eur'), 20n],
  ['nothing', 0n, 'eur', account('DE', 'eur'), 0n],
  ['money that has to be changed', 2000n, 'usd', account('DE', 'eur'), null],
  ['an account in another currency than its country’s', 2000n, 'eur', account('DE', 'usd'), null],
  ['a country that is not in the table', 2000n, 'brl', account('BR', 'brl'), null],
  ['a country that Stripe has not said', 2000n, 'eur', account(null, null), null],
  [
    'another currency than the country’s, of an account that says none',
    2000n,
    'usd',
    account('DE', null),
    null,
  ],
  ['TWD', 2000n, 'twd', account('TW', 'twd'), null],
  ['less than nothing', -1n, 'eur', account('DE', 'eur'), 0n],
  ['no account', 2000n, 'eur', null, null],
])('Stripe’s fee for %s', (_what, amount, currency, of, fee) => {
  expect(estimateStripeFee(amount, currency, of)).toBe(fee);
});

it('adds up: what the buyer pays is what the three of them get', () => {
  const payout = payoutOf({ price: 2080n, passedOnFee: 80n }, 'eur', FEES, account('DE', 'eur'));
  expect(payout).toEqual({ buyerPays: 2080n, platform: 80n, stripe: 56n, organizerGets: 1944n });
});

it('claims nothing of what is not known', () => {
  const payout = payoutOf({ price: 2000n, passedOnFee: null }, 'eur', FEES, null);
  expect(payoutInWords(payout, 'eur')).toEqual({
    buyer: '€20.00',
    platform: '€0.80',
    stripe: 'We don’t know',
    organizer: '€19.20, less Stripe’s fee',
  });
});

it('says of an estimate that it is one', () => {
  const payout = payoutOf({ price: 2000n, passedOnFee: null }, 'eur', FEES, account('DE', 'eur'));
  expect(payoutInWords(payout, 'eur')).toMatchObject({ stripe: 'about €0.55', organizer: 'about €18.65' });
});
