/**
 * What was typed into a long form is not lost when its session ran out. The refused post changes nothing; its page
 * carries the words along, encrypted, and one press takes them through signing in and back into the form. Nothing is
 * ever sent for the person: they see the form with their words in it and press its button again.
 */
import { type ErrorRequestHandler, type Request, type RequestHandler, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { BadRequest } from '../errors';
import { isUuid } from '../lib/ids';
import { paths } from '../paths';
import { type Notice, renderPage } from './views';

const KEPT_FOR_SECONDS = 2 * 60 * 60;
const CONTEXT = 'kept-form';
/** No field of these forms is secret; a form that gets one some day must not have it kept. */
const NEVER_KEPT = /^_csrf$|password|code|secret|token/i;

export interface KeptForm {
  /** the page that shows this form */
  page: string;
  values: Record<string, string>;
  /** seconds of the epoch */
  at: number;
}

type Sealing = Pick<Dependencies, 'encryption'>;

/** After csurf: a long form whose token no longer fits is answered with a page that holds on to what was typed. */
export function keepExpiredForms({ encryption }: Sealing): ErrorRequestHandler {
  return (error: { code?: string }, req, res, next) => {
    const kept = error?.code === 'EBADCSRFTOKEN' ? keptFormOf(req) : null;
    if (!kept) return next(error);
    res.set('Cache-Control', 'no-store');
    renderPage(
      req,
      res,
      'errors/expired-form',
      { title: 'This form has expired', status: 403, page: { notice: null } },
      { sealed: encryption.encrypt(JSON.stringify(kept), CONTEXT), signedIn: Boolean(req.currentUser) },
    );
  };
}

/** The next post of the same form, whole and with its token, takes the place of what was kept. */
export const forgetKeptForm: RequestHandler = (req, _res, next) => {
  if (req.method === 'POST' && req.session.keptForm && req.session.keptForm.page === pageOfForm(req))
    delete req.session.keptForm;
  next();
};

export function keptFormsRouter({ encryption }: Sealing): Router {
  const router = Router();

  router.post('/kept-forms', (req: Request, res: Response) => {
    const kept = unseal({ encryption }, req.body?.kept);
    if (!kept)
      throw new BadRequest('What you typed could not be read any more. Open the form and type it again.');
    req.session.keptForm = kept;
    res.redirect(303, kept.page);
  });

  return router;
}

/** What was typed into the form of this page before its session ran out; the form shows it instead of its own values. */
export function keptValues(req: Request): Record<string, string> | null {
  const kept = req.session.keptForm;
  const asked = kept && req.method === 'GET' && kept.page === req.path && isFresh(kept);
  return asked ? kept.values : null;
}

/** The notice of a page that shows a form with kept words in it. */
export function keptNotice(req: Request): { notice?: Notice } {
  if (!keptValues(req)) return {};
  const text = 'What you typed is back in the form. It is not saved yet: look it over and save it.';
  return { notice: { kind: 'warning', text } };
}

function unseal({ encryption }: Sealing, sealed: unknown): KeptForm | null {
  if (typeof sealed !== 'string' || sealed === '') return null;
  try {
    const kept = JSON.parse(encryption.decrypt(sealed, CONTEXT)) as KeptForm;
    return isFresh(kept) ? kept : null;
  } catch {
    return null;
  }
}

function isFresh({ at }: KeptForm): boolean {
  return nowInSeconds() - at < KEPT_FOR_SECONDS;
}

function keptFormOf(req: Request): KeptForm | null {
  const page = pageOfForm(req);
  if (!page) return null;
  const fields = Object.entries((req.body ?? {}) as Record<string, unknown>).filter(
    ([name]) => !NEVER_KEPT.test(name),
  );
  const values = fields.filter((field): field is [string, string] => typeof field[1] === 'string');
  // a doubled field is nothing that our forms send
  if (values.length === 0 || values.length < fields.length) return null;
  return { page, values: Object.fromEntries(values), at: nowInSeconds() };
}

/** The page whose form this request sends; null for forms that are short enough to be typed again. */
function pageOfForm(req: Request): string | null {
  if (req.method !== 'POST') return null;
  if (req.path === paths.events()) return paths.newEvent();
  if (req.path === paths.organizers()) return paths.newOrganizer();
  if (req.path === paths.stripeConnect() && req.body?.from === 'event_form')
    return isUuid(req.body.event_id) ? paths.editEvent(req.body.event_id) : paths.newEvent();
  return LONG_FORMS.some((form) => form.test(req.path)) ? req.path : null;
}

/** Shown and sent at the same address. */
const LONG_FORMS = [
  /^\/organizer\/events\/[0-9a-f-]{36}\/edit$/,
  /^\/organizer\/events\/[0-9a-f-]{36}\/cancellation$/,
  /^\/organizer\/organizers\/[0-9a-f-]{36}\/edit$/,
];

function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
