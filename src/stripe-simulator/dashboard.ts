/** What an account's owner sees and does at Stripe: payments, refunds, whether charges are possible, connected applications. */
import { type Router } from 'express';
import type Stripe from 'stripe';
import { parseMoney } from '../lib/money';
import { getAccount, nameOf, revoke, updateAccount } from './accounts';
import { formText } from './api';
import { readAppView, signOutOfApp } from './app-view';
import { totalsOf } from './balances';
import { type Simulator } from './context';
import { moveDispute, openDispute } from './disputes';
import { sendPage } from './pages';
import { installOf } from './installs';
import { noSuch, refused } from './refusal';
import { refundCharge } from './refunds';

const SHOWN_PAYMENTS = 200;

export function dashboardRoutes(simulator: Simulator, router: Router): void {
  const { state, options, platformAccount } = simulator;
  const platform = options.platform.name;

  router.get('/', async (_req, res) => {
    const accounts = state
      .all('accounts')
      .reverse()
      .map((account) => ({
        id: account.id,
        name: nameOf(account),
        email: account.object.email,
        chargesEnabled: account.object.charges_enabled,
        connected: state.get('connections', account.id) !== undefined,
        totals: totalsOf(simulator, account.id),
      }));
    await sendPage(res, 'accounts', {
      title: 'Simulated accounts',
      accounts,
      platform,
      fees: totalsOf(simulator, platformAccount),
    });
  });

  router.get('/dashboard/:id', async (req, res) => {
    const account = getAccount(simulator, req.params.id);
    const charges = state
      .listFor('charges', account.id)
      .slice(0, SHOWN_PAYMENTS)
      .map(({ object }) => object);
    const totals = totalsOf(simulator, account.id);
    await sendPage(res, 'dashboard', {
      title: nameOf(account),
      account: account.object,
      charges,
      disputeOf: Object.fromEntries(
        state.listFor('disputes', account.id).map(({ object }) => [object.charge as string, object]),
      ),
      totals,
      platform,
    });
  });
  router.get('/dashboard/:id/payments/:payment', async (req, res) => {
    const account = getAccount(simulator, req.params.id);
    const charge = chargeOfPayment(account.id, req.params.payment);
    await sendPage(res, 'payment', {
      title: `Payment of ${nameOf(account)}`,
      name: nameOf(account),
      account: account.object,
      charge,
      platform,
      app: await readAppView(simulator, account.id, req.params.payment),
    });
  });
  router.post('/dashboard/:id/payments/:payment/sign-out', async (req, res) => {
    const account = getAccount(simulator, req.params.id);
    chargeOfPayment(account.id, req.params.payment);
    if (!(await signOutOfApp(simulator, account.id)))
      throw refused('The app’s backend did not sign you out. Go back and try again.', { status: 502 });
    res.redirect(303, `/dashboard/${account.id}/payments/${req.params.payment}`);
  });
  router.post('/dashboard/:id/refunds', (req, res) => {
    const form = new URLSearchParams(formText(req));
    const charge = state.get('charges', form.get('charge'));
    if (charge?.account !== req.params.id) throw noSuch('charge', '');
    refundCharge(simulator, charge.object, {
      amount: readAmount(form.get('amount'), charge.object.currency),
    });
    res.redirect(303, `/dashboard/${req.params.id}`);
  });
  router.post('/dashboard/:id/disputes', (req, res) => {
    const form = new URLSearchParams(formText(req));
    const charge = state.get('charges', form.get('charge'));
    const dispute = state.get('disputes', form.get('dispute'));
    if (charge?.account === req.params.id)
      openDispute(simulator, charge.object, { reason: 'fraudulent', inquiry: form.get('inquiry') });
    else if (dispute?.account === req.params.id) moveDispute(simulator, dispute.id, form.get('status') ?? '');
    else throw noSuch('charge', '');
    res.redirect(303, `/dashboard/${req.params.id}`);
  });
  router.post('/dashboard/:id/charges', (req, res) => {
    const account = getAccount(simulator, req.params.id);
    updateAccount(simulator, account, { charges_enabled: !account.object.charges_enabled });
    res.redirect(303, `/dashboard/${account.id}`);
  });

  router.get('/dashboard/:id/applications', async (req, res) => {
    const account = getAccount(simulator, req.params.id);
    const connection = state.get('connections', account.id) ?? null;
    await sendPage(res, 'applications', {
      title: 'Connected applications',
      account: account.object,
      name: nameOf(account),
      connection,
      install: installOf(simulator, account.id) ?? null,
      platform,
    });
  });
  router.post('/dashboard/:id/applications/revoke', (req, res) => {
    revoke(simulator, getAccount(simulator, req.params.id).id);
    res.redirect(303, `/dashboard/${req.params.id}/applications`);
  });

  /** The charge that a payment stands on: the one that was paid, else the last try. */
  function chargeOfPayment(account: string, payment: string): Stripe.Charge {
    const charges = state
      .listFor('charges', account)
      .filter(({ object }) => object.payment_intent === payment);
    const found = charges.find(({ object }) => object.paid) ?? charges[0];
    if (!found) throw noSuch('payment', payment);
    return found.object;
  }
}

/** A part of a payment as its owner types it; empty is all that is left. */
function readAmount(text: string | null, currency: string): number | undefined {
  if (!text) return undefined;
  const read = parseMoney(text, currency);
  if ('problem' in read || read.amount === 0n) throw refused(`Invalid amount: ${text}`, { param: 'amount' });
  return Number(read.amount);
}
