/** Connect OAuth: one request for each code, without retry (oauth-request.ts says why). */
import { z } from 'zod';
import { type StripeKeys } from '../config';
import {
  errorCode,
  exchangeFailure,
  isNoDecision,
  OAuthFailure,
  parseJson,
  postOnce,
  refuseInsideTransaction,
} from './oauth-request';

/** Somebody waits to be sent to Stripe. */
const REGISTRATION_TIMEOUT_MS = 3000;

/** What may be filled in for the organizer at Stripe; Stripe ignores what it does not like. */
export interface Prefill {
  email?: string;
  business_name?: string;
  url?: string;
  country?: string;
  /** only together with a country */
  currency?: string;
}

export interface Grant {
  stripeUserId: string;
  livemode: boolean;
  scope: string;
  /** Deprecated at Stripe, kept encrypted (STRIPE.md section 0). The access token is never looked at. */
  refreshToken: string | null;
  publishableKey: string | null;
}

export function createConnectOAuth(settings: {
  connectUrl: string;
  baseUrl: string;
  /** default: only the callback of this Foyer */
  redirectUris?: string[];
  modes: StripeKeys[];
}) {
  const redirectUri = `${settings.baseUrl}/stripe/callback`;
  if (settings.redirectUris && !settings.redirectUris.includes(redirectUri))
    throw new Error(`${redirectUri} is not among the redirect URIs that are registered at Stripe`);

  function keysFor(livemode: boolean): StripeKeys {
    const keys = settings.modes.find((candidate) => candidate.livemode === livemode);
    if (!keys) throw new OAuthFailure('platform');
    return keys;
  }

  return {
    redirectUri,

    /** Where the organizer goes to allow the connection. Built here, since the SDK's own drops protocol and port. */
    authorizeUrl(request: {
      livemode: boolean;
      state: string;
      prefill: Prefill;
      landing?: 'login' | 'register';
    }): string {
      const url = new URL('/oauth/authorize', settings.connectUrl);
      url.searchParams.set('response_type', 'code');
      url.searchParams.set('client_id', keysFor(request.livemode).clientId);
      url.searchParams.set('scope', 'read_write');
      url.searchParams.set('redirect_uri', redirectUri);
      url.searchParams.set('state', request.state);
      if (request.landing) url.searchParams.set('stripe_landing', request.landing);
      for (const [name, value] of Object.entries(request.prefill))
        if (value) url.searchParams.set(`stripe_user[${name}]`, value);
      return url.toString();
    },

    /**
     * Whether Stripe would let anybody connect, asked as their browser would ask, but without a state. Only a refusal in
     * the shape that the reference gives is one: a page, a redirect or silence says nothing against it.
     */
    async askRegistration(livemode: boolean): Promise<{ refused: boolean; code: string | null }> {
      refuseInsideTransaction();
      try {
        const url = this.authorizeUrl({ livemode, state: 'registration-check', prefill: {} });
        const response = await fetch(url, {
          headers: { Accept: 'application/json, text/html' },
          redirect: 'manual',
          signal: AbortSignal.timeout(REGISTRATION_TIMEOUT_MS),
        });
        if (response.status < 400 || isNoDecision(response.status)) return { refused: false, code: null };
        const code = errorCode(parseJson(await response.text()));
        return { refused: code !== null, code };
      } catch {
        return { refused: false, code: null };
      }
    },

    /**
     * Exchanges a code, once. Throws OAuthFailure; after `unanswered` or `nonsense` nobody knows whether Stripe made the
     * grant, so the person is not connected and starts again.
     */
    async exchangeCode(request: { code: string; livemode: boolean }): Promise<Grant> {
      const answer = await post('/oauth/token', keysFor(request.livemode).secretKey, {
        grant_type: 'authorization_code',
        code: request.code,
      });
      const parsed = tokenAnswer.safeParse(answer.body);
      if (answer.ok && parsed.success) {
        const { stripe_user_id, livemode, scope, refresh_token, stripe_publishable_key } = parsed.data;
        return {
          stripeUserId: stripe_user_id,
          livemode,
          scope,
          refreshToken: refresh_token ?? null,
          publishableKey: stripe_publishable_key ?? null,
        };
      }
      throw exchangeFailure(answer);
    },

    /**
     * Ends the platform's access to an account. Throws `not_connected` when Stripe says that there is none (which counts
     * as done), and something else when that is not certain: `invalid_client` alone could be our own key or client id.
     */
    async deauthorize(request: { stripeUserId: string; livemode: boolean }): Promise<void> {
      const keys = keysFor(request.livemode);
      const answer = await post('/oauth/deauthorize', keys.secretKey, {
        client_id: keys.clientId,
        stripe_user_id: request.stripeUserId,
      });
      if (answer.ok && deauthorizeAnswer.safeParse(answer.body).data?.stripe_user_id === request.stripeUserId)
        return;
      const code = errorCode(answer.body);
      if (code === 'invalid_client' && saysNotConnected(answer.body, request.stripeUserId))
        throw new OAuthFailure('not_connected', code, answer.requestId);
      if (code === 'no_deauth_on_controlled_account')
        throw new OAuthFailure('controlled', code, answer.requestId);
      if (answer.ok || isNoDecision(answer.status) || code === null)
        throw new OAuthFailure('unanswered', code, answer.requestId);
      throw new OAuthFailure('platform', code, answer.requestId);
    },
  };

  function post(path: string, secretKey: string, fields: Record<string, string>) {
    return postOnce(new URL(path, settings.connectUrl), secretKey, fields);
  }
}

export type ConnectOAuth = ReturnType<typeof createConnectOAuth>;

const tokenAnswer = z.object({
  stripe_user_id: z.string().regex(/^acct_[A-Za-z0-9]{1,64}$/),
  livemode: z.boolean(),
  scope: z.string(),
  refresh_token: z.string().nullish(),
  stripe_publishable_key: z.string().nullish(),
});

const deauthorizeAnswer = z.object({ stripe_user_id: z.string() });

function saysNotConnected(body: unknown, account: string): boolean {
  const description = (body as { error_description?: unknown }).error_description;
  return (
    typeof description === 'string' &&
    description.includes(account) &&
    /not connected|no such.*connected|does not have access|is not.*connected/i.test(description)
  );
}
