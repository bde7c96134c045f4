/**
 * From details to a payment attempt. Invariants: one order has at most one attempt that Stripe may still decide, and
 * the attempt is committed, with its request and key frozen, before Stripe is asked (promise 4). Pressing twice starts once.
 */
import { type Knex } from 'knex';
import { accountName, canTakeCharges } from '../connect/connection';
import { lockConnectionForEvent } from '../connect/connection-for-event';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { newId } from '../lib/ids';
import { fulfilOrder } from '../orders/fulfil-order';
import { moveOrder } from '../orders/move-order';
import { type Order } from '../orders/order';
import { createOrdersStore } from '../orders/orders-store';
import { createAnswersStore } from '../questions/answers-store';
import { type Answer, type AskedGroup } from '../questions/question';
import { checkoutSessionRequest, SESSION_MINUTES } from './checkout-session-request';
import { deadlineWhileWaiting } from './hold-deadline';

export type StartedPayment =
  | { outcome: 'paid' }
  | { outcome: 'started'; attemptId: string }
  /** the order is in a state that needs no new attempt: its page says which */
  | { outcome: 'already' }
  | { outcome: 'refused'; reason: 'hold_over' | 'event_closed' | 'terms_changed' | 'no_payments' };

export async function startPayment(
  dependencies: Pick<Dependencies, 'db' | 'config' | 'orderTokens' | 'ticketCodes'>,
  orderId: string,
  details: {
    name: string;
    email: string;
    terms: string | null;
    cancellation: string | null;
    asked: AskedGroup[];
    answers: Answer[];
  },
): Promise<StartedPayment> {
  return inTransaction(dependencies.db, async (trx) => {
    const order = await createOrdersStore(trx).lock(orderId);
    if (order.status !== 'held') return { outcome: 'already' };
    const event = await trx('events')
      .join('organizers', 'organizers.id', 'events.organizer_id')
      .where({ 'events.id': order.eventId })
      .first(
        'events.title',
        'events.status',
        'events.ends_at',
        'events.suspended_at',
        'events.organizer_suspended',
        'events.stripe_connection_id',
        'events.self_cancellation',
        'organizers.current_terms_id',
        trx.raw('CAST(? AS timestamptz) <= now() AS hold_over', [order.holdExpiresAt]),
      );
    if (event.hold_over) return { outcome: 'refused', reason: 'hold_over' };
    const suspended = event.suspended_at !== null || event.organizer_suspended;
    if (event.status !== 'published' || suspended || event.ends_at <= new Date())
      return { outcome: 'refused', reason: 'event_closed' };

    if (event.current_terms_id !== details.terms || event.self_cancellation !== details.cancellation)
      return { outcome: 'refused', reason: 'terms_changed' };

    const given = {
      agreed_terms_id: details.terms,
      self_cancellation: details.cancellation,
      buyer_name: details.name,
      buyer_email: details.email,
      opened_at: trx.raw('coalesce(opened_at, now())'),
    };
    await createAnswersStore(trx).replace(order.id, details.asked, details.answers);
    Object.assign(order, { buyerName: details.name, buyerEmail: details.email });
    if (order.totalAmount === 0n) {
      await createOrdersStore(trx).update(order.id, given);
      // the lock of the event's inventory comes last: other buyers wait for it until the commit
      await fulfilOrder(trx, dependencies, order);
      await moveOrder(trx, order, 'paid', { actor: 'buyer', reason: 'details given for a free order' });
      return { outcome: 'paid' };
    }

    // The shared lock keeps a disconnect waiting until this attempt is committed, and shows one that has begun.
    const locked = await lockConnectionForEvent(trx, {
      organizerId: order.organizerId,
      livemode: order.livemode,
      stripeConnectionId: event.stripe_connection_id,
    });
    if (!canTakeCharges(locked)) {
      await createOrdersStore(trx).update(order.id, given);
      return { outcome: 'refused', reason: 'no_payments' };
    }

    Object.assign(order, { stripeConnectionId: locked.id, stripeAccountId: locked.stripeUserId });
    const cause = {
      actor: 'buyer' as const,
      reason: 'details given',
      details: { account: accountName(locked) },
    };
    const columns = {
      ...given,
      stripe_connection_id: locked.id,
      stripe_account_id: locked.stripeUserId,
      hold_expires_at: deadlineWhileWaiting(trx),
    };
    await moveOrder(trx, order, 'creating_session', cause, { columns });
    // its place in the queue comes last: who is given a later one should not be committed before
    const attemptId = await createAttempt(trx, dependencies, order, event.title, { n: 1 });
    return { outcome: 'started', attemptId };
  });
}

/**
 * Commits the next attempt of an order that the caller holds under its lock: request and key, and thereby its place in the
 * queue. The key is made from order and attempt, so that a process that dies between Stripe's answer and our commit finds
 * the same session again.
 */
export async function createAttempt(
  trx: Knex.Transaction,
  { config, orderTokens }: Pick<Dependencies, 'config' | 'orderTokens'>,
  order: Order,
  eventTitle: string,
  { n, queueNumber }: { n: number; queueNumber?: bigint | null },
): Promise<string> {
  const id = newId();
  await trx('payment_attempts').insert({
    id,
    order_id: order.id,
    n,
    stripe_account_id: order.stripeAccountId,
    livemode: order.livemode,
    idempotency_key: `foyer-order-${order.id}-attempt-${n}`,
    request: JSON.stringify(
      checkoutSessionRequest({
        id: order.id,
        token: orderTokens.sign(order.id),
        attempt: n,
        reference: order.reference,
        currency: order.currency,
        applicationFee: order.applicationFeeAmount,
        buyerEmail: order.buyerEmail!,
        eventTitle,
        lines: await createOrdersStore(trx).listLines(order.id),
        baseUrl: config.baseUrl,
      }),
    ),
    amount: order.totalAmount,
    currency: order.currency,
    // counted anew by the first claim, which also puts it into the request
    session_expires_at: trx.raw('now() + make_interval(mins => ?)', [SESSION_MINUTES]),
    ...(queueNumber ? { queue_number: queueNumber } : {}),
  });
  return id;
}
