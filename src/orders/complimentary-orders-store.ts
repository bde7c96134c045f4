import { type Knex } from 'knex';

/** Was this order given away, rather than chosen and paid? */
export async function isComplimentary(db: Knex, orderId: string): Promise<boolean> {
  return (await findReasonOfGift(db, orderId)) !== null;
}

/** Why an order was given away, in the words of who gave it; null for all others. */
export async function findReasonOfGift(db: Knex, orderId: string): Promise<string | null> {
  const row = await db('complimentary_orders').where({ order_id: orderId }).first('reason');
  return row?.reason ?? null;
}
