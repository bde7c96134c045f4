import { type Request, type RequestHandler, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { emptyForm, type Form, parseForm, readFields } from '../http/forms';
import { renderPage } from '../http/views';
import { addJob } from '../jobs/jobs';
import { paths } from '../paths';
import { createAccountLimits } from './account-limits';
import { forgottenPasswordForm, newPasswordForm } from './accounts-forms';
import { findResettable, resetPassword } from './password-reset';
import { createPasswords } from './passwords';

/** A forgotten password: asking for the mail, and what its link opens. */
export function passwordResetRouter({ config, db, rateLimits }: Dependencies): Router {
  const router = Router();
  const passwords = createPasswords();
  const limits = createAccountLimits(rateLimits, config.sessionSecrets[0]!);

  router.get(paths.forgottenPassword(), (req: Request, res: Response) => {
    showRequest(req, res, emptyForm, req.query['sent'] === '1');
  });

  /** Known or unknown, the answer is the same, and takes as long: what is different happens in the worker. */
  router.post(paths.forgottenPassword(), async (req: Request, res: Response) => {
    const parsed = parseForm(forgottenPasswordForm, req.body);
    if (!parsed.ok) return showRequest(req, res, parsed.form, false);
    await limits.countResetRequest(parsed.data.email, req.ip);
    await addJob(db, 'mail_password_reset', { email: parsed.data.email });
    res.redirect(303, `${paths.forgottenPassword()}?sent=1`);
  });

  router.get('/password-resets/:token', noReferrer, async (req: Request, res: Response) => {
    const user = await findResettable(db, req.params['token']);
    if (!user) return showDeadLink(req, res);
    showReset(req, res, emptyForm);
  });

  router.post('/password-resets/:token', noReferrer, async (req: Request, res: Response) => {
    const token = req.params['token'];
    readFields(req.body);
    const user = await findResettable(db, token);
    if (!user) return showDeadLink(req, res);
    const parsed = parseForm(newPasswordForm(user), req.body, { secret: ['password'] });
    if (!parsed.ok) return showReset(req, res, parsed.form);
    const changed = await resetPassword(
      db,
      token,
      await passwords.hash(parsed.data.password),
      config.baseUrl,
    );
    if (!changed) return showDeadLink(req, res);
    await limits.forgetSignIns(changed.email);
    req.leaveNotice({
      kind: 'success',
      text: 'Your password is changed, and you are signed out everywhere. Sign in with the new one.',
    });
    res.redirect(303, paths.signIn());
  });

  return router;
}

/** The address of this page is a secret: it goes to no other page. */
const noReferrer: RequestHandler = (_req, res, next) => {
  res.set('Referrer-Policy', 'no-referrer').set('X-Robots-Tag', 'noindex');
  next();
};

function showRequest(req: Request, res: Response, form: Form, sent: boolean): void {
  renderPage(
    req,
    res,
    'accounts/forgotten-password',
    { title: sent ? 'Look into your mailbox' : 'Forgotten password', status: statusOf(form) },
    { form, sent },
  );
}

function showReset(req: Request, res: Response, form: Form): void {
  renderPage(
    req,
    res,
    'accounts/password-reset',
    { title: 'Choose a new password', status: statusOf(form) },
    { form, formPath: req.path },
  );
}

function showDeadLink(req: Request, res: Response): void {
  renderPage(req, res, 'accounts/password-reset-dead', { title: 'This link is used up', status: 404 }, {});
}

function statusOf(form: Form): number {
  return Object.keys(form.errors).length > 0 ? 422 : 200;
}
