/**
 * One-time links that are mailed. Invariant: a link works once, for one purpose, for an hour or a day, and only its
 * hash is kept.
 */
import { type Knex } from 'knex';
import { hashToken, newSecretToken } from '../lib/tokens';

export type LinkPurpose = 'reset_password' | 'verify_email' | 'change_email';

const LIFETIME_HOURS: Record<LinkPurpose, number> = { reset_password: 1, verify_email: 48, change_email: 24 };

export interface MailedLink {
  purpose: LinkPurpose;
  userId: string;
  /** the address that the link was sent to */
  email: string;
}

interface MailedLinkRow {
  purpose: LinkPurpose;
  user_id: string;
  email: string;
}

/** SQL of mailed links. Give it a transaction to work inside one. */
export function createMailedLinks(db: Knex) {
  const valid = (token: unknown) =>
    typeof token === 'string' && /^[A-Za-z0-9_-]{43}$/.test(token)
      ? db('mailed_links')
          .where({ token_hash: hashToken(token) })
          .whereNull('used_at')
          .where('expires_at', '>', db.fn.now())
      : null;

  return {
    /** Answers the token, which is in the mail and nowhere else. */
    async issue(link: MailedLink): Promise<string> {
      const token = newSecretToken();
      await db('mailed_links').insert({
        token_hash: hashToken(token),
        purpose: link.purpose,
        user_id: link.userId,
        email: link.email,
        expires_at: db.raw('now() + make_interval(hours => ?)', [LIFETIME_HOURS[link.purpose]]),
      });
      return token;
    },

    /** Looks without using it up: programs that check mails for harm open links too. */
    async find(token: unknown, purposes: LinkPurpose[]): Promise<MailedLink | null> {
      const row = await valid(token)?.whereIn('purpose', purposes).first();
      return row ? toLink(row) : null;
    },

    /** Uses it up. Of two who come at once, one gets it. */
    async consume(token: unknown, purposes: LinkPurpose[]): Promise<MailedLink | null> {
      const rows =
        (await valid(token)?.whereIn('purpose', purposes).update({ used_at: db.fn.now() }).returning('*')) ??
        [];
      return rows[0] ? toLink(rows[0]) : null;
    },

    /** The others that were mailed before die with it. */
    async deleteOfUser(userId: string, purposes: LinkPurpose[]): Promise<void> {
      await db('mailed_links').where({ user_id: userId }).whereIn('purpose', purposes).delete();
    },

    async deleteOld(): Promise<void> {
      await db('mailed_links').where('expires_at', '<', db.raw("now() - interval '1 day'")).delete();
    },
  };
}

function toLink(row: MailedLinkRow): MailedLink {
  return { purpose: row.purpose, userId: row.user_id, email: row.email };
}
