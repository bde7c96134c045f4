/**
 * Installing the platform's Stripe App: the marketplace's page for published apps and for those in a test (chnlink_…), the
 * token address with refresh tokens that roll, and the end of an install.
 */
import { type Request, type Response, type Router } from 'express';
import { COUNTRIES, getAccount, nameOf } from './accounts';
import { type Exchange, exchange, formText, isPlatformKey, presentedKey } from './api';
import { newId, type SimulatedApp, type Simulator } from './context';
import { accountFromForm, existingAccount } from './connect-oauth';
import { install, installsOfMode, newTokens, uninstall } from './installs';
import { delayExecution, spoilOutcome } from './faults';
import { sendPage } from './pages';
import { type Answer, oauthRefused, refused } from './refusal';
import { formPairs } from './request-params';

const CODE_LIFETIME_SECONDS = 5 * 60;
const LISTED_ACCOUNTS = 20;
/** published, and an app in an external test */
const INSTALL_PAGES = ['/oauth/v2/authorize', '/oauth/v2/:channel/authorize'];

type Fields = Record<string, string>;

export function appInstallRoutes(simulator: Simulator, router: Router): void {
  const { app } = simulator.options.platform;
  if (!app) return;
  for (const path of INSTALL_PAGES) {
    router.get(path, async (req, res) => {
      const query: Fields = Object.fromEntries(formPairs(req.url.split('?')[1] ?? ''));
      if (await refuseInstall(app, req, query, res)) return;
      await askToInstall(simulator, req, res, query, { values: {}, register: false });
    });
    router.post(path, (req, res) => decideInstall(simulator, app, req, res));
  }
  router.post('/v1/oauth/token', (req, res) =>
    exchange(simulator, req, res, async (call) =>
      (await delayExecution(call.fault, res)) ? spoilOutcome(call.fault, issueTokens(simulator, call)) : null,
    ),
  );
  router.post('/dashboard/:id/applications/uninstall', (req, res) => {
    uninstall(simulator, getAccount(simulator, req.params.id).id);
    res.redirect(303, `/dashboard/${req.params.id}/applications`);
  });
}

/** As Stripe shows it to the person: nothing is redirected, for the address itself is wrong. */
async function refuseInstall(
  app: SimulatedApp,
  req: Request,
  query: Fields,
  res: Response,
): Promise<boolean> {
  const channel = req.params.channel;
  const wrong =
    (channel !== undefined && !/^(chnlink|channellink)\w+$/.test(String(channel))) ||
    query.client_id !== app.clientId ||
    (query.redirect_uri !== undefined && !app.redirectUris.includes(query.redirect_uri));
  if (wrong)
    await sendPage(res, 'message', {
      title: 'The provided OAuth link is invalid',
      message: 'This app, or the address that it wants to send you back to, is not known here.',
      link: null,
      status: 400,
    });
  return wrong;
}

async function askToInstall(
  { options, state }: Simulator,
  req: Request,
  res: Response,
  query: Fields,
  view: { values: Fields; register: boolean; problem?: string; status?: number },
): Promise<void> {
  const { name } = options.platform;
  await sendPage(res, 'install-app', {
    title: `Install ${name}`,
    name,
    // with the client in the address, so that the form comes to the same mode
    action: `${req.path}?client_id=${encodeURIComponent(query.client_id ?? '')}`,
    install: true,
    kept: Object.entries(query).filter(([param]) => /^(client_id|redirect_uri|state)$/.test(param)),
    accounts: state.all('accounts').reverse().slice(0, LISTED_ACCOUNTS),
    nameOf,
    countries: COUNTRIES,
    problem: null,
    ...view,
  });
}

async function decideInstall(
  simulator: Simulator,
  app: SimulatedApp,
  req: Request,
  res: Response,
): Promise<void> {
  const form: Fields = Object.fromEntries(formPairs(formText(req)));
  if (await refuseInstall(app, req, form, res)) return;
  const target = form.redirect_uri || app.redirectUris[0]!;
  const state = form.state === undefined ? '' : `&state=${encodeURIComponent(form.state)}`;
  if (form.action === 'deny')
    return res.redirect(
      303,
      `${target}?error=access_denied&error_description=The%20user%20denied%20your%20request${state}`,
    );
  const register = form.action === 'create';
  const account = register ? accountFromForm(simulator, form) : existingAccount(simulator, form);
  if (typeof account === 'string')
    return askToInstall(simulator, req, res, form, {
      values: form,
      problem: account,
      register,
      status: 422,
    });
  const code = newId('ac_', 32);
  simulator.state.put('installCodes', {
    id: code,
    account: account.id,
    livemode: simulator.livemode,
    expires: simulator.clock.seconds() + CODE_LIFETIME_SECONDS,
    used: false,
  });
  simulator.state.flush();
  res.redirect(303, `${target}?code=${code}${state}`);
}

function issueTokens(simulator: Simulator, { req, pairs }: Exchange): Answer {
  const form: Fields = Object.fromEntries(pairs);
  const key = presentedKey(req.get('Authorization'));
  if (!key || !isPlatformKey(simulator, key)) throw refused('Invalid API Key provided', { status: 401 });
  if (form.grant_type === 'refresh_token') return refresh(simulator, form.refresh_token);
  if (form.grant_type !== 'authorization_code')
    throw oauthRefused('unsupported_grant_type', `Unsupported grant type: ${form.grant_type ?? ''}`);
  const code = simulator.state.get('installCodes', form.code ?? null);
  if (!code) throw oauthRefused('invalid_grant', `Authorization code does not exist: ${form.code ?? ''}`);
  if (code.livemode !== simulator.livemode)
    throw oauthRefused('invalid_grant', 'Authorization code provided does not belong to you');
  if (code.used) throw oauthRefused('invalid_grant', `Authorization code has already been used: ${code.id}`);
  if (code.expires < simulator.clock.seconds())
    throw oauthRefused('invalid_grant', `Authorization code has expired: ${code.id}`);
  simulator.state.put('installCodes', { ...code, used: true });
  return install(simulator, code.account);
}

/** The old refresh token dies with its use; access tokens live on for their hour. */
function refresh(simulator: Simulator, token: string | undefined): Answer {
  const held = installsOfMode(simulator).find(({ refreshToken }) => refreshToken === token);
  if (!token || !held) throw oauthRefused('invalid_grant', 'This refresh token does not exist, or was used');
  return newTokens(simulator, held);
}
