import { type RequestHandler } from 'express';
import helmet from 'helmet';

/**
 * One policy for all pages: nothing from other hosts, no inline script or style, never in a frame. `form-action` lists
 * Stripe, since a redirect after a form post (connecting) counts as its target.
 */
export function securityHeaders(settings: { production: boolean; connectUrl: string }): RequestHandler {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        frameSrc: ["'self'"],
        manifestSrc: ["'self'"],
        formAction: ["'self'", settings.connectUrl],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    },
    strictTransportSecurity: settings.production ? { maxAge: 63_072_000, includeSubDomains: true } : false,
    // no-referrer would make browsers send `Origin: null` on our own form posts
    referrerPolicy: { policy: 'same-origin' },
    crossOriginEmbedderPolicy: false,
    xFrameOptions: { action: 'deny' },
  });
}

/** Private pages are never kept: not by a proxy, not for the Back button after signing out. */
export const noStore: RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-store');
  next();
};

/** For the one page that reads codes from a camera: its library decodes in a worker that it makes from a blob. */
export const cameraPage: RequestHandler = (_req, res, next) => {
  const policy = String(res.getHeader('Content-Security-Policy') ?? '');
  res.set('Content-Security-Policy', `${policy};worker-src 'self' blob:`);
  next();
};
