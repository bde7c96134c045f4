import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { currentUser, requireUser, safeReturnPath } from '../http/current-user';
import { emptyForm, type Form, parseForm, withErrors } from '../http/forms';
import { type Notice, renderPage } from '../http/views';
import { paths } from '../paths';
import { createAccountLimits } from './account-limits';
import { confirmPasswordForm, signInForm, signUpForm } from './accounts-forms';
import { createPasswords } from './passwords';
import { signIn } from './sign-in';
import { signUp } from './sign-up';
import { beginHalfSession, beginSession, endSession, refreshSession } from './signed-in-session';
import { createTwoFactorStore } from './two-factor-store';
import { createUsersStore, type User } from './users-store';

const SIGN_IN_REFUSED = 'The email address or the password is not right. Check both and try again.';
const SIGN_UP_REFUSED = 'We could not create this account. If you already have one, sign in.';
const PASSWORD_REFUSED = 'This is not your password. Check it and try again.';

/** Signing up, in and out, and giving the password again before something grave. */
export function accountsRouter({ config, db, rateLimits }: Dependencies): Router {
  const router = Router();
  const users = createUsersStore(db);
  const passwords = createPasswords();
  const limits = createAccountLimits(rateLimits, config.sessionSecrets[0]!);
  const secureCookie = config.baseUrl.startsWith('https://');

  router.get('/sign-up', (req: Request, res: Response) => {
    const next = safeReturnPath(req.query['next']);
    if (req.currentUser) return res.redirect(303, next ?? paths.desk());
    showSignUp(req, res, emptyForm, next);
  });

  router.post('/sign-up', async (req: Request, res: Response) => {
    const next = safeReturnPath(req.body?.next);
    if (req.currentUser) return res.redirect(303, next ?? paths.desk());
    const parsed = parseForm(signUpForm, req.body, { secret: ['password'] });
    if (!parsed.ok) return showSignUp(req, res, parsed.form, next);
    const { name, email, password } = parsed.data;
    const user = await signUp(
      { db, users, passwords, limits, baseUrl: config.baseUrl },
      { name, email, password, address: req.ip },
    );
    if (!user) return showSignUp(req, res, withErrors(parsed.form, { form: SIGN_UP_REFUSED }), next);
    await enter(req, res, user, next);
  });

  router.get('/sign-in', (req: Request, res: Response) => {
    const next = safeReturnPath(req.query['next']);
    if (req.currentUser) return res.redirect(303, next ?? paths.desk());
    showSignIn(req, res, emptyForm, next);
  });

  router.post('/sign-in', async (req: Request, res: Response) => {
    const next = safeReturnPath(req.body?.next);
    if (req.currentUser) return res.redirect(303, next ?? paths.desk());
    const parsed = parseForm(signInForm, req.body, { secret: ['password'] });
    if (!parsed.ok) return showSignIn(req, res, parsed.form, next);
    const { email, password } = parsed.data;
    const user = await signIn({ users, passwords, limits }, { email, password, address: req.ip });
    if (!user) {
      req.log.info('a sign-in was refused');
      return showSignIn(req, res, withErrors(parsed.form, { form: SIGN_IN_REFUSED }), next);
    }
    await enter(req, res, user, next);
  });

  router.post('/sign-out', async (req: Request, res: Response) => {
    await endSession(req, res, secureCookie);
    res.redirect(303, paths.home());
  });

  router.get('/confirm-password', requireUser, (req: Request, res: Response) => {
    showConfirmation(req, res, emptyForm, safeReturnPath(req.query['next']));
  });

  router.post('/confirm-password', requireUser, async (req: Request, res: Response) => {
    const next = safeReturnPath(req.body?.next);
    const parsed = parseForm(confirmPasswordForm, req.body, { secret: ['password'] });
    if (!parsed.ok) return showConfirmation(req, res, parsed.form, next);
    const { id } = currentUser(req);
    await limits.countConfirmation(id);
    const user = await users.find(id);
    if (!(await passwords.matches(user?.passwordHash ?? null, parsed.data.password))) {
      req.log.info({ userId: id }, 'a password was not confirmed');
      return showConfirmation(req, res, withErrors(parsed.form, { password: PASSWORD_REFUSED }), next);
    }
    await limits.forgetConfirmations(id);
    await refreshSession(req);
    res.redirect(303, next ?? paths.desk());
  });

  return router;

  /** In, or on to the code of the second factor. */
  async function enter(req: Request, res: Response, user: User, next: string | null): Promise<void> {
    if (await createTwoFactorStore(db).isOn(user.id)) {
      await beginHalfSession(req, user.id, next);
      return res.redirect(303, paths.signInCode());
    }
    const notice: Notice | undefined = user.emailVerified
      ? undefined
      : {
          kind: 'info',
          text: `We sent a mail to ${user.email}. Open its link before you publish; you can begin now.`,
        };
    await beginSession(req, user.id, { notice });
    res.redirect(303, next ?? paths.desk());
  }
}

function showSignUp(req: Request, res: Response, form: Form, next: string | null): void {
  renderPage(
    req,
    res,
    'accounts/sign-up',
    { title: 'Create your account', status: statusOf(form) },
    { form, next, signInPath: paths.signIn(next ?? undefined) },
  );
}

function showSignIn(req: Request, res: Response, form: Form, next: string | null): void {
  const signUpPath = next ? `${paths.signUp()}?next=${encodeURIComponent(next)}` : paths.signUp();
  renderPage(
    req,
    res,
    'accounts/sign-in',
    { title: 'Sign in', status: statusOf(form) },
    { form, next, signUpPath },
  );
}

function showConfirmation(req: Request, res: Response, form: Form, next: string | null): void {
  renderPage(
    req,
    res,
    'accounts/confirm-password',
    { title: 'Confirm your password', status: statusOf(form) },
    { form, next, email: currentUser(req).email },
  );
}

function statusOf(form: Form): number {
  return Object.keys(form.errors).length > 0 ? 422 : 200;
}
