/** The fee that an organizer pays to the platform, by currency: to look at, and to agree on another one. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { currentUser, requireRecentPassword } from '../http/current-user';
import { type Form } from '../http/forms';
import { renderPage } from '../http/views';
import { currencyChoices } from '../lib/currency-choices';
import { isCurrency } from '../lib/money';
import { paths } from '../paths';
import { feeWords } from '../payments/fees';
import { createOrganizerFeesStore, policyOf } from '../payments/organizer-fees-store';
import { setOrganizerFee } from '../payments/set-organizer-fee';
import { findOrganizer, type ListedOrganizer } from './directory';
import { feeFormValues, parseFeeForm } from './organizer-fee-form';

export function organizerFeesRouter(dependencies: Pick<Dependencies, 'db' | 'config'>): Router {
  const { db, config } = dependencies;
  const router = Router();
  const fees = createOrganizerFeesStore(db);

  router.get('/admin/organizers/:id/fees', requireRecentPassword, async (req: Request, res: Response) => {
    const organizer = await getOrganizer(req);
    const asked = req.query['currency'];
    const agreed = await fees.listOfOrganizer(organizer.id);
    const currency = isCurrency(asked) ? asked : (agreed[0]?.currency ?? 'eur');
    const fee = agreed.find((one) => one.currency === currency) ?? null;
    await show(req, res, organizer, { values: feeFormValues(currency, fee), errors: {} });
  });

  router.post('/admin/organizers/:id/fees', requireRecentPassword, async (req: Request, res: Response) => {
    const organizer = await getOrganizer(req);
    const parsed = parseFeeForm(req.body);
    if (!parsed.ok) return show(req, res, organizer, parsed.form);
    const changed = await setOrganizerFee(dependencies, {
      ...parsed.data,
      organizerId: organizer.id,
      adminId: currentUser(req).id,
    });
    req.leaveNotice(
      changed
        ? { kind: 'success', text: 'The fee holds for new orders from now on. The owners were told by mail.' }
        : { kind: 'info', text: 'It was so already. Nothing was changed.' },
    );
    res.redirect(303, paths.adminOrganizerFees(organizer.id));
  });

  return router;

  async function getOrganizer(req: Request): Promise<ListedOrganizer> {
    const found = await findOrganizer(db, req.params['id']);
    if (!found) throw new NotFound('organizer');
    return found.organizer;
  }

  async function show(req: Request, res: Response, organizer: ListedOrganizer, form: Form): Promise<void> {
    const agreed = await fees.listOfOrganizer(organizer.id);
    const { currency } = form.values;
    renderPage(
      req,
      res,
      'admin/organizer-fees',
      {
        title: `Fees of ${organizer.name}`,
        layout: 'admin',
        status: Object.keys(form.errors).length > 0 ? 422 : 200,
      },
      {
        organizer,
        form,
        currencies: currencyChoices(),
        agreed: agreed.map((fee) => ({
          currency: fee.currency,
          words: feeWords(policyOf(fee), fee.currency),
        })),
        platformWords: feeWords(config.platformFee, isCurrency(currency) ? currency : 'eur'),
      },
    );
  }
}
