/**
 * A person's decision about an order that needs attention. Invariant: no decision can lose money. It is checked against
 * what Stripe says at that moment, made under the order's lock along the table of moves, and only if nothing has changed
 * between the two; whatever the buyer paid afterwards belongs to a paid order or is on its way back.
 */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { queueMail } from '../mail/outbox';
import { requestAutomaticRefund, withdrawStopped } from '../payments/request-refund';
import { retryRefund } from '../payments/retry-refund';
import { type Decision, whyNot } from './decision';
import { decisionMail } from './decision-mails';
import { fulfilOrder } from './fulfil-order';
import { moveOrder } from './move-order';
import { type Cause, type Order } from './order';
import { createOrdersStore } from './orders-store';
import { recordPaid, type SettleDependencies } from './settle-order';
import { type PaymentTruth, readStripeTruth, type StripeTruth } from './stripe-truth';

export interface DecisionRequest {
  orderId: string;
  to: Decision;
  by: { as: 'admin' | 'organizer'; userId: string };
  reason: string;
  /** the person has looked at Stripe where Foyer has no access any more */
  attested: boolean;
}

export type DecisionOutcome = { state: 'decided' } | { state: 'refused'; why: string };

const CHANGED = 'Something about this order changed while you decided. Look at it again.';
const NO_ROOM = 'The tickets of this order are sold by now and do not fit any more. Refund it instead.';

export async function decideOrder(
  dependencies: SettleDependencies & Pick<Dependencies, 'db'>,
  request: DecisionRequest,
): Promise<DecisionOutcome> {
  const truth = await readStripeTruth(dependencies, request.orderId);
  const why = whyNot(request.to, truth, request.attested);
  if (why) return { state: 'refused', why };
  return inTransaction(dependencies.db, async (trx): Promise<DecisionOutcome> => {
    const order = await createOrdersStore(trx).lock(request.orderId);
    if (order.status !== 'needs_attention' || !(await isAsRead(trx, order, truth)))
      return { state: 'refused', why: CHANGED };
    await recordTruth(trx, truth);
    const cause = causeOf(request, truth);
    if (!(await carryOut(trx, dependencies, order, request, truth, cause)))
      return { state: 'refused', why: NO_ROOM };
    await writeAudit(trx, {
      actor: request.by.as,
      actorUserId: request.by.userId,
      action: `order.${AUDITED[request.to]}`,
      organizerId: order.organizerId,
      subjectType: 'order',
      subjectId: order.id,
      reason: request.reason,
      details: cause.details,
    });
    const mail = await decisionMail(trx, dependencies, order, request.to);
    if (mail) await queueMail(trx, mail);
    return { state: 'decided' };
  });
}

const AUDITED: Record<Decision, string> = {
  paid: 'accepted',
  refund_pending: 'refunded_by_decision',
  expired: 'released',
};

/** Have the attempts stayed as they were when Stripe was asked about them? */
async function isAsRead(trx: Knex.Transaction, order: Order, truth: StripeTruth): Promise<boolean> {
  const now = await createOrdersStore(trx).listAttempts(order.id);
  return (
    now.length === truth.payments.length &&
    now.every((attempt, index) => {
      const read = truth.payments[index]!.attempt;
      return (
        attempt.id === read.id &&
        attempt.status === read.status &&
        attempt.checkoutSessionId === read.checkoutSessionId
      );
    })
  );
}

async function recordTruth(trx: Knex.Transaction, truth: StripeTruth): Promise<void> {
  for (const { attempt, session, received } of truth.payments) {
    if (!session || received === 0n || attempt.status === 'paid') continue;
    if (!attempt.checkoutSessionId)
      await createOrdersStore(trx).updateAttempt(attempt.id, { checkout_session_id: session.id });
    await recordPaid(trx, attempt, session);
  }
}

function causeOf(request: DecisionRequest, truth: StripeTruth): Cause & { details: Record<string, unknown> } {
  return {
    actor: request.by.as,
    actorUserId: request.by.userId,
    reason: `decided by hand: ${request.reason}`,
    details: {
      attested: truth.unreachable,
      stripe: truth.payments
        .map(({ session, left, answer }) =>
          session ? `${session.id} ${session.paymentStatus}, left ${left} ${session.currency}` : answer,
        )
        .join('; '),
    },
  };
}

/** Answers false, with nothing moved, when the tickets of an accepted order don't fit any more. */
async function carryOut(
  trx: Knex.Transaction,
  dependencies: SettleDependencies,
  order: Order,
  request: DecisionRequest,
  truth: StripeTruth,
  cause: Cause,
): Promise<boolean> {
  const left = truth.payments.filter((payment) => payment.left > 0n);
  if (request.to === 'paid') {
    if (!(await moveOrder(trx, order, 'paid', cause, { statusDetail: 'accepted' }))) return false;
    await endAttempts(trx, order);
    await fulfil(trx, dependencies, order);
    // nobody may press "Try again" for the money of tickets that are good
    for (const { attempt } of left.slice(0, 1)) await withdrawStopped(trx, attempt.id);
    await giveBack(trx, order, left.slice(1), 'duplicate_payment', request.by);
    return true;
  }
  await trx('tickets').where({ order_id: order.id }).update({ status: 'void' });
  if (request.to === 'expired') {
    await endAttempts(trx, order);
    const statusDetail = truth.unreachable ? 'released_unverified' : 'released_by_hand';
    await moveOrder(trx, order, 'expired', cause, { statusDetail });
    return true;
  }
  await moveOrder(trx, order, 'refund_pending', cause, { statusDetail: 'by_hand' });
  await giveBack(trx, order, left, 'late_payment', request.by);
  if (left.length === 0)
    await moveOrder(trx, order, 'refunded', { ...cause, reason: 'all of it went back at Stripe before' });
  return true;
}

/** What Stripe has no living session for can't be paid any more. */
async function endAttempts(trx: Knex.Transaction, order: Order): Promise<void> {
  await trx('payment_attempts')
    .where({ order_id: order.id })
    .whereIn('status', ['created', 'open', 'processing'])
    .update({ status: trx.raw("CASE WHEN checkout_session_id IS NULL THEN 'abandoned' ELSE 'expired' END") });
}

/** Tickets once: those that were void are good again, those that were never made are made. */
async function fulfil(trx: Knex.Transaction, dependencies: SettleDependencies, order: Order): Promise<void> {
  const revived = await trx('tickets').where({ order_id: order.id }).update({ status: 'valid' });
  if (revived === 0) await fulfilOrder(trx, dependencies, order);
}

async function giveBack(
  trx: Knex.Transaction,
  order: Order,
  payments: PaymentTruth[],
  origin: 'late_payment' | 'duplicate_payment',
  by: DecisionRequest['by'],
): Promise<void> {
  for (const { attempt } of payments) {
    const stopped = await trx('refunds')
      .where({ payment_attempt_id: attempt.id, status: 'needs_attention' })
      .whereIn('origin', ['late_payment', 'duplicate_payment'])
      .first('id');
    if (stopped) await retryRefund({ db: trx }, stopped.id, by, { sendIn: 0 });
    else await requestAutomaticRefund(trx, order, attempt, origin);
  }
}
