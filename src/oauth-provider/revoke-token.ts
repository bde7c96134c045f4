import OAuth2Server from '@node-oauth/oauth2-server';
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { endGrants } from './end-grants';
import { createGrantsStore } from './grants-store';
import { authenticateClient, type OAuthClient } from './oauth-clients';

/**
 * RFC 7009, which the library leaves to us. Either token ends all that came of the same consent. A token that is unknown,
 * dead or another client's is nothing to tell of.
 */
export async function revokeToken(
  { db, clients }: { db: Knex; clients: OAuthClient[] },
  { authorization, body }: { authorization: string | undefined; body: Record<string, string> },
): Promise<void> {
  const { id, secret } = readBasic(authorization) ?? { id: body['client_id'], secret: body['client_secret'] };
  const client = authenticateClient(clients, id, secret);
  if (!client) throw new OAuth2Server.InvalidClientError('Invalid client: client is invalid', { code: 401 });
  const { token } = body;
  if (!token) throw new OAuth2Server.InvalidRequestError('Missing parameter: `token`');
  await inTransaction(db, async (trx) => {
    const grant = await createGrantsStore(trx).findByToken(token);
    if (grant?.clientId === client.id) await endGrants(trx, { id: grant.id }, 'client');
  });
}

/** HTTP Basic (RFC 7617). Ids and secrets have no letters that would be written otherwise in a form (RFC 6749, 2.3.1). */
function readBasic(authorization: string | undefined): { id: string; secret: string } | null {
  const encoded = /^Basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization ?? '')?.[1];
  const pair = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString('utf8'));
  return pair && { id: pair[1]!, secret: pair[2]! };
}
