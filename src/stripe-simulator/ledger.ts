/** Balance transactions, and what follows from them: balances, the platform's fees, the ledger that tests compare with. */
import type Stripe from 'stripe';
import { type createApi } from './api';
import { newId, type Simulator } from './context';
import { CREATED_PARAMS, PAGE_PARAMS, toPage } from './lists';
import { ownObject } from './payments';

interface NewTransaction {
  type: string;
  /** minor units, signed as it changes the balance */
  amount: number;
  fee: number;
  currency: string;
  source: string;
}

export interface CurrencyTotals {
  currency: string;
  gross: number;
  refunds: number;
  application_fees: number;
  net: number;
}

export function ledgerApi(simulator: Simulator, route: ReturnType<typeof createApi>): void {
  const { state, livemode } = simulator;
  route('get', '/v1/balance', {}, ({ account }): Stripe.Balance => {
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
  route('get', '/v1/balance_transactions/:id', {}, (call) =>
    ownObject(call, state.get('transactions', call.id), 'balance_transaction', 'id'),
  );
  route(
    'get',
    '/v1/application_fees',
    { ...PAGE_PARAMS, ...CREATED_PARAMS, charge: 'string' },
    ({ account, params }) => {
      const fees = state.listFor('fees', account).map(({ object }) => object);
      return toPage(
        fees.filter(({ charge }) => charge === (params.charge ?? charge)),
        params,
        '/v1/application_fees',
      );
    },
  );
  route('get', '/v1/application_fees/:id', {}, (call) =>
    ownObject(call, state.get('fees', call.id), 'application_fee', 'id'),
  );
  route(
    'get',
    '/v1/events',
    { ...PAGE_PARAMS, ...CREATED_PARAMS, type: 'string', types: ['string'] },
    ({ account, params }) => {
      const wanted = params.types ?? (params.type ? [params.type] : null);
      const events = state.listFor('events', account).map(({ object }) => object);
      return toPage(
        events.filter(({ type }) => !wanted || wanted.includes(type)),
        params,
        '/v1/events',
      );
    },
  );
  route('get', '/v1/events/:id', {}, (call) => ownObject(call, state.get('events', call.id), 'event', 'id'));
}

/** Writes a transaction and answers its id. */
export function addTransaction(simulator: Simulator, account: string, made: NewTransaction): string {
  const { clock, state, options } = simulator;
  const id = newId('txn_3');
  const { clientId, name } = options.platform;
  const detail = {
    amount: made.fee,
    application: clientId,
    currency: made.currency,
    description: `${name} application fee`,
    type: 'application_fee',
  };
  const object: Stripe.BalanceTransaction = {
    id,
    object: 'balance_transaction',
    amount: made.amount,
    available_on: clock.seconds(),
    balance_type: 'payments',
    created: clock.seconds(),
    currency: made.currency,
    description: null,
    exchange_rate: null,
    fee: made.fee,
    fee_details: made.fee === 0 ? [] : [detail],
    net: made.amount - made.fee,
    reporting_category: made.type === 'payment' ? 'charge' : made.type,
    source: made.source,
    status: 'available',
    type: made.type,
  };
  state.put('transactions', { id, account, object });
  return id;
}

/** What an account has had and has, by currency. On the platform `application_fees` is income, elsewhere an expense. */
export function totalsOf({ state, platformAccount }: Simulator, account: string): CurrencyTotals[] {
  const totals = new Map<string, CurrencyTotals>();
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
  const fees = state.listFor('fees', platformAccount).map(({ object }) => object);
  const account = ({ id }: { id: string }) => ({
    charges: state.listFor('charges', id).map(({ object }) => object),
    refunds: state
      .listFor('refunds', id)
      .map(({ object, feeRefunded }) => ({ ...object, application_fee_refunded: feeRefunded })),
    application_fees: fees.filter((fee) => fee.account === id),
    balance: totalsOf(simulator, id),
  });
  return {
    accounts: Object.fromEntries(state.all('accounts').map((row) => [row.id, account(row)])),
    platform: { application_fees: fees, balance: totalsOf(simulator, platformAccount) },
  };
}
