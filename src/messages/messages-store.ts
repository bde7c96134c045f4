import { type Knex } from 'knex';
import { type Audience, type MessageText } from './message';

export interface SentMessage extends MessageText {
  id: string;
  eventId: string;
  audience: Audience['of'];
  typeName: string | null;
  sentBy: string | null;
  createdAt: Date;
  queuedAt: Date | null;
  /** orders it goes to; whose mail is in the outbox; whose mail has left; whose mail was refused for good */
  orders: number;
  queued: number;
  sent: number;
  failed: number;
}

/** SQL of messages to attendees. */
export function createMessagesStore(db: Knex) {
  const listed = () =>
    db('attendee_messages')
      .leftJoin('ticket_types', 'ticket_types.id', 'attendee_messages.ticket_type_id')
      .leftJoin('users', 'users.id', 'attendee_messages.sent_by')
      .select('attendee_messages.*', 'ticket_types.name AS type_name', 'users.name AS sent_by_name')
      .select(db.raw(COUNTS));

  return {
    /** The newest first. */
    async listOfEvent(eventId: string, most: number): Promise<SentMessage[]> {
      const rows = await listed()
        .where('attendee_messages.event_id', eventId)
        .orderBy('attendee_messages.created_at', 'desc')
        .limit(most);
      return rows.map(toMessage);
    },

    async find(eventId: string, id: string): Promise<SentMessage | null> {
      const row = await listed()
        .where({ 'attendee_messages.event_id': eventId, 'attendee_messages.id': id })
        .first();
      return row ? toMessage(row) : null;
    },

    async listUnfinished(): Promise<string[]> {
      return db('attendee_messages').whereNull('queued_at').orderBy('created_at').limit(20).pluck('id');
    },

    /** The orders that such a message would go to now. */
    audience(event: { id: string; livemode: boolean }, audience: Audience): Knex.QueryBuilder {
      return db('orders')
        .where({ event_id: event.id, livemode: event.livemode })
        .whereIn('status', ['paid', 'partially_refunded'])
        .whereExists(
          db('tickets')
            .whereRaw('tickets.order_id = orders.id')
            .where({ status: 'valid', refund_id: null })
            .modify((tickets) => {
              if (audience.of === 'not_in') void tickets.whereNull('checked_in_at');
              if (audience.of === 'type') void tickets.where({ ticket_type_id: audience.ticketTypeId });
            }),
        );
    },
  };
}

const COUNTS = `(SELECT count(*)::int FROM attendee_message_orders o WHERE o.message_id = attendee_messages.id) AS orders,
  (SELECT count(o.queued_at)::int FROM attendee_message_orders o WHERE o.message_id = attendee_messages.id) AS queued,
  (SELECT count(*)::int FROM attendee_message_orders o
     JOIN mails ON mails.dedupe_key = 'message:' || o.message_id || ':' || o.order_id
    WHERE o.message_id = attendee_messages.id AND mails.status IN ('sent', 'kept')) AS sent,
  (SELECT count(*)::int FROM attendee_message_orders o
     JOIN mails ON mails.dedupe_key = 'message:' || o.message_id || ':' || o.order_id
    WHERE o.message_id = attendee_messages.id AND mails.status = 'failed') AS failed`;

// eslint-disable-next-line @typescript-eslint/no-explicit-any
function toMessage(row: any): SentMessage {
  return {
    id: row.id,
    eventId: row.event_id,
    subject: row.subject,
    body: row.body,
    audience: row.audience,
    typeName: row.type_name,
    sentBy: row.sent_by_name,
    createdAt: row.created_at,
    queuedAt: row.queued_at,
    orders: row.orders,
    queued: row.queued,
    sent: row.sent,
    failed: row.failed,
  };
}
