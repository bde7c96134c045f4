import { type Request, type Response } from 'express';
import { sessionCookieName } from '../http/session';
import { type Notice } from '../http/views';

/**
 * Invariant: who signs in gets a session id that nobody knew before. The old row goes, so that a planted cookie is dead,
 * and with it the old CSRF secret.
 */
export async function beginSession(
  req: Request,
  userId: string,
  { notice }: { notice?: Notice } = {},
): Promise<void> {
  await regenerate(req);
  req.session.userId = userId;
  req.session.authenticatedAt = nowInSeconds();
  req.session.device = (req.get('user-agent') ?? '').slice(0, 300);
  if (notice) req.session.notice = notice;
  await saveSession(req);
  req.log.info({ userId }, 'signed in');
}

const CODE_WITHIN_SECONDS = 10 * 60;

/** The password was right; nobody is signed in before the code is too. */
export async function beginHalfSession(req: Request, userId: string, next: string | null): Promise<void> {
  await regenerate(req);
  req.session.halfSignedIn = { userId, since: nowInSeconds(), next };
  await saveSession(req);
}

/** Whose code is awaited here, as long as the password counts. */
export function halfSignedIn(req: Request): { userId: string; next: string | null } | null {
  const half = req.session.halfSignedIn;
  if (!half || nowInSeconds() - half.since > CODE_WITHIN_SECONDS) return null;
  return half;
}

/** The password was given again. The session stays the same: forms in other tabs go on working. */
export async function refreshSession(req: Request): Promise<void> {
  req.session.authenticatedAt = nowInSeconds();
  await saveSession(req);
}

export async function endSession(req: Request, res: Response, secure: boolean): Promise<void> {
  req.log.info({ userId: req.session.userId }, 'signed out');
  await new Promise<void>((done, fail) => req.session.destroy((error) => (error ? fail(error) : done())));
  res.clearCookie(sessionCookieName(secure), { path: '/', httpOnly: true, sameSite: 'lax', secure });
}

/** Only what somebody typed before they had to sign in comes along. */
async function regenerate(req: Request): Promise<void> {
  const { keptForm } = req.session;
  await new Promise<void>((done, fail) => req.session.regenerate((error) => (error ? fail(error) : done())));
  if (keptForm) req.session.keptForm = keptForm;
}

/** Before the redirect, or the next request may come before the row is there. */
async function saveSession(req: Request): Promise<void> {
  await new Promise<void>((done, fail) => req.session.save((error) => (error ? fail(error) : done())));
}

function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
