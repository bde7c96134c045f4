/**
 * The way of every request to /v1 and /oauth: note it, play a planned fault, check key, account and rate, replay by
 * idempotency key, read the parameters strictly, carry it out, expand, keep, answer.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type Request, type Response, type Router } from 'express';
import { type Cause, newId, type Simulator } from './context';
import { answerInstead, delayExecution, type Fault, rateLimited, send, spoilOutcome } from './faults';
import { answerOnce, type Outcome } from './idempotency';
import { accountOfToken, installOf } from './installs';
import { expand } from './lists';
import { type Answer, errorAnswer, Refusal, refused } from './refusal';
import { formPairs, type Params, readParams } from './request-params';

export interface Exchange {
  req: Request;
  requestId: string;
  pairs: [string, string][];
  fault: Fault | null;
}

export interface ApiCall {
  params: Params;
  /** the path's `:id` */
  id: string;
  /** the account that the call acts on: the header's, else the platform's own */
  account: string;
  /** this server's address as the caller knows it */
  baseUrl: string;
  cause: Cause;
}

/**
 * Adds an address of the API. Its handler reads the parameters and answers an object, or, where something is to be done, a
 * function that does it: what is refused before that is not kept for the idempotency key.
 */
export type Route = (
  method: 'get' | 'post',
  path: string,
  handle: (call: ApiCall) => object | (() => object),
) => void;

export function createApi(simulator: Simulator, router: Router): Route {
  const withinRate = createRateLimit(() => simulator.options.requestsPerSecond ?? null);

  return (method, path, handle) =>
    router[method](path, (req, res) =>
      exchange(simulator, req, res, async ({ pairs, fault, requestId }) => {
        const account = authenticate(simulator, req) ?? actingAccount(simulator, req);
        if (!withinRate(`${account} ${method} ${path}`)) return rateLimited();
        const key = method === 'post' ? (req.get('Idempotency-Key') ?? null) : null;
        const fingerprint = createHash('sha256')
          .update(JSON.stringify([path, [...pairs].sort()]))
          .digest('base64url');
        return answerOnce(simulator, { account, key, fingerprint }, async () => {
          if (!(await delayExecution(fault, res))) return null;
          const baseUrl = `${req.protocol}://${req.get('host')}`;
          const call = {
            id: String(req.params.id ?? ''),
            account,
            baseUrl,
            cause: { id: requestId, idempotency_key: key },
          };
          const outcome = carryOut(simulator, handle, { ...call, params: readParams(pairs) });
          return { ...outcome, answer: spoilOutcome(fault, outcome.answer) };
        });
      }),
    );
}

function carryOut(simulator: Simulator, handle: Parameters<Route>[2], call: ApiCall): Outcome {
  let executing = false;
  try {
    const made = handle(call);
    const paths = call.params.list('expand') ?? [];
    call.params.refuseUnread();
    executing = true;
    const body = typeof made === 'function' ? made() : made;
    return { answer: { status: 200, body: expand(simulator, body, paths) }, keep: true };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { answer: error.answer, keep: executing };
  }
}

/** Runs one request under the fault plan. `act` answers null when nobody waits for the answer any more. */
export async function exchange(
  simulator: Simulator,
  req: Request,
  res: Response,
  act: (current: Exchange) => Promise<Answer | null>,
): Promise<void> {
  const { method, path } = req;
  const account = req.get('Stripe-Account') ?? null;
  const idempotencyKey = req.get('Idempotency-Key') ?? null;
  const pairs = formPairs(method === 'GET' ? (req.url.split('?')[1] ?? '') : formText(req));
  const fault = simulator.faults.take(method, path, account);
  const entry = {
    at: simulator.clock.now(),
    method,
    path,
    account,
    idempotencyKey,
    fault: fault?.fault ?? null,
  };
  const logged = simulator.requests.add(entry, pairs);
  const requestId = newId('req_', 14);
  res.set('Request-Id', requestId);
  if (account) res.set('Stripe-Account', account);
  if (idempotencyKey) res.set('Idempotency-Key', idempotencyKey);

  let answer = fault && answerInstead(fault);
  if (!answer && fault?.fault !== 'reset_before') {
    answer = await act({ req, requestId, pairs, fault }).catch((error: unknown) =>
      answerToError(simulator, error),
    );
  }
  simulator.state.flush();
  logged.status = await send(fault, req, res, answer);
}

function answerToError(simulator: Simulator, error: unknown): Answer {
  if (error instanceof Refusal) return error.answer;
  simulator.log(`A request failed inside the simulator: ${(error as Error).stack}`);
  return errorAnswer('The simulator failed to carry this out.', { status: 500, type: 'api_error' });
}

export function formText(req: Request): string {
  return typeof req.body === 'string' ? req.body : '';
}

/** The secret key as Bearer or as the user of Basic. */
export function presentedKey(authorization: string | undefined): string | undefined {
  const [scheme = '', value = ''] = (authorization ?? '').split(' ');
  if (/^bearer$/i.test(scheme)) return value;
  return /^basic$/i.test(scheme) ? Buffer.from(value, 'base64').toString().split(':')[0] : undefined;
}

export function isPlatformKey({ options }: Simulator, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(key), digest(options.platform.secretKey));
}

/** The account whose access token it is; null for the platform's key. */
function authenticate(simulator: Simulator, req: Request): string | null {
  const key = presentedKey(req.get('Authorization'));
  if (!key)
    throw refused('You did not provide an API key. Send it in the Authorization header.', { status: 401 });
  if (isPlatformKey(simulator, key)) return null;
  const account = accountOfToken(simulator, key);
  if (!account) throw refused(`Invalid API Key provided: ${masked(key)}`, { status: 401 });
  return account;
}

function actingAccount(simulator: Simulator, req: Request): string {
  const account = req.get('Stripe-Account') ?? simulator.platformAccount;
  // an installed app lets its developer in to its own secrets, and to nothing else; a connection does not
  const asApp = req.path.startsWith('/v1/apps/');
  if (asApp && !installOf(simulator, account)) throw noAccess(simulator, account);
  if (account !== simulator.platformAccount && !asApp) assertConnected(simulator, account);
  return account;
}

/** An account is within reach only while it is connected. */
export function assertConnected(simulator: Simulator, account: string): void {
  if (!simulator.state.get('connections', account)) throw noAccess(simulator, account);
}

function noAccess({ options }: Simulator, account: string): Refusal {
  const message =
    `The provided key '${masked(options.platform.secretKey)}' does not have access to account '${account}' ` +
    '(or that account does not exist). Application access may have been revoked.';
  return refused(message, { status: 403, code: 'account_invalid' });
}

function masked(key: string): string {
  return `${/^(sk|rk|pk)_(test|live)_/.exec(key)?.[0] ?? ''}${'*'.repeat(12)}${key.slice(-4)}`;
}

/** A bucket per account and endpoint that holds one second's worth. */
function createRateLimit(allowed: () => number | null) {
  const buckets = new Map<string, { left: number; at: number }>();
  return (key: string): boolean => {
    const perSecond = allowed();
    if (perSecond === null) return true;
    const now = performance.now();
    const { left, at } = buckets.get(key) ?? { left: perSecond, at: now };
    const filled = Math.min(perSecond, left + ((now - at) / 1000) * perSecond);
    buckets.set(key, { left: filled >= 1 ? filled - 1 : filled, at: now });
    return filled >= 1;
  };
}
