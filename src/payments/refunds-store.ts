import { type Knex } from 'knex';
import { NotFound } from '../errors';
import { isUuid } from '../lib/ids';
import { type Order, paidOf, type PaymentAttempt } from '../orders/order';
import { toAttempt } from '../orders/orders-store';
import { type Refund, type RefundablePayment } from './refund';

/** SQL of refunds. Give it a transaction to work inside one; whoever changes a refund holds its order's lock. */
export function createRefundsStore(db: Knex) {
  return {
    async find(id: unknown): Promise<Refund | null> {
      const row = isUuid(id) ? await db('refunds').where({ id }).first() : undefined;
      return row ? toRefund(row) : null;
    },

    async get(id: unknown): Promise<Refund> {
      const refund = await this.find(id);
      if (!refund) throw new NotFound('refund');
      return refund;
    },

    async findByFormKey(formKey: string): Promise<Refund | null> {
      const row = await db('refunds').where({ form_key: formKey }).first();
      return row ? toRefund(row) : null;
    },

    async listOfOrder(orderId: string): Promise<Refund[]> {
      return (await db('refunds').where({ order_id: orderId }).orderBy('created_at')).map(toRefund);
    },

    async listOfPayment(attemptId: string): Promise<Refund[]> {
      return (await db('refunds').where({ payment_attempt_id: attemptId }).orderBy('created_at')).map(
        toRefund,
      );
    },

    async insert(row: Record<string, unknown> & { id: string }): Promise<void> {
      await db('refunds').insert(row);
    },

    async update(id: string, fields: Record<string, unknown>): Promise<void> {
      await db('refunds')
        .where({ id })
        .update({ ...fields, updated_at: db.fn.now() });
    },

    /** What Stripe has given back of a payment for sure, in minor units. */
    async sumGivenBack(attemptId: string): Promise<bigint> {
      const row = await db('refunds')
        .where({ payment_attempt_id: attemptId, status: 'succeeded' })
        .first(db.raw('coalesce(sum(amount), 0)::bigint AS sum'));
      return row.sum;
    },

    /** What has gone back of a payment or may still go, in minor units; without one of its refunds. */
    async sumAskedFor(attemptId: string, { but }: { but: string }): Promise<bigint> {
      const row = await db('refunds')
        .where({ payment_attempt_id: attemptId })
        .whereNot({ status: 'failed' })
        .whereNot({ id: but })
        .first(db.raw('coalesce(sum(amount), 0)::bigint AS sum'));
      return row.sum;
    },

    /** Is this a second payment beside the one that its order stands on? Its refunds don't concern the order. */
    async isDuplicate(payment: { id: string; orderId: string }): Promise<boolean> {
      const standing = await this.findPayment(payment.orderId);
      return standing !== null && standing.id !== payment.id;
    },

    /** The payment that an order stands on: the first one, and not one that was given back as a second. */
    async findPayment(orderId: string): Promise<PaymentAttempt | null> {
      const row = await db('payment_attempts')
        .where({ order_id: orderId, status: 'paid' })
        .whereNotExists(
          db('refunds')
            .whereRaw('refunds.payment_attempt_id = payment_attempts.id')
            .where({ origin: 'duplicate_payment' }),
        )
        .orderBy([{ column: 'paid_at' }, { column: 'n' }])
        .first();
      return row ? toAttempt(row) : null;
    },

    /** How much of a payment can still go back, and which tickets with it. */
    async readRefundable(
      order: Pick<Order, 'id' | 'applicationFeeAmount'>,
      payment: PaymentAttempt,
    ): Promise<RefundablePayment> {
      const sums = await db('refunds')
        .where({ payment_attempt_id: payment.id })
        .whereNot({ status: 'failed' })
        .first(
          db.raw('coalesce(sum(amount), 0)::bigint AS amount'),
          db.raw('coalesce(sum(fee_amount), 0)::bigint AS fee'),
        );
      return {
        ...paidOf(payment),
        fee: order.applicationFeeAmount,
        refunded: sums.amount,
        feeRefunded: sums.fee,
        tickets: await this.listRefundableTickets(order.id),
      };
    },

    async listRefundableTickets(orderId: string): Promise<RefundablePayment['tickets']> {
      return db('tickets')
        .join('order_lines', function lineOfTicket() {
          this.on('order_lines.order_id', 'tickets.order_id').andOn(
            'order_lines.ticket_type_id',
            'tickets.ticket_type_id',
          );
        })
        .where({ 'tickets.order_id': orderId, 'tickets.status': 'valid' })
        .whereNull('tickets.refund_id')
        .orderBy('tickets.seq')
        .select(
          'tickets.id',
          'tickets.seq',
          'order_lines.ticket_type_name as typeName',
          'order_lines.unit_price as price',
        );
    },

    /** Points tickets to the refund that their money goes back with. A ticket that is void or in another one is left out. */
    async claimTickets(refundId: string, ticketIds: string[]): Promise<number> {
      return db('tickets')
        .whereIn('id', ticketIds)
        .where({ status: 'valid' })
        .whereNull('refund_id')
        .update({ refund_id: refundId });
    },

    /** The refund will not come: its tickets are as they were. */
    async releaseTickets(refundId: string): Promise<void> {
      await db('tickets').where({ refund_id: refundId, status: 'valid' }).update({ refund_id: null });
    },
  };
}

// Rows of pg have no types of their own; the shapes are those of migrations/.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function toRefund(row: any): Refund {
  return {
    id: row.id,
    orderId: row.order_id,
    attemptId: row.payment_attempt_id,
    origin: row.origin,
    scope: row.scope,
    amount: row.amount,
    currency: row.currency,
    feeAmount: row.fee_amount,
    reason: row.reason,
    status: row.status,
    sendNumber: row.send_number,
    idempotencyKey: row.idempotency_key,
    stripeRefundId: row.stripe_refund_id,
    formerStripeRefundIds: row.former_stripe_refund_ids,
    serverErrors: row.server_errors,
    firstSentAt: row.first_sent_at,
    lastError: row.last_error,
    requestedAs: row.requested_as,
    eventRefundId: row.event_refund_id,
    ticketsDecidedAt: row.tickets_decided_at,
    succeededAt: row.succeeded_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
