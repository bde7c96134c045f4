/**
 * The authorize endpoint's rules (RFC 6749, 4.1.1; RFC 7636; RFC 9207). A request is looked at and answered by the same
 * code of the library; looking keeps nothing. Invariant: nobody is sent to an address that is not the client's own.
 */
import OAuth2Server from '@node-oauth/oauth2-server';
import { newSecretToken } from '../lib/tokens';
import { findClient, type OAuthClient, type Scope } from './oauth-clients';
import { createServer, toLibraryClient } from './oauth-server';

const PARAMETERS = [
  'response_type',
  'client_id',
  'redirect_uri',
  'scope',
  'state',
  'code_challenge',
  'code_challenge_method',
] as const;

export type AuthorizeParameters = Partial<Record<(typeof PARAMETERS)[number], string>>;

export interface NewCode {
  code: string;
  client: OAuthClient;
  scopes: Scope[];
  redirectUri: string;
  codeChallenge: string | null;
}

export type Outcome =
  /** nothing is wrong with it: `client` asks for `scopes` */
  | { kind: 'asks'; client: OAuthClient; scopes: Scope[] }
  /** the browser goes to the client with a code or an error */
  | { kind: 'leads_back'; client: OAuthClient; to: string }
  /** nobody knows where to */
  | { kind: 'refused' };

/** Only what the protocol knows. Null where a parameter came twice. */
export function readAuthorizeParameters(given: Record<string, string> | null): AuthorizeParameters | null {
  return (
    given && Object.fromEntries(PARAMETERS.filter((name) => given[name]).map((name) => [name, given[name]]))
  );
}

interface Provider {
  clients: OAuthClient[];
  /** this server's name for itself */
  issuer: string;
}

/** What a request is about, before anybody was asked. */
export async function lookAtRequest(provider: Provider, parameters: AuthorizeParameters): Promise<Outcome> {
  let asked: NewCode | null = null;
  const outcome = await run(provider, parameters, {
    allowed: true,
    keep: async (code) => void (asked = code),
  });
  if (!asked) return outcome;
  const { client, scopes } = asked as NewCode;
  return { kind: 'asks', client, scopes };
}

/** The person's answer. `keep` stores the code with what was allowed; when it throws, so does this. */
export async function answerRequest(
  provider: Provider,
  parameters: AuthorizeParameters,
  answer: { allowed: boolean; keep: (code: NewCode) => Promise<void> },
): Promise<Outcome> {
  return run(provider, parameters, answer);
}

async function run(
  { clients, issuer }: Provider,
  parameters: AuthorizeParameters,
  { allowed, keep }: { allowed: boolean; keep: (code: NewCode) => Promise<void> },
): Promise<Outcome> {
  const client = findClient(clients, parameters.client_id);
  // the library would take the first of its addresses
  if (!client || !parameters.redirect_uri) return { kind: 'refused' };
  const server = createServer({
    getClient: async () => toLibraryClient(client),
    validateScope: async (_user: unknown, _client: unknown, asked: string[] = client.scopes) =>
      asked.every((scope) => client.scopes.includes(scope as Scope)) && [...new Set(asked)],
    generateAuthorizationCode: async () => {
      demandProof(client, parameters);
      return newSecretToken();
    },
    async saveAuthorizationCode(code: OAuth2Server.AuthorizationCode) {
      await keep({
        code: code.authorizationCode,
        client,
        scopes: code.scope as Scope[],
        redirectUri: code.redirectUri,
        codeChallenge: parameters.code_challenge ?? null,
      });
      return code;
    },
    getAccessToken: async () => null,
  });
  const request = new OAuth2Server.Request({
    headers: {},
    method: 'POST',
    query: {},
    body: { ...parameters, allowed: String(allowed) },
  });
  const response = new OAuth2Server.Response();
  try {
    await server.authorize(request, response, { authenticateHandler: { handle: () => ({}) } });
  } catch (error) {
    if (!(error instanceof OAuth2Server.OAuthError) || error instanceof OAuth2Server.ServerError)
      throw (error as { inner?: unknown }).inner ?? error;
  }
  const location = response.headers?.['location'];
  if (!location) return { kind: 'refused' };
  const to = new URL(location);
  to.searchParams.set('iss', issuer);
  return { kind: 'leads_back', client, to: to.href };
}

/**
 * PKCE with S256, and nothing less (RFC 7636, 4.4.1): a missing method would mean plain. Who has no secret needs it; who has
 * one may do without.
 */
function demandProof(client: OAuthClient, parameters: AuthorizeParameters): void {
  const { code_challenge: challenge, code_challenge_method: method } = parameters;
  if (!challenge && !method && client.secrets.length > 0) return;
  if (!challenge) throw new OAuth2Server.InvalidRequestError('Missing parameter: `code_challenge`');
  if (method !== 'S256')
    throw new OAuth2Server.InvalidRequestError('Invalid parameter: `code_challenge_method` is not S256');
  if (!/^[\w-]{43}$/.test(challenge))
    throw new OAuth2Server.InvalidRequestError('Invalid parameter: `code_challenge`');
}
