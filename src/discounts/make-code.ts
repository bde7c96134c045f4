/** Codes of an event: made, switched off and on again. Nothing is deleted, since orders name the code they were placed with. */
import { type Knex } from 'knex';
import { writeAudit } from '../admin/audit-log';
import { inTransaction, violatedConstraint } from '../db/connection';
import { lockInventory } from '../orders/inventory';
import { createDiscountCodesStore, type NewDiscountCode } from './discount-codes-store';

/** More than this is no list that a person keeps. */
export const MOST_CODES = 500;

interface Deed {
  eventId: string;
  organizerId: string;
  userId: string;
}

export async function makeCode(
  db: Knex,
  deed: Deed,
  code: NewDiscountCode,
): Promise<'made' | 'name_taken' | 'too_many'> {
  try {
    return await inTransaction(db, async (trx) => {
      await lockInventory(trx, deed.eventId);
      const store = createDiscountCodesStore(trx);
      if ((await store.countOfEvent(deed.eventId)) >= MOST_CODES) return 'too_many';
      await store.create(code);
      await audit(trx, deed, 'event.code_made', code.code);
      return 'made';
    });
  } catch (error) {
    if (violatedConstraint(error) === 'discount_codes_code_unique') return 'name_taken';
    throw error;
  }
}

/** Under the event's lock: an order that was placed before keeps its price, and none is placed with it afterwards. */
export async function switchCode(db: Knex, deed: Deed, id: string, to: 'on' | 'off'): Promise<string | null> {
  return inTransaction(db, async (trx) => {
    await lockInventory(trx, deed.eventId);
    const name = await createDiscountCodesStore(trx).markSwitched(id, deed.eventId, to);
    if (name !== null) await audit(trx, deed, `event.code_switched_${to}`, name);
    return name;
  });
}

async function audit(trx: Knex, deed: Deed, action: string, code: string): Promise<void> {
  await writeAudit(trx, {
    actor: 'organizer',
    actorUserId: deed.userId,
    action,
    organizerId: deed.organizerId,
    subjectType: 'event',
    subjectId: deed.eventId,
    details: { code },
  });
}
