/** Mails: whether they went, and sending one again. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { currentUser, requireRecentPassword } from '../http/current-user';
import { emptyForm } from '../http/forms';
import { renderPage } from '../http/views';
import { paths } from '../paths';
import { type Act, readReason, showAct } from './acts';
import { pageAddress, readListSearch } from './list-page';
import { findMail, listMails, type LoggedMail, MAIL_FILTERS, resendMail } from './mail-log';

export function mailLogRouter({ db }: Pick<Dependencies, 'db'>): Router {
  const router = Router();

  router.get(paths.adminMails(), async (req: Request, res: Response) => {
    const search = readListSearch(req.query, MAIL_FILTERS);
    renderPage(
      req,
      res,
      'admin/mails',
      { title: 'Mails', layout: 'admin' },
      {
        search,
        list: await listMails(db, search),
        badges: STATUS_BADGES,
        filterWords: MAIL_FILTERS.map((value) => ({
          value,
          label: value === 'all' ? 'All' : STATUS_BADGES[value].label,
        })),
        hrefFor: pageAddress(paths.adminMails(), search),
      },
    );
  });

  router.get('/admin/mails/:id', async (req: Request, res: Response) => {
    const mail = await getMail(req);
    renderPage(
      req,
      res,
      'admin/mail',
      { title: mail.subject, layout: 'admin' },
      { mail, statusBadge: STATUS_BADGES[mail.status] },
    );
  });

  router.get('/admin/mails/:id/delivery', requireRecentPassword, async (req: Request, res: Response) => {
    showAct(req, res, deliveryOf(await getMail(req)), emptyForm);
  });

  router.post('/admin/mails/:id/delivery', requireRecentPassword, async (req: Request, res: Response) => {
    const mail = await getMail(req);
    const parsed = readReason(req);
    if (!parsed.ok) return showAct(req, res, deliveryOf(mail), parsed.form);
    const id = await resendMail(db, mail.id, { userId: currentUser(req).id, reason: parsed.data.reason });
    req.leaveNotice({ kind: 'success', text: 'The mail is on its way again.' });
    res.redirect(303, paths.adminMail(id));
  });

  return router;

  async function getMail(req: Request): Promise<LoggedMail> {
    const mail = await findMail(db, req.params['id']);
    if (!mail) throw new NotFound('mail');
    return mail;
  }
}

const STATUS_BADGES = {
  queued: { kind: 'amber', label: 'Waiting' },
  sent: { kind: 'green', label: 'Sent' },
  kept: { kind: 'neutral', label: 'Kept here' },
  failed: { kind: 'red', label: 'Failed' },
} as const;

function deliveryOf(mail: LoggedMail): Act {
  const delivered = mail.status === 'sent' || mail.status === 'kept';
  return {
    heading: 'Send this mail again',
    lead: 'This is what happens:',
    back: { href: paths.adminMail(mail.id), label: mail.subject },
    facts: [
      { term: 'To', text: mail.recipient },
      { term: 'Subject', text: mail.subject },
      { term: 'State', text: STATUS_BADGES[mail.status].label },
    ],
    consequences: [
      delivered
        ? `${mail.recipient} gets the same mail a second time.`
        : `Foyer tries again to deliver it to ${mail.recipient}, from the first try on.`,
    ],
    action: paths.adminMailDelivery(mail.id),
    button: { label: 'Send again', kind: 'primary' },
    reasonHint: 'It stands in the audit log.',
  };
}
