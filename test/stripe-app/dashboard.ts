/** A person at Stripe's Dashboard: what the app's views send from there, signed as Stripe's SDK signs it. */
import { createHmac } from 'node:crypto';
import { createGrantsStore } from '../../src/oauth-provider/grants-store';
import { inTransaction } from '../../src/db/connection';
import { newSecretToken } from '../../src/lib/tokens';
import { type Market } from '../support/market';

export const SIGNING_SECRETS = ['absec_currentSecretOfTheTests', 'absec_formerSecretOfTheTests'];

export interface Asked {
  method?: string;
  query?: Record<string, string> | string;
  /** instead of the right one; null: none */
  signature?: string | null;
  headers?: Record<string, string>;
}

export interface Told {
  status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
  headers: Headers;
}

/** One v1 for each secret over a text, which is signed as it stands. */
export function signatureOf(signed: string, secrets = [SIGNING_SECRETS[0]!], at = Date.now() / 1000): string {
  const time = Math.floor(at);
  const v1 = secrets.map(
    (secret) => `v1=${createHmac('sha256', secret).update(`${time}.${signed}`).digest('hex')}`,
  );
  return [`t=${time}`, ...v1].join(',');
}

export function openDashboard(baseUrl: string, account: string, user = 'usr_1Ada') {
  const identity = { user_id: user, account_id: account };
  const dashboard = {
    identity,
    signed: JSON.stringify(identity),

    async ask(path: string, asked: Asked = {}): Promise<Told> {
      const query = new URLSearchParams(asked.query ?? { ...identity, mode: 'test' });
      const signature = asked.signature === undefined ? signatureOf(dashboard.signed) : asked.signature;
      const answer = await fetch(`${baseUrl}${path}?${query}`, {
        method: asked.method ?? 'GET',
        redirect: 'manual',
        headers: {
          Accept: 'application/json',
          Origin: 'null',
          'Sec-Fetch-Site': 'cross-site',
          ...(signature === null ? {} : { 'Stripe-Signature': signature }),
          ...asked.headers,
        },
      });
      const text = await answer.text();
      const json = answer.headers.get('content-type')?.includes('json');
      return { status: answer.status, body: json ? JSON.parse(text) : text, headers: answer.headers };
    },

    userinfo: () => dashboard.ask('/api/oauth/userinfo'),
    payment: (id: string) => dashboard.ask(`/api/payments/${id}`),
    signOut: () => dashboard.ask('/api/oauth/logout', { method: 'POST' }),

    /** Where Foyer sends somebody back who has allowed it: with a code and the state that the sign-in began with. */
    async allowedBy(market: Market, email: string): Promise<string> {
      const { body } = await dashboard.ask('/api/oauth/login');
      const asked = new URL(body.url).searchParams;
      const { id } = await market.db('users').where({ email }).first('id');
      const code = newSecretToken();
      await inTransaction(market.db, (trx) =>
        createGrantsStore(trx).create(
          { userId: id, clientId: asked.get('client_id')!, scopes: ['orders:read', 'events:read'] },
          { code, redirectUri: asked.get('redirect_uri')!, codeChallenge: asked.get('code_challenge') },
        ),
      );
      return `${asked.get('redirect_uri')}?${new URLSearchParams({ code, state: asked.get('state')! })}`;
    },

    async signIn(market: Market, email: string): Promise<void> {
      const back = await fetch(await dashboard.allowedBy(market, email));
      if (back.status !== 200) throw new Error(`${back.status}: ${(await back.text()).slice(0, 500)}`);
    },
  };
  return dashboard;
}
