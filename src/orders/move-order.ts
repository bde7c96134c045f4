/** The one place where an order's status changes (promise 8): a legal move, its counters, and its row in the timeline. */
import { type Knex } from 'knex';
import { moveTickets } from './inventory';
import { type Cause, inventoryAfter, isLegalMove, type Order, type OrderStatus } from './order';

/**
 * Moves an order that the caller holds under its row lock. Answers false, with nothing changed, when its tickets don't
 * fit any more (a late payment); throws for a move that the table does not know. `columns` are written with it.
 */
export async function moveOrder(
  trx: Knex.Transaction,
  order: Order,
  to: OrderStatus,
  cause: Cause,
  fields: { statusDetail?: string | null; columns?: Record<string, unknown> } = {},
): Promise<boolean> {
  if (!isLegalMove(order.status, to)) throw new Error(`An order can't go from ${order.status} to ${to}`);
  const inventory = inventoryAfter(to, order.inventory);
  if (!(await moveTickets(trx, order, order.inventory, inventory))) return false;
  await trx('orders')
    .with('noted', trx('order_timeline').insert(timelineRow(order.id, order.status, to, cause)))
    .where({ id: order.id })
    .update({
      status: to,
      inventory,
      status_detail: fields.statusDetail ?? null,
      updated_at: trx.fn.now(),
      ...(to === 'paid' ? { paid_at: trx.fn.now() } : {}),
      ...fields.columns,
    });
  order.status = to;
  order.inventory = inventory;
  order.statusDetail = fields.statusDetail ?? null;
  return true;
}

/** A row in the timeline for something that happened without a move (`to` is the status it happened in). */
export async function noteOnOrder(
  trx: Knex,
  order: Pick<Order, 'id' | 'status'>,
  cause: Cause,
): Promise<void> {
  await trx('order_timeline').insert(timelineRow(order.id, order.status, order.status, cause));
}

const ROWS_IN_A_STATEMENT = 1000;

/** The same for many orders, whose row locks the caller holds. */
export async function noteOnOrders(
  trx: Knex,
  orders: Pick<Order, 'id' | 'status'>[],
  cause: Cause,
): Promise<void> {
  const rows = orders.map(({ id, status }) => timelineRow(id, status, status, cause));
  await trx.batchInsert('order_timeline', rows, ROWS_IN_A_STATEMENT);
}

function timelineRow(orderId: string, from: OrderStatus | null, to: OrderStatus, cause: Cause) {
  return {
    order_id: orderId,
    from_status: from,
    to_status: to,
    actor: cause.actor,
    actor_user_id: cause.actorUserId ?? null,
    reason: cause.reason,
    details: JSON.stringify(cause.details ?? {}),
  };
}
