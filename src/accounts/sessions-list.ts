import { type SessionData } from 'express-session';
import { type Knex } from 'knex';
import { lastSeenOf } from '../http/session';
import { hashToken } from '../lib/tokens';
import { deviceWords } from './device-words';

export interface ListedSession {
  /** names it in the form; says nothing about the cookie */
  key: string;
  device: string;
  lastSeen: Date;
  since: Date;
  isThis: boolean;
}

/** Where a person is signed in: this browser first, then the one seen last. */
export async function listSessions(db: Knex, userId: string, sessionId: string): Promise<ListedSession[]> {
  const rows: { id_hash: string; data: SessionData; created_at: Date; expires_at: Date }[] = await db(
    'sessions',
  )
    .where({ user_id: userId })
    // not those that still owe the code of the second factor
    .whereRaw("data->>'userId' IS NOT NULL")
    .where('expires_at', '>', db.fn.now())
    .orderBy('expires_at', 'desc')
    .limit(100);
  return rows
    .map((row) => ({
      key: hashToken(row.id_hash),
      device: deviceWords(row.data.device),
      lastSeen: lastSeenOf(row.expires_at),
      since: row.created_at,
      isThis: row.id_hash === hashToken(sessionId),
    }))
    .sort((a, b) => Number(b.isThis) - Number(a.isThis));
}

/** Ends one by its key; only the person's own. Answers whether there was one. */
export async function endSessionByKey(db: Knex, userId: string, key: string): Promise<boolean> {
  const rows: { id_hash: string }[] = await db('sessions').where({ user_id: userId }).select('id_hash');
  const row = rows.find((candidate) => hashToken(candidate.id_hash) === key);
  if (!row) return false;
  return (await db('sessions').where({ id_hash: row.id_hash, user_id: userId }).delete()) > 0;
}

/** Ends all, or all but the one with this id (the cookie's value). Answers how many. */
export async function endSessions(
  db: Knex,
  userId: string,
  { except }: { except: string | null },
): Promise<number> {
  const all = db('sessions').where({ user_id: userId });
  return except === null ? all.delete() : all.whereNot({ id_hash: hashToken(except) }).delete();
}
