import OAuth2Server from '@node-oauth/oauth2-server';
import { type Request, type RequestHandler, type Response } from 'express';
import { TooManyRequests } from '../errors';

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
