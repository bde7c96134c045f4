/**
 * The extension's backend as a client of Foyer's own OAuth, by `fetch` like any other client. A code or refresh token is
 * sent once: no answer means that nobody knows whether it was used up.
 */
import { z } from 'zod';
import { type Config } from '../config';
import { isInsideTransaction } from '../db/connection';
import { findClient, type OAuthClient, STRIPE_APP_CLIENT_ID } from '../oauth-provider/oauth-clients';
import { paths } from '../paths';

const TIMEOUT_MS = 8000;
/** What a payment's order needs, and no more. */
const SCOPE = 'orders:read';

export interface FoyerTokens {
  accessToken: string;
  refreshToken: string;
  /** seconds */
  expiresIn: number;
}

/** `refused`: the code or token counts for nothing (any more). `unanswered`: nobody knows. `setup`: our own settings. */
export class FoyerOAuthFailure extends Error {
  constructor(readonly problem: 'refused' | 'unanswered' | 'setup') {
    super(`Foyer’s own OAuth: ${problem}`);
    this.name = 'FoyerOAuthFailure';
  }
}

export function createFoyerOAuth({ baseUrl, oauthClients }: Pick<Config, 'baseUrl' | 'oauthClients'>) {
  function client(): OAuthClient {
    const found = findClient(oauthClients, STRIPE_APP_CLIENT_ID);
    if (!found?.secrets[0]) throw new FoyerOAuthFailure('setup');
    return found;
  }

  /** Where people come back to; both spellings are in use, and this is the one that we send. */
  const redirectUri = baseUrl + paths.dashboardSignIn();

  return {
    authorizeUrl({ state, codeChallenge }: { state: string; codeChallenge: string }): string {
      const url = new URL(paths.oauthAuthorize(), baseUrl);
      url.search = new URLSearchParams({
        response_type: 'code',
        client_id: client().id,
        redirect_uri: redirectUri,
        scope: SCOPE,
        state,
        code_challenge: codeChallenge,
        code_challenge_method: 'S256',
      }).toString();
      return url.href;
    },

    /** Exchanges a code, once. */
    async exchangeCode(request: { code: string; verifier: string }): Promise<FoyerTokens> {
      return tokens({
        grant_type: 'authorization_code',
        code: request.code,
        redirect_uri: redirectUri,
        code_verifier: request.verifier,
      });
    },

    /** Renews; the refresh token is used up by it. */
    async refresh(refreshToken: string): Promise<FoyerTokens> {
      return tokens({ grant_type: 'refresh_token', refresh_token: refreshToken });
    },

    /** Ends all that came of the same consent. A token that is dead already counts as ended. */
    async revoke(refreshToken: string): Promise<void> {
      const { status } = await post(paths.oauthRevocation(), {
        token: refreshToken,
        token_type_hint: 'refresh_token',
      });
      if (status !== 200)
        throw new FoyerOAuthFailure(status >= 500 || status === 429 ? 'unanswered' : 'setup');
    },
  };

  async function tokens(fields: Record<string, string>): Promise<FoyerTokens> {
    const { status, body } = await post(paths.oauthToken(), fields);
    const parsed = tokenAnswer.safeParse(body);
    if (status === 200 && parsed.success)
      return {
        accessToken: parsed.data.access_token,
        refreshToken: parsed.data.refresh_token,
        expiresIn: parsed.data.expires_in,
      };
    const error = (body as { error?: unknown } | null)?.error;
    if (status === 400 && error === 'invalid_grant') throw new FoyerOAuthFailure('refused');
    throw new FoyerOAuthFailure(status === 400 || status === 401 ? 'setup' : 'unanswered');
  }

  async function post(path: string, fields: Record<string, string>) {
    if (isInsideTransaction()) throw new Error('No call over the network inside a database transaction');
    const { id, secrets } = client();
    try {
      const response = await fetch(new URL(path, baseUrl), {
        method: 'POST',
        headers: {
          Authorization: `Basic ${Buffer.from(`${id}:${secrets[0]!}`).toString('base64')}`,
          'Content-Type': 'application/x-www-form-urlencoded',
          Accept: 'application/json',
        },
        body: new URLSearchParams(fields).toString(),
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return { status: response.status, body: parseJson(await response.text()) };
    } catch {
      // Not passed on as a cause: an error of fetch may quote the request.
      throw new FoyerOAuthFailure('unanswered');
    }
  }
}

const tokenAnswer = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1),
  expires_in: z.number().positive(),
});

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
