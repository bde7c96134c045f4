import { useMemo } from 'react';
import { type ExtensionContextValue } from '@stripe/ui-extension-sdk/context';
import { fetchStripeSignature } from '@stripe/ui-extension-sdk/utils';
import { type ApiRefusal, type ExtensionIdentity, SIGNATURE_HEADER } from '../contract';

/** What came of a request. Nothing throws, and nothing is refused without words. */
export type Answer<Body> =
  | { is: 'ok'; body: Body }
  /** they have to sign in to Foyer first */
  | { is: 'signed_out' }
  | { is: 'not_found' }
  /** may be asked again */
  | { is: 'refused'; words: string };

export type Foyer = ReturnType<typeof useFoyer>;

/** Long enough for the backend to give up on Stripe and say so. */
const PATIENCE_MS = 20_000;

/** Foyer's backend as this person at this account: the only place that makes requests, each one signed and named. */
export function useFoyer({ userContext, environment }: ExtensionContextValue) {
  const base = foyerAddress(environment.constants);
  const { id: userId } = userContext;
  const { id: accountId } = userContext.account;
  const { mode } = environment;

  return useMemo(() => {
    async function request<Body>(method: 'GET' | 'POST', path: string): Promise<Answer<Body>> {
      if (!base) return refused('This app was set up without the address of its Foyer.');
      if (!userId || !accountId) return refused('Stripe did not say who you are. Reload this page.');
      const identity: ExtensionIdentity = { user_id: userId, account_id: accountId, mode };
      const url = new URL(path, base);
      url.search = new URLSearchParams({ ...identity }).toString();
      try {
        // a new one each time: they count for five minutes
        const signature = await fetchStripeSignature();
        const response = await fetch(url, {
          method,
          headers: { Accept: 'application/json', [SIGNATURE_HEADER]: signature },
          credentials: 'omit',
          redirect: 'error',
          signal: AbortSignal.timeout(PATIENCE_MS),
        });
        return await readAnswer<Body>(response);
      } catch {
        return refused('Foyer can’t be reached at the moment. Try again in a minute.');
      }
    }
    return {
      get: <Body>(path: string) => request<Body>('GET', path),
      post: <Body>(path: string) => request<Body>('POST', path),
    };
  }, [base, userId, accountId, mode]);
}

/** The manifest's `constants.foyer_url`. */
function foyerAddress(constants: unknown): string | null {
  if (typeof constants !== 'object' || constants === null || !('foyer_url' in constants)) return null;
  return typeof constants.foyer_url === 'string' ? constants.foyer_url : null;
}

async function readAnswer<Body>(response: Response): Promise<Answer<Body>> {
  if (response.status === 204) return { is: 'ok', body: undefined as Body };
  if (response.ok) return { is: 'ok', body: (await response.json()) as Body };
  if (response.status === 401) return { is: 'signed_out' };
  if (response.status === 404) return { is: 'not_found' };
  const refusal = (await response.json().catch(() => null)) as Partial<ApiRefusal> | null;
  return refused(refusal?.error?.message ?? `Foyer could not answer (${response.status}). Try again.`);
}

function refused(words: string): { is: 'refused'; words: string } {
  return { is: 'refused', words };
}
