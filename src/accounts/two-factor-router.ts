import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { Forbidden } from '../errors';
import { currentUser, requireRecentPassword, requireUser } from '../http/current-user';
import { emptyForm, type Form, parseForm, withErrors } from '../http/forms';
import { renderPage } from '../http/views';
import { qrSvg } from '../lib/qr';
import { paths } from '../paths';
import { createAccountLimits } from './account-limits';
import { codeForm } from './accounts-forms';
import { totpAddress } from './one-time-codes';
import { beginSession, halfSignedIn } from './signed-in-session';
import { beginSetup, readSetup, renewRecoveryCodes, takeCode, turnOff, turnOn } from './two-factor';
import { createTwoFactorStore } from './two-factor-store';
import { createUsersStore, type User } from './users-store';

const CODE_REFUSED = 'This code is not right, or it was used already. Wait for the next one and enter that.';

/** Signing in with a code, and setting that up. */
export function twoFactorRouter({ config, db, encryption, rateLimits }: Dependencies): Router {
  const router = Router();
  const users = createUsersStore(db);
  const limits = createAccountLimits(rateLimits, config.sessionSecrets[0]!);
  const means = { db, encryption };

  router.get(paths.signInCode(), (req: Request, res: Response) => {
    if (!halfSignedIn(req)) return res.redirect(303, paths.signIn());
    showCode(req, res, emptyForm);
  });

  router.post(paths.signInCode(), async (req: Request, res: Response) => {
    const half = halfSignedIn(req);
    if (!half) return res.redirect(303, paths.signIn());
    const parsed = parseForm(codeForm, req.body, { secret: ['code'] });
    if (!parsed.ok) return showCode(req, res, parsed.form);
    await limits.countCode(half.userId);
    const user = await users.find(half.userId);
    if (!user || user.disabled || !(await takeCode(means, user, parsed.data.code))) {
      req.log.info({ userId: half.userId }, 'a code was refused');
      return showCode(req, res, withErrors(parsed.form, { code: CODE_REFUSED }));
    }
    await limits.forgetCodes(user.id);
    await beginSession(req, user.id);
    res.redirect(303, half.next ?? paths.desk());
  });

  router.use(paths.twoFactor(), requireUser, requireRecentPassword);

  router.get(paths.twoFactor(), async (req: Request, res: Response) => {
    await showTwoFactor(req, res, emptyForm);
  });

  router.post(paths.twoFactorSetup(), async (req: Request, res: Response) => {
    await beginSetup(means, currentUser(req).id);
    res.redirect(303, paths.twoFactor());
  });

  /** The recovery codes are in this answer and never shown again, so it is a page and no redirect. */
  router.post(paths.twoFactor(), async (req: Request, res: Response) => {
    const parsed = parseForm(codeForm, req.body, { secret: ['code'] });
    if (!parsed.ok) return showTwoFactor(req, res, parsed.form);
    const user = await self(req);
    await limits.countCode(user.id);
    const codes = await turnOn(means, user, { code: parsed.data.code, sessionId: req.sessionID });
    if (!codes) return showTwoFactor(req, res, withErrors(parsed.form, { code: CODE_REFUSED }));
    await limits.forgetCodes(user.id);
    showRecoveryCodes(req, res, codes);
  });

  router.post(paths.recoveryCodes(), async (req: Request, res: Response) => {
    const codes = await renewRecoveryCodes(db, await self(req));
    if (!codes) return res.redirect(303, paths.twoFactor());
    showRecoveryCodes(req, res, codes);
  });

  router.post(paths.twoFactorRemoval(), async (req: Request, res: Response) => {
    await turnOff(db, await self(req));
    req.leaveNotice({ kind: 'info', text: 'You sign in with your password alone from now on.' });
    res.redirect(303, paths.account());
  });

  return router;

  async function self(req: Request): Promise<User> {
    const user = await users.find(currentUser(req).id);
    if (!user) throw new Forbidden();
    return user;
  }

  async function showTwoFactor(req: Request, res: Response, form: Form): Promise<void> {
    const { id, email, twoFactor, lacksTwoFactor } = currentUser(req);
    const secret = await readSetup(means, id);
    renderPage(
      req,
      res,
      'accounts/two-factor',
      { title: 'Codes at sign-in', status: statusOf(form) },
      {
        form,
        on: twoFactor,
        required: lacksTwoFactor,
        codesLeft: twoFactor ? await createTwoFactorStore(db).countRecoveryCodes(id) : 0,
        setup: secret && {
          qr: await qrSvg(totpAddress(secret, email)),
          key: secret.replace(/(.{4})(?=.)/g, '$1 '),
        },
      },
    );
  }
}

function showCode(req: Request, res: Response, form: Form): void {
  renderPage(
    req,
    res,
    'accounts/sign-in-code',
    { title: 'Enter your code', status: statusOf(form) },
    { form },
  );
}

function showRecoveryCodes(req: Request, res: Response, codes: string[]): void {
  renderPage(req, res, 'accounts/recovery-codes', { title: 'Your recovery codes' }, { codes });
}

function statusOf(form: Form): number {
  return Object.keys(form.errors).length > 0 ? 422 : 200;
}
