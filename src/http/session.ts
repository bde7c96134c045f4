/**
 * Sessions in Postgres, kept by the hash of the cookie's value, so that a stolen table signs nobody in. A session row
 * is made only when something has to be remembered, and touched at most once in five minutes. It ends two weeks after its
 * last use, and in any case a month after signing in.
 */
import { type RequestHandler } from 'express';
import session, { type SessionData, Store } from 'express-session';
import { type Knex } from 'knex';
import { hashToken } from '../lib/tokens';

const LIFETIME_MS = 14 * 24 * 60 * 60 * 1000;
const LONGEST_LIFE = '30 days';
const TOUCH_EVERY_MS = 5 * 60 * 1000;

/** When a session was last used, to within five minutes: its end is put off at each use. */
export function lastSeenOf(expiresAt: Date): Date {
  return new Date(expiresAt.getTime() - LIFETIME_MS);
}

export function sessionCookieName(secure: boolean): string {
  return secure ? '__Host-sid' : 'sid';
}

export function sessionMiddleware(settings: {
  db: Knex;
  secrets: string[];
  secure: boolean;
}): RequestHandler {
  return session({
    name: sessionCookieName(settings.secure),
    secret: settings.secrets,
    store: createSessionStore(settings.db),
    resave: false,
    saveUninitialized: false,
    rolling: false,
    // Lax, not Strict: the return from Stripe must bring the session along
    cookie: { httpOnly: true, sameSite: 'lax', secure: settings.secure, path: '/', maxAge: LIFETIME_MS },
  });
}

type Done<T = void> = (error?: unknown, value?: T) => void;

export function createSessionStore(db: Knex): Store {
  const sessions = () =>
    db<{ id_hash: string; user_id: string | null; data: SessionData; expires_at: Date }>('sessions');

  /** A session that was read is only ever updated: one that was ended meanwhile, from elsewhere, stays ended. */
  async function save(sid: string, { wasKept, ...data }: SessionData): Promise<void> {
    const row = {
      user_id: data.userId ?? data.halfSignedIn?.userId ?? null,
      data: JSON.stringify(data) as unknown as SessionData,
      expires_at: new Date(Date.now() + LIFETIME_MS),
    };
    const id_hash = hashToken(sid);
    if (wasKept) await sessions().where({ id_hash }).update(row);
    else
      await sessions()
        .insert({ ...row, id_hash })
        .onConflict('id_hash')
        .merge();
  }

  class PostgresSessionStore extends Store {
    override get(sid: string, done: Done<SessionData | null>): void {
      sessions()
        .where({ id_hash: hashToken(sid) })
        .where('expires_at', '>', db.fn.now())
        .where('created_at', '>', db.raw('now() - ?::interval', [LONGEST_LIFE]))
        .first()
        .then((row) => done(null, row ? { ...row.data, wasKept: true } : null), done);
    }

    override set(sid: string, data: SessionData, done: Done = () => {}): void {
      save(sid, data).then(() => done(), done);
    }

    override touch(sid: string, data: SessionData, done: Done = () => {}): void {
      const due = new Date(Date.now() + LIFETIME_MS - TOUCH_EVERY_MS);
      sessions()
        .where({ id_hash: hashToken(sid) })
        .where('expires_at', '<', due)
        .update({ expires_at: new Date(Date.now() + LIFETIME_MS) })
        .then(() => done(), done);
      void data;
    }

    override destroy(sid: string, done: Done = () => {}): void {
      sessions()
        .where({ id_hash: hashToken(sid) })
        .delete()
        .then(() => done(), done);
    }
  }

  return new PostgresSessionStore();
}
