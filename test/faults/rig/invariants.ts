/**
 * What must be so after every scenario, once all is quiet: the promises (docs/promises.md), asserted by SQL, against the
 * simulator's own ledger, and by looking at pages as a stranger would.
 */
import { LEGAL_MOVES, type OrderStatus } from '../../../src/orders/order';
import { brokenInvariants } from '../../support/market';
import { ask } from './ask';
import { type StripeSession, type World } from './world';

interface Charge {
  id: string;
  payment_intent: string;
  status: string;
  amount: number;
  amount_refunded: number;
  metadata: { foyer_order?: string };
}

/** Counts of what must not be; each is 0 where all is well. */
export interface Findings {
  /** I1: more held and sold than there are places, or counters that are not the sum of the orders */
  oversold: string[];
  /** I2: orders of which Stripe keeps more than one payment */
  doubled: string[];
  /** I3: payments that Stripe keeps and no order of ours has, or that are not given back */
  unmatchedPayments: string[];
  /** I3: orders that claim money which Stripe does not have; sums that differ */
  ledgerDrift: string[];
  /** sessions that Stripe has and no attempt of ours knows, or that can be paid for an order that is over */
  orphanSessions: string[];
  /** I5: moves that the table does not know */
  illegalMoves: string[];
  /** what nobody would ever finish: holds that are over, attempts and refunds without an answer, events, mails */
  stuck: string[];
  /** mails that were delivered twice, and paid orders without one */
  duplicateMails: string[];
  missingMails: string[];
  /** other rules of the counters, tickets and the timeline */
  broken: string[];
}

export async function findings(world: World): Promise<Findings> {
  const { db } = world;
  const found: Findings = {
    oversold: [],
    doubled: [],
    unmatchedPayments: [],
    ledgerDrift: [],
    orphanSessions: [],
    illegalMoves: [],
    stuck: [],
    duplicateMails: [],
    missingMails: [],
    broken: [],
  };
  for (const broken of await brokenInvariants({ db }))
    (/counters/.test(broken) ? found.oversold : found.broken).push(broken);
  await compareWithStripe(world, found);
  await followTimelines(world, found);
  await lookForStuck(world, found);
  await countMails(world, found);
  return found;
}

/** Everything that is wrong, in words; an empty list is what a scenario ends with. */
export async function brokenPromises(world: World): Promise<string[]> {
  const found = await findings(world);
  const broken = Object.entries(found).flatMap(([what, cases]) =>
    (cases as string[]).slice(0, 5).map((one) => `${what}: ${one}`),
  );
  return [...broken, ...(await lookAtPages(world)), ...lookAtOutputs(world.outputs())];
}

/** Jobs are worked off and nothing waits for a webhook: then it is quiet enough to judge. */
async function compareWithStripe(world: World, found: Findings): Promise<void> {
  const { db } = world;
  const { accounts } = await world.ledger();
  const orders = new Map((await db('orders')).map((order) => [order.id as string, order]));
  const attempts = await db('payment_attempts');
  const byIntent = new Map(attempts.map((attempt) => [attempt.payment_intent_id as string, attempt]));
  const bySession = new Map(attempts.map((attempt) => [attempt.checkout_session_id as string, attempt]));
  const waiting = new Set(
    (await db('refunds').whereIn('status', ['requested', 'sent', 'pending', 'needs_attention'])).map(
      (refund) => refund.payment_attempt_id as string,
    ),
  );
  const lost = new Set(
    (await db('disputes').where({ stage: 'lost' })).map((row) => row.payment_attempt_id as string),
  );
  const kept = new Map<string, number>();
  const outOfReach = new Set<string>();

  for (const [account, { charges }] of Object.entries(accounts)) {
    let [taken, given] = [0, 0];
    for (const charge of charges as unknown as Charge[]) {
      if (charge.status !== 'succeeded') continue;
      taken += charge.amount;
      given += charge.amount_refunded;
      const attempt = byIntent.get(charge.payment_intent);
      const order = orders.get(charge.metadata.foyer_order ?? '');
      const left = charge.amount - charge.amount_refunded;
      if (!order) {
        if (left > 0) found.unmatchedPayments.push(`${charge.id} names no order of ours`);
        continue;
      }
      if (!attempt && left > 0 && order.status !== 'needs_attention')
        found.unmatchedPayments.push(`${charge.id} of ${order.reference}: no attempt knows it`);
      if (left === 0) continue;
      kept.set(order.id, (kept.get(order.id) ?? 0) + 1);
      const accountedFor =
        ['paid', 'partially_refunded', 'needs_attention'].includes(order.status) ||
        (attempt && (waiting.has(attempt.id) || lost.has(attempt.id)));
      if (!accountedFor) found.unmatchedPayments.push(`${charge.id}: ${order.reference} is ${order.status}`);
    }
    // What happened where nobody lets us look any more is shown to a person, order by order.
    if (await isOutOfReach(world, account)) {
      outOfReach.add(account);
      continue;
    }
    const booked = await sumsOf(world, account);
    if (booked.taken !== taken || booked.given !== given)
      found.ledgerDrift.push(
        `${account}: Stripe took ${taken} and gave back ${given}; we say ${booked.taken} and ${booked.given}`,
      );
    for (const session of await world.sessionsOf(account)) judgeSession(session);
  }
  for (const order of orders.values()) {
    const payments = kept.get(order.id) ?? 0;
    if (payments > 1 && order.status !== 'needs_attention')
      found.doubled.push(`${order.reference}: ${payments} payments`);
    if (
      ['paid', 'partially_refunded'].includes(order.status) &&
      order.total_amount > 0n &&
      payments === 0 &&
      !outOfReach.has(order.stripe_account_id)
    )
      found.ledgerDrift.push(`${order.reference} is ${order.status}, and Stripe has no money for it`);
  }

  function judgeSession(session: StripeSession): void {
    const order = orders.get(session.client_reference_id ?? '');
    if (!order) return;
    const attempt = bySession.get(session.id);
    if (!attempt) found.orphanSessions.push(`${session.id} (${session.status}) of ${order.reference}`);
    const over = ['expired', 'failed', 'paid', 'refunded'].includes(order.status);
    if (attempt && session.status === 'open' && over)
      found.orphanSessions.push(`${session.id} can still be paid, and ${order.reference} is ${order.status}`);
  }
}

/** Access was revoked: at Stripe, or by us. */
async function isOutOfReach(world: World, account: string): Promise<boolean> {
  return (await world.stripeApi('GET', '/checkout/sessions', account, { limit: '1' })).status === 403;
}

async function sumsOf({ db }: World, account: string): Promise<{ taken: number; given: number }> {
  const taken = await db('payment_attempts')
    .where({ stripe_account_id: account, status: 'paid' })
    .select(db.raw('sum(coalesce(paid_amount, amount)) AS sum'))
    .first();
  const given = await db('refunds')
    .join('payment_attempts', 'payment_attempts.id', 'refunds.payment_attempt_id')
    .where({ stripe_account_id: account, 'refunds.status': 'succeeded' })
    .sum('refunds.amount as sum')
    .first();
  return { taken: Number(taken?.['sum'] ?? 0), given: Number(given?.['sum'] ?? 0) };
}

async function followTimelines({ db }: World, found: Findings): Promise<void> {
  const rows = await db('order_timeline').orderBy(['order_id', 'id']);
  const last = new Map<string, string>();
  for (const { order_id: order, from_status: from, to_status: to } of rows) {
    const before = last.get(order) ?? null;
    last.set(order, to);
    if (from !== before) found.illegalMoves.push(`${order}: from ${from}, but it was ${before}`);
    else if (from !== null && from !== to && !LEGAL_MOVES[from as OrderStatus].includes(to))
      found.illegalMoves.push(`${order}: from ${from} to ${to}`);
  }
}

async function lookForStuck({ db }: World, found: Findings): Promise<void> {
  const late = db.raw("now() - interval '1 minute'");
  const checks: [string, Promise<{ id: string }[]>][] = [
    [
      'hold that is over',
      db('orders')
        .where({ inventory: 'held' })
        .whereNotIn('status', ['processing', 'needs_attention'])
        .where('hold_expires_at', '<', late)
        .select('id'),
    ],
    ['refund_pending', db('orders').where({ status: 'refund_pending' }).select('id')],
    [
      'attempt without an answer',
      db('payment_attempts').where({ status: 'created' }).where('created_at', '<', late).select('id'),
    ],
    [
      'refund without an answer',
      db('refunds').whereIn('status', ['requested', 'sent']).where('created_at', '<', late).select('id'),
    ],
    [
      'event not worked off',
      db('stripe_events')
        .whereNull('processed_at')
        // of an account that lets us in no more: it is parked, for a person
        .whereNotIn(
          'account',
          db('stripe_connections').where({ status: 'disconnected' }).select('stripe_user_id'),
        )
        .select('id'),
    ],
    ['mail not sent', db('mails').where({ status: 'queued' }).select('id')],
    ['disconnect not ended', db('stripe_connections').where({ status: 'disconnecting' }).select('id')],
  ];
  for (const [what, query] of checks) for (const { id } of await query) found.stuck.push(`${what}: ${id}`);
}

const TICKETS = /^Your tickets? for /;

/**
 * Each mail is delivered at least once. The same one may come twice where a process died between the mail server's answer
 * and our note of it: its Message-ID tells. What nobody may get is the same news under another Message-ID.
 */
async function countMails({ db, smtp }: World, found: Findings): Promise<void> {
  const delivered = new Set(smtp.taken().map(({ messageId }) => messageId));
  const news = new Map<string, Set<string>>();
  for (const { recipient, subject, messageId } of smtp.taken()) {
    // Tickets come to a buyer once; of refunds and disputes there may be several with the same subject.
    if (!TICKETS.test(subject)) continue;
    const what = `${recipient}: ${subject}`;
    news.set(what, (news.get(what) ?? new Set()).add(messageId));
  }
  for (const [what, ids] of news)
    if (ids.size > 1) found.duplicateMails.push(`${what} came as ${ids.size} mails`);
  for (const { id, dedupe_key: key } of await db('mails')
    .where({ status: 'sent' })
    .select('id', 'dedupe_key'))
    if (!delivered.has(`<${id}@foyer>`)) found.missingMails.push(`${key} is marked as sent and never came`);
  const without = await db('orders')
    .whereNotNull('paid_at')
    .whereNotExists(db('mails').whereRaw("dedupe_key = 'order-paid:' || orders.id").select(db.raw('1')))
    .select('reference');
  for (const { reference } of without) found.missingMails.push(`${reference} is paid, and no mail says so`);
}

const CHARGED: Partial<Record<OrderStatus, RegExp>> = {
  paid: /Paid|Free; nothing was charged/,
  expired: /You were not charged/,
  failed: /You were not charged/,
  refunded: /was given back|goes back to you/,
  refund_pending: /being given back/,
};

/** I7, I9, I10: order pages say what is so, show nobody else's order, and nonsense changes nothing. */
async function lookAtPages(world: World): Promise<string[]> {
  const alive = world.started.find((process) => process.alive() && process.url && process.role === 'web');
  if (!alive) return [];
  const broken: string[] = [];
  const orders = await world.db('orders').orderBy('id').limit(200);
  const sample = orders.filter((_order, index) => index % Math.ceil(orders.length / 8) === 0);
  for (const order of sample) {
    const path = new URL(world.orderUrl(order.id)).pathname;
    const { status, text } = await ask('GET', alive.url + path);
    const say = (what: string) => broken.push(`page of ${order.reference} (${order.status}): ${what}`);
    if (status !== 200) say(`it answers ${status}`);
    if (!text.includes(order.reference)) say('its reference is missing');
    if (!(CHARGED[order.status as OrderStatus] ?? /./).test(text))
      say('it does not say whether the buyer was charged');
    const others = orders.filter((other) => other.id !== order.id && text.includes(other.reference));
    if (others.length > 0) say(`it shows ${others[0].reference}`);
    const forged = path.replace(/.$/, (end) => (end === 'A' ? 'B' : 'A'));
    if ((await ask('GET', alive.url + forged)).status !== 404) say('another token opens it');
  }
  const event = await world.db('events').where({ status: 'published' }).first('id', 'slug');
  if (!event) return broken;
  const before = await world.db('orders').count('* as n').first();
  const type = await world.db('ticket_types').where({ event_id: event.id }).first('id');
  const nonsense = await ask('POST', `${alive.url}/events/${event.slug}/orders`, {
    form: { [`quantity.${type.id}`]: '1e9' },
  });
  if (nonsense.status < 400 || nonsense.status >= 500)
    broken.push(`nonsense is answered with ${nonsense.status}`);
  const after = await world.db('orders').count('* as n').first();
  if (before?.['n'] !== after?.['n']) broken.push('nonsense made an order');
  return broken;
}

/** The address of a guest's order is one; the plain id at a desk, behind a sign-in, is not. */
const SECRETS = /sk_test_\w|whsec_\w|cs_test_\w+|[?&]state=|\/orders\/(?![0-9a-f]{8}-)[\w-]{30,}/;

/** I6, I8: nothing was called inside a transaction, and no secret was printed. */
export function lookAtOutputs(printed: string): string[] {
  const secret = SECRETS.exec(printed)?.[0];
  return [
    ...(secret ? [`a secret was printed: ${secret.slice(0, 12)}…`] : []),
    ...(printed.includes('inside a database transaction') ? ['Stripe was called inside a transaction'] : []),
  ];
}
