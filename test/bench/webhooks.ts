/** R5: webhooks are verified, stored and answered. */
import { createHmac } from 'node:crypto';
import { median, type Row } from './rows';
import { load, type World } from './world';

const PER_SECOND = 300;
const ROUNDS = 3;

export async function webhooks(world: World, seconds: number): Promise<Row[]> {
  const secret = 'whsec_ofTheBenchOnly';
  const app = await world.startApp({
    STRIPE_SECRET_KEY: 'sk_test_bench',
    STRIPE_CLIENT_ID: 'ca_bench',
    STRIPE_WEBHOOK_SECRETS: secret,
    STRIPE_API_URL: 'http://127.0.0.1:9',
    STRIPE_CONNECT_URL: 'http://127.0.0.1:9',
  });
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const requests = Array.from({ length: PER_SECOND * seconds }, (_, n) =>
      signedEvent(secret, `evt_${round}x${n}`),
    );
    rounds.push(await load({ ports: [app.port], connections: 64, seconds, perSecond: PER_SECOND, requests }));
  }
  await app.stop();
  const stored = await world.db('stripe_events').count('* as n').first();
  const answered = rounds.reduce((sum, { byStatus }) => sum + (byStatus['200'] ?? 0), 0);
  return [
    {
      id: 'R5',
      value: median(rounds.map(({ p99 }) => p99)),
      goal: 50,
      direction: 'max',
      unit: `ms p99 at ${PER_SECOND}/s`,
      detail: `p50 ${median(rounds.map(({ p50 }) => p50))} ms, ${answered} answered with 200, ${stored?.['n']} stored`,
    },
  ];
}

function signedEvent(secret: string, id: string) {
  const at = Math.floor(Date.now() / 1000);
  const object = {
    id: `cs_test_${id}`,
    object: 'checkout.session',
    status: 'complete',
    payment_status: 'paid',
  };
  const body = JSON.stringify({
    ...{
      id,
      object: 'event',
      api_version: '2025-01-01',
      type: 'payment_intent.created',
      account: 'acct_bench',
    },
    ...{ created: at, livemode: false, data: { object: { ...object, description: 'x'.repeat(1500) } } },
  });
  const signature = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
  return {
    method: 'POST' as const,
    path: '/webhooks/stripe',
    body,
    headers: { 'Stripe-Signature': `t=${at},v1=${signature}` },
  };
}
