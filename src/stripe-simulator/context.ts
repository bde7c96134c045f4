/** What every part of the simulator is handed, and the small things that all use. */
import { randomBytes } from 'node:crypto';
import { type Faults } from './faults';
import { type RequestLog } from './request-log';
import { type State } from './state';
import { type WebhookDelivery } from './webhook-delivery';

export interface SimulatedApp {
  clientId: string;
  /** as the manifest has them: the first is where people are sent who came without one */
  redirectUris: string[];
  /** signs what the app's views send */
  signingSecret: string;
}

export interface SimulatorOptions {
  /** 0 = any free port */
  port: number;
  /** default 127.0.0.1 */
  host?: string;
  /** null = memory only */
  stateFile: string | null;
  platform: {
    name: string;
    secretKey: string;
    publishableKey: string;
    clientId: string;
    accountId?: string;
    redirectUris: string[];
    /** of a platform that is in both modes: `secretKey` and `clientId` are its live ones then */
    testKeys?: { secretKey: string; clientId: string; app?: SimulatedApp };
    /** the platform's Stripe App; absent: it has none */
    app?: SimulatedApp;
  };
  /** the platform's endpoint for events on connected accounts */
  webhook: { url: string; secret: string } | null;
  /** per account and endpoint; null = unlimited */
  requestsPerSecond?: number | null;
  log?: (line: string) => void;
}

export interface Simulator {
  options: SimulatorOptions;
  /** comes from the platform's key; a platform with keys of both modes is two simulators over one state (modes.ts) */
  livemode: boolean;
  platformAccount: string;
  state: State;
  clock: Clock;
  webhooks: WebhookDelivery;
  faults: Faults;
  requests: RequestLog;
  /** idempotency keys of requests that are being carried out, with their fingerprints */
  keysInUse: Map<string, string>;
  log: (line: string) => void;
}

/** Which API request an event came from; absent: somebody did it on a page. */
export type Cause = { id: string; idempotency_key: string | null };

export function createClock() {
  let offsetMs = 0;
  return {
    now: () => Date.now() + offsetMs,
    /** whole seconds, as Stripe's objects carry them */
    seconds: () => Math.floor((Date.now() + offsetMs) / 1000),
    setOffsetSeconds(seconds: number): void {
      offsetMs = seconds * 1000;
    },
  };
}
export type Clock = ReturnType<typeof createClock>;

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A random id in Stripe's manner: "evt_" and letters and digits. */
export function newId(prefix: string, length = 24): string {
  return prefix + Array.from(randomBytes(length), (byte) => LETTERS[byte % LETTERS.length]).join('');
}

type Words<T extends string> = T extends `${infer First} ${infer Rest}` ? First | Words<Rest> : T;

/** Fields that Stripe always returns and that are empty here, by name. */
export function nulls<T extends string>(names: T): Record<Words<T>, null> {
  return Object.fromEntries(names.split(' ').map((name) => [name, null])) as Record<Words<T>, null>;
}
