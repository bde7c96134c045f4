/** Connect OAuth for standard accounts: the page that asks, the exchange of the code, and the end of a connection. */
import { type Request, type Response, type Router } from 'express';
import { connect, COUNTRIES, createAccount, nameOf, revoke } from './accounts';
import { type Exchange, exchange, formText, isPlatformKey, presentedKey } from './api';
import { newId, type Simulator } from './context';
import { field, html, type Markup, notice, sendPage } from './pages';
import { type Answer, oauthRefused, Refusal } from './refusal';
import { formPairs } from './request-params';

const CODE_LIFETIME_SECONDS = 5 * 60;
const SCOPES = ['read_write', 'read_only'];
const LISTED_ACCOUNTS = 20;

type Fields = Record<string, string>;

export function oauthRoutes(simulator: Simulator, router: Router): void {
  router.get('/oauth/authorize', (req, res) => {
    const query = Object.fromEntries(formPairs(req.url.split('?')[1] ?? ''));
    if (refuseAuthorization(simulator, query, res)) return;
    askForAuthorization(simulator, res, query, {
      values: prefilled(query),
      signIn: query.stripe_landing !== 'register',
    });
  });
  router.post('/oauth/authorize', (req, res) => decideAuthorization(simulator, req, res));
  router.post('/oauth/token', (req, res) =>
    exchange(simulator, req, res, async (call) => issueToken(simulator, call)),
  );
  router.post('/oauth/deauthorize', (req, res) =>
    exchange(simulator, req, res, async (call) => deauthorize(simulator, call)),
  );
}

/** These problems are never redirected: a broken request must not send anybody anywhere. */
function refuseAuthorization({ options }: Simulator, query: Fields, res: Response): boolean {
  const { clientId, redirectUris } = options.platform;
  const problem = ((): [string, string] | null => {
    if (!query.response_type) return ['invalid_request', 'No response_type specified'];
    if (query.response_type !== 'code')
      return ['unsupported_response_type', `Unsupported response_type: ${query.response_type}`];
    if (!query.client_id) return ['invalid_request', 'No client_id specified'];
    if (query.client_id !== clientId)
      return ['invalid_client', `No application matches the supplied client identifier`];
    if (query.scope && !SCOPES.includes(query.scope))
      return ['invalid_scope', `Invalid scope provided: ${query.scope}`];
    if (query.redirect_uri && !redirectUris.includes(query.redirect_uri)) {
      return [
        'invalid_redirect_uri',
        `Invalid redirect URI '${query.redirect_uri}'. It is not among those of this application.`,
      ];
    }
    return null;
  })();
  if (!problem) return false;
  const state = query.state === undefined ? {} : { state: query.state };
  res.status(400).json({ error: problem[0], error_description: problem[1], ...state });
  return true;
}

function decideAuthorization(simulator: Simulator, req: Request, res: Response): void {
  const form = Object.fromEntries(formPairs(formText(req)));
  if (refuseAuthorization(simulator, form, res)) return;
  const target = form.redirect_uri || simulator.options.platform.redirectUris[0]!;
  const state = form.state === undefined ? '' : `&state=${encodeURIComponent(form.state)}`;
  if (form.action === 'deny') {
    const description = encodeURIComponent('The user denied your request');
    return redirect(res, target, `error=access_denied&error_description=${description}${state}`);
  }

  const account =
    form.action === 'create' ? accountFromForm(simulator, form) : existingAccount(simulator, form);
  if (typeof account === 'string') {
    return askForAuthorization(simulator, res, form, {
      values: form,
      error: account,
      signIn: form.action !== 'create',
    });
  }
  const scope = form.scope || 'read_only';
  const code = newId('ac_', 32);
  const expires = simulator.clock.seconds() + CODE_LIFETIME_SECONDS;
  simulator.state.put('codes', { id: code, account: account.id, scope, expires, used: false });
  simulator.state.flush();
  redirect(res, target, `scope=${scope}&code=${code}${state}`);
}

function redirect(res: Response, target: string, query: string): void {
  res.set('Referrer-Policy', 'no-referrer');
  res.redirect(303, `${target}${target.includes('?') ? '&' : '?'}${query}`);
}

function existingAccount({ state }: Simulator, form: Fields) {
  const email = form.email?.trim().toLowerCase();
  const found = email
    ? state.all('accounts').findLast(({ object }) => object.email?.toLowerCase() === email)
    : state.get('accounts', form.account ?? '');
  return (
    found ??
    (email ? 'No simulated account has this e-mail. Create one below.' : 'Choose an account, or create one.')
  );
}

function accountFromForm(simulator: Simulator, form: Fields) {
  const email = form.email?.trim() ?? '';
  if (!isEmail(email)) return 'Enter an e-mail address for the new account.';
  const prefill = prefilled(form);
  return createAccount(simulator, {
    email,
    business_name: form.business_name?.trim().slice(0, 100) ?? null,
    ...(form.country ? { country: form.country } : {}),
    ...(prefill.currency ? { default_currency: prefill.currency } : {}),
    url: prefill.url ?? null,
    charges_enabled: form.charges_enabled !== 'no',
  });
}

function isEmail(text: string): boolean {
  return /^[^\s@<>]+@[^\s@<>]+$/.test(text) && text.length <= 200;
}

/** What the platform knows of the person. What is not valid is left out, as Stripe does. */
function prefilled(query: Fields): Fields {
  const given = (name: string) => query[`stripe_user[${name}]`]?.trim() ?? '';
  const country = given('country').toUpperCase();
  const name = given('business_name') || `${given('first_name')} ${given('last_name')}`.trim();
  return {
    ...(isEmail(given('email')) ? { email: given('email') } : {}),
    ...(name ? { business_name: name.slice(0, 100) } : {}),
    ...(COUNTRIES.some(({ code }) => code === country) ? { country } : {}),
    ...(/^https?:\/\/\S+$/.test(given('url')) ? { url: given('url') } : {}),
    ...(country && /^[a-z]{3}$/.test(given('currency')) ? { currency: given('currency') } : {}),
  };
}

function askForAuthorization(
  simulator: Simulator,
  res: Response,
  query: Fields,
  view: { values: Fields; error?: string; signIn: boolean },
): void {
  const { name } = simulator.options.platform;
  const accounts = simulator.state.all('accounts').reverse();
  const forms = [signInForm(query, accounts.slice(0, LISTED_ACCOUNTS), view), createForm(query, view)];
  const body = html`<div class="narrow">
    <h1>Connect an account to ${name}</h1>
    <p class="lead">
      ${name} wants to take payments on your account, refund them, and see them. You can end this at any time.
    </p>
    ${view.error && notice('error', view.error)}
    ${view.signIn && accounts.length > 0 ? forms : forms.reverse()}
    <form method="post" action="/oauth/authorize" class="quiet">
      ${kept(query)}
      <button name="action" value="deny" class="secondary">No, don't connect</button>
      <p class="hint">Takes you back to ${name}. Nothing is shared.</p>
    </form>
  </div>`;
  sendPage(res, { title: `Connect to ${name}`, body, ...(view.error ? { status: 422 } : {}) });
}

function signInForm(
  query: Fields,
  accounts: { id: string; object: Parameters<typeof nameOf>[0] }[],
  { values }: { values: Fields },
): Markup | null {
  if (accounts.length === 0) return null;
  return html`<form method="post" action="/oauth/authorize" class="card">
    ${kept(query)}
    <h2>Use an account you have</h2>
    <fieldset>
      <legend>Simulated accounts</legend>
      ${accounts.map(
        ({ id, object }, index) =>
          html`<label class="choice">
            <input
              type="radio"
              name="account"
              value="${id}"
              ${(values.account ? values.account === id : index === 0) && html`checked`}
            />
            <span><strong>${nameOf(object)}</strong><small>${object.email} · ${id}</small></span>
          </label>`,
      )}
    </fieldset>
    ${field('Or its e-mail', 'email', '', { id: 'sign-in-email', type: 'email', hint: 'Wins over the choice above.' })}
    <button name="action" value="sign_in">Connect my account</button>
  </form>`;
}

function createForm(query: Fields, { values }: { values: Fields }): Markup {
  const country = values.country ?? 'DE';
  return html`<form method="post" action="/oauth/authorize" class="card" novalidate>
    ${kept(query)}
    <h2>Create an account</h2>
    <p>It exists in this simulator only. Nothing is checked.</p>
    ${field('E-mail', 'email', values.email ?? '', { type: 'email', autocomplete: 'email' })}
    ${field('Business name', 'business_name', values.business_name ?? '', { autocomplete: 'organization' })}
    <div class="field">
      <label for="country">Country</label>
      <select id="country" name="country">
        ${COUNTRIES.map(({ code, name }) => html`<option value="${code}" ${code === country && html`selected`}>${name}</option>`)}
      </select>
    </div>
    <input type="hidden" name="charges_enabled" value="no" />
    <label class="choice">
      <input
        type="checkbox"
        name="charges_enabled"
        value="yes"
        ${values.charges_enabled !== 'no' && html`checked`}
      />
      <span
        ><strong>Verified: can take charges</strong
        ><small>Clear it to see what happens before Stripe has checked an account.</small></span
      >
    </label>
    <button name="action" value="create">Create and connect my account</button>
  </form>`;
}

/** The request's own parameters, carried on by the forms. */
function kept(query: Fields): Markup[] {
  return Object.entries(query)
    .filter(([name]) =>
      /^(response_type|client_id|scope|redirect_uri|state|stripe_landing|stripe_user\[\w+\])$/.test(name),
    )
    .map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`);
}

/** Never idempotent: a code that is presented twice takes the connection with it. */
function issueToken(simulator: Simulator, { req, pairs }: Exchange): Answer {
  const form = Object.fromEntries(pairs);
  authenticateClient(simulator, req, form);
  const { state, clock, livemode } = simulator;

  if (form.grant_type === 'refresh_token') {
    if (!form.refresh_token) throw oauthRefused('invalid_request', 'No refresh token provided');
    const connection = state
      .all('connections')
      .find(({ refreshToken }) => refreshToken === form.refresh_token);
    if (!connection)
      throw oauthRefused(
        'invalid_grant',
        'This refresh token does not exist, or its access has been revoked',
      );
    const scope = form.scope || connection.scope;
    if (!SCOPES.includes(scope) || (connection.scope === 'read_only' && scope !== 'read_only')) {
      throw oauthRefused('invalid_scope', `Invalid scope provided: ${scope}`);
    }
    return tokens(connection.account, scope, connection.refreshToken);
  }
  if (!form.grant_type) throw oauthRefused('invalid_request', 'No grant type specified');
  if (form.grant_type !== 'authorization_code') {
    throw oauthRefused('unsupported_grant_type', `Unsupported grant type: ${form.grant_type}`);
  }
  if (!form.code) throw oauthRefused('invalid_request', 'No authorization code provided');
  const code = state.get('codes', form.code);
  if (!code) throw oauthRefused('invalid_grant', `Authorization code does not exist: ${form.code}`);
  if (code.used) {
    revoke(simulator, code.account);
    throw oauthRefused(
      'invalid_grant',
      `Authorization code has already been used: ${code.id}. The connection that it made has been revoked.`,
    );
  }
  if (code.expires < clock.seconds())
    throw oauthRefused('invalid_grant', `Authorization code has expired: ${code.id}`);

  state.put('codes', { ...code, used: true });
  const refreshToken = state.get('connections', code.account)?.refreshToken ?? newId('rt_', 40);
  connect(simulator, code.account, code.scope, refreshToken);
  return tokens(code.account, code.scope, refreshToken);

  function tokens(account: string, scope: string, refreshToken: string): Answer {
    const body = {
      access_token: newId(livemode ? 'sk_live_' : 'sk_test_'),
      livemode,
      refresh_token: refreshToken,
      scope,
      stripe_publishable_key: state.get('accounts', account)?.publishableKey,
      stripe_user_id: account,
      token_type: 'bearer',
    };
    return { status: 200, body };
  }
}

function deauthorize(simulator: Simulator, { req, pairs }: Exchange): Answer {
  const form = Object.fromEntries(pairs);
  authenticateClient(simulator, req, form);
  if (!form.client_id) throw oauthRefused('invalid_request', 'No client_id provided');
  if (!form.stripe_user_id) throw oauthRefused('invalid_request', 'No stripe_user_id provided');
  if (form.client_id !== simulator.options.platform.clientId) {
    throw oauthRefused('invalid_client', `No such application: '${form.client_id}'`, 401);
  }
  if (!revoke(simulator, form.stripe_user_id)) {
    const description = `This application is not connected to stripe account ${form.stripe_user_id}, or that account does not exist.`;
    throw oauthRefused('invalid_client', description, 401);
  }
  return { status: 200, body: { stripe_user_id: form.stripe_user_id } };
}

function authenticateClient(simulator: Simulator, req: Request, form: Fields): void {
  const key = presentedKey(req) || form.client_secret;
  if (!key)
    throw new Refusal(
      { status: 401, body: { error: 'invalid_client', error_description: 'No API key provided' } },
      true,
    );
  if (!isPlatformKey(simulator, key))
    throw oauthRefused('invalid_client', `No such API key: ${key.slice(0, 8)}****`, 401);
}
