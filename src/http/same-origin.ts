import { type RequestHandler } from 'express';
import { Forbidden } from '../errors';

/**
 * Refuses state-changing requests that another site made. It is the whole guard of the guest's order forms, which carry
 * no session (their address is their secret), and a second one for all others. Browsers send `Sec-Fetch-Site` or at
 * least `Origin`; a request with neither comes from no browser page and carries nobody's ambient authority.
 */
export function sameOriginOnly(baseUrl: string): RequestHandler {
  return (req, _res, next) => {
    if (req.method === 'GET' || req.method === 'HEAD') return next();
    const site = req.get('sec-fetch-site');
    const origin = req.get('origin');
    const allowed = site
      ? site === 'same-origin' || site === 'none'
      : origin === undefined || origin === baseUrl || isOwnHost(origin, req.get('host'));
    if (!allowed)
      throw new Forbidden(
        'This form came from another site, so nothing was changed. Open the page here and try again.',
        'Form not accepted',
      );
    next();
  };
}

/** In development people open Foyer as localhost, 127.0.0.1 or a name of their own. */
function isOwnHost(origin: string, host: string | undefined): boolean {
  try {
    return host !== undefined && new URL(origin).host === host;
  } catch {
    return false;
  }
}
