/** `expand[]=payment_intent.latest_charge`: puts the object where its id stands. Four levels, as at Stripe. */
import { type Simulator } from './context';
import { refused } from './refusal';
import { lineItemsOf, refundsOf } from './lists';

type Json = Record<string, unknown>;

export function expandAnswer(simulator: Simulator, body: object, paths: string[]): object {
  if (paths.length === 0) return body;
  const copy = structuredClone(body) as Json;
  for (const path of paths) {
    const steps = path.split('.');
    if (steps.length > 4) throw refused('You can expand up to 4 levels.', { param: 'expand' });
    walk(simulator, copy, steps, path);
  }
  return copy;
}

function walk(simulator: Simulator, object: Json, [step, ...rest]: string[], path: string): void {
  if (step === undefined) return;
  if (step === 'data' && Array.isArray(object.data)) {
    for (const item of object.data as Json[]) walk(simulator, item, rest, path);
    return;
  }
  if (object.object === 'checkout.session' && step === 'line_items')
    object.line_items = lineItemsOf(simulator, object.id as string);
  if (object.object === 'charge' && step === 'refunds')
    object.refunds = refundsOf(simulator, object.id as string);
  if (!(step in object)) throw refused(`This property cannot be expanded (${path}).`, { param: 'expand' });
  const value = object[step];
  const found = typeof value === 'string' ? structuredClone(lookUp(simulator, value)) : value;
  if (typeof value === 'string' && !found)
    throw refused(`This property cannot be expanded (${path}).`, { param: 'expand' });
  object[step] = found;
  if (typeof found === 'object' && found !== null) walk(simulator, found as Json, rest, path);
}

function lookUp({ state }: Simulator, id: string): object | undefined {
  const table = (
    {
      pi: 'intents',
      ch: 'charges',
      py: 'charges',
      re: 'refunds',
      txn: 'transactions',
      fee: 'fees',
      acct: 'accounts',
    } as const
  )[id.split('_')[0] as 'pi'];
  return table && state.get(table, id)?.object;
}
