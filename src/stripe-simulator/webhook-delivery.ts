/**
 * Events on connected accounts: kept, signed, sent to the platform's endpoint at once, and again with growing pauses for
 * three days while it does not answer 2xx. A redirect is a failure. An attempt has a fresh timestamp and ten seconds.
 */
import { createHmac } from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import type Stripe from 'stripe';
import { type Clock, newId, type SimulatorOptions } from './context';
import { type Delivery, type State } from './state';

export const API_VERSION = '2026-10-28.endive';
export const DELIVERY_MODES = ['normal', 'muted', 'double', 'reversed', 'hold'] as const;
export type DeliveryMode = (typeof DELIVERY_MODES)[number];
export const RELEASE_ORDERS = ['normal', 'reversed', 'shuffled'] as const;

export interface NewEvent {
  account: string;
  type: string;
  object: object;
  previous?: object;
  cause?: { id: string | null; idempotency_key: string | null };
  created?: number;
  livemode?: boolean;
}

const RETRY_SECONDS = [1, 5, 30, 300, 1800, 7200, 21_600, 43_200];
const GIVE_UP_SECONDS = 3 * 24 * 60 * 60;
const ATTEMPT_TIMEOUT_MS = 10_000;
const AT_ONCE = 25;
const KEPT_EVENTS = 5_000;

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
  let settings = {
    mode: 'normal' as DeliveryMode,
    ms: 300,
    signedSecondsAgo: 0,
    secret: null as string | null,
  };
  let batchTimer: NodeJS.Timeout | null = null;
  let closed = false;

  // What was held when the simulator stopped has lost its test: it goes out.
  for (const delivery of state.all('deliveries')) if (delivery.nextAt === null) delivery.nextAt = clock.now();

  /** Keeps an event and begins to deliver it. Resolves when its first attempt has ended, or at once if there is none. */
  function emit(event: NewEvent): Promise<void> {
    const reachable =
      state.get('connections', event.account) || event.type.startsWith('account.application.');
    const object = {
      id: newId('evt_1'),
      object: 'event',
      account: event.account,
      api_version: API_VERSION,
      created: event.created ?? clock.seconds(),
      data: {
        object: structuredClone(event.object),
        ...(event.previous ? { previous_attributes: event.previous } : {}),
      },
      livemode: event.livemode ?? parts.livemode,
      pending_webhooks: webhook && reachable ? 1 : 0,
      request: event.cause ?? { id: null, idempotency_key: null },
      type: event.type,
    } as unknown as Stripe.Event;
    state.put('events', { id: object.id, account: event.account, object });
    while (state.count('events') > KEPT_EVENTS) state.remove('events', state.oldest('events')!.id);
    return webhook && reachable && settings.mode !== 'muted' ? schedule(object) : Promise.resolve();
  }

  function schedule(event: Stripe.Event): Promise<void> {
    const held = settings.mode === 'hold' || settings.mode === 'reversed';
    const copies = settings.mode === 'double' ? ['', '#2'] : [''];
    const deliveries = copies.map((copy) =>
      state.put('deliveries', {
        id: event.id + copy,
        account: event.account ?? '',
        event: event.id,
        attempts: 0,
        nextAt: held ? null : clock.now(),
        lastResult: null,
      }),
    );
    if (settings.mode === 'reversed') {
      batchTimer ??= setTimeout(() => void release('reversed'), settings.ms).unref();
    }
    if (held) return Promise.resolve();
    const attempted = new Promise<void>((resolve) => waiting.set(event.id, resolve));
    for (const delivery of deliveries) queued.add(delivery.id);
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

  async function attempt(delivery: Delivery): Promise<void> {
    const event = state.get('events', delivery.event)?.object;
    if (!event || !webhook) return state.remove('deliveries', delivery.id);
    flying.add(delivery.id);
    const result = await post(webhook.url, JSON.stringify(event, null, 2), settings.secret ?? webhook.secret);
    flying.delete(delivery.id);
    if (closed) return;
    delivery.attempts += 1;
    delivery.nextAt = clock.now() + nextPause(delivery.attempts) * 1000;
    delivery.lastResult = String(result);
    if (typeof result === 'number' && result >= 200 && result < 300) {
      state.remove('deliveries', delivery.id);
      event.pending_webhooks = 0;
    } else if (clock.seconds() - event.created > GIVE_UP_SECONDS) {
      state.remove('deliveries', delivery.id);
      log(`Webhook ${event.type} (${event.id}) was given up after three days.`);
    } else {
      state.put('deliveries', delivery);
      log(`Webhook ${event.type} (${event.id}) was not taken: ${result}. Trying again later.`);
    }
    waiting.get(delivery.event)?.();
    waiting.delete(delivery.event);
  }

  function post(target: string, body: string, secret: string): Promise<number | string> {
    const url = new URL(target);
    const timestamp = Math.floor(Date.now() / 1000) - settings.signedSecondsAgo;
    return new Promise((resolve) => {
      const request = (url.protocol === 'https:' ? https : http).request(
        url,
        {
          method: 'POST',
          agent: agents[url.protocol as 'http:'],
          timeout: ATTEMPT_TIMEOUT_MS,
          headers: {
            'Content-Type': 'application/json; charset=utf-8',
            'Content-Length': Buffer.byteLength(body),
            'User-Agent': 'Stripe/1.0 (simulator)',
            'Stripe-Signature': `t=${timestamp},v1=${signature(secret, timestamp, body)}`,
          },
        },
        (response) => {
          response.resume();
          response.once('close', () => resolve(response.statusCode ?? 0));
        },
      );
      request.once('timeout', () => request.destroy(new Error('no answer in time')));
      request.once('error', (error: NodeJS.ErrnoException) => {
        // A kept connection that the other side closed meanwhile is no answer: the same attempt goes out on a new one.
        if (request.reusedSocket && error.code === 'ECONNRESET') resolve(post(target, body, secret));
        else resolve(error.code ?? error.message);
      });
      request.end(body);
    });
  }

  /** Sends what was held, one after the other in the order asked for, and resolves when all had their first attempt. */
  async function release(order: (typeof RELEASE_ORDERS)[number]): Promise<number> {
    if (batchTimer) clearTimeout(batchTimer);
    batchTimer = null;
    const held = state.all('deliveries').filter((delivery) => delivery.nextAt === null);
    if (order === 'reversed') held.reverse();
    if (order === 'shuffled') held.sort(() => Math.random() - 0.5);
    for (const delivery of held) await attempt(delivery);
    return held.length;
  }

  return {
    emit,
    release,
    pending: () => state.all('deliveries'),
    resend(eventId: string): Promise<void> | null {
      const event = state.get('events', eventId)?.object;
      return event ? schedule(event) : null;
    },
    configure(change: Partial<typeof settings>): typeof settings {
      settings = { ...settings, ...change };
      return settings;
    },
    /** Queues the deliveries whose pause is over. */
    tick(): void {
      const now = clock.now();
      for (const delivery of state.all('deliveries')) {
        if (delivery.nextAt !== null && delivery.nextAt <= now && !flying.has(delivery.id))
          queued.add(delivery.id);
      }
      pump();
    },
    close(): void {
      closed = true;
      if (batchTimer) clearTimeout(batchTimer);
      for (const agent of Object.values(agents)) agent.destroy();
      for (const resolve of waiting.values()) resolve();
    },
  };
}
export type WebhookDelivery = ReturnType<typeof createWebhookDelivery>;

function nextPause(attempts: number): number {
  return RETRY_SECONDS[Math.min(attempts, RETRY_SECONDS.length) - 1]!;
}

function signature(secret: string, timestamp: number, body: string): string {
  return createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
}
