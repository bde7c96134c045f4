import { type KeptForm } from './kept-forms';
import { type Notice } from './views';

/** The person who is signed in, as every handler sees them; read from the database at each request. */
export interface CurrentUser {
  id: string;
  email: string;
  name: string;
  isAdmin: boolean;
  /** has shown that mails to the address arrive; needed to publish */
  emailVerified: boolean;
  /** signs in with a code as well */
  twoFactor: boolean;
  /** is an admin who may not act as one before they have a second factor (in production) */
  lacksTwoFactor: boolean;
}

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Express {
    interface Request {
      id: string | number | object;
      currentUser?: CurrentUser | null;
      /** Takes the notice that the page before left for this one. */
      takeNotice?: () => Notice | null;
      /** Leaves a notice for the next page. */
      leaveNotice: (notice: Notice) => void;
    }
  }
}

declare module 'express-session' {
  interface SessionData {
    userId: string;
    /** seconds of the epoch: when the password was last given */
    authenticatedAt: number;
    notice: Notice;
    organizerId: string;
    /** the browser's own words for itself, for the list of sessions */
    device: string;
    /** gave the right password and owes the code of the second factor */
    halfSignedIn: { userId: string; since: number; next: string | null };
    /** what was typed into a long form whose session ran out */
    keptForm: KeptForm;
    /** set on what was read from the store, never kept in it */
    wasKept: boolean;
  }
}
