/**
 * What programs call: tokens, their end, and who stands behind one. No session and no cookie, so no token against forged
 * forms: guarded by the client's authentication, and by the access token.
 */
import OAuth2Server from '@node-oauth/oauth2-server';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { TooManyRequests } from '../errors';
import { networkOf } from '../http/network';
import { type Limit } from '../http/rate-limits';
import { keyedHash } from '../lib/tokens';
import { createOrganizersStore } from '../organizers/organizers-store';
import { paths } from '../paths';
import { authenticateRequest } from './authenticate-bearer';
import { issueTokens } from './issue-tokens';
import { singleParameters } from './oauth-server';
import { revokeToken } from './revoke-token';

/** A server asks for all of its people from one network. */
const PER_NETWORK: Limit = { points: 600, seconds: 60 };

export function oauthTokensRouter({ config, db, logger, rateLimits }: Dependencies): Router {
  const router = Router();
  const clients = config.oauthClients;
  const form = express.urlencoded({ extended: false, limit: '16kb', parameterLimit: 50 });

  router.post(
    paths.oauthToken(),
    form,
    inJson(async (req, res) => {
      await countRequest(req);
      const body = req.body === undefined ? undefined : singleParameters(req.body);
      if (body === null) return refuseRepeated(res);
      const headers = req.headers as Record<string, string>;
      const answer = await issueTokens({ db, clients }, { headers, body });
      if (answer.status >= 400)
        logger.info({ requestId: req.id, error: answer.body['error'] }, 'a request for tokens was refused');
      res.set(answer.headers).status(answer.status).json(answer.body);
    }),
  );

  router.post(
    paths.oauthRevocation(),
    form,
    inJson(async (req, res) => {
      await countRequest(req);
      const body = singleParameters(req.body);
      if (body === null) return refuseRepeated(res);
      await revokeToken({ db, clients }, { authorization: req.get('authorization'), body });
      res.status(200).end();
    }),
  );

  router.get(
    paths.oauthWhoami(),
    inJson(async (req, res, headers) => {
      const { user, scopes } = await authenticateRequest({ db, config }, req, { headers });
      const organizers = await createOrganizersStore(db).listOfUser(user.id);
      res.json({
        ...user,
        // nobody else gets a token
        email_verified: true,
        scopes,
        organizers: organizers.map(({ id, name, role }) => ({ id, name, role })),
      });
    }),
  );

  return router;

  async function countRequest(req: Request): Promise<void> {
    const key = keyedHash(config.sessionSecrets[0]!, 'rate-limits', networkOf(req.ip));
    await rateLimits.consume(
      'oauth-token',
      key,
      PER_NETWORK,
      'Too many tries. Wait a minute, then ask again.',
    );
  }
}

function refuseRepeated(res: Response): void {
  const error_description = 'Invalid request: each parameter comes once';
  res.status(400).json({ error: 'invalid_request', error_description });
}

/** Answers a refusal as the RFCs have it, never as a page. Nothing of it is kept by anybody. */
export function inJson(
  handle: (req: Request, res: Response, headers: Record<string, string>) => Promise<void>,
): RequestHandler {
  return async (req, res) => {
    res.set({ 'Cache-Control': 'no-store', Pragma: 'no-cache' });
    const headers: Record<string, string> = {};
    try {
      await handle(req, res, headers);
    } catch (error) {
      if (error instanceof TooManyRequests) {
        res.set('Retry-After', String(error.retryAfterSeconds));
        res.status(429).json({ error: 'temporarily_unavailable', error_description: error.publicMessage });
        return;
      }
      if (!(error instanceof OAuth2Server.OAuthError) || error instanceof OAuth2Server.ServerError)
        throw (error as { inner?: unknown }).inner ?? error;
      res.set(headers).status(error.code);
      // who brought no token at all is told of no error (RFC 6750, 3.1)
      if (error instanceof OAuth2Server.UnauthorizedRequestError) res.json({ error: 'unauthorized' });
      else res.json({ error: error.name, error_description: error.message });
    }
  };
}
