import { type Request, type RequestHandler } from 'express';
import { type Knex } from 'knex';
import { Forbidden, NotFound } from '../errors';
import { paths } from '../paths';
import { type CurrentUser } from './request-types';

/** Reads the person of this session from the database at every request, so that a change of rights counts at once. */
export function loadCurrentUser(db: Knex, settings: { production: boolean }): RequestHandler {
  return async (req, _res, next) => {
    req.currentUser = null;
    if (req.session?.userId) {
      const row = await db('users')
        .leftJoin('two_factor', (joined) =>
          joined.on('two_factor.user_id', 'users.id').andOnNotNull('two_factor.confirmed_at'),
        )
        .where({ 'users.id': req.session.userId, disabled_at: null })
        .first('id', 'email', 'name', 'is_admin', 'email_verified_at', 'confirmed_at');
      if (row)
        req.currentUser = {
          id: row.id,
          email: row.email,
          name: row.name,
          isAdmin: row.is_admin,
          emailVerified: row.email_verified_at !== null,
          twoFactor: row.confirmed_at !== null,
          lacksTwoFactor: settings.production && row.is_admin && row.confirmed_at === null,
        };
    }
    next();
  };
}

/** Sends a guest to the sign-in page and back; a form post of a session that ran out lands on the page of the form. */
export const requireUser: RequestHandler = (req, res, next) => {
  if (req.currentUser) return next();
  const back = req.method === 'GET' ? req.originalUrl : (refererPath(req) ?? paths.desk());
  res.redirect(303, paths.signIn(back));
};

/** Admin pages don't exist for others. In production an admin needs a second factor first. */
export const requireAdmin: RequestHandler = (req, res, next) => {
  if (!req.currentUser?.isAdmin) throw new NotFound();
  if (req.currentUser.lacksTwoFactor) {
    req.leaveNotice({
      kind: 'warning',
      text: 'Admins sign in with a code as well as a password. Set this up first, then go on.',
    });
    return res.redirect(303, paths.twoFactor());
  }
  next();
};

const PASSWORD_COUNTS_FOR_SECONDS = 10 * 60;

/** Asks for the password again where it was given longer than ten minutes ago. */
export const requireRecentPassword: RequestHandler = (req, res, next) => {
  const age = Date.now() / 1000 - (req.session.authenticatedAt ?? 0);
  if (age >= 0 && age < PASSWORD_COUNTS_FOR_SECONDS) return next();
  res.redirect(
    303,
    paths.confirmPassword(req.method === 'GET' ? req.originalUrl : (refererPath(req) ?? req.originalUrl)),
  );
};

/** The signed-in person, for handlers behind `requireUser`. */
export function currentUser(req: Request): CurrentUser {
  if (!req.currentUser) throw new Forbidden('Sign in to see this page.');
  return req.currentUser;
}

/** A path of ours from `next`, else null: `//host`, `/\host`, other schemes and control characters all leave the site. */
export function safeReturnPath(next: unknown): string | null {
  if (
    typeof next !== 'string' ||
    next.length > 2000 ||
    !/^\/(?![/\\])/.test(next) ||
    /[\\\u0000-\u001f\u007f]/.test(next)
  )
    return null;
  const base = 'http://foyer.invalid';
  try {
    const url = new URL(next, base);
    // the parser takes dots out, which can bring two slashes together: `/.//host`
    const path = url.pathname + url.search;
    return url.origin === base && /^\/(?![/\\])/.test(path) ? path : null;
  } catch {
    return null;
  }
}

function refererPath(req: Request): string | null {
  try {
    const referer = new URL(req.get('referer') ?? '');
    return referer.host === req.get('host') ? safeReturnPath(referer.pathname + referer.search) : null;
  } catch {
    return null;
  }
}
