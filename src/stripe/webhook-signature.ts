/** Is this body from Stripe? Checked over the raw bytes, before anything is parsed or stored. */
import Stripe from 'stripe';

const TOLERANCE_SECONDS = 300;

/** An event's envelope, as far as we read it. The object inside is only a hint: what counts is fetched. */
export interface StripeEvent {
  id: string;
  type: string;
  account: string | null;
  livemode: boolean;
  /** Stripe's own time of the event */
  createdAt: Date;
  object: Record<string, unknown>;
}

/**
 * True when one of the secrets signed exactly this body within five minutes, past or future (Stripe's SDK refuses only
 * old signatures). Constant time in the secret.
 */
export function isSignedByStripe(
  body: Buffer,
  header: string | undefined,
  secrets: string[],
  nowSeconds = Date.now() / 1000,
): boolean {
  if (!header) return false;
  // Stripe sends one time. Of several the SDK would take the last, and we must not have looked at another.
  const times = header.split(',').filter((part) => part.trimStart().startsWith('t='));
  const timestamp = times.length === 1 ? /^t=(\d{1,12})$/.exec(times[0]!)?.[1] : undefined;
  if (!timestamp || Number(timestamp) - nowSeconds > TOLERANCE_SECONDS) return false;
  return hasRightSignature(body, header, secrets, TOLERANCE_SECONDS);
}

/** `toleranceSeconds` 0: of any age. */
function hasRightSignature(
  body: Buffer,
  header: string,
  secrets: string[],
  toleranceSeconds: number,
): boolean {
  return secrets.some((secret) => {
    try {
      return Stripe.webhooks.signature!.verifyHeader(body, header, secret, toleranceSeconds);
    } catch {
      return false;
    }
  });
}

/** True when the signature is right and only its time is not: this machine's clock is wrong, or an old delivery was replayed. */
export function isSignedAtAnotherTime(body: Buffer, header: string | undefined, secrets: string[]): boolean {
  if (!header || isSignedByStripe(body, header, secrets)) return false;
  return hasRightSignature(body, header, secrets, 0);
}

/** The envelope of an event, or null for something that is none (or a thin event of API v2, which we did not ask for). */
export function readStripeEvent(payload: unknown): StripeEvent | null {
  if (typeof payload !== 'object' || payload === null) return null;
  const event = payload as Record<string, unknown>;
  const data = event['data'] as { object?: unknown } | null | undefined;
  if (event['object'] !== 'event' || typeof event['id'] !== 'string' || typeof event['type'] !== 'string')
    return null;
  if (!/^[\w-]{1,255}$/.test(event['id']) || !/^[\w.]{1,255}$/.test(event['type'])) return null;
  const created =
    typeof event['created'] === 'number' && Number.isFinite(event['created']) ? event['created'] : 0;
  return {
    id: event['id'],
    type: event['type'],
    account:
      typeof event['account'] === 'string' && /^acct_\w{1,64}$/.test(event['account'])
        ? event['account']
        : null,
    livemode: event['livemode'] === true,
    createdAt: new Date(Math.min(Math.max(created, 0), 4_102_444_800) * 1000),
    object:
      typeof data?.object === 'object' && data.object !== null
        ? (data.object as Record<string, unknown>)
        : {},
  };
}
