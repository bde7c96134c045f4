/** What the door looks up: who a ticket belongs to, tickets by name, and how many are in. */
import { type Knex } from 'knex';
import { DOOR_ANSWERS_COLUMN, TICKET_NAME_COLUMN, TICKET_NAME_IS_LIKE } from '../questions/answers-store';
import { shortCodeOf } from '../orders/order-page';
import { type Scan } from './admit-ticket';
import { CHECK_IN_WORDS } from './check-in';

export interface DoorTicket {
  id: string;
  status: string;
  disputed: boolean;
  checkedInAt: Date | null;
  typeName: string;
  holder: string | null;
  email: string | null;
  /** whose order it is, where the ticket has another name */
  boughtBy: string | null;
  /** answers that the organizer wants to see here, each with its question */
  answers: string[];
  reference: string;
  shortCode: string;
  /** "2 of 4" of its order */
  position: string;
}

export interface DoorCounts {
  /** tickets that open the door */
  valid: number;
  inside: number;
  types: { name: string; valid: number; inside: number }[];
}

/** The answer to a scan, in words. */
export interface DoorAnswer {
  outcome: Scan['outcome'];
  good: boolean;
  heading: string;
  text: string;
  ticket: DoorTicket | null;
  /** since when a used ticket is in, and who let it in */
  since: Date | null;
  by: string | null;
}

const MOST_FOUND = 50;

export function createDoorList(db: Knex) {
  const tickets = () =>
    db('tickets')
      .join('orders', 'orders.id', 'tickets.order_id')
      .join('ticket_types', 'ticket_types.id', 'tickets.ticket_type_id')
      .select(
        'tickets.id',
        'tickets.status',
        'tickets.checked_in_at',
        'tickets.seq',
        'ticket_types.name as type_name',
        'orders.buyer_name',
        'orders.buyer_email',
        'orders.reference',
        db.raw(TICKET_NAME_COLUMN),
        db.raw(DOOR_ANSWERS_COLUMN),
        db.raw(
          "EXISTS (SELECT 1 FROM disputes WHERE disputes.order_id = orders.id AND stage = 'open') AS disputed",
        ),
        db.raw(
          '(SELECT count(*)::int FROM tickets all_of WHERE all_of.order_id = tickets.order_id) AS of_order',
        ),
      );

  return {
    /** Tickets of an event whose own or buyer's name, mail, order reference or short code has the text in it. */
    async search(eventId: string, q: string): Promise<DoorTicket[]> {
      const pattern = `%${q.replaceAll(/[\\%_]/g, '\\$&')}%`;
      const compact = q.toUpperCase().replaceAll(/[\s-]/g, '');
      const rows = await tickets()
        .where('tickets.event_id', eventId)
        .where((either) => {
          void either
            .whereRaw('orders.buyer_name ILIKE ?', [pattern])
            .orWhereRaw('orders.buyer_email ILIKE ?', [pattern])
            .orWhereRaw(TICKET_NAME_IS_LIKE, [pattern])
            .orWhere('orders.reference', compact);
          if (/^[0-9A-F]{4,8}$/.test(compact))
            void either.orWhereRaw("right(replace(tickets.id::text, '-', ''), 8) LIKE ?", [
              `${compact.toLowerCase()}%`,
            ]);
        })
        .orderBy(['orders.buyer_name', 'orders.reference', 'tickets.seq'])
        .limit(MOST_FOUND);
      return rows.map(toDoorTicket);
    },

    /** The one ticket with this short code ("8B1F-02CC"), null where none or several have it. */
    async findByShortCode(eventId: string, code: string): Promise<{ id: string; eventId: string } | null> {
      const compact = code.replaceAll(/[\s-]/g, '').toLowerCase();
      if (!/^[0-9a-f]{8}$/.test(compact)) return null;
      const rows = await db('tickets')
        .where({ event_id: eventId })
        .whereRaw("right(replace(id::text, '-', ''), 8) = ?", [compact])
        .limit(2)
        .select('id');
      return rows.length === 1 ? { id: rows[0].id, eventId } : null;
    },

    async count(eventId: string): Promise<DoorCounts> {
      const rows = await db('tickets')
        .join('ticket_types', 'ticket_types.id', 'tickets.ticket_type_id')
        .where({ 'tickets.event_id': eventId })
        .groupBy('ticket_types.id', 'ticket_types.name', 'ticket_types.position')
        .orderBy('ticket_types.position')
        .select(
          'ticket_types.name',
          db.raw("count(*) FILTER (WHERE tickets.status = 'valid')::int AS valid"),
          db.raw('count(tickets.checked_in_at)::int AS inside'),
        );
      return {
        valid: rows.reduce((sum, row) => sum + row.valid, 0),
        inside: rows.reduce((sum, row) => sum + row.inside, 0),
        types: rows.map(({ name, valid, inside }) => ({ name, valid, inside })),
      };
    },

    /** A scan of this event, in the words that the door shows. Null when there is none. */
    async answer(eventId: string, scanId: string): Promise<DoorAnswer | null> {
      const scan = await db('check_in_scans').where({ id: scanId, event_id: eventId }).first();
      if (!scan) return null;
      const row = scan.ticket_id ? await tickets().where('tickets.id', scan.ticket_id).first() : undefined;
      const entry = scan.ticket_id
        ? await db('check_in_scans')
            .leftJoin('users', 'users.id', 'check_in_scans.user_id')
            .where({ ticket_id: scan.ticket_id, outcome: 'admitted' })
            .where('check_in_scans.created_at', '<=', scan.created_at)
            .orderBy('check_in_scans.created_at', 'desc')
            .first('check_in_scans.created_at', 'users.name')
        : undefined;
      return {
        outcome: scan.outcome,
        good: scan.outcome === 'admitted',
        ...CHECK_IN_WORDS[scan.outcome as Scan['outcome']],
        ticket: row ? toDoorTicket(row) : null,
        since: scan.outcome === 'already_in' ? (entry?.created_at ?? null) : null,
        by: scan.outcome === 'already_in' ? (entry?.name ?? null) : null,
      };
    },
  };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a row of the query above
function toDoorTicket(row: any): DoorTicket {
  return {
    id: row.id,
    status: row.status,
    disputed: row.disputed,
    checkedInAt: row.checked_in_at,
    typeName: row.type_name,
    holder: row.ticket_name ?? row.buyer_name,
    boughtBy: row.ticket_name && row.ticket_name !== row.buyer_name ? row.buyer_name : null,
    answers: row.door_answers?.split('\n') ?? [],
    email: row.buyer_email,
    reference: row.reference,
    shortCode: shortCodeOf(row.id),
    position: `${row.seq} of ${row.of_order}`,
  };
}
