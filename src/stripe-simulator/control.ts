/**
 * The control address, for tests and for people who play with faults. JSON in, JSON out; only for programs on this machine
 * (what a web page sends is refused).
 *
 * POST /_control/faults    [{ match: {method?, path?, account?}, fault, times?, skip?, status?, body?, ms? }]   GET, DELETE
 *   path: a beginning ("/v1/refunds") or an expression ("/^\/v1\/checkout\/sessions$/"); times: default 1, -1 = all;
 *   skip: how many pass first
 *   status: answers `status`, `body` and does nothing       html: the same with a page (200)      rate_limit: the same with 429
 *   error_before | error_after: 500, not done | done (and kept for the idempotency key)
 *   reset_before | reset_after: the connection is cut, not done | done
 *   slow: done after `ms`, the key in use meanwhile         hang | hang_after: no answer (cut after `ms`), not done | done
 *   truncated_json: done, half of the answer is sent        merge_body: done, `body` is merged in (null removes a field)
 * POST /_control/clock     { offsetSeconds }: shifts the lives of codes, sessions and keys, and all `created`
 * POST /_control/rate      { requestsPerSecond: number | null }: per account and endpoint from now on; null = unlimited
 * POST /_control/webhooks  { mode: normal|muted|double|reversed|hold, ms? }    GET: deliveries that are not done
 *   reversed collects for `ms` (300) and sends the newest first; hold keeps until release
 * POST /_control/webhooks/release { reversed?: true }: resolves when each was tried once
 * POST /_control/events    { type, account, object, created?, livemode? }: any event    GET: all that are kept
 * POST /_control/events/:id/resend
 * GET  /_control/requests  what the app sent, without secrets    DELETE
 * GET  /_control/ledger    { accounts: {acct_…: {charges, refunds, application_fees, balance}}, platform }
 * POST /_control/accounts  { email, business_name?, country?, default_currency?, charges_enabled? } → account
 * POST /_control/accounts/:id { charges_enabled?, requirements?, … } → account.updated; { insufficient_balance } → no refunds;
 *   { slow_refunds } → new refunds are pending until /_control/refunds/:id says otherwise
 * POST /_control/accounts/:id/connect | /revoke | /install (the platform's Stripe App)
 * POST /_control/sessions/:id/expire
 * POST /_control/sessions/:id/pay { outcome?: success|decline|async_pending|async_success|async_failure, amount_total?, currency? }
 *   async_success and async_failure also end a pending one; amount_total and currency contradict the order
 * POST /_control/refunds/:id { status: pending|succeeded|failed }
 * POST /_control/disputes     { payment_intent, reason?, amount?, inquiry? } → dispute
 * POST /_control/disputes/:id { status }: as Stripe lets a dispute go on (under_review, won, lost, appeal_needs_response, …)
 */
import express, { type Request, type Response, Router } from 'express';
import { connect, createAccount, getAccount, type NewAccount, revoke, updateAccount } from './accounts';
import { ledger } from './balances';
import { expireSession, getSession } from './checkout-sessions';
import { type Simulator } from './context';
import { DISPUTE_STATUSES, moveDispute, openDispute } from './disputes';
import { type Fault, FAULT_KINDS } from './faults';
import { playPayment } from './payments';
import { install } from './installs';
import { noSuch, Refusal, refused } from './refusal';
import { changeRefund } from './refunds';
import { DELIVERY_MODES, type NewEvent } from './webhook-delivery';

type Json = Record<string, unknown>;
const OUTCOMES = ['success', 'decline', 'async_pending', 'async_success', 'async_failure'];

export function controlRoutes(simulator: Simulator): Router {
  const { faults, requests, webhooks, state, clock } = simulator;
  const router = Router();
  router.use(refuseWebPages, express.json({ limit: '1mb' }));

  const on = (method: 'get' | 'post' | 'delete', path: string, act: (body: Json, id: string) => unknown) =>
    router[method](path, async (req: Request, res: Response) => {
      try {
        const answer = await act((req.body ?? {}) as Json, String(req.params.id));
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
  on('post', '/clock', ({ offsetSeconds }) => {
    if (!Number.isFinite(offsetSeconds)) throw refused('offsetSeconds is a number');
    clock.setOffsetSeconds(offsetSeconds as number);
    return { now: clock.seconds() };
  });

  on('post', '/rate', ({ requestsPerSecond }) => {
    if (requestsPerSecond !== null && !(Number(requestsPerSecond) > 0))
      throw refused('requestsPerSecond is a number or null');
    simulator.options.requestsPerSecond = requestsPerSecond as number | null;
  });

  on('post', '/webhooks', (body) => {
    oneOf(body.mode ?? 'normal', DELIVERY_MODES, 'mode');
    webhooks.configure(body);
  });
  on('post', '/webhooks/release', async ({ reversed }) => ({
    released: await webhooks.release(reversed === true),
  }));
  on('get', '/webhooks', () => ({ pending: webhooks.pending() }));
  on('post', '/events', (body) => {
    if (
      typeof body.type !== 'string' ||
      typeof body.account !== 'string' ||
      typeof body.object !== 'object'
    ) {
      throw refused('type, account and object are needed');
    }
    return webhooks.emit(body as unknown as NewEvent);
  });
  on('get', '/events', () => ({ events: state.all('events').map(({ object }) => object) }));
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
    return createAccount(simulator, body as unknown as NewAccount).object;
  });
  on('post', '/accounts/:id', ({ insufficient_balance, slow_refunds, ...change }, id) => {
    const account = getAccount(simulator, id);
    if (slow_refunds !== undefined) account.slowRefunds = slow_refunds === true;
    if (insufficient_balance !== undefined) account.insufficientBalance = insufficient_balance === true;
    state.put('accounts', account);
    if (Object.keys(change).length > 0) updateAccount(simulator, account, change);
    return account.object;
  });
  on(
    'post',
    '/accounts/:id/connect',
    (_body, id) => void connect(simulator, getAccount(simulator, id).id, 'read_write'),
  );
  on('post', '/accounts/:id/install', (_body, id) => void install(simulator, getAccount(simulator, id).id));
  on('post', '/accounts/:id/revoke', (_body, id) => ({ revoked: revoke(simulator, id) }));

  on('post', '/sessions/:id/pay', ({ outcome = 'success', amount_total, currency }, id) => {
    const session = getSession(simulator, id);
    oneOf(outcome, OUTCOMES, 'outcome');
    if (amount_total !== undefined) session.object.amount_total = amount_total as number;
    if (currency !== undefined) session.object.currency = currency as string;
    playPayment(simulator, session, outcome as string);
    return session.object;
  });
  on('post', '/sessions/:id/expire', (_body, id) => {
    const session = getSession(simulator, id);
    expireSession(simulator, session);
    return session.object;
  });
  on('post', '/refunds/:id', ({ status }, id) => {
    oneOf(status, ['pending', 'succeeded', 'failed'], 'status');
    return changeRefund(simulator, id, status as string);
  });
  on('post', '/disputes', ({ payment_intent, ...wanted }) => {
    const intent = state.get('intents', String(payment_intent));
    const charge = state.get('charges', (intent?.object.latest_charge as string | null) ?? null);
    if (!charge) throw noSuch('payment_intent', String(payment_intent));
    return openDispute(simulator, charge.object, wanted);
  });
  on('post', '/disputes/:id', ({ status }, id) => {
    oneOf(status, DISPUTE_STATUSES, 'status');
    return moveDispute(simulator, id, status as string);
  });
  return router;
}

/** A page in somebody's browser could reach this port; it can't leave these headers out. */
function refuseWebPages(req: Request, res: Response, next: () => void): void {
  const site = req.get('Sec-Fetch-Site') ?? 'none';
  if (req.get('Origin') || site !== 'none')
    res.status(403).json({ error: 'The control address is not for web pages.' });
  else next();
}

function oneOf(value: unknown, allowed: string[], name: string): void {
  if (!allowed.includes(value as string)) throw refused(`${name} is one of ${allowed.join(', ')}`);
}
