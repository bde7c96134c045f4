/** The numbers beside a price while it is typed: asked for by the form's script, so that there is one arithmetic. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { isCurrency } from '../lib/money';
import { organizerOf } from '../organizers/current-organizer';
import { paths } from '../paths';
import { createOrganizerFeesStore } from '../payments/organizer-fees-store';
import { readAccountChoice } from './event-account';
import { payoutOfRow } from './payout-words';

/** Behind the desk's own middleware, which says whose fees and accounts these are. */
export function payoutPreviewRouter({ db, config }: Pick<Dependencies, 'db' | 'config'>): Router {
  const router = Router();

  router.get(paths.payoutPreview(), async (req: Request, res: Response) => {
    const organizerId = organizerOf(req).id;
    const text = (name: string) => {
      const value = req.query[name];
      return typeof value === 'string' ? value.slice(0, 100) : '';
    };
    const currency = text('currency');
    const { livemode } = config.stripe.primary;
    const payout = isCurrency(currency)
      ? payoutOfRow(
          { kind: text('kind'), price: text('price'), fee_payer: text('fee_payer') },
          {
            currency,
            fees: await createOrganizerFeesStore(db).policyFor(organizerId, currency, config.platformFee),
            account: (await readAccountChoice(db, { organizerId, livemode }, text('stripe_connection')))
              .connection,
          },
        )
      : null;
    res.json({ payout });
  });

  return router;
}
