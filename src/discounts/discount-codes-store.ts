import { type Knex } from 'knex';
import { type DiscountCode } from './discount-code';

export type NewDiscountCode = Omit<DiscountCode, 'held' | 'used' | 'switchedOffAt'>;

export interface DiscountCodeRow {
  id: string;
  event_id: string;
  code: string;
  kind: DiscountCode['kind'];
  percent: number | null;
  amount: bigint | null;
  currency: string;
  unlocks_hidden: boolean;
  use_limit: number | null;
  held: number;
  used: number;
  valid_from: Date | null;
  valid_until: Date | null;
  switched_off_at: Date | null;
  ticket_type_ids: string[] | null;
}

/** SQL of codes. The counters belong to orders: they are changed only under the event's lock. */
export function createDiscountCodesStore(db: Knex) {
  const codes = () =>
    db<DiscountCodeRow>('discount_codes').select(
      'discount_codes.*',
      db.raw(
        '(SELECT array_agg(ticket_type_id) FROM discount_code_ticket_types WHERE discount_code_id = discount_codes.id) AS ticket_type_ids',
      ),
    );

  return {
    async find(eventId: string, code: string): Promise<DiscountCode | null> {
      const row = await codes().where({ event_id: eventId, code }).first();
      return row ? toDiscountCode(row as DiscountCodeRow) : null;
    },

    /** The newest first. */
    async listOfEvent(eventId: string): Promise<DiscountCode[]> {
      const rows = await codes().where({ event_id: eventId }).orderBy('created_at', 'desc').orderBy('id');
      return (rows as DiscountCodeRow[]).map(toDiscountCode);
    },

    async countOfEvent(eventId: string): Promise<number> {
      const row = await db('discount_codes').where({ event_id: eventId }).count('* as count').first();
      return Number(row!['count']);
    },

    async create(code: NewDiscountCode): Promise<void> {
      await db('discount_codes').insert({
        id: code.id,
        event_id: code.eventId,
        code: code.code,
        kind: code.kind,
        percent: code.percent,
        amount: code.amount,
        currency: code.currency,
        unlocks_hidden: code.unlocksHidden,
        use_limit: code.useLimit,
        valid_from: code.validFrom,
        valid_until: code.validUntil,
      });
      const types = (code.ticketTypeIds ?? []).map((id) => ({
        discount_code_id: code.id,
        ticket_type_id: id,
      }));
      if (types.length > 0) await db('discount_code_ticket_types').insert(types);
    },

    /** Answers the code's name when this changed anything, else null. */
    async markSwitched(id: string, eventId: string, to: 'on' | 'off'): Promise<string | null> {
      const rows: { code: string }[] = await db('discount_codes')
        .where({ id, event_id: eventId })
        .modify((query) =>
          to === 'off' ? query.whereNull('switched_off_at') : query.whereNotNull('switched_off_at'),
        )
        .update({ switched_off_at: to === 'off' ? db.fn.now() : null })
        .returning('code');
      return rows[0]?.code ?? null;
    },
  };
}

/** The name of the code that an order was placed with; null for one without. */
export async function codeOf(db: Knex, order: { discountCodeId: string | null }): Promise<string | null> {
  if (!order.discountCodeId) return null;
  const row = await db('discount_codes').where({ id: order.discountCodeId }).first('code');
  return row.code;
}

export function toDiscountCode(row: DiscountCodeRow): DiscountCode {
  return {
    id: row.id,
    eventId: row.event_id,
    code: row.code,
    kind: row.kind,
    percent: row.percent,
    amount: row.amount,
    currency: row.currency,
    unlocksHidden: row.unlocks_hidden,
    useLimit: row.use_limit,
    held: row.held,
    used: row.used,
    validFrom: row.valid_from,
    validUntil: row.valid_until,
    switchedOffAt: row.switched_off_at,
    ticketTypeIds: row.ticket_type_ids,
  };
}
