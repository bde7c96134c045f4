/**
 * More time, once (WCAG 2.2.1). Invariant: a hold is extended at most once and only while it lives, so nobody keeps
 * tickets from others by asking again.
 */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { noteOnOrder } from './move-order';
import { createOrdersStore } from './orders-store';

export const EXTENSION_MINUTES = 10;

/** Answers false where there is nothing to extend: asked before, over, or further on already. */
export async function extendHold(db: Knex, orderId: string): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const order = await createOrdersStore(trx).lock(orderId);
    if (order.status !== 'held') return false;
    const extended = await trx('orders')
      .where({ id: orderId, hold_extended_at: null })
      .where('hold_expires_at', '>', trx.fn.now())
      .update({
        hold_extended_at: trx.fn.now(),
        hold_expires_at: trx.raw('hold_expires_at + make_interval(mins => ?)', [EXTENSION_MINUTES]),
      });
    if (extended === 0) return false;
    await noteOnOrder(trx, order, { actor: 'buyer', reason: `asked for ${EXTENSION_MINUTES} more minutes` });
    return true;
  });
}
