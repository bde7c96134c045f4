/** Balance transactions, what follows from them (balances, the ledger that tests compare with), and how they are read. */
import type Stripe from 'stripe';
import { type ApiCall, type Route } from './api';
import { newId, type Simulator } from './context';
import { toPage } from './lists';
import { noSuch } from './refusal';
import { type Tables } from './state';

/** Minor units; `amount` is signed as it changes the balance. */
type NewTransaction = Pick<Stripe.BalanceTransaction, 'type' | 'amount' | 'fee' | 'currency'> & {
  source: string;
};

/** The addresses that only read: payments, balances, fees, events. */
export function readingApi(simulator: Simulator, route: Route): void {
  const { state, livemode } = simulator;
  const byId: [
    path: string,
    table: 'intents' | 'charges' | 'transactions' | 'fees' | 'events',
    what: string,
  ][] = [
    ['/v1/payment_intents', 'intents', 'payment_intent'],
    ['/v1/charges', 'charges', 'charge'],
    ['/v1/balance_transactions', 'transactions', 'balance_transaction'],
    ['/v1/application_fees', 'fees', 'application_fee'],
    ['/v1/events', 'events', 'event'],
  ];
  for (const [path, table, what] of byId)
    route('get', `${path}/:id`, (call) => ownObject(call, state.get(table, call.id), what));

  route('get', '/v1/balance', ({ account }): Stripe.Balance => {
    const totals = totalsOf(simulator, account);
    const available = totals.map(({ currency, net }) => ({
      amount: net,
      currency,
      source_types: { card: net },
    }));
    return {
      object: 'balance',
      available,
      livemode,
      pending: totals.map(({ currency }) => ({ amount: 0, currency })),
    };
  });
  route('get', '/v1/application_fees', ({ account, params }) => {
    const wanted = params.text('charge');
    const fees = state.listFor('fees', account).map(({ object }) => object);
    return toPage(
      fees.filter(({ charge }) => charge === (wanted ?? charge)),
      params,
      '/v1/application_fees',
    );
  });
  route('get', '/v1/charges', ({ account, params }) => {
    const intent = params.text('payment_intent');
    const charges = state.listFor('charges', account).map(({ object }) => object);
    return toPage(
      charges.filter((charge) => charge.payment_intent === (intent ?? charge.payment_intent)),
      params,
      '/v1/charges',
    );
  });
  route('get', '/v1/events', ({ account, params }) => {
    const [type, types] = [params.text('type'), params.list('types')];
    // taken by every endpoint, or not yet by all of them
    const delivered = params.flag('delivery_success');
    const events = state
      .listFor('events', account)
      .map(({ object }) => object)
      .filter((event) => delivered === undefined || (event.pending_webhooks === 0) === delivered);
    const wanted = types ?? (type ? [type] : null);
    return toPage(
      events.filter((event) => wanted?.includes(event.type) ?? true),
      params,
      '/v1/events',
    );
  });
}

export function ownObject(
  { id, account }: ApiCall,
  row:
    Tables['fees' | 'disputes' | 'charges' | 'refunds' | 'intents' | 'transactions' | 'events'] | undefined,
  what: string,
): object {
  if (row?.account !== account) throw noSuch(what, id);
  return row.object;
}

/** Writes a transaction and answers its id. */
export function addTransaction(
  { clock, state, options }: Simulator,
  account: string,
  made: NewTransaction,
): string {
  const id = newId('txn_3');
  const { fee, currency, amount, type } = made;
  const { clientId, name } = options.platform;
  const detail = {
    amount: fee,
    application: clientId,
    currency,
    description: `${name} application fee`,
    type: 'application_fee',
  };
  const object: Stripe.BalanceTransaction = {
    id,
    object: 'balance_transaction',
    ...made,
    available_on: clock.seconds(),
    balance_type: 'payments',
    created: clock.seconds(),
    description: null,
    exchange_rate: null,
    fee_details: fee === 0 ? [] : [detail],
    net: amount - fee,
    reporting_category: type === 'payment' ? 'charge' : type,
    status: 'available',
  };
  state.put('transactions', { id, account, object });
  return id;
}

/** What an account has had and has, by currency. On the platform `application_fees` is income, elsewhere an expense. */
export function totalsOf({ state, platformAccount }: Simulator, account: string) {
  const totals = new Map<
    string,
    { currency: string; gross: number; refunds: number; application_fees: number; net: number }
  >();
  for (const { object } of state.listFor('transactions', account)) {
    const { currency, type, amount, fee, net } = object;
    const row = totals.get(currency) ?? { currency, gross: 0, refunds: 0, application_fees: 0, net: 0 };
    if (type === 'charge' || type === 'payment') row.gross += amount;
    if (type === 'refund' || type === 'refund_failure') row.refunds -= amount;
    row.application_fees += account === platformAccount ? amount : fee;
    row.net += net;
    totals.set(currency, row);
  }
  return [...totals.values()];
}

export function ledger(simulator: Simulator): object {
  const { state, platformAccount } = simulator;
  const fees = state.all('fees').map(({ object }) => object);
  const accounts = state.all('accounts').map(({ id }) => {
    const [charges, refunds] = [state.listFor('charges', id), state.listFor('refunds', id)];
    const objects = {
      charges: charges.map(({ object }) => object),
      refunds: refunds.map(({ object }) => object),
    };
    const application_fees = fees.filter((fee) => fee.account === id);
    return [id, { ...objects, application_fees, balance: totalsOf(simulator, id) }];
  });
  const platform = { application_fees: fees, balance: totalsOf(simulator, platformAccount) };
  return { accounts: Object.fromEntries(accounts), platform };
}
