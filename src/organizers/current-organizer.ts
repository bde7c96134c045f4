import { type Request, type RequestHandler } from 'express';
import { type Knex } from 'knex';
import { Forbidden } from '../errors';
import { currentUser } from '../http/current-user';
import { paths } from '../paths';
import { createOrganizersStore, type Membership } from './organizers-store';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Express {
    interface Request {
      /** The organizer whose desk this is; set by `loadOrganizer`. */
      organizer?: Membership;
      /** All organizers that the person is a member of; set by `loadOrganizer`. */
      memberships?: Membership[];
    }
  }
}

/**
 * For pages behind `requireUser` that belong to an organizer. The session only remembers which of their organizers a
 * person looked at last; that they are a member is read anew at every request. Who has none is led to make one, and
 * back.
 */
export function loadOrganizer(db: Knex): RequestHandler {
  const organizers = createOrganizersStore(db);
  return async (req, res, next) => {
    const memberships = await organizers.listOfUser(currentUser(req).id);
    const chosen = chooseOrganizer(req, memberships);
    if (!chosen) {
      res.redirect(303, newOrganizerPath(req.method === 'GET' ? req.originalUrl : paths.desk()));
      return;
    }
    req.organizer = chosen;
    req.memberships = memberships;
    next();
  };
}

/** The one that the person looked at last, else the one they joined first, else none. */
export function chooseOrganizer(req: Request, memberships: Membership[]): Membership | null {
  return memberships.find(({ id }) => id === req.session.organizerId) ?? memberships[0] ?? null;
}

/** The organizer of this desk page, for handlers behind `loadOrganizer`. */
export function organizerOf(req: Request): Membership {
  if (!req.organizer) throw new Forbidden();
  return req.organizer;
}

function newOrganizerPath(next: string): string {
  return next === paths.desk()
    ? paths.newOrganizer()
    : `${paths.newOrganizer()}?next=${encodeURIComponent(next)}`;
}
