/** Stripe's lists (newest first, pages by `starting_after`) and `expand`. */
import type Stripe from 'stripe';
import { type Simulator } from './context';
import { noSuch, refused } from './refusal';
import { invalid, type Params } from './request-params';
import { payloadOf } from './secret-store';
import { type Tables } from './state';

/** The page that the parameters ask for of all objects (newest first). */
export function toPage<T extends { id: string; created: number }>(all: T[], params: Params, url: string) {
  const limit = params.integer('limit', 1) ?? 10;
  if (limit > 100)
    throw invalid('This value must be less than or equal to 100.', 'limit', 'parameter_invalid_integer');
  const created = params.inside('created');
  const [gt, gte, lt, lte] = ['gt', 'gte', 'lt', 'lte'].map((name) => created.integer(name));
  const within = all.filter(
    (item) =>
      item.created > (gt ?? -1) &&
      item.created >= (gte ?? 0) &&
      item.created < (lt ?? Infinity) &&
      item.created <= (lte ?? Infinity),
  );
  const after = params.text('starting_after');
  const start = after === undefined ? 0 : within.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && start === 0) throw noSuch('object', after, 'starting_after');
  return listOf(within.slice(start, start + limit), url, start + limit < within.length);
}

function listOf<T>(data: T[], url: string, has_more = false): Stripe.ApiList<T> {
  return { object: 'list', data, has_more, url };
}

export function lineItemsOf({ state }: Simulator, session: string): Stripe.ApiList<Stripe.LineItem> {
  return listOf(
    state.get('sessions', session)?.lineItems ?? [],
    `/v1/checkout/sessions/${session}/line_items`,
  );
}

export function refundsOf({ state }: Simulator, charge: string): Stripe.ApiList<Stripe.Refund> {
  const all = state
    .listFor('refunds', state.get('charges', charge)?.account ?? '')
    .map(({ object }) => object);
  return listOf(
    all.filter((refund) => refund.charge === charge),
    `/v1/charges/${charge}/refunds`,
  );
}

// prettier-ignore
const TABLE_OF: Record<string, keyof Tables> = {
  pi: 'intents', ch: 'charges', py: 'charges', re: 'refunds', pyr: 'refunds', txn: 'transactions', fee: 'fees',
};

type Json = Record<string, unknown>;

/** `expand[]=payment_intent.latest_charge`: puts the object where its id stands. Four levels at most. */
export function expand(simulator: Simulator, body: object, paths: string[]): object {
  if (paths.length === 0) return body;
  const copy = structuredClone(body) as Json;
  for (const path of paths) {
    const steps = path.split('.');
    if (steps.length > 4) throw refused('You can expand up to 4 levels.', { param: 'expand' });
    expandAt(simulator, copy, steps, path);
  }
  return copy;
}

function expandAt(simulator: Simulator, object: Json, [step, ...rest]: string[], path: string): void {
  if (step === undefined) return;
  if (Array.isArray(object[step])) {
    for (const item of object[step] as Json[]) expandAt(simulator, item, rest, path);
    return;
  }
  const value = object[step];
  if (object.object === 'checkout.session' && step === 'line_items')
    object[step] = lineItemsOf(simulator, String(object.id));
  else if (object.object === 'charge' && step === 'refunds')
    object[step] = refundsOf(simulator, String(object.id));
  else if (object.object === 'apps.secret' && step === 'payload')
    object[step] = payloadOf(simulator, String(object.id));
  else if (typeof value === 'string') {
    const table = TABLE_OF[value.split('_')[0]!];
    const found = table && (simulator.state.get(table, value) as { object?: object } | undefined)?.object;
    object[step] = found && structuredClone(found);
  }
  if (object[step] === undefined)
    throw refused(`This property cannot be expanded (${path}).`, { param: 'expand' });
  if (object[step] !== null) expandAt(simulator, object[step] as Json, rest, path);
}
