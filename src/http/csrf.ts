import csurf from 'csurf';
import { type RequestHandler } from 'express';

/**
 * csurf in session mode. The token is read from the body only: csurf would take it from the query string too, where it
 * would end up in logs and referrers.
 */
export function csrfProtection(): RequestHandler {
  return csurf({
    cookie: false,
    value: (req) => {
      const token: unknown = req.body?._csrf;
      return typeof token === 'string' ? token : '';
    },
  });
}
