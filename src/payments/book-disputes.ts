/**
 * Books what Stripe says of a payment's disputes, read anew each time: no event is believed, and none is needed in order.
 * Invariants: tickets of a payment that a bank has taken back let nobody in; a payment that is lost for good leaves no
 * valid ticket, and its places return once.
 */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { newId } from '../lib/ids';
import { queueMail } from '../mail/outbox';
import { voidTickets } from '../orders/inventory';
import { moveOrder, noteOnOrder } from '../orders/move-order';
import { type Cause, isFulfilled, type Order, type PaymentAttempt } from '../orders/order';
import { createOrdersStore } from '../orders/orders-store';
import { type Dispute } from '../stripe/stripe-reading';
import { createRefundsStore } from './refunds-store';
import { stageOf } from './dispute';
import { disputeMail } from './dispute-mails';
import { reportFinding } from './report-finding';

type DisputeDependencies = Pick<Dependencies, 'db' | 'stripe' | 'logger' | 'config'>;

/** All disputes of a payment, as Stripe has them now. */
export async function bookDisputes(dependencies: DisputeDependencies, attemptId: string): Promise<void> {
  const attempt = await createOrdersStore(dependencies.db).getAttempt(attemptId);
  if (!attempt.paymentIntentId) return;
  const disputes = await dependencies.stripe.listDisputes({
    account: attempt.stripeAccountId,
    livemode: attempt.livemode,
    paymentIntentId: attempt.paymentIntentId,
  });
  for (const dispute of disputes) await recordDispute(dependencies, attemptId, dispute);
}

async function recordDispute(
  dependencies: DisputeDependencies,
  attemptId: string,
  dispute: Dispute,
): Promise<void> {
  await inTransaction(dependencies.db, async (trx) => {
    const orders = createOrdersStore(trx);
    const order = await orders.lockOfAttempt(attemptId);
    const attempt = await orders.getAttempt(attemptId);
    const known = await trx('disputes').where({ stripe_dispute_id: dispute.id }).first('status', 'stage');
    const stage = stageOf(dispute.status);
    await writeDispute(trx, order, attempt, dispute);
    if (known?.status === dispute.status) return;
    const cause: Cause = {
      actor: 'stripe',
      reason: `dispute ${dispute.status.replaceAll('_', ' ')}`,
      details: { dispute: dispute.id, amount: String(dispute.amount), account: attempt.stripeAccountId },
    };
    if (stage === 'lost') await applyLoss(trx, order, attempt, dispute, cause);
    else await noteOnOrder(trx, order, cause);
    if (stage === 'won' && order.statusDetail === 'dispute_lost')
      // lost first, then won on appeal: the tickets are gone, and nobody knows whether places are left
      await reportFinding(trx, dependencies, {
        kind: 'dispute_after_void',
        subject: `dispute_after_void:${dispute.id}`,
        organizerId: order.organizerId,
        orderId: order.id,
        account: attempt.stripeAccountId,
        livemode: attempt.livemode,
        details: { dispute: dispute.id, amount: String(dispute.amount), currency: dispute.currency },
      });
    if (known?.stage !== stage)
      await queueMail(trx, await disputeMail(trx, dependencies, order, dispute, stage));
  });
}

async function writeDispute(
  trx: Knex.Transaction,
  order: Order,
  attempt: PaymentAttempt,
  dispute: Dispute,
): Promise<void> {
  const stage = stageOf(dispute.status);
  const ended = stage !== 'open' && stage !== 'inquiry';
  const state = {
    status: dispute.status,
    stage,
    amount: dispute.amount,
    charge_refundable: dispute.chargeRefundable,
    evidence_due_at: dispute.evidenceDueAt,
    evidence_submitted: dispute.evidenceSubmitted,
    updated_at: trx.fn.now(),
    closed_at: ended ? trx.raw('coalesce(disputes.closed_at, now())') : null,
  };
  await trx('disputes')
    .insert({
      ...state,
      closed_at: ended ? trx.fn.now() : null,
      id: newId(),
      order_id: order.id,
      payment_attempt_id: attempt.id,
      stripe_dispute_id: dispute.id,
      currency: dispute.currency,
      reason: dispute.reason,
      opened_at: dispute.createdAt,
    })
    .onConflict('stripe_dispute_id')
    .merge(state as never);
}

/** The whole payment is gone: tickets void, places free again. A part of it changes no ticket. */
async function applyLoss(
  trx: Knex.Transaction,
  order: Order,
  attempt: PaymentAttempt,
  dispute: Dispute,
  cause: Cause,
): Promise<void> {
  const whole = dispute.amount >= (attempt.paidAmount ?? attempt.amount);
  if (!whole || !isFulfilled(order.status) || (await createRefundsStore(trx).isDuplicate(attempt)))
    return noteOnOrder(trx, order, cause);
  await voidTickets(trx, order, { all: true });
  await moveOrder(trx, order, 'refunded', cause, { statusDetail: 'dispute_lost' });
}
