/** Who has installed the platform's Stripe App, in each mode for itself, and the tokens that this gives. */
import { newId, type Simulator } from './context';
import { type Answer } from './refusal';
import { type Tables } from './state';

const ACCESS_TOKEN_SECONDS = 60 * 60;

type Install = Tables['installs'];

/** Makes or renews an install, and answers its first tokens. */
export function install(simulator: Simulator, account: string): Answer {
  const { clock, state } = simulator;
  const id = installId(simulator, account);
  const created = state.get('installs', id)?.created ?? clock.seconds();
  return newTokens(simulator, { id, account, created, refreshToken: '', accessTokens: [] });
}

export function newTokens(simulator: Simulator, install: Install): Answer {
  const { clock, livemode, state } = simulator;
  const access_token = newId(livemode ? 'sk_live_app' : 'sk_test_app', 40);
  const refresh_token = newId('rt_', 40);
  const now = clock.seconds();
  state.put('installs', {
    ...install,
    refreshToken: refresh_token,
    accessTokens: [
      ...install.accessTokens.filter(({ expires }) => expires > now),
      { token: access_token, expires: now + ACCESS_TOKEN_SECONDS },
    ],
  });
  return {
    status: 200,
    body: {
      access_token,
      livemode,
      refresh_token,
      scope: 'stripe_apps',
      stripe_publishable_key: state.get('accounts', install.account)?.publishableKey,
      stripe_user_id: install.account,
      token_type: 'bearer',
    },
  };
}

export function installOf(simulator: Simulator, account: string): Install | undefined {
  return simulator.state.get('installs', installId(simulator, account));
}

export function installsOfMode(simulator: Simulator): Install[] {
  return simulator.state.all('installs').filter(({ id }) => id.startsWith(modeOf(simulator)));
}

/** The account that an access token lets in to; null when nobody, or not any more. */
export function accountOfToken(simulator: Simulator, token: string): string | null {
  const now = simulator.clock.seconds();
  const install = installsOfMode(simulator).find(({ accessTokens }) =>
    accessTokens.some((held) => held.token === token && held.expires > now),
  );
  return install?.account ?? null;
}

/** The account's owner removes the app. False: it was not there. */
export function uninstall(simulator: Simulator, account: string): boolean {
  const { options, state, webhooks } = simulator;
  if (!installOf(simulator, account) || !options.platform.app) return false;
  state.remove('installs', installId(simulator, account));
  for (const { id, object } of state.listFor('secrets', account))
    if (object.livemode === simulator.livemode) state.remove('secrets', id);
  void webhooks.emit({
    account,
    type: 'account.application.deauthorized',
    object: { id: options.platform.app.clientId, object: 'application', name: options.platform.name },
    livemode: simulator.livemode,
  });
  return true;
}

const modeOf = ({ livemode }: Simulator) => (livemode ? 'live:' : 'test:');
export const installId = (simulator: Simulator, account: string) => modeOf(simulator) + account;
