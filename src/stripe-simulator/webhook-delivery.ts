/**
 * Events on connected accounts: kept, signed, sent to the platform's endpoint at once, and again with growing pauses for
 * three days while it does not answer 2xx. A redirect is a failure. An attempt has a fresh timestamp and ten seconds.
 */
import { createHmac } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import type Stripe from 'stripe';
import { type Cause, type Clock, newId, type SimulatorOptions } from './context';
import { type State, type Tables } from './state';

export const DELIVERY_MODES = ['normal', 'muted', 'double', 'reversed', 'hold'];
const RETRY_SECONDS = [1, 5, 30, 300, 1800, 7200, 21_600, 43_200];
const GIVE_UP_SECONDS = 3 * 24 * 60 * 60;
const ATTEMPT_TIMEOUT_MS = 10_000;
const AT_ONCE = 25;
const KEPT_EVENTS = 5_000;

export interface NewEvent {
  account: string;
  type: string;
  object: object;
  previous?: object;
  cause?: Cause | undefined;
  created?: number;
  livemode?: boolean;
}

export function createWebhookDelivery(parts: {
  state: State;
  clock: Clock;
  livemode: boolean;
  webhook: SimulatorOptions['webhook'];
  log: (line: string) => void;
}) {
  const { state, clock, webhook, log } = parts;
  const agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new https.Agent({ keepAlive: true }),
  };
  const queued = new Set<string>();
  const flying = new Set<string>();
  const waiting = new Map<string, () => void>();
  let settings = { mode: 'normal', ms: 300 };
  let closed = false;

  // What was held when the simulator stopped has lost its test: it goes out.
  for (const delivery of state.all('deliveries')) delivery.nextAt ??= clock.now();

  /** Keeps an event and begins to deliver it. Resolves when its first attempt has ended, or at once if there is none. */
  function emit({ account, type, object, previous, cause, created, livemode }: NewEvent): Promise<void> {
    const reachable =
      webhook && (state.get('connections', account) || type.startsWith('account.application.'));
    const event = {
      id: newId('evt_1'),
      object: 'event',
      account,
      api_version: '2026-10-28.endive',
      created: created ?? clock.seconds(),
      data: { object: structuredClone(object), previous_attributes: previous },
      livemode: livemode ?? (object as { livemode?: boolean }).livemode ?? parts.livemode,
      pending_webhooks: reachable ? 1 : 0,
      request: cause ?? { id: null, idempotency_key: null },
      type,
    } as unknown as Stripe.Event;
    state.put('events', { id: event.id, account, object: event });
    forgetOldEvents();
    return reachable ? schedule(event) : Promise.resolve();
  }

  /** An event that still has to be delivered stays, and with it all that came later. */
  function forgetOldEvents(): void {
    while (state.count('events') > KEPT_EVENTS) {
      const { id } = state.oldest('events')!;
      if (state.get('deliveries', id)) return;
      state.remove('events', id);
    }
  }

  function schedule({ id: event, account = '' }: Stripe.Event): Promise<void> {
    const { mode, ms } = settings;
    if (mode === 'muted') return Promise.resolve();
    const held = mode === 'hold' || mode === 'reversed';
    for (const id of mode === 'double' ? [event, `${event}#2`] : [event]) {
      state.put('deliveries', {
        id,
        account,
        event,
        attempts: 0,
        nextAt: held ? null : clock.now(),
        lastResult: null,
      });
      if (!held) queued.add(id);
    }
    if (mode === 'reversed') setTimeout(() => void release(true), ms).unref();
    if (held) return Promise.resolve();
    const attempted = new Promise<void>((resolve) => waiting.set(event, resolve));
    pump();
    return attempted;
  }

  function pump(): void {
    for (const id of queued) {
      if (flying.size >= AT_ONCE || closed) return;
      queued.delete(id);
      const delivery = state.get('deliveries', id);
      if (delivery) void attempt(delivery).then(pump);
    }
  }

  async function attempt(delivery: Tables['deliveries']): Promise<void> {
    const { id } = delivery;
    const event = state.get('events', delivery.event)?.object;
    if (!event || !webhook) return state.remove('deliveries', id);
    flying.add(id);
    const result = await post(webhook.url, JSON.stringify(event, null, 2), webhook.secret);
    flying.delete(id);
    if (closed) return;
    const taken = /^2\d\d$/.test(result);
    if (taken || clock.seconds() - event.created > GIVE_UP_SECONDS) state.remove('deliveries', id);
    else {
      const attempts = delivery.attempts + 1;
      const pause = RETRY_SECONDS[Math.min(attempts, RETRY_SECONDS.length) - 1]!;
      state.put('deliveries', {
        ...delivery,
        attempts,
        nextAt: clock.now() + pause * 1000,
        lastResult: result,
      });
      log(`Webhook ${event.type} (${event.id}) was not taken (${result}); again in ${pause} s.`);
    }
    if (taken) event.pending_webhooks = 0;
    waiting.get(event.id)?.();
    waiting.delete(event.id);
  }

  /** Resolves to the answer's status, or to what went wrong. */
  function post(target: string, body: string, secret: string): Promise<string> {
    const url = new URL(target);
    const timestamp = Math.floor(Date.now() / 1000);
    const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
    const headers = {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'User-Agent': 'Stripe/1.0 (simulator)',
      'Stripe-Signature': `t=${timestamp},v1=${signature}`,
    };
    return new Promise((resolve) => {
      const { request: open } = url.protocol === 'https:' ? https : http;
      const request = open(
        url,
        { method: 'POST', agent: agents[url.protocol as 'http:'], headers },
        (response) => {
          response.resume().once('close', () => resolve(String(response.statusCode)));
        },
      );
      const timer = setTimeout(() => request.destroy(new Error('no answer in time')), ATTEMPT_TIMEOUT_MS);
      request.once('close', () => clearTimeout(timer));
      request.once('error', (error: NodeJS.ErrnoException) => {
        // A kept connection that the other side closed meanwhile is no answer: the same attempt goes out on a new one.
        if (request.reusedSocket && error.code === 'ECONNRESET') resolve(post(target, body, secret));
        else resolve(error.code ?? error.message);
      });
      request.end(body);
    });
  }

  /** Sends what was held, one after the other, and resolves when each had its first attempt. */
  async function release(newestFirst: boolean): Promise<number> {
    const held = state.all('deliveries').filter(({ nextAt }) => nextAt === null);
    for (const delivery of held) delivery.nextAt = Infinity;
    for (const delivery of newestFirst ? held.reverse() : held) await attempt(delivery);
    return held.length;
  }

  return {
    emit,
    release,
    pending: () => state.all('deliveries'),
    resend(id: string): Promise<void> | undefined {
      const event = state.get('events', id)?.object;
      return event && schedule(event);
    },
    configure(change: Partial<typeof settings>): void {
      settings = { ...settings, ...change };
    },
    /** Queues the deliveries whose pause is over. */
    tick(): void {
      const now = clock.now();
      for (const { id, nextAt } of state.all('deliveries')) {
        if (nextAt !== null && nextAt <= now && !flying.has(id)) queued.add(id);
      }
      pump();
    },
    close(): void {
      closed = true;
      for (const agent of Object.values(agents)) agent.destroy();
      for (const resolve of waiting.values()) resolve();
    },
  };
}
export type WebhookDelivery = ReturnType<typeof createWebhookDelivery>;
