/**
 * Tokens and their end, for programs. No session and no cookie, so no token against forged forms: guarded by the client's
 * authentication.
 */
import express, { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { networkOf } from '../http/network';
import { type Limit } from '../http/rate-limits';
import { keyedHash } from '../lib/tokens';
import { paths } from '../paths';
import { inJson } from './in-json';
import { issueTokens } from './issue-tokens';
import { singleParameters } from './oauth-server';
import { revokeToken } from './revoke-token';

/** A server asks for all of its people from one network. */
const PER_NETWORK: Limit = { points: 600, seconds: 60 };

export function oauthTokensRouter({ config, db, logger, rateLimits }: Dependencies): Router {
  const router = Router();
  const clients = config.oauthClients;
  const form = express.urlencoded({ extended: false, limit: '64kb', parameterLimit: 1000 });

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
