import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { type RequestHandler } from 'express';
import helmet from 'helmet';

interface Settings {
  production: boolean;
  connectUrl: string;
}

/** They are the same for every answer, so they are worked out once. */
export function securityHeaders(settings: Settings): RequestHandler {
  const headers = securityHeadersOf(settings);
  return function securityHeadersOfAll(_req, res, next) {
    for (const [name, value] of headers) res.setHeader(name, value);
    next();
  };
}

/**
 * One policy for all pages: nothing from other hosts, no inline script or style, never in a frame. `form-action` lists
 * Stripe, since a redirect after a form post (connecting) counts as its target.
 */
export function securityHeadersOf(settings: Settings): [name: string, value: string][] {
  const middleware = helmet({
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
  const req = new IncomingMessage(new Socket());
  const res = new ServerResponse(req);
  middleware(req, res, () => {});
  return Object.entries(res.getHeaders()).map(([name, value]) => [name, String(value)]);
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
