import { type Knex } from 'knex';
import { type TicketType } from './ticket-type';

export interface TicketTypeRow {
  id: string;
  event_id: string;
  position: number;
  name: string;
  description: string;
  kind: TicketType['kind'];
  price: bigint;
  passed_on_fee: bigint | null;
  capacity: number;
  held: number;
  sold: number;
  min_per_order: number;
  max_per_order: number;
  sales_start: Date | null;
  sales_end: Date | null;
  visibility: TicketType['visibility'];
  removed_at: Date | null;
}

/** What the form decides of a ticket type. The counters belong to orders. */
export type TicketTypeFields = Pick<
  TicketType,
  | 'name'
  | 'description'
  | 'kind'
  | 'price'
  | 'passedOnFee'
  | 'capacity'
  | 'minPerOrder'
  | 'maxPerOrder'
  | 'salesStart'
  | 'salesEnd'
  | 'visibility'
>;

/** SQL of ticket types. Give it a transaction to work inside one; change them only under their event's row lock. */
export function createTicketTypesStore(db: Knex) {
  const ticketTypes = () => db<TicketTypeRow>('ticket_types');

  return {
    /** The event's types that have not been removed, in their order. */
    async listOfEvent(eventId: string): Promise<TicketType[]> {
      const rows = await ticketTypes()
        .where({ event_id: eventId, removed_at: null })
        .orderBy('position')
        .orderBy('id');
      return rows.map(toTicketType);
    },

    /** Which of the event's types stand in any order, paid or not. */
    async listIdsWithOrders(eventId: string): Promise<Set<string>> {
      const rows = await ticketTypes()
        .where({ event_id: eventId })
        .whereExists(db('order_lines').whereRaw('order_lines.ticket_type_id = ticket_types.id'))
        .select('id');
      return new Set(rows.map((row) => row.id));
    },

    async create(id: string, eventId: string, position: number, fields: TicketTypeFields): Promise<void> {
      await ticketTypes().insert({ id, event_id: eventId, position, ...toColumns(fields) });
    },

    async update(id: string, position: number, fields: TicketTypeFields): Promise<void> {
      await ticketTypes()
        .where({ id })
        .update({ position, ...toColumns(fields) });
    },

    async markRemoved(id: string): Promise<void> {
      await ticketTypes()
        .where({ id })
        .update({ removed_at: db.fn.now() as unknown as Date });
    },
  };
}

export function toTicketType(row: TicketTypeRow): TicketType {
  return {
    id: row.id,
    eventId: row.event_id,
    position: row.position,
    name: row.name,
    description: row.description,
    kind: row.kind,
    price: row.price,
    passedOnFee: row.passed_on_fee,
    capacity: row.capacity,
    held: row.held,
    sold: row.sold,
    minPerOrder: row.min_per_order,
    maxPerOrder: row.max_per_order,
    salesStart: row.sales_start,
    salesEnd: row.sales_end,
    visibility: row.visibility,
    removedAt: row.removed_at,
  };
}

function toColumns(fields: TicketTypeFields) {
  return {
    name: fields.name,
    description: fields.description,
    kind: fields.kind,
    price: fields.price,
    passed_on_fee: fields.passedOnFee,
    capacity: fields.capacity,
    min_per_order: fields.minPerOrder,
    max_per_order: fields.maxPerOrder,
    sales_start: fields.salesStart,
    sales_end: fields.salesEnd,
    visibility: fields.visibility,
  };
}
