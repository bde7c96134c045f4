/**
 * Asks Stripe for the session of an attempt and keeps the answer. It may run twice at once, stop anywhere, and be run
 * again by whoever works off the queue: the same key and the same frozen request give the same session.
 */
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { noteAccessLost } from '../connect/account-health';
import { moveOrder, noteOnOrder } from '../orders/move-order';
import { type Order, type PaymentAttempt } from '../orders/order';
import { createOrdersStore } from '../orders/orders-store';
import { type CheckoutSession, type CheckoutSessionRequest } from '../stripe/stripe-client';
import { isWorthRetrying, StripeFailure } from '../stripe/stripe-errors';
import { deadlineToPay } from './hold-deadline';
import { createAttempt } from './start-payment';

export type SendDependencies = Pick<
  Dependencies,
  'db' | 'config' | 'stripe' | 'logger' | 'orderTokens' | 'paymentQueue'
>;

export type SendOutcome = 'open' | 'failed' | 'nothing_to_do' | 'try_again';

/** Stripe keeps a key for at least 24 hours; an older one could make a second session. */
const KEY_IS_GOOD_FOR_MS = 23 * 60 * 60 * 1000;

const FIRST_PAUSE_SECONDS = 3;
const LONGEST_PAUSE_SECONDS = 24;

/** Sends an attempt now, whoever waits before it: its order is being ended, and Stripe has to be asked first. */
export async function sendAttempt(dependencies: SendDependencies, attemptId: string): Promise<SendOutcome> {
  const attempt = await dependencies.paymentQueue.claim(attemptId);
  return attempt ? sendClaimed(dependencies, attempt, { slotTaken: false }) : 'nothing_to_do';
}

/** Sends an attempt that was claimed, and thereby committed to be sent. `slotTaken`: in time, at this moment. */
export async function sendClaimed(
  dependencies: SendDependencies,
  attempt: PaymentAttempt,
  { slotTaken }: { slotTaken: boolean },
): Promise<SendOutcome> {
  const call = { account: attempt.stripeAccountId, livemode: attempt.livemode };
  try {
    const session = isKeyTooOld(attempt)
      ? await findSessionOf(dependencies, attempt)
      : await dependencies.stripe.createCheckoutSession({
          ...call,
          request: attempt.request as CheckoutSessionRequest,
          idempotencyKey: attempt.idempotencyKey,
          slotTaken,
        });
    if (!session) return await giveUp(dependencies, attempt, 'abandoned', 'no session was made');
    return await adoptSession(dependencies, attempt.id, session);
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    return handleFailure(dependencies, attempt, error);
  }
}

/** Keeps the session that Stripe has made for this attempt. */
export async function adoptSession(
  { db }: Pick<SendDependencies, 'db'>,
  attemptId: string,
  session: CheckoutSession,
): Promise<SendOutcome> {
  return inTransaction(db, async (trx) => {
    const orders = createOrdersStore(trx);
    const order = await orders.lockOfAttempt(attemptId);
    const attempt = await orders.getAttempt(attemptId);
    if (attempt.status !== 'created') return 'nothing_to_do';
    await orders.updateAttempt(attemptId, {
      status: 'open',
      checkout_session_id: session.id,
      checkout_url: session.url,
      payment_intent_id: session.paymentIntentId,
      answered_at: trx.fn.now(),
      checked_at: trx.fn.now(),
      unanswered_sends: 0,
      last_error: null,
    });
    // An order whose time ran out while Stripe was silent stays `expiring`: its session is ended next.
    if (order.status === 'creating_session') {
      const cause = {
        actor: 'stripe' as const,
        reason: 'checkout session made',
        details: { session: session.id, account: attempt.stripeAccountId },
      };
      await moveOrder(trx, order, 'awaiting_payment', cause, {
        columns: { hold_expires_at: deadlineToPay(trx) },
      });
    }
    return 'open';
  });
}

async function handleFailure(
  dependencies: SendDependencies,
  attempt: PaymentAttempt,
  failure: StripeFailure,
): Promise<SendOutcome> {
  const { logger } = dependencies;
  const surelyNotActed = failure.problem !== 'unanswered' && failure.problem !== 'busy';
  await recordFailure(dependencies, attempt, failure, surelyNotActed);
  const earlierSends = attempt.unansweredSends - 1;
  if (failure.problem === 'platform_key')
    logger.error(
      { attemptId: attempt.id, err: failure },
      'Stripe does not accept the key of this platform: no order can be paid',
    );
  if (failure.problem === 'unanswered' && (failure.httpStatus ?? 0) >= 500 && earlierSends > 0)
    return lookForSession(dependencies, attempt, earlierSends);
  if (isWorthRetrying(failure)) return 'try_again';
  if (failure.problem === 'access_lost') {
    await noteAccessLost(dependencies, { account: attempt.stripeAccountId, livemode: attempt.livemode });
    // With an unanswered send before, a session may live that we can't reach: the deadline decides, not we.
    return earlierSends > 0
      ? 'try_again'
      : giveUp(dependencies, attempt, 'refused', 'the account can not be used');
  }
  if (earlierSends > 0) {
    // Only a refusal of the first send proves that there is no session.
    const session = await findSessionOf(dependencies, attempt).catch(() => undefined);
    if (session === undefined) return 'try_again';
    if (session) return adoptSession(dependencies, attempt.id, session);
    return giveUp(
      dependencies,
      attempt,
      'abandoned',
      `no session was made (${failure.code ?? failure.problem})`,
    );
  }
  if (await isFrozenTimeOver(dependencies, attempt))
    return giveUp(dependencies, attempt, 'abandoned', 'the frozen expiry has aged');
  logger.error({ attemptId: attempt.id, err: failure }, 'Stripe refused a payment request');
  return giveUp(dependencies, attempt, 'refused', failure.code ?? failure.problem);
}

/** A key replays a stored 500 for a day, whether Stripe had acted or not: its own list of sessions tells which. */
async function lookForSession(
  dependencies: SendDependencies,
  attempt: PaymentAttempt,
  earlierSends: number,
): Promise<SendOutcome> {
  const session = await findSessionOf(dependencies, attempt).catch(() => undefined);
  if (session) return adoptSession(dependencies, attempt.id, session);
  // Not there after several answered sends: this key will never make one.
  return session === null && earlierSends >= 2
    ? giveUp(dependencies, attempt, 'abandoned', 'the key answers with an error')
    : 'try_again';
}

async function recordFailure(
  { db }: SendDependencies,
  attempt: PaymentAttempt,
  failure: StripeFailure,
  surelyNotActed: boolean,
): Promise<void> {
  await db('payment_attempts')
    .where({ id: attempt.id, status: 'created' })
    .update({
      last_error: failure.code ?? failure.problem,
      next_send_at: db.raw('now() + make_interval(secs => ?)', [
        secondsUntilNextSend(failure, attempt.unansweredSends),
      ]),
      ...(surelyNotActed ? { unanswered_sends: db.raw('greatest(unanswered_sends - 1, 0)') } : {}),
    });
}

/** A 429 rests for all (see `request-pace`), so who met it is the first to go on; else a pause that grows, with jitter. */
function secondsUntilNextSend(failure: StripeFailure, unansweredSends: number): number {
  if (failure.problem === 'rate_limited') return 0;
  const grown = FIRST_PAUSE_SECONDS * 2 ** Math.max(0, unansweredSends - 1);
  return Math.min(LONGEST_PAUSE_SECONDS, grown) * (0.75 + Math.random() / 2);
}

/** There is no session and there will be none under this key: the next attempt, if the hold lives, else the end. */
async function giveUp(
  dependencies: SendDependencies,
  attempt: PaymentAttempt,
  as: 'refused' | 'abandoned',
  why: string,
): Promise<SendOutcome> {
  return inTransaction(dependencies.db, async (trx) => {
    const orders = createOrdersStore(trx);
    const order = await orders.lock(attempt.orderId);
    if ((await orders.getAttempt(attempt.id)).status !== 'created') return 'nothing_to_do';
    await orders.updateAttempt(attempt.id, { status: as, answered_at: trx.fn.now() });
    const cause = {
      actor: 'stripe' as const,
      reason: why,
      details: { attempt: attempt.n, account: attempt.stripeAccountId },
    };
    if (order.status === 'expiring') {
      await moveOrder(trx, order, 'expired', cause, { statusDetail: 'hold_over' });
      return 'failed';
    }
    if (order.status !== 'creating_session') {
      await noteOnOrder(trx, order, cause);
      return 'nothing_to_do';
    }
    if (as === 'abandoned' && (await isHoldAlive(trx, order))) {
      await noteOnOrder(trx, order, cause);
      const event = await trx('events').where({ id: order.eventId }).first('title');
      // It has waited its time already, and keeps its place.
      await createAttempt(trx, dependencies, order, event.title, {
        n: attempt.n + 1,
        queueNumber: attempt.queueNumber,
      });
      return 'try_again';
    }
    if (as === 'abandoned') await moveOrder(trx, order, 'expired', cause, { statusDetail: 'hold_over' });
    else await moveOrder(trx, order, 'failed', cause, { statusDetail: why });
    return 'failed';
  });
}

async function isHoldAlive(trx: Dependencies['db'], order: Order): Promise<boolean> {
  return (
    (await trx('orders').where({ id: order.id }).where('hold_expires_at', '>', trx.fn.now()).first('id')) !==
    undefined
  );
}

/** The session of this attempt in the account's own list, or null. Metadata only narrows the search; the account is ours. */
export async function findSessionOf(
  { stripe }: Pick<SendDependencies, 'stripe'>,
  attempt: PaymentAttempt,
): Promise<CheckoutSession | null> {
  return stripe.findCheckoutSession({
    account: attempt.stripeAccountId,
    livemode: attempt.livemode,
    since: new Date((attempt.firstSentAt ?? new Date()).getTime() - 10 * 60_000),
    matches: (session) =>
      session.clientReferenceId === attempt.orderId &&
      session.metadata['foyer_attempt'] === String(attempt.n),
  });
}

function isKeyTooOld(attempt: PaymentAttempt): boolean {
  return (
    attempt.unansweredSends > 1 &&
    attempt.firstSentAt !== null &&
    Date.now() - attempt.firstSentAt.getTime() > KEY_IS_GOOD_FOR_MS
  );
}

/** By the database's clock: the one of this process may be wrong, and a refusal would count as aged for ever. */
async function isFrozenTimeOver(
  { db }: Pick<SendDependencies, 'db'>,
  attempt: PaymentAttempt,
): Promise<boolean> {
  const row = await db('payment_attempts')
    .where({ id: attempt.id })
    .where('session_expires_at', '<', db.raw("now() + interval '30 minutes'"))
    .first('id');
  return row !== undefined;
}
