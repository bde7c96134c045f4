/** Mails are rows first, in the transaction that makes them necessary, and sent at least once by the worker. */
import { type Knex } from 'knex';
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

const MAILS_IN_A_STATEMENT = 200;

/** Queues a mail in the caller's transaction. Answers false when it was queued before. */
export async function queueMail(db: Knex, mail: NewMail): Promise<boolean> {
  return (await queueMails(db, [mail])) === 1;
}

/** Queues many in few statements. Answers how many of them had not been queued before. */
export async function queueMails(db: Knex, mails: NewMail[]): Promise<number> {
  let queued = 0;
  for (let from = 0; from < mails.length; from += MAILS_IN_A_STATEMENT) {
    const rows = await Promise.all(mails.slice(from, from + MAILS_IN_A_STATEMENT).map(toRow));
    const inserted = db('mails').insert(rows).onConflict('dedupe_key').ignore().returning('id');
    // each with its job, in one statement
    const { rows: jobs } = await db.raw(
      `WITH inserted AS (?)
       SELECT graphile_worker.add_jobs(array(
         SELECT json_populate_record(null::graphile_worker.job_spec, json_build_object(
                  'identifier', 'send_mail', 'payload', json_build_object('mailId', id), 'max_attempts', 12))
           FROM inserted))`,
      [inserted],
    );
    queued += jobs.length;
  }
  return queued;
}

async function toRow(mail: NewMail): Promise<Record<string, unknown>> {
  const composed = await composeMail(mail.content);
  return {
    id: newId(),
    dedupe_key: mail.dedupeKey,
    template: mail.template,
    recipient: mail.recipient,
    subject: composed.subject,
    text_body: composed.text,
    html_body: composed.html,
    attachments: JSON.stringify(mail.attachments ?? []),
    order_id: mail.orderId ?? null,
    carries_secret: mail.carriesSecret ?? false,
  };
}
