/**
 * The control address, for tests and for people who play with faults. JSON in, JSON out; only from this machine's own
 * programs (a request that a web page sends is refused).
 *
 * POST   /_control/faults      [{ match: {method?, path?, account?}, fault, times?, skip?, status?, body?, ms? }]
 * GET    /_control/faults      the plan with what is left of it          DELETE clears it
 *        path: a beginning ("/v1/refunds") or an expression ("/^\/v1\/checkout\/sessions$/"); times: default 1, -1 = all
 *        status: answers `status` and `body`, does nothing      html: the same with a page (default 200)
 *        rate_limit: 429, does nothing                          merge_body: does it; `body` is merged in, null removes a field
 *        error_before / error_after: 500, without doing it / having done it (kept for the idempotency key)
 *        reset_before / reset_after: the connection is cut      slow: answers after `ms` (its key is in use meanwhile)
 *        hang: never does it, never answers (cut after `ms`)    hang_after: does it, never answers
 *        truncated_json: does it, sends half of the answer
 * POST   /_control/clock       { offsetSeconds }: shifts codes' and sessions' lives and all `created` times
 * POST   /_control/webhooks    { mode: normal|muted|double|reversed|hold, ms?, signedSecondsAgo?, secret? }
 *        reversed collects for `ms` (300), then sends the newest first; hold keeps until release; signedSecondsAgo and
 *        secret (null: the right one) spoil the signature
 * POST   /_control/webhooks/release { order?: normal|reversed|shuffled }: resolves when each was tried once
 * GET    /_control/webhooks    deliveries that are not done
 * POST   /_control/events      { type, account, object, created?, livemode? }: any event    GET lists all (?account=)
 * POST   /_control/events/:id/resend
 * GET    /_control/requests    what the app sent, without secrets        DELETE clears it
 * GET    /_control/ledger      { accounts: {acct_…: {charges, refunds, application_fees, balance}}, platform }
 * POST   /_control/accounts    { email, business_name?, country?, default_currency?, charges_enabled? } → account
 * POST   /_control/accounts/:id { charges_enabled?, requirements?, insufficient_balance?, … } → account.updated
 * POST   /_control/accounts/:id/connect | /revoke   makes or ends the connection as its owner would
 * POST   /_control/sessions/:id/pay { outcome: success|decline|async_pending|async_success|async_failure, amount_total?, currency? }
 *        async_success and async_failure also end a session that is pending; amount_total and currency are set first, to
 *        play an answer that contradicts the order
 * POST   /_control/sessions/:id/expire
 * POST   /_control/refunds/:id { status: pending|succeeded|failed|canceled }
 */
import express, { type Request, type Response, Router } from 'express';
import { connect, createAccount, getAccount, revoke, updateAccount } from './accounts';
import { expireSession, getSession } from './checkout-sessions';
import { newId, type Simulator } from './context';
import { type Fault, FAULT_KINDS } from './faults';
import { ledger } from './ledger';
import { payForTest } from './payments';
import { noSuch, Refusal, refused } from './refusal';
import { changeRefund } from './refunds';
import { DELIVERY_MODES, RELEASE_ORDERS } from './webhook-delivery';

type Json = Record<string, unknown>;

export function controlRoutes(simulator: Simulator): Router {
  const { faults, requests, webhooks, state, clock } = simulator;
  const router = Router();
  router.use(refuseWebPages, express.json({ limit: '1mb' }));

  const on = (
    method: 'get' | 'post' | 'delete',
    path: string,
    act: (body: Json, id: string, req: Request) => unknown | Promise<unknown>,
  ) =>
    router[method](path, async (req: Request, res: Response) => {
      try {
        const answer = await act((req.body ?? {}) as Json, String(req.params.id ?? ''), req);
        state.flush();
        res.json(answer ?? { ok: true });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        res.status(error.answer.status).json(error.answer.body);
      }
    });

  on('post', '/faults', (body) => {
    const added = (Array.isArray(body) ? body : [body]) as Fault[];
    for (const { fault } of added) oneOf(fault, FAULT_KINDS, 'fault');
    faults.add(added.map((fault) => ({ ...fault, match: fault.match ?? {}, times: fault.times ?? 1 })));
    return { faults: faults.list() };
  });
  on('get', '/faults', () => ({ faults: faults.list() }));
  on('delete', '/faults', () => faults.clear());

  on('post', '/clock', (body) => {
    if (!Number.isFinite(body.offsetSeconds)) throw refused('offsetSeconds is a number');
    clock.setOffsetSeconds(body.offsetSeconds as number);
    return { now: clock.seconds() };
  });

  on('post', '/webhooks', (body) => {
    if (body.mode !== undefined) oneOf(body.mode, DELIVERY_MODES, 'mode');
    return { mode: webhooks.configure(body).mode };
  });
  on('post', '/webhooks/release', async (body) => {
    const order = oneOf(body.order ?? 'normal', RELEASE_ORDERS, 'order');
    return { released: await webhooks.release(order) };
  });
  on('get', '/webhooks', () => ({ pending: webhooks.pending() }));

  on('post', '/events', (body) => {
    const event = body as unknown as Parameters<typeof webhooks.emit>[0];
    if (typeof event.type !== 'string' || typeof event.object !== 'object')
      throw refused('type and object are needed');
    return webhooks.emit(event);
  });
  on('get', '/events', (_body, _id, req) => ({
    events: state
      .all('events')
      .flatMap(({ account, object }) => (account === (req.query.account ?? account) ? [object] : [])),
  }));
  on('post', '/events/:id/resend', (_body, id) => {
    const sent = webhooks.resend(id);
    if (!sent) throw noSuch('event', id);
    return sent;
  });

  on('get', '/requests', () => ({ requests: requests.list() }));
  on('delete', '/requests', () => requests.clear());
  on('get', '/ledger', () => ledger(simulator));

  on('post', '/accounts', (body) => {
    if (typeof body.email !== 'string') throw refused('email is needed');
    return createAccount(simulator, body as never).object;
  });
  on('post', '/accounts/:id', ({ insufficient_balance, ...change }, id) => {
    const account = getAccount(simulator, id);
    if (insufficient_balance !== undefined) account.insufficientBalance = insufficient_balance === true;
    if (Object.keys(change).length > 0) updateAccount(simulator, account, change);
    return state.put('accounts', account).object;
  });
  on('post', '/accounts/:id/connect', (_body, id) => {
    connect(simulator, getAccount(simulator, id).id, 'read_write', newId('rt_', 40));
  });
  on('post', '/accounts/:id/revoke', (_body, id) => ({ revoked: revoke(simulator, id) }));

  on('post', '/sessions/:id/pay', (body, id) => {
    const outcomes = ['success', 'decline', 'async_pending', 'async_success', 'async_failure'] as const;
    const session = getSession(simulator, id);
    if (Number.isInteger(body.amount_total)) session.object.amount_total = body.amount_total as number;
    if (typeof body.currency === 'string') session.object.currency = body.currency;
    payForTest(simulator, session, oneOf(body.outcome ?? 'success', outcomes, 'outcome'));
    return session.object;
  });
  on('post', '/sessions/:id/expire', (_body, id) => {
    const session = getSession(simulator, id);
    expireSession(simulator, session);
    return session.object;
  });
  on('post', '/refunds/:id', (body, id) => {
    const status = oneOf(body.status, ['pending', 'succeeded', 'failed', 'canceled'] as const, 'status');
    return changeRefund(simulator, id, status);
  });
  return router;
}

/** A page in somebody's browser could reach this port; it can't leave `Origin` and `Sec-Fetch-Site` out. */
function refuseWebPages(req: Request, res: Response, next: () => void): void {
  const site = req.get('Sec-Fetch-Site');
  if (req.get('Origin') || (site && site !== 'none'))
    res.status(403).json({ error: 'The control address is not for web pages.' });
  else next();
}

function oneOf<T extends string>(value: unknown, allowed: readonly T[], name: string): T {
  if (!allowed.includes(value as T)) throw refused(`${name} is one of ${allowed.join(', ')}`);
  return value as T;
}
