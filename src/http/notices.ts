import { type RequestHandler } from 'express';

/** A notice that one page leaves for the next: kept in the session, shown once. */
export const notices: RequestHandler = (req, _res, next) => {
  req.takeNotice = () => {
    const notice = req.session?.notice ?? null;
    if (notice) delete req.session.notice;
    return notice;
  };
  req.leaveNotice = (notice) => {
    req.session.notice = notice;
  };
  next();
};
