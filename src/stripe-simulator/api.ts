/**
 * The way of every request to /v1 and /oauth: note it, play a planned fault, check key, account and rate, replay by
 * idempotency key, read the parameters strictly, carry it out, expand, keep, answer.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type Request, type Response, type Router } from 'express';
import { newId, type Simulator } from './context';
import { expandAnswer } from './expand';
import {
  answerInstead,
  delayExecution,
  type Fault,
  rateLimited,
  sendUnderFault,
  spoilOutcome,
} from './faults';
import { answerOnce } from './idempotency';
import { type Answer, apiErrorAnswer, Refusal, refusedAtOnce } from './refusal';
import { formPairs, type Read, readParams, type SpecObject } from './request-params';

export interface Exchange {
  req: Request;
  res: Response;
  requestId: string;
  pairs: [string, string][];
  fault: Fault | null;
}

export interface ApiCall<P> {
  params: P;
  /** the path's `:id` */
  id: string;
  /** the account that the call acts on: the header's, else the platform's own */
  account: string;
  direct: boolean;
  /** this server's address as the caller knows it */
  baseUrl: string;
  cause: { id: string; idempotency_key: string | null };
}

const EXPANDABLE = { expand: ['string'] } as const;

export function createApi(simulator: Simulator, router: Router) {
  const rateOf = createRateLimit(simulator.options.requestsPerSecond ?? null);

  return function route<S extends SpecObject>(
    method: 'get' | 'post',
    path: string,
    spec: S,
    carryOut: (call: ApiCall<Read<S>>) => object,
  ): void {
    router[method](path, async (req, res) => {
      await exchange(simulator, req, res, async (current) => {
        authenticate(simulator, current);
        const account = actingAccount(simulator, req);
        if (!rateOf(`${account} ${method} ${path}`)) throw new Refusal(rateLimited(), true);
        const key = method === 'post' ? (req.get('Idempotency-Key') ?? null) : null;
        return answerOnce(simulator, { account, key, fingerprint: fingerprint(current) }, async () => {
          if (!(await delayExecution(current.fault, res))) return null;
          const params = readParams(current.pairs, { ...spec, ...EXPANDABLE }) as Read<S> & {
            expand?: string[];
          };
          const body = carryOut({
            params,
            id: String(req.params.id ?? ''),
            account,
            direct: account !== simulator.platformAccount,
            baseUrl: `${req.protocol}://${req.get('host')}`,
            cause: { id: current.requestId, idempotency_key: key },
          });
          const answer = { status: 200, body: expandAnswer(simulator, body, params.expand ?? []) };
          return spoilOutcome(current.fault, answer);
        });
      });
    });
  };
}

/** Runs one request under the fault plan. `act` answers null when nobody waits for the answer any more. */
export async function exchange(
  simulator: Simulator,
  req: Request,
  res: Response,
  act: (current: Exchange) => Promise<Answer | null>,
): Promise<void> {
  const account = req.get('Stripe-Account') ?? null;
  const idempotencyKey = req.get('Idempotency-Key') ?? null;
  const pairs = formPairs(req.method === 'GET' ? (req.url.split('?')[1] ?? '') : formText(req));
  const fault = simulator.faults.take(req.method, req.path, account);
  const current: Exchange = { req, res, requestId: newId('req_', 14), pairs, fault };
  const logged = simulator.requests.add(
    {
      at: simulator.clock.now(),
      method: req.method,
      path: req.path,
      account,
      idempotencyKey,
      fault: fault?.fault ?? null,
    },
    pairs,
  );
  res.set('Request-Id', current.requestId);
  if (account) res.set('Stripe-Account', account);
  if (idempotencyKey) res.set('Idempotency-Key', idempotencyKey);

  let answer: Answer | null = fault ? answerInstead(fault) : null;
  if (!answer && fault?.fault !== 'reset_before') answer = await actSafely(simulator, current, act);
  simulator.state.flush();
  logged.status = await sendUnderFault(fault, req, res, answer ?? { status: 500, body: {} });
}

async function actSafely(
  simulator: Simulator,
  current: Exchange,
  act: (current: Exchange) => Promise<Answer | null>,
): Promise<Answer | null> {
  try {
    return await act(current);
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    simulator.log(`Request ${current.requestId} failed inside the simulator: ${(error as Error).stack}`);
    return apiErrorAnswer('The simulator failed to carry this out.', { status: 500, type: 'api_error' });
  }
}

export function formText(req: Request): string {
  return typeof req.body === 'string' ? req.body : '';
}

/** The secret key as Bearer or as the user of Basic. */
export function presentedKey(req: Request): string | null {
  const [scheme, value = ''] = (req.get('Authorization') ?? '').split(' ');
  if (/^bearer$/i.test(scheme ?? '')) return value;
  if (/^basic$/i.test(scheme ?? '')) return Buffer.from(value, 'base64').toString().split(':')[0] ?? null;
  return null;
}

export function isPlatformKey(simulator: Simulator, key: string): boolean {
  const [given, expected] = [key, simulator.options.platform.secretKey].map((text) =>
    createHash('sha256').update(text).digest(),
  );
  return timingSafeEqual(given!, expected!);
}

function authenticate(simulator: Simulator, { req }: Exchange): void {
  const key = presentedKey(req);
  if (!key) {
    throw refusedAtOnce('You did not provide an API key. Send it in the Authorization header.', {
      status: 401,
    });
  }
  if (!isPlatformKey(simulator, key)) {
    throw refusedAtOnce(`Invalid API Key provided: ${masked(key)}`, { status: 401 });
  }
}

/** Calls for an account work only while it is connected. */
function actingAccount(simulator: Simulator, req: Request): string {
  const account = req.get('Stripe-Account');
  if (account === undefined || account === simulator.platformAccount) return simulator.platformAccount;
  assertConnected(simulator, account);
  return account;
}

export function assertConnected(simulator: Simulator, account: string): void {
  if (simulator.state.get('connections', account)) return;
  const message =
    `The provided key '${masked(simulator.options.platform.secretKey)}' does not have access to account '${account}' ` +
    '(or that account does not exist). Application access may have been revoked.';
  throw refusedAtOnce(message, { status: 403, code: 'account_invalid' });
}

function masked(key: string): string {
  const shown = /^(sk|rk|pk)_(test|live)_/.exec(key)?.[0] ?? '';
  return `${shown}${'*'.repeat(12)}${key.slice(-4)}`;
}

function fingerprint({ req, pairs }: Exchange): string {
  const sorted = [...pairs].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  return createHash('sha256')
    .update(JSON.stringify([req.method, req.path, sorted]))
    .digest('base64url');
}

/** A bucket per account and endpoint that holds one second's worth. */
function createRateLimit(perSecond: number | null) {
  const buckets = new Map<string, { left: number; at: number }>();
  return (key: string): boolean => {
    if (perSecond === null) return true;
    const now = performance.now();
    const bucket = buckets.get(key) ?? { left: perSecond, at: now };
    bucket.left = Math.min(perSecond, bucket.left + ((now - bucket.at) / 1000) * perSecond);
    bucket.at = now;
    buckets.set(key, bucket);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  };
}
