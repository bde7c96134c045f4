/** Connected accounts (full Dashboard, "standard") and their connection to the platform. */
import type Stripe from 'stripe';
import { type ApiCall, assertConnected, type createApi } from './api';
import { newId, type Simulator } from './context';
import { noSuch } from './refusal';
import { type SimulatedAccount } from './state';

const CURRENCY_OF: Record<string, string> = {
  AU: 'aud', BR: 'brl', CA: 'cad', CH: 'chf', CZ: 'czk', DK: 'dkk', GB: 'gbp', HK: 'hkd', HU: 'huf', IN: 'inr', JP: 'jpy',
  MX: 'mxn', MY: 'myr', NO: 'nok', NZ: 'nzd', PL: 'pln', RO: 'ron', SE: 'sek', SG: 'sgd', TH: 'thb', US: 'usd', AE: 'aed',
  ...Object.fromEntries('AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MT NL PT SI SK'.split(' ').map((code) => [code, 'eur'])),
}; // prettier-ignore

/** Countries in which an account can be created, by name. */
export const COUNTRIES = Object.keys(CURRENCY_OF)
  .map((code) => ({ code, name: new Intl.DisplayNames('en', { type: 'region' }).of(code) ?? code }))
  .sort((a, b) => a.name.localeCompare(b.name));

export interface NewAccount {
  email: string;
  business_name?: string | null;
  country?: string;
  default_currency?: string;
  url?: string | null;
  charges_enabled?: boolean;
}

export function accountsApi(simulator: Simulator, route: ReturnType<typeof createApi>): void {
  const own = ({ account }: ApiCall<unknown>) =>
    account === simulator.platformAccount
      ? platformAccount(simulator)
      : getAccount(simulator, account).object;

  route('get', '/v1/account', {}, own);
  route('get', '/v1/accounts/:id', {}, (call) => {
    if (call.id === call.account) return own(call);
    if (call.direct) throw noSuch('account', call.id);
    assertConnected(simulator, call.id);
    return getAccount(simulator, call.id).object;
  });
}

export function getAccount({ state }: Simulator, id: string): SimulatedAccount {
  const account = state.get('accounts', id);
  if (!account) throw noSuch('account', id);
  return account;
}

export function nameOf(account: Stripe.Account): string {
  return account.settings?.dashboard.display_name || account.email || account.id;
}

export function createAccount(simulator: Simulator, wanted: NewAccount): SimulatedAccount {
  const id = newId('acct_1', 15);
  const object = accountObject(id, simulator.clock.seconds(), wanted);
  setChargesEnabled(object, wanted.charges_enabled ?? true);
  const publishableKey = newId(simulator.livemode ? 'pk_live_' : 'pk_test_');
  return simulator.state.put('accounts', {
    id,
    account: id,
    object,
    publishableKey,
    insufficientBalance: false,
  });
}

function platformAccount(simulator: Simulator): Stripe.Account {
  const { name } = simulator.options.platform;
  const object = accountObject(simulator.platformAccount, 0, {
    email: 'platform@example.com',
    business_name: name,
  });
  setChargesEnabled(object, true);
  return object;
}

function accountObject(id: string, created: number, wanted: NewAccount): Stripe.Account {
  const country = wanted.country && CURRENCY_OF[wanted.country] ? wanted.country : 'DE';
  const name = wanted.business_name || null;
  return {
    id,
    object: 'account',
    business_profile: {
      annual_revenue: null,
      estimated_worker_count: null,
      mcc: null,
      minority_owned_business_designation: null,
      name,
      product_description: null,
      specified_commercial_transactions_act_url: null,
      support_address: null,
      support_email: null,
      support_phone: null,
      support_url: null,
      url: wanted.url || null,
    },
    business_type: null,
    capabilities: {},
    charges_enabled: false,
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
    details_submitted: false,
    email: wanted.email,
    external_accounts: {
      object: 'list',
      data: [],
      has_more: false,
      url: `/v1/accounts/${id}/external_accounts`,
    },
    future_requirements: noRequirements(),
    metadata: {},
    payouts_enabled: false,
    requirements: noRequirements(),
    settings: {
      branding: { icon: null, logo: null, primary_color: null, secondary_color: null },
      card_payments: {
        decline_on: { avs_failure: false, cvc_failure: false },
        statement_descriptor_prefix: null,
        statement_descriptor_prefix_kana: null,
        statement_descriptor_prefix_kanji: null,
      },
      dashboard: { display_name: name, timezone: 'Etc/UTC' },
      payments: {
        statement_descriptor: name ? name.toUpperCase().slice(0, 22) : null,
        statement_descriptor_kana: null,
        statement_descriptor_kanji: null,
        statement_descriptor_prefix_kana: null,
        statement_descriptor_prefix_kanji: null,
      },
      payouts: {
        debit_negative_balances: true,
        schedule: { delay_days: 2, interval: 'daily' },
        statement_descriptor: null,
      },
    },
    type: 'standard',
  };
}

/** An account that can't take charges is one that still has to give its details. */
function setChargesEnabled(object: Stripe.Account, enabled: boolean): void {
  const due = enabled ? [] : ['external_account', 'tos_acceptance.date'];
  const state = enabled ? 'active' : 'inactive';
  Object.assign(object, {
    charges_enabled: enabled,
    payouts_enabled: enabled,
    details_submitted: enabled,
    capabilities: { card_payments: state, sepa_debit_payments: state, transfers: state },
    requirements: {
      ...noRequirements(),
      currently_due: due,
      past_due: due,
      eventually_due: due,
      disabled_reason: enabled ? null : 'requirements.past_due',
    },
  });
}

function noRequirements(): Stripe.Account.Requirements {
  return {
    alternatives: [],
    current_deadline: null,
    currently_due: [],
    disabled_reason: null,
    errors: [],
    eventually_due: [],
    past_due: [],
    pending_verification: [],
  };
}

/** Changes an account as its owner or Stripe would, and tells the platform (`account.updated`). */
export function updateAccount(
  simulator: Simulator,
  account: SimulatedAccount,
  change: { charges_enabled?: boolean } & Record<string, unknown>,
): void {
  const { charges_enabled, requirements, ...rest } = change;
  const before = structuredClone(account.object) as unknown as Record<string, unknown>;
  if (charges_enabled !== undefined) setChargesEnabled(account.object, charges_enabled);
  Object.assign(account.object, rest);
  if (requirements) Object.assign(account.object.requirements!, requirements);
  simulator.state.put('accounts', account);
  const after = Object.entries(account.object);
  const previous = Object.fromEntries(
    after
      .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]))
      .map(([name]) => [name, before[name]]),
  );
  void simulator.webhooks.emit({
    account: account.id,
    type: 'account.updated',
    object: account.object,
    previous,
  });
}

/** Makes or renews the connection, when a code has been exchanged. */
export function connect(simulator: Simulator, account: string, scope: string, refreshToken: string): void {
  const { state, clock } = simulator;
  const created = state.get('connections', account)?.created ?? clock.seconds();
  state.put('connections', { id: account, account, scope, created, refreshToken });
  tellApplication(simulator, account, 'account.application.authorized');
}

/** Ends the connection, from whichever side. False: there was none. */
export function revoke(simulator: Simulator, account: string): boolean {
  if (!simulator.state.get('connections', account)) return false;
  simulator.state.remove('connections', account);
  tellApplication(simulator, account, 'account.application.deauthorized');
  return true;
}

function tellApplication(simulator: Simulator, account: string, type: string): void {
  const { clientId, name } = simulator.options.platform;
  const application: Stripe.Application = { id: clientId, object: 'application', name };
  void simulator.webhooks.emit({ account, type, object: application });
}
