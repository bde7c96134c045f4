/**
 * A platform with keys of both modes: live and test share accounts and connections, as an account that was connected with
 * the live client id does at Stripe, and nothing else. Each mode is a simulator of its own over one state; what belongs to
 * the other mode is not there.
 */
import { type IncomingMessage } from 'node:http';
import { presentedKey } from './api';
import { type Simulator } from './context';
import { type State } from './state';

/** The same platform in test mode; null where it has no second pair of keys. */
export function testModeOf(simulator: Simulator): Simulator | null {
  const { testKeys, ...platform } = simulator.options.platform;
  if (!testKeys) return null;
  return {
    ...simulator,
    livemode: false,
    options: { ...simulator.options, platform: { ...platform, ...testKeys } },
    state: ofMode(simulator.state, false),
    keysInUse: new Map(),
  };
}

/** What of the state one mode can see. */
export function ofMode(state: State, livemode: boolean): State {
  const isOurs = (row: unknown): boolean => {
    const mode = (row as { object?: { livemode?: unknown } } | undefined)?.object?.livemode;
    return typeof mode !== 'boolean' || mode === livemode;
  };
  return {
    ...state,
    get: (table, id) => {
      const row = state.get(table, id);
      return isOurs(row) ? row : undefined;
    },
    all: (table) => state.all(table).filter(isOurs),
    listFor: (table, account) => state.listFor(table, account).filter(isOurs),
  };
}

/** Is this request about test mode? Programs say so by their key, pages by the session's id or the client's. */
export function isForTestMode(req: IncomingMessage, test: Simulator): boolean {
  const { clientId, app } = test.options.platform;
  const header = req.headers.authorization;
  // the platform's key, or an access token of its app
  if (header) return /^(sk|rk)_test_/.test(presentedKey(header) ?? '');
  const url = req.url ?? '';
  return (
    /^\/c\/pay\/cs_test_/.test(url) ||
    [clientId, app?.clientId].some((id) => id !== undefined && url.includes(`client_id=${id}`))
  );
}
