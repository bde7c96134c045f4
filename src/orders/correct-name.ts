/** A name that was written wrongly, put right by whoever has the order's address, until the event is over. */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { isFulfilled } from './order';
import { noteOnOrder } from './move-order';
import { createOrdersStore } from './orders-store';

/** Answers false where there are no tickets that a name could stand on, or the event is over. */
export async function correctName(db: Knex, orderId: string, name: string): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const order = await createOrdersStore(trx).lock(orderId);
    const event = await trx('events')
      .where({ id: order.eventId })
      .where('ends_at', '>', trx.fn.now())
      .first('id');
    if (!isFulfilled(order.status) || !event) return false;
    if (order.buyerName === name) return true;
    await createOrdersStore(trx).update(orderId, { buyer_name: name });
    await noteOnOrder(trx, order, {
      actor: 'buyer',
      reason: 'name corrected',
      details: { before: order.buyerName, after: name },
    });
    return true;
  });
}
