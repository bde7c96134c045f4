import { type Knex } from 'knex';
import { NotFound } from '../errors';
import { type Order, type OrderLine, type PaymentAttempt } from './order';

/** SQL of orders, their lines and attempts. Give it a transaction to work inside one. */
export function createOrdersStore(db: Knex) {
  return {
    async find(id: string): Promise<Order | null> {
      const row = await db('orders').where({ id }).first();
      return row ? toOrder(row) : null;
    },

    async get(id: string): Promise<Order> {
      const order = await this.find(id);
      if (!order) throw new NotFound('order');
      return order;
    },

    /** The order under its row lock. Every change of an order begins here. Locks go: order, connection, event. */
    async lock(id: string): Promise<Order> {
      const row = await db('orders').where({ id }).forUpdate().first();
      if (!row) throw new NotFound('order');
      return toOrder(row);
    },

    /** The same for the order of an attempt. */
    async lockOfAttempt(attemptId: string): Promise<Order> {
      const row = await db('orders')
        .where('id', db('payment_attempts').where({ id: attemptId }).select('order_id'))
        .forUpdate()
        .first();
      if (!row) throw new NotFound('payment');
      return toOrder(row);
    },

    async listLines(orderId: string): Promise<OrderLine[]> {
      const rows = await db('order_lines').where({ order_id: orderId }).orderBy('ticket_type_id');
      return rows.map((row) => ({
        ticketTypeId: row.ticket_type_id,
        ticketTypeName: row.ticket_type_name,
        quantity: row.quantity,
        unitPrice: row.unit_price,
        discount: row.discount,
      }));
    },

    async listAttempts(orderId: string): Promise<PaymentAttempt[]> {
      const rows = await db('payment_attempts').where({ order_id: orderId }).orderBy('n');
      return rows.map(toAttempt);
    },

    /** The attempt that Stripe may still decide, if there is one. */
    async findLivingAttempt(orderId: string): Promise<PaymentAttempt | null> {
      const row = await db('payment_attempts')
        .where({ order_id: orderId })
        .whereIn('status', ['created', 'open', 'processing'])
        .first();
      return row ? toAttempt(row) : null;
    },

    async getAttempt(id: string): Promise<PaymentAttempt> {
      const row = await db('payment_attempts').where({ id }).first();
      if (!row) throw new NotFound('payment');
      return toAttempt(row);
    },

    /** The attempt a session or payment of this account belongs to. Another account's id finds nothing. */
    async findAttemptByStripe(ids: {
      account: string;
      sessionId?: string | null;
      paymentIntentId?: string | null;
    }): Promise<PaymentAttempt | null> {
      if (!ids.sessionId && !ids.paymentIntentId) return null;
      const row = await db('payment_attempts')
        .where({ stripe_account_id: ids.account })
        .where((either) => {
          if (ids.sessionId) either.orWhere({ checkout_session_id: ids.sessionId });
          if (ids.paymentIntentId) either.orWhere({ payment_intent_id: ids.paymentIntentId });
        })
        .first();
      return row ? toAttempt(row) : null;
    },

    /** Ends an attempt that Stripe surely knows nothing of. Answers false when it is being sent after all. */
    async abandonUnsentAttempt(id: string): Promise<boolean> {
      const changed = await db('payment_attempts')
        .where({ id, status: 'created', unanswered_sends: 0 })
        .update({ status: 'abandoned' });
      return changed === 1;
    },

    async updateAttempt(id: string, fields: Record<string, unknown>): Promise<void> {
      await db('payment_attempts').where({ id }).update(fields);
    },

    async update(id: string, fields: Record<string, unknown>): Promise<void> {
      await db('orders').where({ id }).update(fields);
    },
  };
}

// Rows of pg have no types of their own; the shapes are those of migrations/.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Row = any;

export function toOrder(row: Row): Order {
  return {
    id: row.id,
    eventId: row.event_id,
    organizerId: row.organizer_id,
    reference: row.reference,
    status: row.status,
    inventory: row.inventory,
    currency: row.currency,
    totalAmount: row.total_amount,
    applicationFeeAmount: row.application_fee_amount,
    buyerName: row.buyer_name,
    buyerEmail: row.buyer_email,
    stripeConnectionId: row.stripe_connection_id,
    stripeAccountId: row.stripe_account_id,
    livemode: row.livemode,
    holdExpiresAt: row.hold_expires_at,
    holdExtendedAt: row.hold_extended_at,
    openedAt: row.opened_at,
    paidAt: row.paid_at,
    statusDetail: row.status_detail,
    discountCodeId: row.discount_code_id,
    createdAt: row.created_at,
  };
}

export function toAttempt(row: Row): PaymentAttempt {
  return {
    id: row.id,
    orderId: row.order_id,
    n: row.n,
    status: row.status,
    stripeAccountId: row.stripe_account_id,
    livemode: row.livemode,
    idempotencyKey: row.idempotency_key,
    request: row.request,
    amount: row.amount,
    currency: row.currency,
    paidAmount: row.paid_amount,
    paidCurrency: row.paid_currency,
    sessionExpiresAt: row.session_expires_at,
    checkoutSessionId: row.checkout_session_id,
    checkoutUrl: row.checkout_url,
    paymentIntentId: row.payment_intent_id,
    unansweredSends: row.unanswered_sends,
    queueNumber: row.queue_number,
    firstSentAt: row.first_sent_at,
    lastSentAt: row.last_sent_at,
    answeredAt: row.answered_at,
    checkedAt: row.checked_at,
    paidAt: row.paid_at,
  };
}
