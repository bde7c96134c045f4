/**
 * The token endpoint's rules (RFC 6749, 4.1.3 and 6; RFC 7636; RFC 9700, 4.14). The protocol is the library's; what is
 * stored, and that each code and refresh token counts once, is ours. Invariant: of one consent there is at any time one
 * refresh token that works. One that is presented again ends all that came of that consent.
 */
import OAuth2Server from '@node-oauth/oauth2-server';
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { endGrants } from './end-grants';
import { ACCESS_TOKEN_SECONDS, createGrantsStore, type Presented } from './grants-store';
import { authenticateClient, findClient, type OAuthClient, type Scope } from './oauth-clients';
import { createServer, toLibraryClient } from './oauth-server';

const { InvalidScopeError, OAuthError, ServerError } = OAuth2Server;

export interface TokenAnswer {
  status: number;
  body: Record<string, unknown>;
  headers: Record<string, string>;
}

interface TokenRequest {
  headers: Record<string, string>;
  /** each parameter once */
  body: Record<string, string> | undefined;
}

/** Answers as RFC 6749 has it, for refusals too; throws only what is our own fault. */
export async function issueTokens(
  { db, clients }: { db: Knex; clients: OAuthClient[] },
  { headers, body }: TokenRequest,
): Promise<TokenAnswer> {
  return inTransaction(db, async (trx) => {
    const request = new OAuth2Server.Request({ headers, method: 'POST', query: {}, body });
    const response = new OAuth2Server.Response();
    const server = createServer(tokenModel(trx, clients));
    try {
      // who has no secret says so by leaving it out: `getClient` knows of whom it is required
      await server.token(request, response, {
        accessTokenLifetime: ACCESS_TOKEN_SECONDS,
        requireClientAuthentication: { authorization_code: false, refresh_token: false },
      });
      return { status: 200, body: response.body, headers: response.headers ?? {} };
    } catch (error) {
      // Ours, or a request for more than there is: nothing is used up by it. All other refusals stay written.
      if (!(error instanceof OAuthError) || error instanceof ServerError)
        throw (error as { inner?: unknown }).inner ?? error;
      if (error instanceof InvalidScopeError) throw new Refused(refusal(error, response.headers));
      return refusal(error, response.headers);
    }
  }).catch((error: unknown) => {
    if (error instanceof Refused) return error.answer;
    throw error;
  });
}

/** Takes the transaction back, and is an answer all the same. */
class Refused extends Error {
  constructor(readonly answer: TokenAnswer) {
    super('refused');
  }
}

function refusal(
  { code, name, message }: OAuth2Server.OAuthError,
  headers: Record<string, string> = {},
): TokenAnswer {
  return { status: code, body: { error: name, error_description: message }, headers };
}

function tokenModel(trx: Knex, clients: OAuthClient[]) {
  const grants = createGrantsStore(trx);

  return {
    async getClient(id: string, secret: string) {
      const client = authenticateClient(clients, id, secret);
      return client && toLibraryClient(client);
    },

    async getAuthorizationCode(code: string) {
      const presented = await grants.lockCode(code);
      if (!(await isGood(presented, presented?.state === 'used_just_now'))) return null;
      return {
        authorizationCode: code,
        expiresAt: inAMinute(),
        redirectUri: presented!.redirectUri,
        ...(presented!.codeChallenge
          ? { codeChallenge: presented!.codeChallenge, codeChallengeMethod: 'S256' }
          : {}),
        ...belongings(presented!),
      };
    },

    revokeAuthorizationCode: ({ authorizationCode }: { authorizationCode: string }) =>
      grants.consumeCode(authorizationCode),

    async getRefreshToken(token: string) {
      const presented = await grants.lockRefreshToken(token);
      if (!(await isGood(presented, false))) return null;
      return { refreshToken: token, refreshTokenExpiresAt: inAMinute(), ...belongings(presented!) };
    },

    revokeToken: ({ refreshToken }: { refreshToken: string }) => grants.consumeRefreshToken(refreshToken),

    async saveToken(token: OAuth2Server.Token, client: OAuth2Server.Client, user: OAuth2Server.User) {
      const scopes = (token.scope ?? []) as Scope[];
      return { ...token, ...(await grants.issueTokens(user['grantId'], scopes)), client, user };
    },
  };

  /** Presented again, by the client or by who stole it: nobody can tell, so all of it ends (RFC 9700, 4.14.2). */
  async function isGood(presented: Presented | null, replayed: boolean): Promise<boolean> {
    if (presented?.state === 'used' || replayed)
      await endGrants(trx, { id: presented!.grant.id }, 'replayed');
    return presented?.state === 'good';
  }

  function belongings({ grant }: Presented) {
    const client = findClient(clients, grant.clientId);
    return {
      // what the client may ask for can have become less since
      scope: grant.scopes.filter((scope) => client?.scopes.includes(scope)),
      client: client ? toLibraryClient(client) : { id: grant.clientId, grants: [] },
      user: { id: grant.userId, grantId: grant.id },
    };
  }
}

/** The database has said that it has not expired; the library wants a time. */
function inAMinute(): Date {
  return new Date(Date.now() + 60_000);
}
