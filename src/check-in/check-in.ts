/** What the door says to a ticket. Pure: the caller reads the ticket under its lock. */

export type CheckInOutcome =
  | 'admitted'
  | 'already_in'
  | 'void'
  | 'blocked'
  | 'other_event'
  | 'unknown'
  | 'event_cancelled'
  | 'test_ticket';

export interface TicketAtDoor {
  id: string;
  status: string;
  /** a bank has taken the payment back for now */
  disputed: boolean;
  /** its money has been asked back, and is not there yet */
  beingRefunded: boolean;
  checkedInAt: Date | null;
}

export function judgeTicket(
  ticket: TicketAtDoor | null,
  event: { status: string },
): Exclude<CheckInOutcome, 'other_event' | 'test_ticket'> {
  if (!ticket) return 'unknown';
  if (event.status === 'cancelled') return 'event_cancelled';
  if (ticket.status === 'void') return 'void';
  if (ticket.disputed || ticket.beingRefunded) return 'blocked';
  return ticket.checkedInAt ? 'already_in' : 'admitted';
}

/** What the person at the door reads, from afar: a word, and the reason where somebody stays outside. */
export const CHECK_IN_WORDS: Record<CheckInOutcome | 'undone', { heading: string; text: string }> = {
  admitted: { heading: 'Come in', text: 'This ticket is good, and used now.' },
  already_in: { heading: 'Already in', text: 'This ticket was used before.' },
  void: {
    heading: 'Not valid',
    text: 'This ticket was given back or refunded. It opens no door any more.',
  },
  blocked: {
    heading: 'On hold',
    text: 'The payment for this ticket is being refunded, or disputed at the bank. Speak with the organizer.',
  },
  other_event: { heading: 'Another event', text: 'This is a real ticket, for another event.' },
  unknown: {
    heading: 'Not one of ours',
    text: 'No ticket of this event has this code. Search for the name below.',
  },
  event_cancelled: { heading: 'Event cancelled', text: 'This event was cancelled, so nobody is checked in.' },
  test_ticket: {
    heading: 'Only a test',
    text: 'This ticket is from a test order, made before the event went live. It opens no door.',
  },
  undone: { heading: 'Taken back', text: 'The ticket counts as unused again.' },
};
