/** The plan of faults: which of the next requests go wrong, and how. `control.ts` documents each kind. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Request, type Response } from 'express';
import { type Answer, errorAnswer } from './refusal';

export const FAULT_KINDS =
  'status html rate_limit error_before error_after reset_before reset_after slow hang hang_after truncated_json merge_body'.split(
    ' ',
  );

export interface Fault {
  fault: string;
  match: { method?: string; path?: string; account?: string };
  times: number;
  skip?: number;
  status?: number;
  body?: unknown;
  ms?: number;
}

export function createFaults() {
  let plan: Fault[] = [];
  return {
    add(faults: Fault[]): void {
      plan.push(...faults);
    },
    list: () => plan,
    clear(): void {
      plan = [];
    },
    /** The first fault that matches a request and does not let it pass, counted down. */
    take(method: string, path: string, account: string | null): Fault | null {
      for (const fault of plan) {
        if (fault.times === 0 || !matches(fault, method, path, account)) continue;
        if (fault.skip) fault.skip -= 1;
        else {
          fault.times -= 1;
          return fault;
        }
      }
      return null;
    },
  };
}
export type Faults = ReturnType<typeof createFaults>;

function matches({ match }: Fault, method: string, path: string, account: string | null): boolean {
  if (match.method && match.method.toUpperCase() !== method) return false;
  if (match.account && match.account !== account) return false;
  const expression = /^\/(\^.*)\/$/.exec(match.path ?? '')?.[1];
  return expression ? new RegExp(expression).test(path) : path.startsWith(match.path ?? '');
}

/** Faults that answer before anything was done. Null: carry the request out. */
export function answerInstead(fault: Fault): Answer | null {
  if (fault.fault === 'error_before') return serverError(fault);
  if (fault.fault === 'rate_limit') return rateLimited();
  const { status, body } = fault;
  if (fault.fault === 'status')
    return { status: status ?? 503, body: body ?? errorAnswer('A planned fault.').body };
  if (fault.fault === 'html')
    return { status: status ?? 200, body: body ?? '<html><p>A page, not an answer.</p></html>' };
  return null;
}

/** Waits while the request's idempotency key is in use. False: it is never carried out. */
export async function delayExecution(fault: Fault | null, res: Response): Promise<boolean> {
  if (fault?.fault === 'slow') await sleep(fault.ms ?? 1000, undefined, { ref: false });
  if (fault?.fault === 'hang') await untilClosed(res, fault.ms);
  return fault?.fault !== 'hang';
}

/** What an answer becomes before it is kept for its idempotency key. */
export function spoilOutcome(fault: Fault | null, answer: Answer): Answer {
  if (fault?.fault === 'error_after') return serverError(fault);
  if (fault?.fault === 'merge_body') return { ...answer, body: mergePatch(answer.body, fault.body) };
  return answer;
}

/** Sends an answer, or spoils it on its way. Resolves to the status that the log shows; 0: none was sent. */
export async function send(
  fault: Fault | null,
  req: Request,
  res: Response,
  answer: Answer | null,
): Promise<number> {
  const kind = fault?.fault ?? '';
  if (kind === 'hang_after') await untilClosed(res, fault?.ms);
  if (answer === null || kind === 'hang_after' || kind.startsWith('reset_')) {
    req.socket.resetAndDestroy();
    return 0;
  }
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body, null, 2);
  res.status(answer.status).set(answer.headers ?? {});
  res
    .type(kind === 'html' ? 'html' : 'json')
    .send(kind === 'truncated_json' ? text.slice(0, text.length / 2) : text);
  return answer.status;
}

export function rateLimited(): Answer {
  const answer = errorAnswer('Request rate limit exceeded.', { status: 429, code: 'rate_limit' });
  return { ...answer, headers: { 'Stripe-Rate-Limited-Reason': 'endpoint-rate', 'Retry-After': '1' } };
}

function serverError({ status = 500, body }: Fault): Answer {
  const answer = errorAnswer('An unknown error occurred', { status, type: 'api_error' });
  return body === undefined ? answer : { status, body };
}

async function untilClosed(res: Response, ms = 120_000): Promise<void> {
  const closed = new AbortController();
  res.once('close', () => closed.abort());
  await sleep(ms, undefined, { ref: false, signal: closed.signal }).catch(() => undefined);
}

/** RFC 7396: members of the patch replace, null removes. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result = { ...(target as Record<string, unknown> | null) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}
