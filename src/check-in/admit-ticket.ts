/**
 * One ticket lets one person in. Invariant: of all scans of a ticket between two that were taken back, exactly one is
 * answered with `admitted`, on however many phones; the ticket's row lock and the condition of the UPDATE see to it. A
 * scan that a phone sends again because it heard no answer (same key) is answered as the first time.
 */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { newId } from '../lib/ids';
import { isOrderDisputed } from '../payments/disputes-store';
import { type CheckInOutcome, judgeTicket, type TicketAtDoor } from './check-in';

export interface Scan {
  id: string;
  outcome: CheckInOutcome | 'undone';
  ticketId: string | null;
}

export interface Door {
  eventId: string;
  userId: string;
}

/** `presented`: the ticket that the code names, null for a code that is none of ours. */
export async function admitTicket(
  db: Knex,
  door: Door & { presented: { id: string; eventId: string } | null; requestKey: string | null },
): Promise<Scan> {
  return inTransaction(db, async (trx) => {
    const ticket = await lockTicket(trx, door);
    // under the ticket's lock: the same request of before has committed by now
    const before = await findScan(trx, door);
    if (before) return before;
    const outcome = await judge(trx, door, ticket);
    if (outcome !== 'admitted') return writeScan(trx, door, outcome, ticket?.id ?? null);
    const admitted = await trx('tickets')
      .where({ id: ticket!.id, status: 'valid', refund_id: null, checked_in_at: null })
      .update({ checked_in_at: trx.fn.now(), checked_in_by: door.userId });
    return writeScan(trx, door, admitted === 1 ? 'admitted' : 'already_in', ticket!.id);
  });
}

/** Takes an entry back: the ticket counts as unused. Answers null when it was not used. */
export async function takeBackEntry(db: Knex, door: Door, ticketId: string): Promise<Scan | null> {
  return inTransaction(db, async (trx) => {
    const changed = await trx('tickets')
      .where({ id: ticketId, event_id: door.eventId })
      .whereNotNull('checked_in_at')
      .update({ checked_in_at: null, checked_in_by: null });
    if (changed === 0) return null;
    return writeScan(trx, { ...door, requestKey: null }, 'undone', ticketId);
  });
}

async function lockTicket(
  trx: Knex.Transaction,
  { eventId, presented }: Door & { presented: { id: string; eventId: string } | null },
): Promise<TicketAtDoor | null> {
  if (!presented || presented.eventId !== eventId) return null;
  const row = await trx('tickets')
    .where({ id: presented.id, event_id: eventId })
    .forUpdate()
    .first('id', 'order_id', 'status', 'refund_id', 'checked_in_at');
  if (!row) return null;
  const disputed = await isOrderDisputed(trx, row.order_id);
  return {
    id: row.id,
    status: row.status,
    disputed,
    beingRefunded: row.refund_id !== null,
    checkedInAt: row.checked_in_at,
  };
}

async function findScan(
  trx: Knex.Transaction,
  { eventId, requestKey }: Door & { requestKey: string | null },
): Promise<Scan | null> {
  if (!requestKey) return null;
  const row = await trx('check_in_scans').where({ event_id: eventId, request_key: requestKey }).first();
  return row ? { id: row.id, outcome: row.outcome, ticketId: row.ticket_id } : null;
}

async function judge(
  trx: Knex.Transaction,
  { eventId, presented }: Door & { presented: { id: string; eventId: string } | null },
  ticket: TicketAtDoor | null,
): Promise<CheckInOutcome> {
  if (presented && presented.eventId !== eventId) return 'other_event';
  const wasTest =
    !ticket &&
    presented &&
    (await trx('removed_test_tickets')
      .where({ ticket_id: presented.id, event_id: eventId })
      .first('ticket_id'));
  if (wasTest) return 'test_ticket';
  return judgeTicket(ticket, await trx('events').where({ id: eventId }).first('status'));
}

async function writeScan(
  trx: Knex.Transaction,
  door: Door & { requestKey: string | null },
  outcome: Scan['outcome'],
  ticketId: string | null,
): Promise<Scan> {
  const id = newId();
  const written = await trx('check_in_scans')
    .insert({
      id,
      event_id: door.eventId,
      ticket_id: ticketId,
      user_id: door.userId,
      outcome,
      request_key: door.requestKey,
    })
    .onConflict(['event_id', 'request_key'])
    .ignore()
    .returning('id');
  // a code of no ticket has no lock: of two equal requests at once the second is answered like the first
  if (written.length === 0) return (await findScan(trx, door))!;
  return { id, outcome, ticketId };
}
