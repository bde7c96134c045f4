import { type Request, type Response, Router } from 'express';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { Forbidden } from '../errors';
import { currentUser, requireRecentPassword, requireUser, safeReturnPath } from '../http/current-user';
import { cleanText, emptyForm, type Form, parseForm, readFields, withErrors } from '../http/forms';
import { renderPage } from '../http/views';
import { listAppsOfPerson } from '../oauth-provider/apps-of-person';
import { endGrants } from '../oauth-provider/end-grants';
import { paths } from '../paths';
import { createAccountLimits } from './account-limits';
import { changeEmailForm, changePasswordForm, confirmPasswordForm, nameForm } from './accounts-forms';
import { closeAccount, listOrphans } from './close-account';
import { confirmEmail, requestEmailChange } from './email-change';
import { mailVerificationAgain } from './email-verification';
import { createMailedLinks } from './mailed-links';
import { changePassword } from './password-reset';
import { createPasswords } from './passwords';
import { endSessionByKey, endSessions, listSessions } from './sessions-list';
import { endSession } from './signed-in-session';
import { createUsersStore, type User } from './users-store';

const PASSWORD_REFUSED = 'This is not your password. Check it and try again.';

/** A person's own account: name, address, password, where they are signed in, and its end. */
export function accountRouter({ config, db, rateLimits }: Dependencies): Router {
  const router = Router();
  const users = createUsersStore(db);
  const passwords = createPasswords();
  const limits = createAccountLimits(rateLimits, config.sessionSecrets[0]!);
  const secureCookie = config.baseUrl.startsWith('https://');
  router.use(paths.account(), requireUser);

  router.get(paths.account(), async (req: Request, res: Response) => {
    await showAccount(req, res, { values: { name: currentUser(req).name }, errors: {} });
  });

  router.post(paths.accountName(), async (req: Request, res: Response) => {
    const parsed = parseForm(nameForm, req.body);
    if (!parsed.ok) return showAccount(req, res, parsed.form);
    await users.rename(currentUser(req).id, parsed.data.name);
    req.leaveNotice({ kind: 'success', text: 'Your name is changed.' });
    res.redirect(303, paths.account());
  });

  router.get(paths.accountEmail(), requireRecentPassword, (req: Request, res: Response) => {
    show(req, res, 'accounts/change-email', 'Change email address', { form: emptyForm });
  });

  router.post(paths.accountEmail(), requireRecentPassword, async (req: Request, res: Response) => {
    const parsed = parseForm(changeEmailForm, req.body);
    const user = await self(req);
    const form =
      parsed.ok && parsed.data.email === user.email
        ? withErrors(parsed.form, { email: 'This is your address already. Enter another one' })
        : parsed.form;
    if (!parsed.ok || Object.keys(form.errors).length > 0)
      return show(req, res, 'accounts/change-email', 'Change email address', { form });
    await limits.countAccountMail(user.id);
    await requestEmailChange(db, user, parsed.data.email, config.baseUrl);
    req.leaveNotice({
      kind: 'info',
      text: `We sent a mail to ${parsed.data.email}. Your address changes when you open its link.`,
    });
    res.redirect(303, paths.account());
  });

  /** Once more the mail that came with signing up. */
  router.post(paths.verificationMails(), async (req: Request, res: Response) => {
    const user = await self(req);
    if (!user.emailVerified) {
      await limits.countAccountMail(user.id);
      await mailVerificationAgain(db, user, config.baseUrl);
      req.leaveNotice({ kind: 'info', text: `We sent a mail to ${user.email}. Open its link to confirm.` });
    }
    res.redirect(303, safeReturnPath(req.body?.next) ?? paths.account());
  });

  router.get('/account/email-confirmations/:token', async (req: Request, res: Response) => {
    const link = await createMailedLinks(db).find(req.params['token'], ['verify_email', 'change_email']);
    if (link?.userId !== currentUser(req).id) return showConfirmation(req, res, null);
    showConfirmation(req, res, link.email);
  });

  router.post('/account/email-confirmations/:token', async (req: Request, res: Response) => {
    const outcome = await confirmEmail(db, req.params['token'], currentUser(req).id);
    if (outcome === 'not_valid' || outcome === 'taken') return showConfirmation(req, res, null);
    req.leaveNotice({
      kind: 'success',
      text:
        outcome === 'verified'
          ? 'Your email address is confirmed. You can publish events now.'
          : 'Your new email address is confirmed. Sign in with it from now on.',
    });
    res.redirect(303, outcome === 'verified' ? paths.desk() : paths.account());
  });

  router.get(paths.accountPassword(), (req: Request, res: Response) => {
    show(req, res, 'accounts/change-password', 'Change password', { form: emptyForm });
  });

  router.post(paths.accountPassword(), async (req: Request, res: Response) => {
    const user = await self(req);
    const parsed = parseForm(changePasswordForm(user), req.body, {
      secret: ['current_password', 'password'],
    });
    const refuse = (form: Form) => show(req, res, 'accounts/change-password', 'Change password', { form });
    if (!parsed.ok) return refuse(parsed.form);
    if (!(await isOwnPassword(user, parsed.data.current_password)))
      return refuse(withErrors(parsed.form, { current_password: PASSWORD_REFUSED }));
    await changePassword(db, user, {
      passwordHash: await passwords.hash(parsed.data.password),
      sessionId: req.sessionID,
      baseUrl: config.baseUrl,
    });
    req.leaveNotice({ kind: 'success', text: 'Your password is changed. Other browsers are signed out.' });
    res.redirect(303, paths.account());
  });

  /** Signs out one other browser, or all others. */
  router.post(paths.accountSessions(), async (req: Request, res: Response) => {
    const { session } = readFields(req.body);
    const { id } = currentUser(req);
    if (session === 'others') await endSessions(db, id, { except: req.sessionID });
    else await endSessionByKey(db, id, session ?? '');
    req.leaveNotice({
      kind: 'success',
      text: session === 'others' ? 'All other browsers are signed out.' : 'This browser is signed out.',
    });
    res.redirect(303, paths.account());
  });

  /** Ends what an app may see. */
  router.post(paths.accountApps(), async (req: Request, res: Response) => {
    const { client = '' } = readFields(req.body);
    const { id } = currentUser(req);
    const ended = await inTransaction(db, (trx) =>
      endGrants(trx, { user_id: id, client_id: cleanText(client) }, 'person'),
    );
    req.leaveNotice(
      ended > 0
        ? { kind: 'success', text: 'The app has no access to your account any more.' }
        : { kind: 'info', text: 'This app has no access to your account.' },
    );
    res.redirect(303, paths.account());
  });

  router.get(paths.accountClosure(), async (req: Request, res: Response) => {
    await showClosure(req, res, emptyForm);
  });

  router.post(paths.accountClosure(), async (req: Request, res: Response) => {
    const parsed = parseForm(confirmPasswordForm, req.body, { secret: ['password'] });
    if (!parsed.ok) return showClosure(req, res, parsed.form);
    const user = await self(req);
    if (!(await isOwnPassword(user, parsed.data.password)))
      return showClosure(req, res, withErrors(parsed.form, { password: PASSWORD_REFUSED }));
    const inTheWay = await closeAccount(db, user);
    if (inTheWay.length > 0) {
      res.status(409);
      return showClosure(req, res, emptyForm);
    }
    await endSession(req, res, secureCookie);
    res.redirect(303, paths.home());
  });

  return router;

  async function self(req: Request): Promise<User> {
    const user = await users.find(currentUser(req).id);
    if (!user) throw new Forbidden();
    return user;
  }

  async function isOwnPassword(user: User, password: string): Promise<boolean> {
    await limits.countConfirmation(user.id);
    if (!(await passwords.matches(user.passwordHash, password))) return false;
    await limits.forgetConfirmations(user.id);
    return true;
  }

  async function showAccount(req: Request, res: Response, form: Form): Promise<void> {
    const user = currentUser(req);
    const sessions = await listSessions(db, user.id, req.sessionID);
    const apps = await listAppsOfPerson(db, config.oauthClients, user.id);
    show(req, res, 'accounts/account', 'Your account', { form, user, sessions, apps });
  }

  async function showClosure(req: Request, res: Response, form: Form): Promise<void> {
    const orphans = await listOrphans(db, currentUser(req).id);
    show(req, res, 'accounts/closure', 'Close account', { form, orphans, email: currentUser(req).email });
  }
}

/** The same page for a link that is used up, expired, somebody else's, or never was. */
function showConfirmation(req: Request, res: Response, confirmed: string | null): void {
  res.set('Referrer-Policy', 'no-referrer');
  if (confirmed === null) res.status(404);
  renderPage(
    req,
    res,
    'accounts/email-confirmation',
    { title: 'Confirm email address' },
    { confirmed, formPath: req.path, email: currentUser(req).email },
  );
}

function show(
  req: Request,
  res: Response,
  view: string,
  heading: string,
  locals: Record<string, unknown> & { form: Form },
): void {
  if (Object.keys(locals.form.errors).length > 0) res.status(422);
  renderPage(req, res, view, { title: heading }, locals);
}
