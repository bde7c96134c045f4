/**
 * Who sends a request of the Dashboard extension: an account's user, vouched for by Stripe's signature over exactly
 * `{"user_id":…,"account_id":…}` (docs.stripe.com/stripe-apps/build-backend). Nothing of a signature is kept or logged.
 */
import { type Request, type RequestHandler } from 'express';
import { type Dependencies } from '../dependencies';
import { type Limit } from '../http/rate-limits';
import { keyedHash } from '../lib/tokens';
import { isSignedByStripe } from '../stripe/webhook-signature';
import { type ExtensionIdentity, SIGNATURE_HEADER } from './contract';
import { ExtensionRefusal } from './extension-refusal';

/** A user of an account's Dashboard, in one mode. */
export interface DashboardUser {
  /** `usr_…`: Stripe's id of the person */
  user: string;
  /** `acct_…` */
  account: string;
  livemode: boolean;
}

const senders = new WeakMap<Request, DashboardUser>();

/** A payment's page asks three times; several people may look at once. */
const PER_ACCOUNT: Limit = { points: 300, seconds: 60 };
const TOO_MANY = 'Too many tries for this account. Wait a minute, then look again.';

/** How long a browser may remember the answer about another origin, in seconds. */
const PREFLIGHT_SECONDS = 600;

/**
 * A frame of the Dashboard has no origin of its own (`null`), so any may ask: what counts is the signature, and no cookie
 * is taken or given here.
 */
export const fromAnyOrigin: RequestHandler = function fromAnyOrigin(req, res, next) {
  res.set({ 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'no-store' });
  if (req.method !== 'OPTIONS') return next();
  res
    .set({
      'Access-Control-Allow-Methods': 'GET, POST',
      'Access-Control-Allow-Headers': `${SIGNATURE_HEADER}, Content-Type, Accept`,
      'Access-Control-Max-Age': String(PREFLIGHT_SECONDS),
    })
    .status(204)
    .end();
};

/** Lets a request through that Stripe's Dashboard has signed; `senderOf` says for whom. */
export function signedByDashboard({
  config,
  rateLimits,
}: Pick<Dependencies, 'config' | 'rateLimits'>): RequestHandler {
  return async function signedByDashboard(req, _res, next) {
    const identity = readIdentity(req.query);
    if (!identity) throw new ExtensionRefusal('bad_request');
    const livemode = identity.mode === 'live';
    const app = config.stripe.modes.find((keys) => keys.livemode === livemode)?.app;
    // The mode is not signed: it can only name what this account may see anyway.
    const signed = Buffer.from(
      JSON.stringify({ user_id: identity.user_id, account_id: identity.account_id }),
    );
    if (!app || !isSignedByStripe(signed, req.get(SIGNATURE_HEADER), app.signingSecrets))
      throw new ExtensionRefusal('bad_signature');
    const key = keyedHash(config.sessionSecrets[0]!, 'rate-limits', `${identity.account_id} ${livemode}`);
    await rateLimits.consume('dashboard-extension', key, PER_ACCOUNT, TOO_MANY);
    senders.set(req, { user: identity.user_id, account: identity.account_id, livemode });
    next();
  };
}

/** For handlers behind `signedByDashboard`. */
export function senderOf(req: Request): DashboardUser {
  const sender = senders.get(req);
  if (!sender) throw new Error('This route is not behind signedByDashboard');
  return sender;
}

/** Each once and of its shape: what JSON would write in another way than Stripe is refused here already. */
function readIdentity(query: Record<string, unknown>): ExtensionIdentity | null {
  const { user_id, account_id, mode } = query;
  if (typeof user_id !== 'string' || !/^usr_[A-Za-z0-9_]{1,80}$/.test(user_id)) return null;
  if (typeof account_id !== 'string' || !/^acct_[A-Za-z0-9]{1,64}$/.test(account_id)) return null;
  if (mode !== 'live' && mode !== 'test') return null;
  return { user_id, account_id, mode };
}
