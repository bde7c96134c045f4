/**
 * OAuth of the Stripe App: another install page, another token address and rolling refresh tokens
 * (docs.stripe.com/stripe-apps/api-authentication/oauth). One request for each code and each refresh token, without retry:
 * both are good for one use.
 */
import { z } from 'zod';
import { type StripeAppKeys, type StripeKeys } from '../config';
import { exchangeFailure, getOnce, isNoDecision, OAuthFailure, postOnce } from './oauth-request';

/** What Stripe says of neither: an access token lives an hour, a refresh token a year or until its one use. */
export const ACCESS_TOKEN_SECONDS = 60 * 60;
export const REFRESH_TOKEN_DAYS = 365;

export interface AppGrant {
  stripeUserId: string;
  livemode: boolean;
  scope: string;
  accessToken: string;
  refreshToken: string;
}

export function createAppOAuth(settings: { apiUrl: string; baseUrl: string; modes: StripeKeys[] }) {
  const redirectUri = `${settings.baseUrl}/stripe-app/callback`;
  const modes = settings.modes.filter(({ app }) => app).map(({ livemode }) => livemode);

  function keysFor(livemode: boolean): StripeAppKeys {
    const keys = settings.modes.find((candidate) => candidate.livemode === livemode)?.app;
    if (!keys) throw new OAuthFailure('platform');
    return keys;
  }

  return {
    redirectUri,
    /** In which modes there is an app to install; none: Foyer has no app. */
    modes,

    /** Whether an application that Stripe names is this app of a mode. */
    isApp(clientId: unknown, livemode: boolean): boolean {
      return typeof clientId === 'string' && modes.includes(livemode)
        ? keysFor(livemode).clientId === clientId
        : false;
    },

    clientIds: () => modes.map((livemode) => keysFor(livemode).clientId),

    /** Where a person allows the app on an account of theirs. */
    installUrl(request: { livemode: boolean; state: string }): string {
      const keys = keysFor(request.livemode);
      const url = new URL(keys.installUrl);
      url.searchParams.set('client_id', keys.clientId);
      url.searchParams.set('redirect_uri', redirectUri);
      url.searchParams.set('state', request.state);
      return url.toString();
    },

    /** Exchanges a code, once. Throws OAuthFailure; after `unanswered` or `nonsense` nobody knows, so nothing is installed. */
    exchangeCode(request: { code: string; livemode: boolean }): Promise<AppGrant> {
      return requestTokens(request.livemode, { grant_type: 'authorization_code', code: request.code });
    },

    /**
     * Exchanges a refresh token for a new pair; the old one is dead from then on. Throws OAuthFailure `code_rejected` where
     * Stripe does not know it (any more), which somebody else's refresh a moment ago also looks like.
     */
    refresh(request: { refreshToken: string; livemode: boolean }): Promise<AppGrant> {
      return requestTokens(request.livemode, {
        grant_type: 'refresh_token',
        refresh_token: request.refreshToken,
      });
    },

    /**
     * Asks Stripe with an access token whose it is. `accepted` also where the token may not read the account (403): it was
     * recognized. Throws OAuthFailure `unanswered` where Stripe does not say.
     */
    async checkToken(request: {
      accessToken: string;
      stripeUserId: string;
    }): Promise<'accepted' | 'refused' | 'other_account'> {
      const answer = await getOnce(new URL('/v1/account', settings.apiUrl), request.accessToken);
      if (answer.status === 401) return 'refused';
      if (answer.status === 403) return 'accepted';
      const account = accountAnswer.safeParse(answer.body);
      if (!answer.ok || isNoDecision(answer.status) || !account.success)
        throw new OAuthFailure('unanswered', null, answer.requestId);
      return account.data.id === request.stripeUserId ? 'accepted' : 'other_account';
    },
  };

  async function requestTokens(livemode: boolean, fields: Record<string, string>): Promise<AppGrant> {
    const answer = await postOnce(
      new URL('/v1/oauth/token', settings.apiUrl),
      keysFor(livemode).secretKey,
      fields,
    );
    const parsed = tokenAnswer.safeParse(answer.body);
    if (!answer.ok || !parsed.success) throw exchangeFailure(answer);
    const { stripe_user_id, scope, access_token, refresh_token } = parsed.data;
    return {
      stripeUserId: stripe_user_id,
      livemode: parsed.data.livemode,
      scope,
      accessToken: access_token,
      refreshToken: refresh_token,
    };
  }
}

export type AppOAuth = ReturnType<typeof createAppOAuth>;

const tokenAnswer = z.object({
  stripe_user_id: z.string().regex(/^acct_[A-Za-z0-9]{1,64}$/),
  livemode: z.boolean(),
  scope: z.string(),
  access_token: z.string().min(8).max(500),
  refresh_token: z.string().min(8).max(500),
});

const accountAnswer = z.object({ id: z.string() });
