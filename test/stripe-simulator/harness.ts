/** A simulator of its own, a receiver for its webhooks, and the SDK pointed at it. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import Stripe from 'stripe';
import { startSimulator } from '../../src/stripe-simulator/simulator';

export const SECRET_KEY = 'sk_test_platformOfTheseTests';
export const CLIENT_ID = 'ca_platformOfTheseTests';
export const REDIRECT_URI = 'http://localhost:3000/stripe/callback';
export const APP_ID = 'ca_appOfTheseTests';
export const APP_REDIRECT_URI = 'http://localhost:3000/stripe-app/callback';
export const WEBHOOK_SECRET = 'whsec_ofTheseTests';

export async function startHarness(options: { stateFile?: string; requestsPerSecond?: number } = {}) {
  const received: Stripe.Event[] = [];
  const refusals: number[] = [];
  const receiver = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const status = refusals.shift();
      if (status) return void res.writeHead(status, { Location: '/elsewhere' }).end();
      const signature = String(req.headers['stripe-signature']);
      received.push(Stripe.webhooks.constructEvent(Buffer.concat(chunks), signature, WEBHOOK_SECRET));
      res.end('{}');
    });
  });
  await listen(receiver);
  const simulator = await startSimulator({
    port: 0,
    stateFile: options.stateFile ?? null,
    platform: {
      name: 'Foyer',
      secretKey: SECRET_KEY,
      publishableKey: 'pk_test_platform',
      clientId: CLIENT_ID,
      redirectUris: [REDIRECT_URI, 'http://localhost:3000/other'],
      app: { clientId: APP_ID, redirectUris: [APP_REDIRECT_URI], signingSecret: 'absec_ofTheseTests' },
    },
    webhook: { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`, secret: WEBHOOK_SECRET },
    requestsPerSecond: options.requestsPerSecond ?? null,
  }).catch((error: unknown) => {
    receiver.close();
    throw error;
  });
  const { url } = simulator;
  const stripe = new Stripe(SECRET_KEY, {
    host: '127.0.0.1',
    port: simulator.port,
    protocol: 'http',
    telemetry: false,
    maxNetworkRetries: 0,
  });

  return {
    url,
    stripe,
    /** events that came with a signature that the SDK accepts, in their order */
    received,
    /** statuses that the receiver answers first, one delivery each */
    refusals,

    async control<T = Record<string, unknown>>(path: string, body?: unknown, method?: string): Promise<T> {
      const response = await fetch(`${url}/_control${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: { 'Content-Type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return (await response.json()) as T;
    },

    /** An account that is connected already. */
    async connectedAccount(changes: Record<string, unknown> = {}): Promise<string> {
      const account = await this.control<{ id: string }>('/accounts', {
        email: 'ada@example.com',
        business_name: 'Analytical Society',
        ...changes,
      });
      await this.control(`/accounts/${account.id}/connect`, {});
      return account.id;
    },

    async post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
      const response = await fetch(url + path, {
        method: 'POST',
        body: new URLSearchParams(fields),
        headers,
        redirect: 'manual',
      });
      const text = await response.text();
      const json = response.headers.get('content-type')?.includes('json');
      return {
        status: response.status,
        location: response.headers.get('location'),
        text,
        body: json ? JSON.parse(text) : null,
      };
    },

    async until<T>(find: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
      for (let tries = 0; tries < 250; tries += 1) {
        const found = await find();
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`${what} did not happen`);
    },

    event(type: string): Promise<Stripe.Event> {
      return this.until(() => received.find((event) => event.type === type), `a delivery of ${type}`);
    },

    async close(): Promise<void> {
      await simulator.close();
      receiver.closeAllConnections();
      await new Promise((resolve) => receiver.close(resolve));
    },
  };
}
export type Harness = Awaited<ReturnType<typeof startHarness>>;

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}
