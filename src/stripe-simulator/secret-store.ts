/** The Secret Store of a Stripe App: ten secrets for each account and for each of its users, by name; what is in one is shown on request. */
import type Stripe from 'stripe';
import { type ApiCall, type Route } from './api';
import { newId, type Simulator } from './context';
import { noSuch, refused } from './refusal';
import { invalid, type Params } from './request-params';
import { type SimulatedSecret } from './state';

const PER_SCOPE = 10;
const FURTHEST_SECONDS = 100 * 365.25 * 24 * 60 * 60;

export function secretStoreApi(simulator: Simulator, route: Route): void {
  const { state, clock, livemode } = simulator;

  route('post', '/v1/apps/secrets', (call) => {
    const { account, params } = call;
    const [name, scope, payload] = [params.needed('name'), scopeOf(params), params.needed('payload')];
    const expires_at = params.integer('expires_at') ?? null;
    if (expires_at !== null && expires_at <= clock.seconds())
      throw invalid('expires_at must be in the future.', 'expires_at');
    if (expires_at !== null && expires_at > clock.seconds() + FURTHEST_SECONDS)
      throw invalid('expires_at must be within the next 100 years.', 'expires_at');
    const id = idOf(call, scope, name);
    return () => {
      const sameScope = state
        .listFor('secrets', account)
        .filter(
          (secret) =>
            secret.id !== id &&
            isAlive(secret) &&
            idOf(call, secret.object.scope, '') === idOf(call, scope, ''),
        );
      if (sameScope.length >= PER_SCOPE)
        throw refused(`You can store up to ${PER_SCOPE} secrets in one scope.`);
      const object: Stripe.Apps.Secret = {
        id: state.get('secrets', id)?.object.id ?? newId('appsecret_'),
        object: 'apps.secret',
        created: clock.seconds(),
        expires_at,
        livemode,
        name,
        scope,
      };
      return state.put('secrets', { id, account, object, payload }).object;
    };
  });

  route('get', '/v1/apps/secrets/find', (call) => find(call).object);

  route('post', '/v1/apps/secrets/delete', (call) => {
    const secret = find(call);
    return () => {
      state.remove('secrets', secret.id);
      return { ...secret.object, deleted: true };
    };
  });

  function find(call: ApiCall): SimulatedSecret {
    const [name, scope] = [call.params.needed('name'), scopeOf(call.params)];
    const secret = state.get('secrets', idOf(call, scope, name));
    if (secret && isAlive(secret)) return secret;
    throw noSuch('secret', name, 'name');
  }

  /** One of the same name in the same scope is the same secret. */
  function idOf({ account }: ApiCall, scope: Stripe.Apps.Secret.Scope, name: string): string {
    return `${account} ${livemode} ${scope.user ?? 'account'} ${name}`;
  }

  function isAlive({ object }: SimulatedSecret): boolean {
    return object.expires_at === null || object.expires_at > clock.seconds();
  }
}

function scopeOf(params: Params): Stripe.Apps.Secret.Scope {
  const scope = params.inside('scope');
  const type = scope.oneOf('type', ['account', 'user']) ?? scope.needed('type');
  if (type === 'account') return { type };
  const user = scope.needed('user');
  if (!user.startsWith('usr_')) throw noSuch('user', user, 'scope[user]');
  return { type, user };
}

/** What `expand[]=payload` shows: the only place where it comes out. */
export function payloadOf({ state }: Simulator, secretId: string): string | undefined {
  return state.all('secrets').find(({ object }) => object.id === secretId)?.payload;
}
