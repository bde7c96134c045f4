/** Who did what, and why: to read, and to take along. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { renderPage } from '../http/views';
import { paths } from '../paths';
import { ACTORS, AUDIT_SUBJECTS, auditCsv, type AuditSearch, listAudit, readAuditSearch } from './audit-list';

export function auditRouter({ db, logger }: Pick<Dependencies, 'db' | 'logger'>): Router {
  const router = Router();

  router.get(paths.adminAudit(), async (req: Request, res: Response) => {
    const search = readAuditSearch(req.query);
    const address = (path: string, page?: number) => `${path}?${addressOf(search, page)}`;
    renderPage(
      req,
      res,
      'admin/audit',
      { title: 'Audit log', layout: 'admin' },
      {
        search,
        list: await listAudit(db, search),
        actorWords: ACTORS.map((value) => ({ value, label: value === 'all' ? 'Anybody' : capital(value) })),
        subjectWords: AUDIT_SUBJECTS.map((value) => ({
          value,
          label: value === 'all' ? 'Anything' : capital(value),
        })),
        filtered: addressOf(search, 1) !== addressOf(readAuditSearch({}), 1),
        csvHref: address(paths.adminAuditCsv()),
        hrefFor: (page: number) => address(paths.adminAudit(), page),
      },
    );
  });

  router.get(paths.adminAuditCsv(), async (req: Request, res: Response) => {
    res
      .type('text/csv; charset=utf-8')
      .set('Content-Disposition', 'attachment; filename="foyer-audit-log.csv"');
    try {
      await pipeline(Readable.from(auditCsv(db, readAuditSearch(req.query))), res);
    } catch (error) {
      // The headers are gone: a file that breaks off is all that can say so.
      if (!res.headersSent) throw error;
      logger.warn({ requestId: req.id, err: error }, 'an export of the audit log was not finished');
      res.destroy();
    }
  });

  return router;
}

function addressOf({ q, actor, subject, from, to }: AuditSearch, page?: number): string {
  return new URLSearchParams({
    q,
    actor,
    subject,
    from,
    to,
    ...(page ? { page: String(page) } : {}),
  }).toString();
}

function capital(name: string): string {
  const words = name.replaceAll('_', ' ');
  return words[0]!.toUpperCase() + words.slice(1);
}
