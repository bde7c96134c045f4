/** Our side of the library that speaks OAuth 2.0 (decision 0023). */
import OAuth2Server from '@node-oauth/oauth2-server';
import { type OAuthClient } from './oauth-clients';

type Model = OAuth2Server.AuthorizationCodeModel & OAuth2Server.RefreshTokenModel;

/** The library asks a model for what the step at hand needs, and its types for everything. */
export function createServer(model: Partial<Record<keyof Model, unknown>>): OAuth2Server {
  return new OAuth2Server({ model: model as Model });
}

export function toLibraryClient(client: OAuthClient): OAuth2Server.Client {
  return {
    id: client.id,
    redirectUris: client.redirectUris,
    grants: ['authorization_code', 'refresh_token'],
  };
}

/** Each parameter as text; null where one came twice, which RFC 6749 (3.1, 3.2) forbids, or is no text. */
export function singleParameters(given: unknown): Record<string, string> | null {
  const parameters: Record<string, string> = {};
  for (const [name, value] of Object.entries((given ?? {}) as Record<string, unknown>)) {
    if (typeof value !== 'string') return null;
    parameters[name] = value;
  }
  return parameters;
}
