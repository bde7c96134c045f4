/** POST /webhooks/stripe: verify the raw bytes, store, answer. The worker does the rest. */
import express, { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { paths } from '../paths';
import { isSignedAtAnotherTime, isSignedByStripe, readStripeEvent } from '../stripe/webhook-signature';
import { keepEvent } from './inbox';
import { NOT_USED, USED_EVENT_TYPES } from './work-off-event';

const LARGEST_EVENT = '1mb';

export function webhooksRouter({
  config,
  db,
  logger,
}: Pick<Dependencies, 'config' | 'db' | 'logger'>): Router {
  const router = Router();
  const secretsOfAllModes = config.stripe.modes.map((mode) => ({
    livemode: mode.livemode,
    secrets: mode.webhookSecrets,
  }));

  router.post(
    paths.webhooks(),
    express.raw({ type: () => true, limit: LARGEST_EVENT }),
    async (req: Request, res: Response) => {
      const body: unknown = req.body;
      const header = req.get('stripe-signature');
      const signedFor = Buffer.isBuffer(body)
        ? secretsOfAllModes.find((mode) => isSignedByStripe(body, header, mode.secrets))
        : undefined;
      if (!signedFor) {
        if (Buffer.isBuffer(body) && isOutOfTime(body, header))
          logger.error(
            { requestId: req.id },
            'a webhook was signed more than five minutes away from the time here: is the clock of this machine right?',
          );
        else logger.warn({ requestId: req.id }, 'a webhook without a valid signature was refused');
        return res.status(400).json({ error: 'This is not signed by Stripe for this endpoint.' });
      }
      const text = (body as Buffer).toString('utf8');
      const payload = parseJson(text);
      const event = readStripeEvent(payload);
      // Signed, but nothing that we could store: taken, or Stripe would send it for days.
      if (!event) return res.status(200).json({ received: true, ignored: true });
      // Events of tests come to both endpoints, live ones to the live endpoint alone (STRIPE: Connect webhooks).
      if (event.livemode && !signedFor.livemode && config.stripe.modes.length > 1) {
        logger.warn({ requestId: req.id }, 'a live event was signed with the secret of test mode: refused');
        return res.status(400).json({ error: 'This endpoint is for events of test mode.' });
      }
      const ignored = USED_EVENT_TYPES.includes(event.type) ? null : NOT_USED;
      await keepEvent(db, event, payload, ignored);
      res.status(200).json({ received: true });
    },
  );
  return router;

  function isOutOfTime(body: Buffer, header: string | undefined): boolean {
    return secretsOfAllModes.some((mode) => isSignedAtAnotherTime(body, header, mode.secrets));
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
