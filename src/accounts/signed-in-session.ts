import { type Request, type Response } from 'express';
import { sessionCookieName } from '../http/session';

/**
 * Invariant: who signs in gets a session id that nobody knew before. The old row goes, so that a planted cookie is dead,
 * and with it the old CSRF secret.
 */
export async function beginSession(req: Request, userId: string): Promise<void> {
  await new Promise<void>((done, fail) => req.session.regenerate((error) => (error ? fail(error) : done())));
  req.session.userId = userId;
  req.session.authenticatedAt = Math.floor(Date.now() / 1000);
  await saveSession(req);
}

/** The password was given again. The session stays the same: forms in other tabs go on working. */
export async function refreshSession(req: Request): Promise<void> {
  req.session.authenticatedAt = Math.floor(Date.now() / 1000);
  await saveSession(req);
}

export async function endSession(req: Request, res: Response, secure: boolean): Promise<void> {
  await new Promise<void>((done, fail) => req.session.destroy((error) => (error ? fail(error) : done())));
  res.clearCookie(sessionCookieName(secure), { path: '/', httpOnly: true, sameSite: 'lax', secure });
}

/** Before the redirect, or the next request may come before the row is there. */
async function saveSession(req: Request): Promise<void> {
  await new Promise<void>((done, fail) => req.session.save((error) => (error ? fail(error) : done())));
}
