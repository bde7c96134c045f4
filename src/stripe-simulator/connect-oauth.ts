/** Connect OAuth for standard accounts: the page that asks, the exchange of the code, and the end of a connection. */
import { type Request, type Response, type Router } from 'express';
import { connect, COUNTRIES, createAccount, nameOf, revoke } from './accounts';
import { type Exchange, exchange, formText, isPlatformKey, presentedKey } from './api';
import { newId, type Simulator } from './context';
import { answerInstead, delayExecution, spoilOutcome } from './faults';
import { sendPage } from './pages';
import { type Answer, oauthRefused } from './refusal';
import { formPairs, isEmail } from './request-params';
import { type SimulatedAccount } from './state';

const CODE_LIFETIME_SECONDS = 5 * 60;
const SCOPES = ['read_write', 'read_only'];
const LISTED_ACCOUNTS = 20;

type Fields = Record<string, string>;

export function oauthRoutes(simulator: Simulator, router: Router): void {
  router.get('/oauth/authorize', async (req, res) => {
    const query: Fields = Object.fromEntries(formPairs(req.url.split('?')[1] ?? ''));
    // its own people are refused by Stripe, too, when it has restricted the platform
    const planned = simulator.faults.take('GET', req.path, null);
    const instead = planned && answerInstead(planned);
    if (instead) return void res.status(instead.status).json(instead.body);
    if (refuseAuthorization(simulator, query, res)) return;
    await askForAuthorization(simulator, res, query, {
      values: prefilled(query),
      register: query.stripe_landing === 'register',
    });
  });
  router.post('/oauth/authorize', (req, res) => decideAuthorization(simulator, req, res));
  for (const [path, act] of [
    ['/oauth/token', issueToken],
    ['/oauth/deauthorize', deauthorize],
  ] as const) {
    router.post(path, (req, res) =>
      exchange(simulator, req, res, async (call) =>
        (await delayExecution(call.fault, res)) ? spoilOutcome(call.fault, act(simulator, call)) : null,
      ),
    );
  }
}

/** These problems are never redirected: a broken request must not send anybody anywhere. */
function refuseAuthorization(simulator: Simulator, query: Fields, res: Response): boolean {
  const problem = problemOf(simulator, query);
  if (problem) {
    const [error, error_description] = problem;
    res.status(400).json({ error, error_description, state: query.state });
  }
  return problem !== null;
}

function problemOf({ options }: Simulator, query: Fields): [string, string] | null {
  const { response_type: type, client_id: client, scope, redirect_uri: uri } = query;
  if (!type) return ['invalid_request', 'No response_type specified'];
  if (type !== 'code') return ['unsupported_response_type', `Unsupported response_type: ${type}`];
  if (!client) return ['invalid_request', 'No client_id specified'];
  if (client !== options.platform.clientId) return ['invalid_client', `No such application: '${client}'`];
  if (scope && !SCOPES.includes(scope)) return ['invalid_scope', `Invalid scope provided: ${scope}`];
  if (!uri || options.platform.redirectUris.includes(uri)) return null;
  return [
    'invalid_redirect_uri',
    `Invalid redirect URI '${uri}'. It is not registered for this application.`,
  ];
}

async function decideAuthorization(simulator: Simulator, req: Request, res: Response): Promise<void> {
  const form: Fields = Object.fromEntries(formPairs(formText(req)));
  if (refuseAuthorization(simulator, form, res)) return;
  const target = form.redirect_uri || simulator.options.platform.redirectUris[0]!;
  const state = form.state === undefined ? '' : `&state=${encodeURIComponent(form.state)}`;
  const leave = (query: string) =>
    res.redirect(303, `${target}${target.includes('?') ? '&' : '?'}${query}${state}`);
  if (form.action === 'deny') {
    return leave('error=access_denied&error_description=The%20user%20denied%20your%20request');
  }

  const register = form.action === 'create';
  const account = register ? accountFromForm(simulator, form) : existingAccount(simulator, form);
  if (typeof account === 'string') {
    return askForAuthorization(simulator, res, form, {
      values: form,
      problem: account,
      register,
      status: 422,
    });
  }
  const scope = form.scope || 'read_only';
  const code = newId('ac_', 32);
  const expires = simulator.clock.seconds() + CODE_LIFETIME_SECONDS;
  simulator.state.put('codes', { id: code, account: account.id, scope, expires, used: false });
  simulator.state.flush();
  leave(`scope=${scope}&code=${code}`);
}

export function existingAccount({ state }: Simulator, form: Fields): SimulatedAccount | string {
  const email = form.email?.trim().toLowerCase();
  if (!email) return state.get('accounts', form.account ?? '') ?? 'Choose an account, or create one.';
  const found = state.all('accounts').findLast(({ object }) => object.email?.toLowerCase() === email);
  return found ?? 'No simulated account has this e-mail. Choose another, or create one.';
}

export function accountFromForm(simulator: Simulator, form: Fields): SimulatedAccount | string {
  const email = form.email?.trim() ?? '';
  if (!isEmail(email)) return 'Enter an e-mail address for the new account.';
  const { currency, url } = prefilled(form);
  return createAccount(simulator, {
    email,
    business_name: form.business_name?.trim().slice(0, 100),
    country: form.country,
    default_currency: currency,
    url,
    charges_enabled: form.charges_enabled !== 'no',
  });
}

/** What the platform knows of the person. What is not valid is left out, as Stripe does. */
function prefilled(query: Fields): Fields {
  const given = (name: string) => query[`stripe_user[${name}]`]?.trim() ?? '';
  const country = given('country').toUpperCase();
  const name = given('business_name') || `${given('first_name')} ${given('last_name')}`.trim();
  return {
    ...(isEmail(given('email')) && { email: given('email') }),
    ...(name && { business_name: name.slice(0, 100) }),
    ...(COUNTRIES.some(({ code }) => code === country) && { country }),
    ...(/^https?:\/\/\S+$/.test(given('url')) && { url: given('url') }),
    ...(country && /^[a-z]{3}$/.test(given('currency')) && { currency: given('currency') }),
  };
}

function askForAuthorization(
  { options, state }: Simulator,
  res: Response,
  query: Fields,
  view: { values: Fields; register: boolean; problem?: string; status?: number },
): Promise<void> {
  const { name } = options.platform;
  const carried = /^(response_type|client_id|scope|redirect_uri|state|stripe_landing|stripe_user\[\w+\])$/;
  const kept = Object.entries(query).filter(([param]) => carried.test(param));
  const accounts = state.all('accounts').reverse().slice(0, LISTED_ACCOUNTS);
  return sendPage(res, 'authorize', {
    title: `Connect to ${name}`,
    name,
    action: '/oauth/authorize',
    install: false,
    kept,
    accounts,
    nameOf,
    countries: COUNTRIES,
    problem: null,
    ...view,
  });
}

/** Never idempotent: a code that is presented twice takes the connection with it. */
function issueToken(simulator: Simulator, { req, pairs }: Exchange): Answer {
  const form: Fields = Object.fromEntries(pairs);
  const { state, clock } = simulator;
  authenticateClient(simulator, req, form);
  if (!form.grant_type) throw oauthRefused('invalid_request', 'No grant type specified');
  if (form.grant_type === 'refresh_token') return refreshToken(simulator, form);
  if (form.grant_type !== 'authorization_code') {
    throw oauthRefused('unsupported_grant_type', `Unsupported grant type: ${form.grant_type}`);
  }
  if (!form.code) throw oauthRefused('invalid_request', 'No authorization code provided');
  const code = state.get('codes', form.code);
  if (!code) throw oauthRefused('invalid_grant', `Authorization code does not exist: ${form.code}`);
  if (code.used) {
    revoke(simulator, code.account);
    const description = `Authorization code has already been used: ${code.id}. The connection it made has been revoked.`;
    throw oauthRefused('invalid_grant', description);
  }
  if (code.expires < clock.seconds())
    throw oauthRefused('invalid_grant', `Authorization code has expired: ${code.id}`);
  state.put('codes', { ...code, used: true });
  return tokens(simulator, code.account, code.scope, connect(simulator, code.account, code.scope));
}

function refreshToken(simulator: Simulator, form: Fields): Answer {
  if (!form.refresh_token) throw oauthRefused('invalid_request', 'No refresh token provided');
  const held = simulator.state
    .all('connections')
    .find(({ refreshToken }) => refreshToken === form.refresh_token);
  if (!held)
    throw oauthRefused('invalid_grant', 'This refresh token does not exist, or its access has been revoked');
  const scope = form.scope || held.scope;
  if (!SCOPES.includes(scope) || (held.scope === 'read_only' && scope !== 'read_only')) {
    throw oauthRefused('invalid_scope', `Invalid scope provided: ${scope}`);
  }
  return tokens(simulator, held.account, scope, held.refreshToken);
}

function tokens(
  { state, livemode }: Simulator,
  account: string,
  scope: string,
  refresh_token: string,
): Answer {
  const stripe_publishable_key = state.get('accounts', account)?.publishableKey;
  const access_token = newId(livemode ? 'sk_live_' : 'sk_test_');
  const connection = { livemode, scope, stripe_user_id: account, token_type: 'bearer' };
  return { status: 200, body: { access_token, refresh_token, stripe_publishable_key, ...connection } };
}

function deauthorize(simulator: Simulator, { req, pairs }: Exchange): Answer {
  const form: Fields = Object.fromEntries(pairs);
  authenticateClient(simulator, req, form);
  const { client_id: client, stripe_user_id: account } = form;
  if (!client) throw oauthRefused('invalid_request', 'No client_id provided');
  if (!account) throw oauthRefused('invalid_request', 'No stripe_user_id provided');
  if (client !== simulator.options.platform.clientId) {
    throw oauthRefused('invalid_client', `No such application: '${client}'`, 401);
  }
  if (!revoke(simulator, account)) {
    const description = `This application is not connected to stripe account ${account}, or that account does not exist.`;
    throw oauthRefused('invalid_client', description, 401);
  }
  return { status: 200, body: { stripe_user_id: account } };
}

function authenticateClient(simulator: Simulator, req: Request, form: Fields): void {
  const key = presentedKey(req.get('Authorization')) || form.client_secret;
  if (!key) throw oauthRefused('invalid_client', 'No API key provided', 401);
  if (!isPlatformKey(simulator, key))
    throw oauthRefused('invalid_client', `No such API key: ${key.slice(0, 8)}****`, 401);
}
