/** The page on which a buyer pays, with Stripe's test cards: success, declines, 3-D Secure, a method that takes its time. */
import { type Request, type Response, type Router } from 'express';
import { setTimeout as sleep } from 'node:timers/promises';
import { getAccount, nameOf } from './accounts';
import { formText } from './api';
import { getSession } from './checkout-sessions';
import { type Simulator } from './context';
import { sendPage } from './pages';
import {
  beginDelayedPayment,
  completePayment,
  type Decline,
  declinePayment,
  requireChallenge,
} from './payments';
import { formPairs, isEmail } from './request-params';
import { type Payer, type SimulatedSession } from './state';

/** Stripe's own page waits up to ten seconds for the webhook's answer before it goes back; two are enough here. */
const LONGEST_WAIT_MS = 2000;
const DELAYED_SECONDS = 10;

const TEST_CARDS: Record<string, { name: string; decline?: Decline; challenge?: boolean }> = {
  '4242424242424242': { name: 'is accepted' },
  '4000002500003155': { name: 'asks for 3-D Secure', challenge: true },
  '4000000000000002': {
    name: 'is declined',
    decline: { code: 'card_declined', decline_code: 'generic_decline', message: 'Your card was declined.' },
  },
  '4000000000009995': {
    name: 'has insufficient funds',
    decline: {
      code: 'card_declined',
      decline_code: 'insufficient_funds',
      message: 'Your card has insufficient funds.',
    },
  },
};
const NOT_AUTHENTICATED: Decline = {
  code: 'payment_intent_authentication_failure',
  decline_code: 'authentication_required',
  message: 'Your bank could not confirm that it was you. Nothing was charged.',
};

type Fields = Record<string, string>;

export function hostedCheckoutRoutes(simulator: Simulator, router: Router): void {
  router.get('/c/pay/:id', (req, res) => showForm(simulator, res, getSession(simulator, req.params.id)));
  router.post('/c/pay/:id', (req, res) => pay(simulator, req, res));
  router.get('/c/pay/:id/challenge', async (req, res) => {
    const session = getSession(simulator, req.params.id);
    if (!awaitsChallenge(simulator, session)) return showForm(simulator, res, session);
    await sendPage(res, 'challenge', {
      title: 'Confirm your payment',
      session: session.object,
      merchant: merchantOf(simulator, session),
    });
  });
  router.post('/c/pay/:id/challenge', (req, res) => answerChallenge(simulator, req, res));
}

function merchantOf(simulator: Simulator, { account }: SimulatedSession): string {
  return account === simulator.platformAccount
    ? simulator.options.platform.name
    : nameOf(getAccount(simulator, account));
}

function awaitsChallenge({ state }: Simulator, { object }: SimulatedSession) {
  const intent = state.get('intents', object.payment_intent as string | null);
  return object.status === 'open' && intent?.object.status === 'requires_action' ? intent : null;
}

async function showForm(
  simulator: Simulator,
  res: Response,
  session: SimulatedSession,
  typed: { values?: Fields; errors?: Fields; failure?: string; status?: number } = {},
): Promise<void> {
  const { object, lineItems } = session;
  if (object.status !== 'open') return showClosed(res, object);
  const merchant = merchantOf(simulator, session);
  const cards = Object.entries(TEST_CARDS).map(([number, { name }]) => ({
    number: number.replace(/(.{4})(?=.)/g, '$1 '),
    name,
  }));
  const view = {
    session: object,
    lineItems,
    merchant,
    cards,
    values: {},
    errors: {},
    failure: null,
    ...typed,
  };
  await sendPage(res, 'checkout', { title: `Pay ${merchant}`, ...view });
}

/** Somebody came back to a page that is done with. Says so, and leads on. */
async function showClosed(
  res: Response,
  { status, success_url, cancel_url, id }: SimulatedSession['object'],
): Promise<void> {
  const complete = status === 'complete';
  const title = complete ? 'This payment is complete' : 'This checkout has expired';
  const message = complete
    ? 'You have paid already. Nothing more is charged.'
    : 'Nothing was charged. Go back to the seller to start again.';
  const target = complete ? returnAddress(success_url, id) : cancel_url;
  await sendPage(res, 'message', { title, message, link: target ? [target, 'Back to the seller'] : null });
}

async function pay(simulator: Simulator, req: Request<{ id: string }>, res: Response): Promise<void> {
  const session = getSession(simulator, req.params.id);
  const { object } = session;
  if (object.status !== 'open') return showClosed(res, object);
  const values: Fields = Object.fromEntries(formPairs(formText(req)));
  const delayed = object.payment_method_types.find((method) => method !== 'card' && method === values.method);
  const number = (values.card_number ?? '').replace(/[\s-]/g, '');
  const email = object.customer_email ?? values.email?.trim() ?? '';
  const errors = {
    ...(!isEmail(email) && { email: 'Enter your e-mail address.' }),
    ...(!delayed && cardErrors(simulator, number, values)),
  };
  if (Object.keys(errors).length > 0)
    return showForm(simulator, res, session, { values, errors, status: 422 });

  const payer: Payer = {
    method: delayed ?? 'card',
    last4: delayed ? '3000' : number.slice(-4),
    name: values.name?.trim() || null,
    email,
    threeDSecure: false,
  };
  if (delayed) {
    const outcome = values.bank_outcome === 'failure' ? 'failure' : 'success';
    const at = simulator.clock.seconds() + DELAYED_SECONDS;
    return goBack(simulator, res, session, beginDelayedPayment(simulator, session, payer, { at, outcome }));
  }
  const card = TEST_CARDS[number]!;
  if (card.challenge) {
    requireChallenge(simulator, session, payer);
    return res.redirect(303, `/c/pay/${session.id}/challenge`);
  }
  if (!card.decline) return goBack(simulator, res, session, completePayment(simulator, session, payer));
  declinePayment(simulator, session, payer, card.decline);
  return showForm(simulator, res, session, { values, failure: card.decline.message, status: 402 });
}

async function answerChallenge(
  simulator: Simulator,
  req: Request<{ id: string }>,
  res: Response,
): Promise<void> {
  const session = getSession(simulator, req.params.id);
  const intent = awaitsChallenge(simulator, session);
  if (!intent) return showForm(simulator, res, session);
  const { result } = Object.fromEntries(formPairs(formText(req)));
  const payer = { ...intent.payer, threeDSecure: true };
  if (result === 'complete')
    return goBack(simulator, res, session, completePayment(simulator, session, payer));
  declinePayment(simulator, session, payer, NOT_AUTHENTICATED);
  const values = { email: payer.email ?? '', name: payer.name ?? '' };
  return showForm(simulator, res, session, { values, failure: NOT_AUTHENTICATED.message, status: 402 });
}

function cardErrors({ clock }: Simulator, number: string, { exp = '', cvc = '' }: Fields): Fields {
  const [, month, year] = /^\s*(\d{2})\s*\/?\s*(?:20)?(\d{2})\s*$/.exec(exp) ?? [];
  const expires = Date.UTC(2000 + Number(year), Number(month));
  return {
    ...(!TEST_CARDS[number] && { card_number: 'Use one of the test cards below. Other numbers go nowhere.' }),
    ...(!(Number(month) >= 1 && Number(month) <= 12 && expires > clock.now()) && {
      exp: 'Enter a month and year to come, such as 12/34.',
    }),
    ...(!/^\d{3,4}$/.test(cvc.trim()) && { cvc: 'Enter three digits.' }),
  };
}

async function goBack(
  simulator: Simulator,
  res: Response,
  { object }: SimulatedSession,
  told: Promise<void>,
): Promise<void> {
  simulator.state.flush();
  await Promise.race([told, sleep(LONGEST_WAIT_MS, undefined, { ref: false })]);
  res.redirect(303, returnAddress(object.success_url, object.id) ?? '/');
}

function returnAddress(url: string | null, id: string): string | null {
  return url && url.replace(/(\{|%7B)CHECKOUT_SESSION_ID(\}|%7D)/gi, id);
}
