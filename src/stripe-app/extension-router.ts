/**
 * The backend of Foyer's extension in Stripe's Dashboard; `contract.ts` says what it answers. No session and no cookie, so
 * no token against forged forms: each request is guarded by Stripe's signature, the way back from signing in by its state.
 */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { type Limit } from '../http/rate-limits';
import { noStore } from '../http/security-headers';
import { renderPage } from '../http/views';
import { keyedHash } from '../lib/tokens';
import { createOrganizersStore } from '../organizers/organizers-store';
import { paths } from '../paths';
import { API_PATHS, type LoginAddress, type UserInfo } from './contract';
import { createDashboardSignIns, SIGN_IN_SECONDS } from './dashboard-sign-ins';
import { fromAnyOrigin, senderOf, signedByDashboard } from './extension-request';
import { ExtensionRefusal, noteFailure, refuseInJson, toRefusal } from './extension-refusal';
import { createFoyerOAuth, FoyerOAuthFailure } from './foyer-oauth';
import { createKeptSignIns, type SignedIn } from './kept-sign-in';
import { readPaymentDetails } from './payment-details';

const ASKED_BY_THE_FRAME = [API_PATHS.userinfo(), API_PATHS.login(), API_PATHS.logout(), '/api/payments'];

/** A view asks for one address each time that it stands there signed out. */
const SIGN_INS: Limit = { points: 60, seconds: 10 * 60 };
const TOO_MANY_SIGN_INS = 'Too many tries to sign in from this account. Wait ten minutes, then try again.';

export function extensionRouter(dependencies: Dependencies): Router {
  const { config, db, logger, rateLimits } = dependencies;
  const router = Router();
  const signIns = createDashboardSignIns(dependencies);
  const kept = createKeptSignIns(dependencies);
  const foyer = createFoyerOAuth(config);
  const signed = signedByDashboard(dependencies);

  router.use(ASKED_BY_THE_FRAME, fromAnyOrigin);

  router.get(API_PATHS.userinfo(), signed, async (req: Request, res: Response) => {
    const { user } = await signedInAs(req);
    const organizers = await createOrganizersStore(db).listOfUser(user.id);
    const answer: UserInfo = {
      name: user.name,
      email: user.email,
      organizers: organizers.map(({ name }) => ({ name })),
      grantsUrl: config.baseUrl + paths.account(),
    };
    res.json(answer);
  });

  /** Where to sign in: for a frame, which can't read where a redirect leads, as JSON. */
  router.get(API_PATHS.login(), signed, async (req: Request, res: Response) => {
    const sender = senderOf(req);
    const key = keyedHash(config.sessionSecrets[0]!, 'rate-limits', `${sender.account} ${sender.livemode}`);
    await rateLimits.consume('dashboard-sign-in', key, SIGN_INS, TOO_MANY_SIGN_INS);
    const url = foyer.authorizeUrl(await signIns.issue(sender));
    if (!req.accepts('html')) {
      const answer: LoginAddress = { url, expiresIn: SIGN_IN_SECONDS };
      return res.json(answer);
    }
    res.redirect(303, url);
  });

  router.post(API_PATHS.logout(), signed, async (req: Request, res: Response) => {
    await kept.end(senderOf(req));
    res.status(204).end();
  });

  router.get('/api/payments/:id', signed, async (req: Request, res: Response) => {
    const { user } = await signedInAs(req);
    const details = await readPaymentDetails({ db, baseUrl: config.baseUrl }, senderOf(req), {
      userId: user.id,
      paymentIntentId: String(req.params['id']),
    });
    if (!details) throw new ExtensionRefusal('not_found');
    res.json(details);
  });

  /**
   * Foyer sends the person back here, in both spellings. A GET that changes things, as the protocol has it: bound by its
   * state, which is taken before the code is exchanged. Done, it leads to an address without a code.
   */
  router.get(paths.dashboardSignIn(), noStore, comeBack);
  router.get(paths.dashboardSignInToo(), noStore, comeBack);
  router.get(paths.dashboardSignedIn(), noStore, (req, res) => showEnding(req, res, 'signed_in'));

  router.use(ASKED_BY_THE_FRAME, refuseInJson(logger));
  return router;

  async function comeBack(req: Request, res: Response): Promise<void> {
    res.set('Referrer-Policy', 'no-referrer');
    const signIn = await signIns.consume(req.query['state']);
    const { code, error } = req.query;
    if (!signIn) return showEnding(req, res, 'expired');
    if (error === 'access_denied') return showEnding(req, res, 'declined');
    if (typeof code !== 'string' || code.length > 200) return showEnding(req, res, 'expired');
    const ending = await finish(req, signIn, code);
    if (ending !== 'signed_in') return showEnding(req, res, ending);
    res.redirect(303, paths.dashboardSignedIn());
  }

  async function signedInAs(req: Request): Promise<SignedIn> {
    const found = await kept.find(senderOf(req));
    if (!found) throw new ExtensionRefusal('not_signed_in');
    return found;
  }

  async function finish(
    req: Request,
    { whose, verifier }: NonNullable<Awaited<ReturnType<typeof signIns.consume>>>,
    code: string,
  ): Promise<Ending> {
    try {
      await kept.keep(whose, await foyer.exchangeCode({ code, verifier }));
      return 'signed_in';
    } catch (error) {
      if (!toRefusal(error)) throw error;
      noteFailure(logger, req.id, error);
      return error instanceof FoyerOAuthFailure && error.problem === 'refused' ? 'expired' : 'unanswered';
    }
  }
}

type Ending = keyof typeof ENDINGS;

const ENDINGS = {
  signed_in: {
    status: 200,
    kicker: 'Foyer in Stripe',
    heading: 'You are signed in',
    text: 'You can close this window and go back to Stripe. The order stands beside the payment there.',
    note: 'You can take this back at any time: sign out in Stripe, or in your account in Foyer.',
  },
  declined: {
    status: 200,
    kicker: 'Foyer in Stripe',
    heading: 'You are not signed in',
    text: 'You did not allow it, so Stripe shows nothing of Foyer. You can close this window.',
    note: 'Changed your mind? Press “Sign in to Foyer” in Stripe again.',
  },
  expired: {
    status: 400,
    kicker: 'Not done',
    heading: 'This sign-in has expired',
    text: 'It was begun more than ten minutes ago, or it was used already. Close this window and press “Sign in to Foyer” in Stripe again.',
    note: null,
  },
  unanswered: {
    status: 502,
    kicker: 'Not done',
    heading: 'We could not finish signing you in',
    text: 'Stripe or Foyer did not answer in time, so nothing was kept. Close this window, wait a moment, and press “Sign in to Foyer” in Stripe again.',
    note: null,
  },
} as const;

function showEnding(req: Request, res: Response, ending: Ending): void {
  const { status, ...words } = ENDINGS[ending];
  renderPage(req, res, 'stripe-app/sign-in-ending', { title: words.heading, status }, words);
}
