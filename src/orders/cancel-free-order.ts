/**
 * Giving up an order that cost nothing. Invariant: its tickets become void and their places free in one transaction, once;
 * whoever comes second finds nothing to do. Orders with money end by refunds (decision 0018).
 */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { type Dependencies } from '../dependencies';
import { writeAudit } from '../admin/audit-log';
import { queueMail } from '../mail/outbox';
import { voidTickets } from './inventory';
import { moveOrder } from './move-order';
import { type Cause, type Order } from './order';
import { takenBackMail } from './order-mails';
import { createOrdersStore } from './orders-store';

/** Can this order be given up as it stands: does it stand, and cost nothing? */
export function isFreeAndStands(order: Pick<Order, 'status' | 'totalAmount'>): boolean {
  return order.status === 'paid' && order.totalAmount === 0n;
}

/** Needs the order's lock, and an order that is free and stands. */
export async function cancelFreeOrder(
  trx: Knex.Transaction,
  order: Order,
  cause: Cause,
  statusDetail: 'by_buyer' | 'by_organizer',
): Promise<void> {
  await voidTickets(trx, order, { all: true });
  await moveOrder(trx, order, 'cancelled', cause, { statusDetail });
}

/** The organizer takes free tickets back. Answers false when the order was over already. */
export async function takeTicketsBack(
  dependencies: Pick<Dependencies, 'db' | 'config' | 'orderTokens'>,
  deed: { orderId: string; userId: string; message: string },
): Promise<boolean> {
  return inTransaction(dependencies.db, async (trx) => {
    const order = await createOrdersStore(trx).lock(deed.orderId);
    if (!isFreeAndStands(order)) return false;
    const reason = `tickets taken back${deed.message ? `: ${deed.message}` : ''}`;
    await cancelFreeOrder(
      trx,
      order,
      { actor: 'organizer', actorUserId: deed.userId, reason },
      'by_organizer',
    );
    await writeAudit(trx, {
      actor: 'organizer',
      actorUserId: deed.userId,
      action: 'order.cancelled',
      organizerId: order.organizerId,
      subjectType: 'order',
      subjectId: order.id,
      reason: deed.message || null,
    });
    await queueMail(trx, await takenBackMail(trx, dependencies, order, deed.message));
    return true;
  });
}
