/** A message to attendees: who gets it, and its mail. Pure. */
import { type MailContent } from '../mail/compose-mail';

/** all: with a valid ticket · not_in: with one that was not checked in · type: with one of a ticket type */
export type Audience = { of: 'all' } | { of: 'not_in' } | { of: 'type'; ticketTypeId: string };

export interface MessageText {
  subject: string;
  body: string;
}

export interface Recipient {
  reference: string;
  buyerName: string | null;
  url: string;
}

/** Plain text: each line a paragraph, nothing in it is markup. The last line says why it came and from whom. */
export function messageMail(
  message: MessageText,
  about: { event: { title: string }; organizer: { name: string; contact_email: string } },
  recipient: Recipient,
): MailContent {
  const { event, organizer } = about;
  return {
    subject: `${message.subject} (${event.title})`,
    heading: message.subject,
    paragraphs: [
      `Hello ${recipient.buyerName ?? 'there'}, ${organizer.name} writes to you about ${event.title}:`,
      ...paragraphsOf(message.body),
    ],
    rows: [{ label: 'Order', value: recipient.reference }],
    action: { label: 'See your order', url: recipient.url },
    footer: `You get this mail because you have tickets for ${event.title} (order ${recipient.reference}). ${organizer.name} wrote it; answer to ${organizer.contact_email}.`,
  };
}

export function paragraphsOf(body: string): string[] {
  return body
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
