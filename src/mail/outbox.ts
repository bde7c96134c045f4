/** Mails are rows first, in the transaction that makes them necessary, and sent at least once by the worker. */
import { type Knex } from 'knex';
import { addJob } from '../jobs/jobs';
import { newId } from '../lib/ids';
import { composeMail, type MailContent } from './compose-mail';

export interface Attachment {
  filename: string;
  contentType: string;
  /** base64 */
  content: string;
}

export interface NewMail {
  /** Names what this mail says to whom, once: a second mail with the same key is not queued. */
  dedupeKey: string;
  template: string;
  recipient: string;
  content: MailContent;
  attachments?: Attachment[];
  orderId?: string;
  /** It carries a one-time link: not kept once it was sent. */
  carriesSecret?: boolean;
}

/** Queues a mail in the caller's transaction. Answers false when it was queued before. */
export async function queueMail(db: Knex, mail: NewMail): Promise<boolean> {
  const composed = await composeMail(mail.content);
  const id = newId();
  const inserted = await db('mails')
    .insert({
      id,
      dedupe_key: mail.dedupeKey,
      template: mail.template,
      recipient: mail.recipient,
      subject: composed.subject,
      text_body: composed.text,
      html_body: composed.html,
      attachments: JSON.stringify(mail.attachments ?? []),
      order_id: mail.orderId ?? null,
      carries_secret: mail.carriesSecret ?? false,
    })
    .onConflict('dedupe_key')
    .ignore()
    .returning('id');
  if (inserted.length === 0) return false;
  await addJob(db, 'send_mail', { mailId: id });
  return true;
}
