/** The outbox as admins see it: to whom, about what, and whether it went. Never the text: it carries links that are keys. */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { Conflict, NotFound } from '../errors';
import { addJob } from '../jobs/jobs';
import { isUuid, newId } from '../lib/ids';
import { writeAudit } from './audit-log';
import { contains, type ListPage, type ListSearch, readPage } from './list-page';

export const MAIL_FILTERS = ['all', 'queued', 'sent', 'kept', 'failed'] as const;
type MailStatus = Exclude<(typeof MAIL_FILTERS)[number], 'all'>;

export interface LoggedMail {
  id: string;
  template: string;
  recipient: string;
  subject: string;
  status: MailStatus;
  attempts: number;
  createdAt: Date;
  sentAt: Date | null;
  nextAttemptAt: Date;
  lastError: string | null;
  orderId: string | null;
}

interface MailRow {
  id: string;
  template: string;
  recipient: string;
  subject: string;
  status: MailStatus;
  attempts: number;
  created_at: Date;
  sent_at: Date | null;
  next_attempt_at: Date;
  last_error: string | null;
  order_id: string | null;
}

const COLUMNS = [
  'id',
  'template',
  'recipient',
  'subject',
  'status',
  'attempts',
  'created_at',
  'sent_at',
  'next_attempt_at',
  'last_error',
  'order_id',
];

export async function listMails(
  db: Knex,
  search: ListSearch<(typeof MAIL_FILTERS)[number]>,
): Promise<ListPage<LoggedMail>> {
  const matching = () => {
    const query = db('mails');
    if (search.q) {
      const like = contains(search.q);
      void query.where((either) =>
        either.whereILike('recipient', like).orWhereILike('subject', like).orWhereILike('template', like),
      );
    }
    if (search.filter !== 'all') void query.where({ status: search.filter });
    return query;
  };
  const page = await readPage<MailRow>(db, matching, search.page, (query) =>
    query
      .orderBy([
        { column: 'created_at', order: 'desc' },
        { column: 'id', order: 'desc' },
      ])
      .select(...COLUMNS),
  );
  return { ...page, rows: page.rows.map(toLoggedMail) };
}

export async function findMail(db: Knex, id: unknown): Promise<LoggedMail | null> {
  const row = isUuid(id)
    ? await db('mails')
        .where({ id })
        .first<MailRow | undefined>(...COLUMNS)
    : undefined;
  return row ? toLoggedMail(row) : null;
}

/**
 * Sends a mail once more: one that failed or waits by itself, one that went as a copy (mailboxes drop a second one with
 * the same Message-ID). A mail whose one-time link is not kept any more can't be sent again. Answers the mail to look at.
 */
export async function resendMail(
  db: Knex,
  mailId: string,
  deed: { userId: string; reason: string },
): Promise<string> {
  return inTransaction(db, async (trx) => {
    const mail = await trx('mails').where({ id: mailId }).forUpdate().first();
    if (!mail) throw new NotFound('mail');
    const delivered = mail.status === 'sent' || mail.status === 'kept';
    if (mail.carries_secret && mail.status !== 'queued')
      throw new Conflict(
        'This mail carried a one-time link, and its text is not kept. Ask the person to request a new one.',
      );
    const id = delivered ? newId() : mailId;
    if (delivered)
      await trx('mails').insert({
        id,
        dedupe_key: `${mail.dedupe_key}:again:${id}`,
        template: mail.template,
        recipient: mail.recipient,
        subject: mail.subject,
        text_body: mail.text_body,
        html_body: mail.html_body,
        attachments: JSON.stringify(mail.attachments),
        order_id: mail.order_id,
      });
    else
      await trx('mails')
        .where({ id })
        .update({ status: 'queued', attempts: 0, next_attempt_at: trx.fn.now() });
    await addJob(trx, 'send_mail', { mailId: id });
    await writeAudit(trx, {
      actor: 'admin',
      actorUserId: deed.userId,
      action: 'mail.sent_again',
      subjectType: 'mail',
      subjectId: mailId,
      reason: deed.reason,
      details: { template: mail.template, status_before: mail.status, mail: id },
    });
    return id;
  });
}

function toLoggedMail(row: MailRow): LoggedMail {
  return {
    id: row.id,
    template: row.template,
    recipient: row.recipient,
    subject: row.subject,
    status: row.status,
    attempts: row.attempts,
    createdAt: row.created_at,
    sentAt: row.sent_at,
    nextAttemptAt: row.next_attempt_at,
    lastError: row.last_error,
    orderId: row.order_id,
  };
}
