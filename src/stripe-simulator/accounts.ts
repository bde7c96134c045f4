/** Connected accounts (full Dashboard, "standard") and their connection to the platform. */
import type Stripe from 'stripe';
import { assertConnected, type Route } from './api';
import { newId, nulls, type Simulator } from './context';
import { installOf } from './installs';
import { noSuch } from './refusal';
import { type SimulatedAccount } from './state';

// prettier-ignore
const CURRENCY_OF: Record<string, string> = {
  AE: 'aed', AU: 'aud', BR: 'brl', CA: 'cad', CH: 'chf', CZ: 'czk', DK: 'dkk', GB: 'gbp', HK: 'hkd', HU: 'huf', IN: 'inr',
  JP: 'jpy', MX: 'mxn', MY: 'myr', NO: 'nok', NZ: 'nzd', PL: 'pln', RO: 'ron', SE: 'sek', SG: 'sgd', TH: 'thb', US: 'usd',
};
for (const code of 'AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK'.split(' '))
  CURRENCY_OF[code] = 'eur';

/** Countries in which an account can be created, by name. */
export const COUNTRIES = Object.keys(CURRENCY_OF)
  .map((code) => ({ code, name: new Intl.DisplayNames('en', { type: 'region' }).of(code) ?? code }))
  .sort((a, b) => a.name.localeCompare(b.name));

export interface NewAccount {
  email: string;
  business_name?: string | undefined;
  country?: string | undefined;
  default_currency?: string | undefined;
  url?: string | undefined;
  charges_enabled?: boolean;
}

export function accountsApi(simulator: Simulator, route: Route): void {
  route('get', '/v1/account', ({ account }) => read(account, account));
  route('get', '/v1/accounts/:id', ({ account, id }) => read(account, id));
  route('get', '/v1/country_specs/:id', ({ id }) => countrySpec(id));

  function read(caller: string, id: string): Stripe.Account {
    if (id === simulator.platformAccount) return platformAccount(simulator);
    if (caller !== simulator.platformAccount && caller !== id) throw noSuch('account', id);
    // with its own access token an account reads itself
    if (caller !== id || !installOf(simulator, id)) assertConnected(simulator, id);
    return getAccount(simulator, id).object;
  }
}

/** Accounts charge in most currencies, those of Brazil only in their own. */
const OWN_CURRENCY_ONLY = ['BR'];
const CHARGED_EVERYWHERE =
  'aed aud bgn brl cad chf czk dkk eur gbp hkd huf inr isk jpy krw mxn myr nok nzd pln ron sek sgd thb twd ugx usd vnd zar';

function countrySpec(id: string): object {
  const currency = CURRENCY_OF[id];
  if (!currency) throw noSuch('country_spec', id);
  return {
    id,
    object: 'country_spec',
    default_currency: currency,
    supported_bank_account_currencies: { [currency]: [id] },
    supported_payment_currencies: OWN_CURRENCY_ONLY.includes(id) ? [currency] : CHARGED_EVERYWHERE.split(' '),
    supported_payment_methods: ['card', 'stripe'],
    supported_transfer_countries: [id],
    verification_fields: {
      company: { additional: [], minimum: [] },
      individual: { additional: [], minimum: [] },
    },
  };
}

export function getAccount({ state }: Simulator, id: string): SimulatedAccount {
  const account = state.get('accounts', id);
  if (!account) throw noSuch('account', id);
  return account;
}

export function nameOf({ object }: SimulatedAccount): string {
  return object.settings?.dashboard.display_name || object.email || object.id;
}

export function createAccount(simulator: Simulator, wanted: NewAccount): SimulatedAccount {
  const id = newId('acct_1', 15);
  const publishableKey = newId(simulator.livemode ? 'pk_live_' : 'pk_test_');
  const object = accountObject(id, simulator.clock.seconds(), wanted);
  return simulator.state.put('accounts', {
    id,
    account: id,
    object,
    publishableKey,
    insufficientBalance: false,
  });
}

function platformAccount({ platformAccount: id, options }: Simulator): Stripe.Account {
  return accountObject(id, 0, { email: 'platform@example.com', business_name: options.platform.name });
}

function accountObject(id: string, created: number, wanted: NewAccount): Stripe.Account {
  const country = wanted.country && CURRENCY_OF[wanted.country] ? wanted.country : 'DE';
  const name = wanted.business_name || null;
  return {
    id,
    object: 'account',
    business_profile: {
      ...nulls(
        'annual_revenue estimated_worker_count mcc minority_owned_business_designation product_description',
      ),
      ...nulls(
        'specified_commercial_transactions_act_url support_address support_email support_phone support_url',
      ),
      name,
      url: wanted.url || null,
    },
    business_type: null,
    controller: {
      fees: { payer: 'account' },
      is_controller: false,
      losses: { payments: 'stripe' },
      requirement_collection: 'stripe',
      stripe_dashboard: { type: 'full' },
      type: 'application',
    },
    country,
    created,
    default_currency: wanted.default_currency ?? CURRENCY_OF[country]!,
    email: wanted.email,
    external_accounts: {
      object: 'list',
      data: [],
      has_more: false,
      url: `/v1/accounts/${id}/external_accounts`,
    },
    future_requirements: requirements([]),
    metadata: {},
    settings: {
      branding: nulls('icon logo primary_color secondary_color'),
      card_payments: {
        decline_on: { avs_failure: false, cvc_failure: false },
        ...nulls(
          'statement_descriptor_prefix statement_descriptor_prefix_kana statement_descriptor_prefix_kanji',
        ),
      },
      dashboard: { display_name: name, timezone: 'Etc/UTC' },
      payments: {
        ...nulls('statement_descriptor statement_descriptor_kana statement_descriptor_kanji'),
        ...nulls('statement_descriptor_prefix_kana statement_descriptor_prefix_kanji'),
      },
      payouts: {
        debit_negative_balances: true,
        schedule: { delay_days: 2, interval: 'daily' },
        statement_descriptor: null,
      },
    },
    type: 'standard',
    ...chargesFields(wanted.charges_enabled ?? true),
  };
}

/** An account that can't take charges is one that still has to give its details. */
function chargesFields(enabled: boolean) {
  const ability = enabled ? 'active' : 'inactive';
  return {
    capabilities: { card_payments: ability, sepa_debit_payments: ability, transfers: ability },
    charges_enabled: enabled,
    details_submitted: enabled,
    payouts_enabled: enabled,
    requirements: requirements(enabled ? [] : ['external_account', 'tos_acceptance.date']),
  };
}

function requirements(due: string[]): Stripe.Account.Requirements {
  const disabled_reason = due.length > 0 ? 'requirements.past_due' : null;
  const lists = {
    alternatives: [],
    currently_due: due,
    errors: [],
    eventually_due: due,
    past_due: due,
    pending_verification: [],
  };
  return { current_deadline: null, disabled_reason, ...lists };
}

/** Changes an account as its owner or Stripe would, and tells the platform (`account.updated`). */
export function updateAccount(
  simulator: Simulator,
  account: SimulatedAccount,
  change: Record<string, unknown>,
): void {
  const before = account.object;
  const charges = typeof change.charges_enabled === 'boolean' ? chargesFields(change.charges_enabled) : {};
  account.object = { ...before, ...charges, ...change } as Stripe.Account;
  if (change.requirements) account.object.requirements = { ...before.requirements!, ...change.requirements };
  simulator.state.put('accounts', account);
  const names = Object.keys({ ...charges, ...change }) as (keyof Stripe.Account)[];
  const previous = Object.fromEntries(names.map((name) => [name, before[name]]));
  void simulator.webhooks.emit({
    account: account.id,
    type: 'account.updated',
    object: account.object,
    previous,
  });
}

/** Makes or renews the connection, when a code has been exchanged. */
export function connect(simulator: Simulator, account: string, scope: string): string {
  const { state, clock } = simulator;
  const { created, refreshToken } = state.get('connections', account) ?? {
    created: clock.seconds(),
    refreshToken: newId('rt_', 40),
  };
  state.put('connections', { id: account, account, scope, created, refreshToken });
  tellApplication(simulator, account, 'account.application.authorized');
  return refreshToken;
}

/** Ends the connection, from whichever side. False: there was none. */
export function revoke(simulator: Simulator, account: string): boolean {
  if (!simulator.state.get('connections', account)) return false;
  simulator.state.remove('connections', account);
  tellApplication(simulator, account, 'account.application.deauthorized');
  return true;
}

function tellApplication({ options, webhooks }: Simulator, account: string, type: string): void {
  const object: Stripe.Application = {
    id: options.platform.clientId,
    object: 'application',
    name: options.platform.name,
  };
  void webhooks.emit({ account, type, object });
}
