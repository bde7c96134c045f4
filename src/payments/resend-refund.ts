import { type Knex } from 'knex';
import { addJob } from '../jobs/jobs';

/** The next send of a refund that stopped, with a key of its own: the last one would only hear its refusal again. */
export async function resendRefund(trx: Knex.Transaction, refundId: string): Promise<void> {
  const refund = await trx('refunds').where({ id: refundId }).first('send_number');
  const number = refund.send_number + 1;
  await trx('refunds')
    .where({ id: refundId })
    .update({
      status: 'requested',
      send_number: number,
      idempotency_key: `foyer-refund-${refundId}-${number}`,
      stripe_refund_id: null,
      first_sent_at: null,
      last_sent_at: null,
      last_error: null,
      updated_at: trx.fn.now(),
    });
  await addJob(trx, 'send_refund', { refundId }, { key: `send-refund-${refundId}` });
}
