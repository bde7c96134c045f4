/**
 * The guest's own cookie: the addresses of their latest orders, so that an unfinished one can be offered again. Each is
 * signed (id + MAC); what does not verify is dropped. It is no session and identifies nobody elsewhere.
 */
import { type Request, type Response } from 'express';
import { type IdTokens } from '../lib/tokens';

const NAME = 'foyer_orders';
/** Over https the browser itself binds it to this host: no other subdomain can plant one. */
const NAME_OVER_HTTPS = `__Host-${NAME}`;
const NAMED = new RegExp(`^\\s*(?:__Host-)?${NAME}=`);
const MOST = 8;
const THIRTY_DAYS_MS = 30 * 24 * 60 * 60 * 1000;

export function readMyOrders(req: Request, orderTokens: IdTokens): string[] {
  const cookie = (req.headers.cookie ?? '').split(';').find((part) => NAMED.test(part));
  const tokens =
    cookie
      ?.slice(cookie.indexOf('=') + 1)
      .trim()
      .split('.')
      .slice(0, MOST) ?? [];
  return tokens.map((token) => orderTokens.verify(token)).filter((id) => id !== null);
}

export function rememberOrder(
  req: Request,
  res: Response,
  orderTokens: IdTokens,
  orderId: string,
  secure: boolean,
): void {
  const ids = [orderId, ...readMyOrders(req, orderTokens).filter((id) => id !== orderId)].slice(0, MOST);
  res.cookie(secure ? NAME_OVER_HTTPS : NAME, ids.map((id) => orderTokens.sign(id)).join('.'), {
    httpOnly: true,
    sameSite: 'lax',
    secure,
    path: '/',
    maxAge: THIRTY_DAYS_MS,
  });
}
