/**
 * What the platform's app shows beside a payment in an account's Dashboard. The page asks the app's backend as the views do that
 * Stripe shows in a frame: no origin, no cookie, signed for the account's user (docs.stripe.com/stripe-apps/build-backend).
 */
import { createHmac } from 'node:crypto';
import { type SimulatedApp, type Simulator } from './context';
import { installOf } from './installs';

const TIMEOUT_MS = 15_000;

/** What the backend's answers are read as here: a text that is missing is shown as none. */
export interface AppOrder {
  order: { reference: string; status: { label: string }; url: string };
  buyer: { name: string; email: string } | null;
  event: { title: string; startsText: string };
  tickets: { type: string; status: string; checkedInText: string | null }[];
  money: { paid: { text: string }; refunded: { text: string } | null; platformFee: { text: string } };
}

export type AppView =
  | { shows: 'no_app' }
  | { shows: 'not_installed'; url: string }
  | { shows: 'message'; message: string; signedIn: boolean }
  | { shows: 'sign_in'; url: string; message: string }
  | { shows: 'order'; details: AppOrder; person: { name: string; email: string } };

interface Answer {
  status: number;
  body: { error?: { message?: string }; url?: string; name?: string; email?: string } | null;
}

/** Everybody who looks at an account's Dashboard here is the same person. */
export function dashboardUserOf(account: string): string {
  return `usr_${account.replace('acct_', '')}`;
}

/** The header that Stripe's SDK for views makes; `at`: seconds. */
export function signView(app: SimulatedApp, who: { user: string; account: string }, at: number): string {
  const signed = JSON.stringify({ user_id: who.user, account_id: who.account });
  return `t=${at},v1=${createHmac('sha256', app.signingSecret).update(`${at}.${signed}`).digest('hex')}`;
}

export async function readAppView(simulator: Simulator, account: string, payment: string): Promise<AppView> {
  const ask = backendOf(simulator, account);
  if (!ask) return { shows: 'no_app' };
  if (!installOf(simulator, account)) return { shows: 'not_installed', url: `${ask.origin}/stripe-app` };
  try {
    const person = await ask('GET', '/api/oauth/userinfo');
    if (person.status === 401) {
      const login = await ask('GET', '/api/oauth/login');
      if (login.status !== 200 || !login.body?.url) return message(login, false);
      return { shows: 'sign_in', url: login.body.url, message: messageOf(person) };
    }
    if (person.status !== 200) return message(person, false);
    const details = await ask('GET', `/api/payments/${encodeURIComponent(payment)}`);
    if (details.status !== 200) return message(details, true);
    const { name = '', email = '' } = person.body ?? {};
    return { shows: 'order', details: details.body as unknown as AppOrder, person: { name, email } };
  } catch {
    return { shows: 'message', message: 'The app’s backend does not answer.', signedIn: false };
  }
}

/** Answers false where the backend did not do it. */
export async function signOutOfApp(simulator: Simulator, account: string): Promise<boolean> {
  const answer = await backendOf(simulator, account)?.('POST', '/api/oauth/logout').catch(() => null);
  return answer?.status === 204;
}

function backendOf({ options, livemode, clock }: Simulator, account: string) {
  const { app } = options.platform;
  if (!app?.redirectUris[0]) return null;
  const { origin } = new URL(app.redirectUris[0]);
  const signed = app;
  const user = dashboardUserOf(account);
  const query = new URLSearchParams({ user_id: user, account_id: account, mode: livemode ? 'live' : 'test' });
  return Object.assign(ask, { origin });

  async function ask(method: string, path: string): Promise<Answer> {
    const response = await fetch(`${origin}${path}?${query}`, {
      method,
      headers: {
        Accept: 'application/json',
        Origin: 'null',
        'Sec-Fetch-Site': 'cross-site',
        'Stripe-Signature': signView(signed, { user, account }, clock.seconds()),
      },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    return { status: response.status, body: parseJson(text) };
  }
}

function message(answer: Answer, signedIn: boolean): AppView {
  return { shows: 'message', message: messageOf(answer), signedIn };
}

function messageOf({ status, body }: Answer): string {
  return body?.error?.message ?? `The app’s backend answered ${status}.`;
}

function parseJson(text: string): Answer['body'] {
  try {
    return JSON.parse(text) as Answer['body'];
  } catch {
    return null;
  }
}
