/** The one error handler: every failure ends here as a page with words, and a 500 shows a request id and nothing else. */
import { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import { type Logger } from 'pino';
import { isDatabaseUnavailable } from '../db/connection';
import { AppError, Unavailable } from '../errors';
import { paths } from '../paths';
import { renderPage } from './views';

const HEADINGS: Record<number, string> = {
  400: 'That request does not work',
  403: 'You can not do this here',
  404: 'Page not found',
  405: 'This address works differently',
  409: 'Something changed meanwhile',
  413: 'That was too large',
  422: 'Please check what you entered',
  429: 'Too many tries',
  500: 'Something went wrong on our side',
  503: 'Please try again in a moment',
};

export const pageNotFound: RequestHandler = (req, res) => {
  showError(req, res, {
    status: 404,
    heading: null,
    message: "We can't find this page. Check the address, or start from the front page.",
  });
};

export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    const known = describe(error);
    if (known.status >= 500)
      logger.error(
        { requestId: req.id, err: error },
        known.status === 503 ? 'answered 503' : 'unexpected error',
      );
    if (res.headersSent) return next(error);
    if (known.retryAfterSeconds) res.set('Retry-After', String(known.retryAfterSeconds));
    res.set('Cache-Control', 'no-store');
    try {
      showError(req, res, known);
    } catch (renderError) {
      logger.error({ requestId: req.id, err: renderError }, 'the error page failed');
      res.type('text/plain').send('Something went wrong on our side.');
    }
  };
}

interface Shown {
  status: number;
  heading: string | null;
  message: string;
  retryAfterSeconds?: number | null;
}

function describe(error: unknown): Shown {
  if (error instanceof AppError)
    return {
      status: error.status,
      heading: error.heading,
      message: error.publicMessage,
      retryAfterSeconds: error.retryAfterSeconds,
    };
  if (isDatabaseUnavailable(error)) return describe(new Unavailable());
  const { code, status, type } = (error ?? {}) as { code?: string; status?: number; type?: string };
  if (code === 'EBADCSRFTOKEN') {
    return {
      status: 403,
      heading: 'This form has expired',
      message:
        'Nothing was changed. Go back, reload the page and send the form again. If you were signed out, sign in first.',
    };
  }
  if (type === 'entity.too.large')
    return {
      status: 413,
      heading: null,
      message: 'Nothing was changed. Shorten what you entered and send it again.',
    };
  if (typeof status === 'number' && status >= 400 && status < 500)
    return {
      status,
      heading: null,
      message: 'Foyer could not read this request. Nothing was changed. Go back and try again.',
    };
  return {
    status: 500,
    heading: null,
    message:
      'Nobody was charged by this page. Try again in a moment. If it happens again, tell us the request number below.',
  };
}

function showError(req: Request, res: Response, shown: Shown): void {
  const wantsPage = req.accepts(['html', 'json']) !== 'json';
  const heading = shown.heading ?? HEADINGS[shown.status] ?? 'That request does not work';
  if (!wantsPage) {
    res.status(shown.status).json({ error: heading, message: shown.message, requestId: req.id });
    return;
  }
  renderPage(
    req,
    res,
    'errors/error',
    // an error page must not need a session, a token or the database
    { title: heading, status: shown.status, page: { csrfToken: null, user: null, notice: null } },
    {
      status: shown.status,
      heading,
      message: shown.message,
      requestId: String(req.id ?? ''),
      action: { href: paths.home(), label: 'Go to the front page' },
    },
  );
}
