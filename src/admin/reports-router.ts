/** The queue of reports. */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { currentUser, requireRecentPassword } from '../http/current-user';
import { emptyForm, type Form, parseForm, textField } from '../http/forms';
import { renderPage } from '../http/views';
import { paths } from '../paths';
import { listAuditOf } from './audit-list';
import { pageAddress, readListSearch } from './list-page';
import { decideReport, findReport, listReports, type Report, REPORT_FILTERS } from './reports';

const decisionForm = z.object({
  decision: z.enum(['acted', 'dismissed'], { error: 'Choose what you decide' }),
  reason: textField({ required: 'Enter the reason', max: 500, multiline: true }),
});

export function reportsRouter({ db }: Pick<Dependencies, 'db'>): Router {
  const router = Router();

  router.get(paths.adminReports(), async (req: Request, res: Response) => {
    const search = readListSearch(req.query, REPORT_FILTERS);
    renderPage(
      req,
      res,
      'admin/reports',
      { title: 'Reports', layout: 'admin' },
      {
        search,
        list: await listReports(db, search),
        kinds: KINDS,
        badgeOf,
        filterWords: [
          { value: 'open', label: 'Open' },
          { value: 'decided', label: 'Decided' },
          { value: 'all', label: 'All' },
        ],
        hrefFor: pageAddress(paths.adminReports(), search),
      },
    );
  });

  router.get('/admin/reports/:id', async (req: Request, res: Response) => {
    const report = await getReport(req);
    renderPage(
      req,
      res,
      'admin/report',
      { title: `Report about ${report.event.title}`, layout: 'admin' },
      {
        report,
        kinds: KINDS,
        stateBadge: badgeOf(report),
        entries: await listAuditOf(db, { subjectType: 'report', subjectId: report.id }),
      },
    );
  });

  router.get('/admin/reports/:id/decision', requireRecentPassword, async (req: Request, res: Response) => {
    showDecision(req, res, await getReport(req), emptyForm);
  });

  router.post('/admin/reports/:id/decision', requireRecentPassword, async (req: Request, res: Response) => {
    const report = await getReport(req);
    const parsed = parseForm(decisionForm, req.body);
    if (!parsed.ok) return showDecision(req, res, report, parsed.form);
    const decided = await decideReport(db, report.id, { ...parsed.data, userId: currentUser(req).id });
    req.leaveNotice(
      decided
        ? { kind: 'success', text: 'The report is decided.' }
        : { kind: 'info', text: 'This report was decided already. Nothing was changed.' },
    );
    res.redirect(303, paths.adminReport(report.id));
  });

  return router;

  async function getReport(req: Request): Promise<Report> {
    const report = await findReport(db, req.params['id']);
    if (!report) throw new NotFound('report');
    return report;
  }
}

function showDecision(req: Request, res: Response, report: Report, form: Form): void {
  const status = Object.keys(form.errors).length > 0 ? 422 : 200;
  renderPage(
    req,
    res,
    'admin/report-decision',
    { title: 'Decide on a report', layout: 'admin', status },
    { report, kinds: KINDS, form },
  );
}

const KINDS: Record<Report['kind'], string> = {
  fraud: 'Not real, or not what it says',
  harmful: 'Dangerous, hateful or against the law',
  rights: 'Uses what belongs to somebody else',
  other: 'Something else',
};

function badgeOf(report: Report) {
  if (!report.decision) return { kind: 'amber', label: 'Open' };
  return report.decision === 'acted'
    ? { kind: 'green', label: 'Acted on' }
    : { kind: 'neutral', label: 'Dismissed' };
}
