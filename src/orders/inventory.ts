/**
 * The counters of what is held and sold. The event's row lock is the one lock of an event's inventory, always taken
 * before any of its ticket types is touched: carts in whatever order can't deadlock. A CHECK in the database refuses
 * what this code might get wrong.
 */
import { type Knex } from 'knex';
import { type Inventory } from './order';

/** Takes the lock of an event's inventory. NO KEY UPDATE: rows that refer to the event can be written meanwhile. */
export async function lockInventory(trx: Knex.Transaction, eventId: string): Promise<void> {
  await trx('events').where({ id: eventId }).forNoKeyUpdate().select('id').first();
}

/**
 * Moves an order's tickets from one counter to another. Answers false, with nothing changed, when they don't fit any
 * more (only possible when they stood in none). Needs the order's row lock.
 */
export async function moveTickets(
  trx: Knex.Transaction,
  order: { id: string; eventId: string; discountCodeId: string | null },
  from: Inventory,
  to: Inventory,
): Promise<boolean> {
  if (from === to) return true;
  await lockInventory(trx, order.eventId);
  if (from === 'none') {
    if (!(await fits(trx, order))) return false;
    // all of its places had gone back, and all are taken again: nothing of it is refunded any more
    await trx('order_lines').where({ order_id: order.id }).update({ refunded_quantity: 0 });
    await trx('tickets').where({ order_id: order.id }).whereNotNull('refund_id').update({ refund_id: null });
  }
  const held = Number(to === 'held') - Number(from === 'held');
  const sold = Number(to === 'sold') - Number(from === 'sold');
  await trx.raw(
    `WITH lines AS (
       SELECT ticket_type_id, quantity - refunded_quantity AS quantity FROM order_lines WHERE order_id = :orderId
     ), types AS (
       UPDATE ticket_types SET held = held + :held * lines.quantity, sold = sold + :sold * lines.quantity
         FROM lines WHERE ticket_types.id = lines.ticket_type_id
     )
     UPDATE events SET held = held + :held * total.quantity, sold = sold + :sold * total.quantity
       FROM (SELECT sum(quantity)::integer AS quantity FROM lines) total WHERE events.id = :eventId`,
    { held, sold, orderId: order.id, eventId: order.eventId },
  );
  if (order.discountCodeId)
    await trx.raw('UPDATE discount_codes SET held = held + :held, used = used + :sold WHERE id = :id', {
      held,
      sold,
      id: order.discountCodeId,
    });
  return true;
}

/**
 * Makes tickets void and gives their places back, once: only what was valid until now counts, so whoever comes second
 * (a webhook beside the answer, a refund beside another) finds nothing to do. Needs the order's row lock. Answers how
 * many tickets became void.
 */
export async function voidTickets(
  trx: Knex.Transaction,
  order: { id: string; eventId: string; inventory: Inventory },
  which: { all: true } | { refundId: string },
): Promise<number> {
  const voided: { ticket_type_id: string }[] = await trx('tickets')
    .where({ order_id: order.id, status: 'valid' })
    .modify((query) => 'refundId' in which && query.where({ refund_id: which.refundId }))
    .update({ status: 'void' })
    .returning('ticket_type_id');
  if (voided.length === 0 || order.inventory !== 'sold') return voided.length;
  await lockInventory(trx, order.eventId);
  const counts = new Map<string, number>();
  for (const { ticket_type_id: type } of voided) counts.set(type, (counts.get(type) ?? 0) + 1);
  for (const [type, count] of counts) {
    await trx('order_lines')
      .where({ order_id: order.id, ticket_type_id: type })
      .increment('refunded_quantity', count);
    await trx('ticket_types').where({ id: type }).decrement('sold', count);
  }
  await trx('events').where({ id: order.eventId }).decrement('sold', voided.length);
  return voided.length;
}

/** Is no use left of the code that an order was placed with? Under the inventory's lock. */
export async function isCodeUsedUp(
  trx: Knex.Transaction,
  order: { discountCodeId: string | null },
): Promise<boolean> {
  if (!order.discountCodeId) return false;
  const code = await trx('discount_codes').where({ id: order.discountCodeId }).first();
  return code.use_limit !== null && code.held + code.used >= code.use_limit;
}

/** Do an order's tickets fit once more, and is there a use of its code left? Under the inventory's lock. */
async function fits(
  trx: Knex.Transaction,
  order: { id: string; discountCodeId: string | null },
): Promise<boolean> {
  if (await isCodeUsedUp(trx, order)) return false;
  const result = await trx.raw(
    `SELECT bool_and(types.held + types.sold + lines.quantity <= types.capacity)
        AND (events.capacity IS NULL OR events.held + events.sold + sum(lines.quantity) <= events.capacity) AS fits
       FROM order_lines lines
       JOIN ticket_types types ON types.id = lines.ticket_type_id
       JOIN events ON events.id = types.event_id
      WHERE lines.order_id = ? GROUP BY events.id`,
    [order.id],
  );
  return result.rows[0]?.fits === true;
}
