/**
 * OAuth requests by `fetch`, never by the SDK: the SDK sends a POST again after a reset socket, and a code that is
 * presented twice revokes what it made (docs.stripe.com/connect/oauth-reference).
 */
import { isInsideTransaction } from '../db/connection';

const TIMEOUT_MS = 8000;

/** `code_rejected`: expired, used, of another platform or mode; of a refresh token too. `platform`: our keys or our registration. */
export type OAuthProblem =
  'code_rejected' | 'platform' | 'not_connected' | 'controlled' | 'unanswered' | 'nonsense';

export class OAuthFailure extends Error {
  constructor(
    readonly problem: OAuthProblem,
    readonly code: string | null = null,
    readonly requestId: string | null = null,
  ) {
    super(`Stripe OAuth: ${problem}${code ? ` (${code})` : ''}`);
    this.name = 'OAuthFailure';
  }
}

export interface OAuthAnswer {
  ok: boolean;
  status: number;
  requestId: string | null;
  body: unknown;
}

/** Sends a form once. Throws OAuthFailure `unanswered` where there is no whole answer. */
export async function postOnce(
  url: URL,
  secretKey: string,
  fields: Record<string, string>,
): Promise<OAuthAnswer> {
  return fetchOnce(url, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${secretKey}`,
      'Content-Type': 'application/x-www-form-urlencoded',
      Accept: 'application/json',
    },
    body: new URLSearchParams(fields).toString(),
  });
}

/** Reads once, as whoever the token is of. Throws like `postOnce`. */
export async function getOnce(url: URL, token: string): Promise<OAuthAnswer> {
  return fetchOnce(url, { headers: { Authorization: `Bearer ${token}`, Accept: 'application/json' } });
}

async function fetchOnce(url: URL, request: RequestInit): Promise<OAuthAnswer> {
  refuseInsideTransaction();
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url, { ...request, redirect: 'error', signal });
    const text = await response.text();
    return {
      ok: response.ok,
      status: response.status,
      requestId: response.headers.get('request-id'),
      body: parseJson(text),
    };
  } catch {
    // Not passed on as a cause: an error of fetch may quote the request.
    throw new OAuthFailure('unanswered');
  }
}

export function refuseInsideTransaction(): void {
  if (isInsideTransaction()) throw new Error('Stripe must not be called inside a database transaction');
}

/** What a refused exchange of a code or a refresh token means. */
export function exchangeFailure(answer: OAuthAnswer): OAuthFailure {
  if (answer.ok) return new OAuthFailure('nonsense', null, answer.requestId);
  const code = errorCode(answer.body);
  if (code === 'invalid_grant') return new OAuthFailure('code_rejected', code, answer.requestId);
  if (isNoDecision(answer.status) || code === null)
    return new OAuthFailure('unanswered', code, answer.requestId);
  return new OAuthFailure('platform', code, answer.requestId);
}

/** Overloaded or broken: says nothing about the request, nor about our keys. */
export function isNoDecision(status: number): boolean {
  return status === 429 || status >= 500;
}

/** The error's code. A sentence in its place is none: it goes into our errors, and may quote what was sent. */
export function errorCode(body: unknown): string | null {
  if (typeof body !== 'object' || body === null || !('error' in body)) return null;
  const inner = body.error as { type?: unknown } | string | null;
  const code = typeof inner === 'string' ? inner : inner?.type;
  return typeof code === 'string' && /^[a-z_]{1,60}$/.test(code) ? code : null;
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
