/** The public page of the Stripe App, the way to Stripe to install it, and the way back. Nobody has to be signed in. */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { createConnectionsStore } from '../connect/connections-store';
import { createOAuthStates } from '../connect/oauth-states';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { emptyForm, type Form, parseForm } from '../http/forms';
import { networkOf } from '../http/network';
import { renderPage } from '../http/views';
import { keyedHash } from '../lib/tokens';
import { createOrganizersStore } from '../organizers/organizers-store';
import { paths } from '../paths';
import { listAppStatus } from './app-status';
import { finishInstalling } from './finish-installing';
import { isWithoutWayBack, noticeOfInstall } from './install-endings';
import { APP_PERMISSIONS } from './permissions';

const PER_NETWORK = { points: 30, seconds: 600 };
const TOO_MANY =
  'The app was begun to be installed many times from your network within ten minutes. Wait a moment, then try again.';

const CHOOSE_A_MODE = 'Choose live or test mode';
const installForm = z.object({
  mode: z.enum(['live', 'test'], { error: CHOOSE_A_MODE }).optional(),
});

export function installRouter(dependencies: Dependencies): Router {
  const { appOAuth, config, db, rateLimits } = dependencies;
  const router = Router();
  const states = createOAuthStates(db);
  const connections = createConnectionsStore(db);
  const organizers = createOrganizersStore(db);

  router.get(paths.stripeApp(), async (req: Request, res: Response) => {
    needsApp();
    await show(req, res, { ...emptyForm, values: { mode: nameOf(appOAuth.modes[0]!) } });
  });

  /** Makes the state and shows a page that leads on by itself: the way from there is Stripe's own, and may be long. */
  router.post(paths.stripeAppInstallations(), async (req: Request, res: Response) => {
    needsApp();
    const parsed = parseForm(installForm, req.body);
    if (!parsed.ok) return show(req, res, parsed.form);
    const livemode = parsed.data.mode ? parsed.data.mode === 'live' : appOAuth.modes[0]!;
    if (!appOAuth.modes.includes(livemode))
      return show(req, res, { ...parsed.form, errors: { mode: CHOOSE_A_MODE } });
    const network = keyedHash(config.sessionSecrets[0]!, 'rate-limits', networkOf(req.ip));
    await rateLimits.consume('stripe-app-install', network, PER_NETWORK, TOO_MANY);
    const state = await states.issueForInstall({
      livemode,
      userId: req.currentUser?.id ?? null,
      sessionId: req.sessionID,
    });
    const url = appOAuth.installUrl({ livemode, state });
    renderPage(
      req,
      res,
      'stripe-app/to-stripe',
      { title: 'Taking you to Stripe', page: { refresh: { seconds: 0, url } } },
      { url },
    );
  });

  /** A GET that changes things, as the protocol has it: bound by `state`. No code stays in the address bar. */
  router.get(paths.stripeAppCallback(), async (req: Request, res: Response) => {
    res.set('Referrer-Policy', 'no-referrer');
    const { state, code, error } = req.query;
    const ending = await finishInstalling(dependencies, req.sessionID, { state, code, error });
    const notice = noticeOfInstall(ending);
    if (isWithoutWayBack(ending))
      return renderPage(
        req,
        res,
        'stripe-app/no-way-back',
        { title: 'Not installed', status: 400 },
        { message: notice.text },
      );
    req.leaveNotice(notice);
    res.redirect(303, paths.stripeApp());
  });

  return router;

  function needsApp(): void {
    if (appOAuth.modes.length === 0) throw new NotFound('page');
  }

  async function show(req: Request, res: Response, form: Form): Promise<void> {
    renderPage(
      req,
      res,
      'stripe-app/app',
      {
        title: 'Foyer in your Stripe Dashboard',
        status: Object.keys(form.errors).length > 0 ? 422 : 200,
      },
      {
        form,
        permissions: APP_PERMISSIONS,
        chooseMode: appOAuth.modes.length > 1,
        status: await statusOfMine(req),
      },
    );
  }

  /** The accounts of the organizers that the person belongs to. */
  async function statusOfMine(req: Request) {
    const livemode = config.stripe.primary.livemode;
    const memberships = req.currentUser ? await organizers.listOfUser(req.currentUser.id) : [];
    const mine = await Promise.all(memberships.map(({ id }) => connections.listLiving(id, livemode)));
    return (await listAppStatus(db, appOAuth, mine.flat())) ?? [];
  }
}

function nameOf(livemode: boolean): string {
  return livemode ? 'live' : 'test';
}
