import { conversionWords, whyNotInCurrency } from '../../src/connect/account-currency';
import { type Connection, type Requirements } from '../../src/connect/connection';
import {
  disabledReasonWords,
  requirementsInWords,
  requirementWords,
} from '../../src/connect/requirement-words';
import { statusCard } from '../../src/connect/status-card';
import { dashboardUrl } from '../../src/stripe/dashboard-links';
import { aConnection } from '../events/samples';

const DASHBOARD = 'https://dashboard.stripe.com/acct_1/dashboard';
const nothing = aConnection().requirements;
const asking = (requirements: Partial<Requirements>) => ({ ...nothing, ...requirements });
const cardOf = (changes: Partial<Connection>) => statusCard(aConnection(changes), DASHBOARD);

test.each<
  [string, Partial<Connection>, string, RegExp, { stops: boolean; link: boolean; reconnect: boolean }]
>([
  [
    'ready',
    {},
    'Ready to sell',
    /takes payments, and Stripe pays out/,
    { stops: false, link: false, reconnect: false },
  ],
  [
    'something is asked for',
    { requirements: asking({ currentlyDue: ['external_account'], currentDeadline: 1_805_052_600 }) },
    'Stripe asks for details',
    /takes payments, and Stripe asks for something/,
    { stops: false, link: true, reconnect: false },
  ],
  [
    'no payouts',
    { payoutsEnabled: false, requirements: asking({ currentlyDue: ['external_account'] }) },
    'No payouts',
    /does not pay out yet/,
    { stops: false, link: true, reconnect: false },
  ],
  [
    'details are late',
    {
      chargesEnabled: false,
      requirements: asking({ pastDue: ['tos_acceptance.date'], disabledReason: 'requirements.past_due' }),
    },
    'Takes no payments',
    /does not let this account take payments yet\. Stripe waits for details/,
    { stops: true, link: true, reconnect: false },
  ],
  [
    'Stripe checks',
    { chargesEnabled: false, requirements: asking({ disabledReason: 'under_review' }) },
    'Being checked by Stripe',
    /Stripe is looking at the account/,
    { stops: true, link: true, reconnect: false },
  ],
  [
    'closed',
    { chargesEnabled: false, requirements: asking({ disabledReason: 'rejected.fraud' }) },
    'Closed by Stripe',
    /suspects fraud/,
    { stops: true, link: true, reconnect: false },
  ],
  [
    'out of reach',
    { statusDetail: 'access_lost' },
    'Out of reach',
    /no longer gives Foyer access/,
    { stops: true, link: false, reconnect: true },
  ],
  [
    'paused',
    { pausedAt: new Date() },
    'Paused by Foyer',
    /administrator of Foyer has paused/,
    { stops: true, link: false, reconnect: false },
  ],
  [
    'never read',
    { checkedAt: null },
    'Not known yet',
    /has not said yet/,
    { stops: true, link: false, reconnect: false },
  ],
  [
    'ending',
    { status: 'disconnecting' },
    'Being disconnected',
    /is being disconnected/,
    { stops: true, link: false, reconnect: false },
  ],
  [
    'controlled by another platform',
    { status: 'disconnecting', statusDetail: 'controlled' },
    'Being disconnected',
    /does not let Foyer end this connection/,
    { stops: true, link: true, reconnect: false },
  ],
  [
    'ended',
    {
      status: 'disconnected',
      endedAt: new Date('2027-03-12T12:00:00Z'),
      endedBy: 'admin',
      endReason: 'Nobody answers',
    },
    'Disconnected',
    /disconnected by an administrator of Foyer on Fri 12 Mar 2027, 12:00 UTC\. Reason given: Nobody answers\. Foyer can no longer reach it/,
    { stops: true, link: true, reconnect: true },
  ],
])('the card of an account: %s', (_name, changes, label, headline, expected) => {
  const card = cardOf(changes);
  expect(card.badge.label).toBe(label);
  expect(card.headline).toMatch(headline);
  expect({
    stops: /off sale/.test(card.stops ?? ''),
    link: card.link?.href === DASHBOARD,
    reconnect: card.offersReconnect,
  }).toEqual(expected);
});

test('what is asked for stands once, late things first, with Stripe’s own words and the day', () => {
  const card = cardOf({
    requirements: asking({
      pastDue: ['individual.dob.day', 'individual.dob.month', 'individual.dob.year'],
      currentlyDue: ['external_account', 'individual.dob.day'],
      errors: [{ requirement: 'external_account', reason: 'The account is closed.' }],
    }),
  });
  expect(card.asks).toEqual([
    { what: 'Your date of birth', problem: null, late: true },
    { what: 'A bank account for payouts', problem: 'The account is closed.', late: false },
  ]);
  expect(card.mend).toContain('Some of it is late.');
  expect(
    cardOf({ requirements: asking({ currentlyDue: ['external_account'], currentDeadline: 1_805_052_600 }) })
      .mend,
  ).toBe('Give Stripe what it asks for. It is due by Sun 14 Mar 2027, 19:30 UTC.');
});

test('requirements in words; what is not known is shown as Stripe calls it', () => {
  expect(requirementWords('individual.verification.document')).toBe('Your identity document');
  expect(requirementWords('person_1A2b.address.city')).toBe('A person’s home address');
  expect(requirementWords('representative.id_number')).toBe(
    'The representative’s personal identification number',
  );
  expect(requirementWords('constructor')).toBe('Something that Stripe calls “constructor”');
  expect(requirementWords('documents.new_thing.files')).toBe(
    'Something that Stripe calls “documents, new thing, files”',
  );
  expect(requirementsInWords(['tos_acceptance.date', 'tos_acceptance.ip'])).toEqual([
    'Your agreement to the terms of Stripe',
  ]);
  expect(disabledReasonWords('rejected.brand_new')).toContain('“rejected, brand new”');
  expect(disabledReasonWords(null)).toBeNull();
});

test('currencies: what can’t be charged is said, what is not known is not claimed, what is changed on the way is told', () => {
  const brazil = aConnection({ country: 'BR', defaultCurrency: 'brl', chargeCurrencies: ['brl'] });
  expect(whyNotInCurrency(brazil, 'eur')).toMatch(
    /is one of Brazil and can’t take EUR\. Choose BRL, or another account/,
  );
  expect(whyNotInCurrency(brazil, 'brl')).toBeNull();
  expect(whyNotInCurrency(aConnection({ chargeCurrencies: null }), 'xpf')).toBeNull();
  expect(whyNotInCurrency(null, 'eur')).toBeNull();
  expect(conversionWords(aConnection(), 'usd')).toMatch(/Buyers pay in USD, and your account is in EUR/);
  expect(conversionWords(aConnection(), 'eur')).toBeNull();
  expect(conversionWords(brazil, 'eur')).toBeNull();
  expect(conversionWords(null, 'eur')).toBeNull();
  expect(conversionWords(aConnection({ defaultCurrency: null }), 'usd')).toBeNull();
  const choice = (chargeCurrencies: string[], more = {}) =>
    whyNotInCurrency(aConnection({ chargeCurrencies, ...more }), 'xpf');
  expect(choice(['eur', 'usd', 'gbp'])).toMatch(/can’t take XPF\. Choose EUR or USD or GBP, or another/);
  expect(choice(['eur', 'usd', 'gbp', 'chf'])).toMatch(/Choose another currency, such as EUR, or another/);
  expect(choice(['eur', 'usd', 'gbp', 'chf'], { defaultCurrency: null, country: null })).toMatch(
    /is one and can’t take XPF\. Choose another currency, or another account$/,
  );
});

test('the Dashboard of the account, in its mode; of the simulator where that plays Stripe', () => {
  const real = { simulated: false, connectUrl: 'https://connect.stripe.com' };
  const [live, trial] = [true, false].map((livemode) => ({ stripeUserId: 'acct_1', livemode }));
  expect(dashboardUrl(real, live!)).toBe('https://dashboard.stripe.com/acct_1/dashboard');
  expect(dashboardUrl(real, trial!)).toBe('https://dashboard.stripe.com/acct_1/test/dashboard');
  expect(dashboardUrl(real, trial!, 'pi_1')).toBe('https://dashboard.stripe.com/acct_1/test/payments/pi_1');
  expect(dashboardUrl({ simulated: true, connectUrl: 'http://127.0.0.1:4010' }, trial!)).toBe(
    'http://127.0.0.1:4010/dashboard/acct_1',
  );
});
