/** A mail is written once, as a heading, paragraphs, rows and an action; both of its parts are made from that. */
import { renderView } from '../http/views';

export interface MailContent {
  subject: string;
  heading: string;
  paragraphs: string[];
  rows?: { label: string; value: string }[];
  /** several things to open, each with a line about it */
  links?: { label: string; url: string; note: string }[];
  action?: { label: string; url: string };
  /** Why this mail came, and whom to ask. */
  footer: string;
}

export async function composeMail(
  content: MailContent,
): Promise<{ subject: string; text: string; html: string }> {
  const text = [
    content.heading,
    ...content.paragraphs,
    ...(content.rows?.length ? [content.rows.map((row) => `${row.label}: ${row.value}`).join('\n')] : []),
    ...(content.links ?? []).map((link) => `${link.label}\n${link.note}\n${link.url}`),
    ...(content.action ? [`${content.action.label}:\n${content.action.url}`] : []),
    '--\n' + content.footer,
  ].join('\n\n');
  const html = await renderView('mails/mail', { content });
  return { subject: oneLine(content.subject), text, html };
}

/** Header values have no line breaks. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').slice(0, 200);
}
