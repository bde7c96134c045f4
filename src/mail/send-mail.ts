import { type Knex } from 'knex';
import { createTransport } from 'nodemailer';
import { type Logger } from 'pino';
import { type Attachment } from './outbox';

/** After this many tries a mail waits for a person. */
const MAX_ATTEMPTS = 12;

interface MailRow {
  id: string;
  dedupe_key: string;
  recipient: string;
  subject: string;
  text_body: string;
  html_body: string;
  attachments: Attachment[];
  attempts: number;
  carries_secret: boolean;
}

/** Sends queued mails over SMTP; without an SMTP address they are kept, to be read at /dev/mail. */
export function createMailSender({
  db,
  logger,
  smtpUrl,
  mailFrom,
}: {
  db: Knex;
  logger: Logger;
  smtpUrl: string | null;
  mailFrom: string;
}) {
  const transport = smtpUrl ? createTransport(smtpUrl, { from: mailFrom }) : null;

  /** Claims the mail for two minutes, sends it, and records it: a killed worker's mail is sent again, never lost. */
  async function sendMail(mailId: string): Promise<void> {
    const due = db('mails')
      .where({ id: mailId, status: 'queued' })
      .where('next_attempt_at', '<=', db.fn.now());
    if (!transport) {
      await due.update({ attempts: db.raw('attempts + 1'), status: 'kept', sent_at: db.fn.now() });
      return;
    }
    const [mail] = (await due
      .update({ attempts: db.raw('attempts + 1'), next_attempt_at: db.raw("now() + interval '2 minutes'") })
      .returning('*')) as MailRow[];
    if (!mail) return;
    try {
      await transport.sendMail({
        from: mailFrom,
        to: { name: '', address: mail.recipient },
        subject: mail.subject,
        text: mail.text_body,
        html: mail.html_body,
        messageId: `<${mail.id}@foyer>`,
        attachments: mail.attachments.map((file) => ({
          filename: file.filename,
          contentType: file.contentType,
          content: file.content,
          encoding: 'base64',
        })),
      });
      await db('mails')
        .where({ id: mailId })
        .update({ status: 'sent', sent_at: db.fn.now(), last_error: null, ...withoutSecret(mail) });
    } catch (error) {
      const finished = mail.attempts >= MAX_ATTEMPTS;
      logger[finished ? 'error' : 'warn']({ mailId, err: error }, 'a mail was not taken');
      await db('mails')
        .where({ id: mailId })
        .update({
          status: finished ? 'failed' : 'queued',
          ...(finished ? withoutSecret(mail) : {}),
          last_error: error instanceof Error ? error.message.slice(0, 300) : 'unknown',
          next_attempt_at: db.raw('now() + make_interval(secs => ?)', [
            Math.min(3600, 15 * 2 ** mail.attempts),
          ]),
        });
    }
  }

  return {
    sendMail,
    /** Mails whose job was lost or that wait for another try. */
    async sendDueMails(): Promise<void> {
      const due = await db('mails')
        .where({ status: 'queued' })
        .where('next_attempt_at', '<=', db.fn.now())
        .orderBy('next_attempt_at')
        .limit(100)
        .select('id');
      for (const { id } of due) await sendMail(id);
    },
    close(): void {
      transport?.close();
    },
  };
}

/** A one-time link is in the mailbox now, and nobody who reads the database or the log of mails finds it. */
function withoutSecret(mail: MailRow): { text_body?: string; html_body?: string } {
  const words = 'This mail carried a one-time link. Its text is not kept.';
  return mail.carries_secret ? { text_body: words, html_body: words } : {};
}

export type MailSender = ReturnType<typeof createMailSender>;
