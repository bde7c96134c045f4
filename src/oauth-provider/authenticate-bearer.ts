/** Who stands behind an access token (RFC 6750): in the header alone, cookies count for nothing. */
import OAuth2Server from '@node-oauth/oauth2-server';
import { type Request } from 'express';
import { type Knex } from 'knex';
import { type Dependencies } from '../dependencies';
import { type Access, createGrantsStore } from './grants-store';
import { findClient, type OAuthClient, type Scope } from './oauth-clients';
import { createServer } from './oauth-server';

type Bearer = Pick<Access, 'user' | 'scopes'>;

/**
 * The person and what may be seen of theirs, or null: for a token that is unknown, expired, ended or without `scope`, and
 * for people whose account is disabled.
 */
export async function authenticateBearer(
  { db, config }: Pick<Dependencies, 'db' | 'config'>,
  token: string,
  scope?: Scope,
): Promise<Bearer | null> {
  const access = await findAccess(db, config.oauthClients, token);
  if (!access || (scope && !access.scopes.includes(scope))) return null;
  await createGrantsStore(db).noteUse(access.grantId);
  return access;
}

/**
 * The same for a request. Throws the library's errors (`invalid_request`, `invalid_token`, `insufficient_scope`,
 * `unauthorized_request`); `headers` gets what belongs to them.
 */
export async function authenticateRequest(
  { db, config }: Pick<Dependencies, 'db' | 'config'>,
  req: Request,
  { scope, headers }: { scope?: Scope; headers: Record<string, string> },
): Promise<Access> {
  const server = createServer({
    async getAccessToken(token: string) {
      const access = await findAccess(db, config.oauthClients, token);
      return access && { accessTokenExpiresAt: access.expiresAt, user: access.user, access };
    },
    verifyScope: async ({ access }: { access: Access }, needed: Scope[]) =>
      needed.every((one) => access.scopes.includes(one)),
  });
  const request = new OAuth2Server.Request({
    headers: req.headers as Record<string, string>,
    method: req.method,
    query: 'access_token' in req.query ? { access_token: 'in the address' } : {},
  });
  const response = new OAuth2Server.Response();
  try {
    const token = await server.authenticate(request, response, {
      ...(scope ? { scope: [scope] } : {}),
      addAcceptedScopesHeader: false,
      addAuthorizedScopesHeader: false,
    });
    const access = token['access'] as Access;
    await createGrantsStore(db).noteUse(access.grantId);
    return access;
  } finally {
    Object.assign(headers, response.headers);
  }
}

/** What the token opens, less what its client may not ask for any more. */
async function findAccess(db: Knex, clients: OAuthClient[], token: string): Promise<Access | null> {
  if (token === '' || token.length > 200) return null;
  const access = await createGrantsStore(db).findAccess(token);
  const client = access && findClient(clients, access.clientId);
  if (!client) return null;
  return { ...access, scopes: access.scopes.filter((scope) => client.scopes.includes(scope)) };
}
