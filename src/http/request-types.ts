import { type Notice } from './views';

/** The person who is signed in, as every handler sees them; read from the database at each request. */
export interface CurrentUser {
  id: string;
  email: string;
  name: string;
  isAdmin: boolean;
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
  }
}
