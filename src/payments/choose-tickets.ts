/**
 * A part of a payment that was given back at Stripe says nothing of tickets: a person does, once. Invariant: until then
 * all tickets stay valid; the chosen ones become void and their places free in one transaction.
 */
import { writeAudit } from '../admin/audit-log';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { voidTickets } from '../orders/inventory';
import { noteOnOrder } from '../orders/move-order';
import { isFulfilled, type OrderStatus } from '../orders/order';
import { createOrdersStore } from '../orders/orders-store';
import { type Refund } from './refund';
import { createRefundsStore } from './refunds-store';

/** Does this refund wait for somebody to say which tickets it was for? */
export function asksForTickets(
  refund: Pick<Refund, 'origin' | 'status' | 'ticketsDecidedAt'>,
  order: { status: OrderStatus },
): boolean {
  return (
    refund.origin === 'dashboard' &&
    refund.status === 'succeeded' &&
    refund.ticketsDecidedAt === null &&
    isFulfilled(order.status)
  );
}

export type TicketChoice =
  { state: 'decided'; voided: number } | { state: 'too_late' } | { state: 'changed' };

export async function chooseTickets(
  { db }: Pick<Dependencies, 'db'>,
  refundId: string,
  choice: { seqs: number[]; userId: string },
): Promise<TicketChoice> {
  return inTransaction(db, async (trx) => {
    const refunds = createRefundsStore(trx);
    const order = await createOrdersStore(trx).lock((await refunds.get(refundId)).orderId);
    const refund = await refunds.get(refundId);
    if (!asksForTickets(refund, order)) return { state: 'too_late' };
    const tickets = (await refunds.listRefundableTickets(order.id)).filter(({ seq }) =>
      choice.seqs.includes(seq),
    );
    if (tickets.length !== choice.seqs.length) return { state: 'changed' };
    await refunds.claimTickets(
      refundId,
      tickets.map(({ id }) => id),
    );
    const voided = await voidTickets(trx, order, { refundId });
    await refunds.update(refundId, { tickets_decided_at: trx.fn.now() });
    const reason =
      voided === 0
        ? 'all tickets stay valid after the refund at Stripe'
        : `${voided} of the tickets became void after the refund at Stripe`;
    await noteOnOrder(trx, order, { actor: 'organizer', actorUserId: choice.userId, reason });
    await writeAudit(trx, {
      actor: 'organizer',
      actorUserId: choice.userId,
      action: 'refund.tickets_chosen',
      organizerId: order.organizerId,
      subjectType: 'order',
      subjectId: order.id,
      details: { refund: refundId, tickets: choice.seqs.join(', ') || 'none' },
    });
    return { state: 'decided', voided };
  });
}
