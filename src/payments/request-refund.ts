import { type Knex } from 'knex';
import { addJob } from '../jobs/jobs';
import { newId } from '../lib/ids';
import { type PaymentAttempt } from '../orders/order';

/** Asks for all of a payment back that we can't honour. One row for each payment, however often it is asked for. */
export async function requestAutomaticRefund(
  trx: Knex.Transaction,
  attempt: PaymentAttempt,
  origin: 'late_payment' | 'duplicate_payment',
): Promise<void> {
  const id = newId();
  const inserted = await trx('refunds')
    .insert({
      id,
      order_id: attempt.orderId,
      payment_attempt_id: attempt.id,
      origin,
      amount: attempt.paidAmount ?? attempt.amount,
      currency: attempt.paidCurrency ?? attempt.currency,
      reason: origin === 'late_payment' ? 'paid after the tickets were gone' : 'paid twice',
      idempotency_key: `foyer-refund-${id}-1`,
    })
    .onConflict(
      trx.raw("(payment_attempt_id) WHERE origin IN ('late_payment', 'duplicate_payment')") as never,
    )
    .ignore()
    .returning('id');
  if (inserted.length > 0) await addJob(trx, 'send_refund', { refundId: id }, { key: `send-refund-${id}` });
}
