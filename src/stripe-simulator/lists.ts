/** Stripe's lists: newest first, `limit` 1–100, `starting_after` and `ending_before` an id. */
import type Stripe from 'stripe';
import { type Simulator } from './context';
import { noSuch } from './refusal';
import { invalid } from './request-params';

export const PAGE_PARAMS = { limit: 'integer', starting_after: 'string', ending_before: 'string' } as const;
export const CREATED_PARAMS = {
  created: { gt: 'integer', gte: 'integer', lt: 'integer', lte: 'integer' },
} as const;

interface PageRequest {
  limit?: number;
  starting_after?: string;
  ending_before?: string;
  created?: { gt?: number; gte?: number; lt?: number; lte?: number };
}

/** A page of `all` (newest first). */
export function toPage<T extends { id: string; created: number }>(
  all: T[],
  request: PageRequest,
  url: string,
): Stripe.ApiList<T> {
  const { limit = 10, starting_after, ending_before, created = {} } = request;
  if (limit < 1 || limit > 100)
    throw invalid('limit is between 1 and 100', 'limit', 'parameter_invalid_integer');
  const within = all.filter(
    (item) =>
      item.created > (created.gt ?? -Infinity) &&
      item.created >= (created.gte ?? -Infinity) &&
      item.created < (created.lt ?? Infinity) &&
      item.created <= (created.lte ?? Infinity),
  );
  if (ending_before !== undefined) {
    const end = positionOf(within, ending_before, 'ending_before');
    const start = Math.max(0, end - limit);
    return { object: 'list', data: within.slice(start, end), has_more: start > 0, url };
  }
  const start = starting_after === undefined ? 0 : positionOf(within, starting_after, 'starting_after') + 1;
  return {
    object: 'list',
    data: within.slice(start, start + limit),
    has_more: start + limit < within.length,
    url,
  };
}

function positionOf(items: { id: string }[], id: string, param: string): number {
  const position = items.findIndex((item) => item.id === id);
  if (position === -1) throw noSuch('object', id, param);
  return position;
}

export function lineItemsOf({ state }: Simulator, session: string): Stripe.ApiList<Stripe.LineItem> {
  const data = state.get('sessions', session)?.lineItems ?? [];
  return { object: 'list', data, has_more: false, url: `/v1/checkout/sessions/${session}/line_items` };
}

export function refundsOf({ state }: Simulator, charge: string): Stripe.ApiList<Stripe.Refund> {
  const account = state.get('charges', charge)?.account ?? '';
  const data = state
    .listFor('refunds', account)
    .flatMap(({ object }) => (object.charge === charge ? [object] : []));
  return { object: 'list', data, has_more: false, url: `/v1/charges/${charge}/refunds` };
}
