/** Events as Stripe signs and sends them. */
import Stripe from 'stripe';
import { type Response } from 'supertest';
import { type TestApp } from '../support/test-app';

export const SECRET = 'whsec_currentSecretOfTheTests';
export const FORMER_SECRET = 'whsec_formerSecretOfTheTests';

let events = 0;

export interface EventBody extends Record<string, unknown> {
  id: string;
}

/** A whole event with Stripe's usual envelope; `fields` replace what is in it, `undefined` takes out. */
export function anEvent(fields: Record<string, unknown> = {}): EventBody {
  events += 1;
  return {
    id: `evt_test${events}`,
    object: 'event',
    api_version: '2026-10-28.endive',
    account: 'acct_1Unknown',
    created: Math.floor(Date.now() / 1000),
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type: 'checkout.session.completed',
    data: { object: { id: 'cs_test_unknown', object: 'checkout.session' } },
    ...fields,
  };
}

export function signatureOf(
  payload: string,
  options: { secret?: string; timestamp?: number; scheme?: string } = {},
): string {
  return Stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET, ...options });
}

/** Sends a body with a signature: by default the right one. */
export async function deliver(
  testApp: TestApp,
  body: string | EventBody,
  header?: string | null,
): Promise<Response> {
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  const request = testApp
    .agent()
    .post('/webhooks/stripe')
    .set('Content-Type', 'application/json; charset=utf-8');
  const signature = header === undefined ? signatureOf(payload) : header;
  if (signature !== null) request.set('Stripe-Signature', signature);
  return request.send(payload);
}
