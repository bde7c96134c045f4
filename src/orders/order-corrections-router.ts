/** What the buyer may still change: more time while choosing, and the name on the tickets. */
import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import { type Dependencies } from '../dependencies';
import { parseForm, readFields, textField } from '../http/forms';
import { paths } from '../paths';
import { correctAnswers } from '../questions/correct-answers';
import { correctName } from './correct-name';
import { EXTENSION_MINUTES, extendHold } from './extend-hold';
import { createOrderLookUps } from './order-look-ups';
import { renderOrderPage } from './order-page';
import { createOrdersStore } from './orders-store';

const CORRECTIONS = { points: 10, seconds: 24 * 60 * 60 };
const ANSWERS = { points: 30, seconds: 24 * 60 * 60 };
const TOO_MANY_ANSWERS =
  'The answers were changed many times today. Write to the organizer, or try again tomorrow.';
const TOO_MANY = 'The name was changed many times today. Write to the organizer, or try again tomorrow.';

const nameForm = z.object({
  name: textField({ required: 'Enter the name that should stand on the tickets', max: 120 }),
});

export function orderCorrectionsRouter(dependencies: Dependencies): Router {
  const { db, rateLimits } = dependencies;
  const { getOrder } = createOrderLookUps(dependencies);
  const router = Router();

  router.post('/orders/:token/extension', async (req: Request, res: Response) => {
    const order = await getOrder(req);
    if (await extendHold(db, order.id)) return res.redirect(303, paths.order(String(req.params['token'])));
    await renderOrderPage(req, res, dependencies, await createOrdersStore(db).get(order.id), {
      status: 409,
      problem: {
        title: 'There is no more time to add',
        text: `You can add ${EXTENSION_MINUTES} minutes once, before your time is over and before you go on to pay. You were not charged by this.`,
      },
    });
  });

  router.post('/orders/:token/name', async (req: Request, res: Response) => {
    const order = await getOrder(req);
    const parsed = parseForm(nameForm, req.body);
    if (!parsed.ok) return renderOrderPage(req, res, dependencies, order, { status: 422, form: parsed.form });
    await rateLimits.consume('order-name', order.id, CORRECTIONS, TOO_MANY);
    if (await correctName(db, order.id, parsed.data.name))
      return res.redirect(303, `${paths.order(String(req.params['token']))}?named=1`);
    await renderOrderPage(req, res, dependencies, await createOrdersStore(db).get(order.id), {
      status: 409,
      problem: {
        title: 'The name was not changed',
        text: 'It can be changed while there are valid tickets and the event is not over.',
      },
    });
  });

  router.post('/orders/:token/answers', async (req: Request, res: Response) => {
    const order = await getOrder(req);
    const values = readFields(req.body);
    await rateLimits.consume('order-answers', order.id, ANSWERS, TOO_MANY_ANSWERS);
    const corrected = await correctAnswers(db, order.id, values);
    if (corrected.outcome === 'corrected')
      return res.redirect(303, `${paths.order(String(req.params['token']))}?answered=1`);
    if (corrected.outcome === 'refused')
      return renderOrderPage(req, res, dependencies, order, {
        status: 422,
        form: { values, errors: corrected.errors },
      });
    await renderOrderPage(req, res, dependencies, await createOrdersStore(db).get(order.id), {
      status: 409,
      problem: {
        title: 'Nothing was changed',
        text: 'Answers can be changed where the organizer allows it, while there are valid tickets and until the event begins.',
      },
    });
  });

  return router;
}
