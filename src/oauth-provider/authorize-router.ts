/** GET and POST /oauth/authorize: a signed-in person is asked whether a program may see what they see. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { BadRequest } from '../errors';
import { currentUser, requireUser, safeReturnPath } from '../http/current-user';
import { readFields } from '../http/forms';
import { type Limit } from '../http/rate-limits';
import { renderPage } from '../http/views';
import { createOrganizersStore } from '../organizers/organizers-store';
import { paths } from '../paths';
import { allowClient } from './allow-client';
import {
  answerRequest,
  type AuthorizeParameters,
  lookAtRequest,
  type Outcome,
  readAuthorizeParameters,
} from './authorize';
import { SCOPE_WORDS } from './oauth-clients';
import { singleParameters } from './oauth-server';

const CONSENTS: Limit = { points: 60, seconds: 60 * 60 };

export function authorizeRouter({ config, db, logger, rateLimits }: Dependencies): Router {
  const router = Router();
  const provider = { clients: config.oauthClients, issuer: config.baseUrl };

  router.get(paths.oauthAuthorize(), async (req: Request, res: Response) => {
    const parameters = readAuthorizeParameters(singleParameters(req.query));
    // too long, or of a shape that would not survive signing in
    if (!parameters || !safeReturnPath(req.originalUrl)) return refuse(req, res);
    const outcome = await lookAtRequest(provider, parameters);
    if (outcome.kind === 'refused') return refuse(req, res);
    res.set('Referrer-Policy', 'no-referrer');
    if (outcome.kind === 'leads_back') return res.redirect(303, outcome.to);
    if (!req.currentUser) return res.redirect(303, paths.signIn(req.originalUrl));
    // the consent form needs its own address as referrer, to come back to it after signing in anew
    res.set('Referrer-Policy', 'same-origin');
    if (!req.currentUser.emailVerified) return askForConfirmation(req, res, outcome.client.name);
    await ask(req, res, outcome, parameters);
  });

  router.post(paths.oauthAuthorize(), requireUser, async (req: Request, res: Response) => {
    const fields = readFields(req.body);
    const user = currentUser(req);
    const parameters = readAuthorizeParameters(fields)!;
    const allowed = fields['allowed'] === 'true';
    if (!allowed && fields['allowed'] !== 'false')
      throw new BadRequest('Nothing was allowed. Go back and press one of the two buttons.');
    if (!user.emailVerified && allowed)
      return askForConfirmation(req, res, (await clientOf(parameters)) ?? 'The app');
    await rateLimits.consume(
      'oauth-consent',
      user.id,
      CONSENTS,
      'You answered apps many times within an hour. Wait a while, then begin again in the app.',
    );
    const outcome = await answerRequest(provider, parameters, {
      allowed,
      keep: (code) =>
        allowClient(db, { userId: user.id, sessionId: req.sessionID, baseUrl: config.baseUrl }, code),
    });
    if (outcome.kind !== 'leads_back') return refuse(req, res);
    logger.info({ userId: user.id, client: outcome.client.id, allowed }, 'a person answered an app');
    res.set('Referrer-Policy', 'no-referrer');
    // a redirect of a form post would be bound by CSP `form-action`, and the app may lead on to hosts of its own
    renderPage(
      req,
      res,
      'oauth-provider/leading-back',
      { title: `Back to ${outcome.client.name}`, page: { refresh: { seconds: 0, url: outcome.to } } },
      { name: outcome.client.name, to: outcome.to, allowed },
    );
  });

  return router;

  async function ask(
    req: Request,
    res: Response,
    { client, scopes }: Extract<Outcome, { kind: 'asks' }>,
    parameters: AuthorizeParameters,
  ): Promise<void> {
    const organizers = await createOrganizersStore(db).listOfUser(currentUser(req).id);
    renderPage(
      req,
      res,
      'oauth-provider/consent',
      { title: `Let ${client.name} see your data` },
      {
        name: client.name,
        sees: scopes.map((scope) => SCOPE_WORDS[scope].whole),
        organizers: organizers.map(({ name }) => name),
        host: new URL(parameters.redirect_uri!).host,
        email: currentUser(req).email,
        parameters: Object.entries(parameters),
      },
    );
  }

  async function clientOf(parameters: AuthorizeParameters): Promise<string | null> {
    const outcome = await lookAtRequest(provider, parameters);
    return outcome.kind === 'asks' ? outcome.client.name : null;
  }

  function askForConfirmation(req: Request, res: Response, name: string): void {
    renderPage(
      req,
      res,
      'oauth-provider/confirm-email',
      { title: 'Confirm your email address first', status: 403 },
      { name, email: currentUser(req).email },
    );
  }

  /** Never a redirect: the address is not known to be the client's. */
  function refuse(req: Request, res: Response): void {
    renderPage(req, res, 'oauth-provider/refused', { title: 'This app can not be let in', status: 400 });
  }
}
