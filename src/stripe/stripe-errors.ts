/**
 * What an answer of Stripe means for us. The one question that matters is whether Stripe may have acted:
 * `refused` no · `unanswered` perhaps · the others no, with who has to do something.
 */
export type StripeProblem =
  | 'refused' // 400, 402, 404: this request will never work
  | 'unanswered' // timeout, reset, 5xx, nonsense: it may have acted
  | 'away' // not asked at all: Stripe has not answered lately (stripe-circuit.ts)
  | 'rate_limited' // 429: not acted, try later
  | 'busy' // 409: the same key is being worked on right now
  | 'platform_key' // 401: our key; everybody is concerned, nothing changes for an order
  | 'access_lost' // 403: this account does not let us in any more
  | 'key_reused'; // 400 idempotency_error: the same key with another request, a mistake of ours

export class StripeFailure extends Error {
  readonly code: string | null;
  readonly requestId: string | null;
  readonly param: string | null;
  readonly httpStatus: number | null;
  /** what Stripe asks to wait before the next try */
  readonly retryAfterSeconds: number | null;

  constructor(
    readonly problem: StripeProblem,
    message: string,
    details: {
      code?: string | null;
      requestId?: string | null;
      param?: string | null;
      httpStatus?: number | null;
      retryAfterSeconds?: number | null;
      cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'StripeFailure';
    this.code = details.code ?? null;
    this.requestId = details.requestId ?? null;
    this.param = details.param ?? null;
    this.httpStatus = details.httpStatus ?? null;
    this.retryAfterSeconds = details.retryAfterSeconds ?? null;
  }
}

/** Whether asking again with the same key can help. */
export function isWorthRetrying(failure: StripeFailure): boolean {
  return (
    failure.problem === 'unanswered' ||
    failure.problem === 'away' ||
    failure.problem === 'rate_limited' ||
    failure.problem === 'busy' ||
    failure.problem === 'platform_key'
  );
}
