import {
  accountName,
  canTakeCharges,
  type Connection,
  stateOf,
  whyNoPaidSales,
} from '../../src/connect/connection';

const READY: Connection = {
  id: 'c',
  organizerId: 'o',
  stripeUserId: 'acct_1',
  livemode: false,
  scope: 'read_write',
  displayName: 'Analytical Society',
  country: 'DE',
  defaultCurrency: 'eur',
  chargeCurrencies: null,
  chargesEnabled: true,
  payoutsEnabled: true,
  requirements: {
    currentlyDue: [],
    pastDue: [],
    pendingVerification: [],
    errors: [],
    disabledReason: null,
    currentDeadline: null,
  },
  status: 'active',
  statusDetail: null,
  platformAccountId: null,
  connectedAt: new Date(0),
  checkedAt: null,
  healthChangedAt: null,
  lastEventAt: null,
  pausedAt: null,
  disconnectRequestedAt: null,
  disconnectRequestedBy: null,
  forcedAt: null,
  endedAt: null,
  endedBy: null,
  endReason: null,
};

describe('a connection', () => {
  it.each<[string, Connection | null, string, RegExp | null]>([
    ['that works', READY, 'ready', null],
    ['that is not there', null, 'none', /^Connect a Stripe account/],
    [
      'whose account may not charge',
      { ...READY, chargesEnabled: false },
      'restricted',
      /^Stripe does not let your account/,
    ],
    [
      'that Stripe lets us into no more',
      { ...READY, statusDetail: 'access_lost' },
      'restricted',
      /^Stripe no longer gives/,
    ],
    ['that an admin has paused', { ...READY, pausedAt: new Date(0) }, 'paused', /^An administrator/],
    [
      'that is paused and may not charge',
      { ...READY, pausedAt: new Date(0), chargesEnabled: false },
      'paused',
      /paused/,
    ],
    [
      'that is being ended',
      { ...READY, status: 'disconnecting' },
      'disconnecting',
      /Analytical Society \(acct_1\) is being/,
    ],
    [
      'that has ended',
      { ...READY, status: 'disconnected' },
      'disconnected',
      /Analytical Society \(acct_1\) is no longer/,
    ],
    [
      'that was paused when it ended',
      { ...READY, status: 'disconnected', pausedAt: new Date(0) },
      'disconnected',
      /no longer/,
    ],
  ])('%s: its state, whether it sells, and why not', (_name, connection, state, why) => {
    expect(stateOf(connection)).toBe(state);
    expect(canTakeCharges(connection)).toBe(state === 'ready');
    if (why) expect(whyNoPaidSales(connection)).toMatch(why);
    else expect(whyNoPaidSales(connection)).toBeNull();
  });

  it('has the name of its account, or the id alone', () => {
    expect(accountName(READY)).toBe('Analytical Society (acct_1)');
    expect(accountName({ ...READY, displayName: null })).toBe('acct_1');
  });
});
