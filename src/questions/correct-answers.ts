/** Answers given otherwise by whoever has the order's address, until the event begins. */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { noteOnOrder } from '../orders/move-order';
import { createOrdersStore } from '../orders/orders-store';
import { createAnswersStore } from './answers-store';
import { readAnswers } from './question';
import { askedOfBuyer } from './questions-of-order';

export type CorrectedAnswers =
  | { outcome: 'corrected' }
  /** nothing can be answered any more */
  | { outcome: 'closed' }
  /** messages by field */
  | { outcome: 'refused'; errors: Record<string, string> };

/** What is asked is read under the order's lock, so that a refund or the beginning of the event can't come in between. */
export async function correctAnswers(
  db: Knex,
  orderId: string,
  values: Record<string, string>,
): Promise<CorrectedAnswers> {
  return inTransaction(db, async (trx): Promise<CorrectedAnswers> => {
    const order = await createOrdersStore(trx).lock(orderId);
    const groups = await askedOfBuyer(trx, order);
    if (groups.length === 0) return { outcome: 'closed' };
    const { answers, errors } = readAnswers(groups, values);
    if (Object.keys(errors).length > 0) return { outcome: 'refused', errors };
    await createAnswersStore(trx).replace(order.id, groups, answers);
    await noteOnOrder(trx, order, { actor: 'buyer', reason: 'answers changed' });
    return { outcome: 'corrected' };
  });
}
