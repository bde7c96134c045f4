/** The plan of faults: which of the next requests go wrong, and how. `control.ts` documents each kind. */
import { type Request, type Response } from 'express';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, apiErrorAnswer } from './refusal';

export const FAULT_KINDS = [
  'status',
  'html',
  'rate_limit',
  'error_before',
  'error_after',
  'reset_before',
  'reset_after',
  'slow',
  'hang',
  'hang_after',
  'truncated_json',
  'merge_body',
] as const;

export interface Fault {
  fault: (typeof FAULT_KINDS)[number];
  match: { method?: string; path?: string; account?: string };
  /** how many requests it spoils (default 1); -1: all until it is cleared */
  times: number;
  /** how many matching requests pass first */
  skip?: number;
  status?: number;
  body?: unknown;
  ms?: number;
}

export function createFaults() {
  let plan: Fault[] = [];
  return {
    add(faults: Fault[]): void {
      plan.push(...faults.map((fault) => ({ ...fault })));
    },
    list: () => plan,
    clear(): void {
      plan = [];
    },
    /** The fault for a request, counted down. The first that matches and is not waiting wins. */
    take(method: string, path: string, account: string | null): Fault | null {
      for (const fault of plan) {
        if (fault.times === 0 || !matches(fault, method, path, account)) continue;
        if (fault.skip && fault.skip > 0) {
          fault.skip -= 1;
          continue;
        }
        if (fault.times > 0) fault.times -= 1;
        return fault;
      }
      return null;
    },
  };
}
export type Faults = ReturnType<typeof createFaults>;

/** A path in a plan is a beginning, or between slashes with an anchor ("/^...$/") a regular expression. */
function matches({ match }: Fault, method: string, path: string, account: string | null): boolean {
  if (match.method && match.method.toUpperCase() !== method) return false;
  if (match.account && match.account !== account) return false;
  if (!match.path) return true;
  const expression = /^\/(\^.*|.*\$)\/$/.exec(match.path)?.[1];
  return expression ? new RegExp(expression).test(path) : path.startsWith(match.path);
}

/** Faults that answer before anything was done. Null: carry the request out. */
export function answerInstead(fault: Fault): Answer | null {
  switch (fault.fault) {
    case 'status':
      return { status: fault.status ?? 503, body: fault.body ?? apiErrorAnswer('A planned fault.').body };
    case 'error_before':
      return serverError(fault);
    case 'html':
      return {
        status: fault.status ?? 200,
        body: fault.body ?? '<html><body>A page, not an answer.</body></html>',
      };
    case 'rate_limit':
      return rateLimited();
    default:
      return null;
  }
}

/** Waits where the request is being carried out, so that its idempotency key is in use meanwhile. False: nobody waits any more. */
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

/** Sends an answer, or spoils it on its way. Resolves to the status that the log shows. */
export async function sendUnderFault(
  fault: Fault | null,
  req: Request,
  res: Response,
  answer: Answer,
): Promise<number> {
  if (res.destroyed || res.closed) return 0;
  const kind = fault?.fault;
  if (kind === 'hang' || kind === 'hang_after') await untilClosed(res, fault?.ms);
  if (kind === 'reset_before' || kind === 'reset_after' || kind === 'hang' || kind === 'hang_after') {
    req.socket.resetAndDestroy();
    return 0;
  }
  const html = kind === 'html';
  const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body, null, 2);
  res.status(answer.status).set(answer.headers ?? {});
  res.type(html ? 'html' : 'json').send(kind === 'truncated_json' ? text.slice(0, text.length / 2) : text);
  return answer.status;
}

export function rateLimited(): Answer {
  return apiErrorAnswer('Request rate limit exceeded. Send fewer requests in a second.', {
    status: 429,
    code: 'rate_limit',
    headers: { 'Stripe-Rate-Limited-Reason': 'endpoint-rate', 'Retry-After': '1' },
  });
}

function serverError(fault: Fault): Answer {
  const answer = apiErrorAnswer('An unknown error occurred', {
    status: fault.status ?? 500,
    type: 'api_error',
  });
  return fault.body === undefined ? answer : { ...answer, body: fault.body };
}

async function untilClosed(res: Response, ms = 120_000): Promise<void> {
  const closed = new AbortController();
  res.once('close', () => closed.abort());
  await sleep(ms, undefined, { ref: false, signal: closed.signal }).catch(() => undefined);
}

/** RFC 7396: members of the patch replace, null removes. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(target as Record<string, unknown> | null) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}
