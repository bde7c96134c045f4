/**
 * Reconciling: every hour each account's own list of sessions, and the events that no endpoint of ours has taken, are
 * compared with our books. What we missed is booked as if we had heard of it; what we can't explain is shown to a person
 * and never adopted because of what its metadata says (docs/decisions/0031).
 */
import { type Knex } from 'knex';
import { adoptUnanswered } from '../checkout/adopt-session';
import { type Dependencies } from '../dependencies';
import { isUuid } from '../lib/ids';
import { createOrdersStore } from '../orders/orders-store';
import { settleAttempt } from '../orders/settle-order';
import { type AccountCall, type CheckoutSession } from '../stripe/stripe-client';
import { StripeFailure } from '../stripe/stripe-errors';
import { readStripeEvent } from '../stripe/webhook-signature';
import { keepEvent } from '../webhooks/inbox';
import { USED_EVENT_TYPES } from '../webhooks/work-off-event';
import { SLOW_PAYMENT_DAYS } from './finding';
import { closeFindingAbout, wasClosedByPerson } from './findings-store';
import { reportFinding } from './report-finding';

/** Sessions are read again for this long: ours live 35 minutes, so none is missed that was open the last time. */
const SESSION_OVERLAP_MS = 2 * 60 * 60_000;
const EVENT_OVERLAP_MS = 10 * 60_000;

interface Figures {
  sessions: number;
  ours: number;
  booked: number;
  unknown: number;
  events: number;
}

/** Connected accounts that were not compared within the last hour. */
export async function listAccountsToReconcile(
  { db, config }: Pick<Dependencies, 'db' | 'config'>,
  limit: number,
): Promise<AccountCall[]> {
  const rows = await db('stripe_connections as c')
    .leftJoin('reconciliations as r', (on) =>
      on.on('r.stripe_account_id', 'c.stripe_user_id').andOn('r.livemode', 'c.livemode'),
    )
    .whereIn('c.status', ['active', 'disconnecting'])
    .whereIn(
      'c.livemode',
      config.stripe.modes.map((mode) => mode.livemode),
    )
    .whereRaw("coalesce(r.claimed_at, c.connected_at) < now() - interval '1 hour'")
    .orderByRaw('coalesce(r.claimed_at, c.connected_at)')
    .limit(limit)
    .select('c.stripe_user_id', 'c.livemode');
  return rows.map((row) => ({ account: row.stripe_user_id, livemode: row.livemode }));
}

/** One comparison. Answers null when somebody else has made it within the hour. Throws StripeFailure when Stripe can't be read. */
export async function reconcileAccount(
  dependencies: Dependencies,
  call: AccountCall,
): Promise<Figures | null> {
  const { db } = dependencies;
  const marks = await claim(db, call);
  if (!marks) return null;
  const row = { stripe_account_id: call.account, livemode: call.livemode };
  try {
    const figures: Figures = { sessions: 0, ours: 0, booked: 0, unknown: 0, events: 0 };
    const since = new Date(marks.sessionsUntil.getTime() - SESSION_OVERLAP_MS);
    for (const session of await dependencies.stripe.listCheckoutSessions({ ...call, since })) {
      figures.sessions += 1;
      const outcome = await compareSession(dependencies, call, session);
      if (outcome === 'not_ours') continue;
      figures.ours += 1;
      if (outcome === 'booked') figures.booked += 1;
      if (outcome === 'unknown') figures.unknown += 1;
    }
    figures.events = await fetchUndelivered(dependencies, call, marks.eventsUntil);
    await reportSlowPayments(dependencies, call);
    await db('reconciliations')
      .where(row)
      .update({
        sessions_until: marks.now,
        events_until: marks.now,
        ran_at: db.fn.now(),
        figures: JSON.stringify(figures),
        last_error: null,
      });
    return figures;
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    // the marks stay where they were; another try in five minutes
    await db('reconciliations')
      .where(row)
      .update({ last_error: error.problem, claimed_at: db.raw("now() - interval '55 minutes'") });
    throw error;
  }
}

async function claim(
  db: Knex,
  { account, livemode }: AccountCall,
): Promise<{ sessionsUntil: Date; eventsUntil: Date; now: Date } | null> {
  const { rows } = await db.raw(
    `INSERT INTO reconciliations (stripe_account_id, livemode, sessions_until, events_until)
     SELECT stripe_user_id, livemode, greatest(connected_at, now() - interval '30 days'), greatest(connected_at, now() - interval '30 days')
       FROM stripe_connections WHERE stripe_user_id = :account AND livemode = :livemode AND status IN ('active', 'disconnecting')
     ON CONFLICT (stripe_account_id, livemode) DO UPDATE SET claimed_at = now()
       WHERE reconciliations.claimed_at < now() - interval '50 minutes'
     RETURNING sessions_until, events_until, now() AS now`,
    { account, livemode },
  );
  const row = rows[0];
  return row ? { sessionsUntil: row.sessions_until, eventsUntil: row.events_until, now: row.now } : null;
}

async function compareSession(
  dependencies: Dependencies,
  call: AccountCall,
  session: CheckoutSession,
): Promise<'not_ours' | 'same' | 'booked' | 'unknown'> {
  const attempt = await createOrdersStore(dependencies.db).findAttemptByStripe({
    account: call.account,
    sessionId: session.id,
  });
  if (attempt) {
    if (attempt.livemode !== call.livemode || isKnown(attempt.status, session)) return 'same';
    await settleAttempt(dependencies, attempt.id);
    return 'booked';
  }
  const orderId = session.metadata['foyer_order'];
  if (!isUuid(orderId) || session.clientReferenceId !== orderId) return 'not_ours';
  if ((await adoptUnanswered(dependencies, { ...call, sessionId: session.id, orderId })) === 'adopted')
    return 'booked';
  if (session.status !== 'complete' || session.paymentStatus !== 'paid') return 'same';
  return reportUnknownPayment(dependencies, call, session, orderId);
}

/** Do our books say what the session says? */
function isKnown(status: string, session: CheckoutSession): boolean {
  if (session.status === 'open') return true;
  if (session.status === 'complete' && session.paymentStatus !== 'unpaid') return status === 'paid';
  // dead, or completed without money: what is still waiting here has missed something
  return status !== 'created' && status !== 'open';
}

/** Paid, with our mark on it, and none of ours: after a restore perhaps. A mark can be copied, so nobody's order changes. */
async function reportUnknownPayment(
  dependencies: Dependencies,
  call: AccountCall,
  session: CheckoutSession,
  orderId: string,
): Promise<'same' | 'unknown'> {
  const { db } = dependencies;
  const subject = `unknown_payment:${session.id}`;
  const now = await dependencies.stripe.retrieveCheckoutSession({ ...call, id: session.id });
  if ((now.amountRefunded ?? 0n) >= (now.amountTotal ?? 0n)) {
    await closeFindingAbout(db, subject, 'the payment was given back at Stripe');
    return 'same';
  }
  if (await wasClosedByPerson(db, subject)) return 'same';
  const order = await createOrdersStore(db).find(orderId);
  const connection = await db('stripe_connections')
    .where({ stripe_user_id: call.account, livemode: call.livemode })
    .orderBy('connected_at', 'desc')
    .first('organizer_id');
  await reportFinding(db, dependencies, {
    kind: 'unknown_payment',
    subject,
    organizerId: connection?.organizer_id ?? null,
    // of the same account only: the mark of somebody else's order says nothing about it
    orderId: order && order.organizerId === connection?.organizer_id ? order.id : null,
    account: call.account,
    livemode: call.livemode,
    details: {
      session: session.id,
      payment: now.paymentIntentId,
      amount: String(now.amountTotal ?? 0n),
      refunded: String(now.amountRefunded ?? 0n),
      currency: now.currency,
      named_order: orderId,
    },
  });
  return 'unknown';
}

/** Events that Stripe could not deliver go into the inbox, as if they had come. */
async function fetchUndelivered(dependencies: Dependencies, call: AccountCall, until: Date): Promise<number> {
  const events = await dependencies.stripe.listUndeliveredEvents({
    ...call,
    since: new Date(until.getTime() - EVENT_OVERLAP_MS),
    types: USED_EVENT_TYPES,
  });
  let kept = 0;
  for (const raw of events) {
    const event = readStripeEvent({ ...raw, account: call.account });
    if (!event || (await dependencies.db('stripe_events').where({ id: event.id }).first('id'))) continue;
    await keepEvent(dependencies.db, event, { ...raw, account: call.account });
    kept += 1;
  }
  return kept;
}

async function reportSlowPayments(dependencies: Dependencies, call: AccountCall): Promise<void> {
  const { db } = dependencies;
  const slow = await db('payment_attempts')
    .join('orders', 'orders.id', 'payment_attempts.order_id')
    .where({ 'payment_attempts.stripe_account_id': call.account, 'payment_attempts.livemode': call.livemode })
    .where({ 'payment_attempts.status': 'processing' })
    .whereRaw('payment_attempts.created_at < now() - make_interval(days => ?)', [SLOW_PAYMENT_DAYS])
    .select('orders.id', 'orders.organizer_id', 'checkout_session_id', 'amount', 'payment_attempts.currency');
  for (const row of slow)
    await reportFinding(db, dependencies, {
      kind: 'slow_payment',
      subject: `slow_payment:${row.checkout_session_id}`,
      organizerId: row.organizer_id,
      orderId: row.id,
      account: call.account,
      livemode: call.livemode,
      details: { session: row.checkout_session_id, amount: String(row.amount), currency: row.currency },
    });
}
