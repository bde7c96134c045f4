/** All of it together: the extension’s views, signed as Stripe signs, Foyer’s consent in a browser, and the simulator’s Secret Store. */
import { getMockContextProps } from '@stripe/ui-extension-sdk/testing';
import { Banner, ContextView, SettingsView, SignInView, Spinner } from '@stripe/ui-extension-sdk/ui';
import FoyerSettings from '../../src/stripe-app/extension/views/FoyerSettings';
import PaymentOrder from '../../src/stripe-app/extension/views/PaymentOrder';
import { type Market, openMarket } from '../support/market';
import { openDashboard, signatureOf } from './dashboard';
import { atDashboard, leave, press, shown, until, wordsOf } from './shown-views';

let market: Market;

beforeAll(async () => {
  market = await openMarket();
}, 60_000);
afterEach(leave);
afterAll(() => market.close());

test('sign in, see the order of a payment, sign out', async () => {
  const sale = await market.eventOnSale();
  await market.control('POST', `/accounts/${sale.account}/install`);
  const bought = await market.buy(sale.slug);
  await market.settle();
  const order = await market.orderOf(bought.url);
  const { payment_intent_id: payment } = await market
    .db('payment_attempts')
    .where({ order_id: order.id })
    .first();
  const dashboard = openDashboard(market.baseUrl, sale.account);
  let sign = () => signatureOf(dashboard.signed);
  atDashboard(() => sign());
  const contextAt = (object: { id: string; object: string } | null) => {
    const context = getMockContextProps();
    const { user_id: id, account_id } = dashboard.identity;
    return {
      ...context,
      userContext: {
        ...context.userContext,
        id,
        account: { ...context.userContext.account, id: account_id },
      },
      environment: {
        ...context.environment,
        mode: 'test' as const,
        constants: { foyer_url: market.baseUrl },
        objectContext: object,
      },
    };
  };
  const at = (id: string) => <PaymentOrder {...contextAt({ id, object: 'payment_intent' })} />;

  const page = await shown(at(payment));
  await until(page, () => page.wrapper.find(SignInView) !== null);
  const action = page.wrapper.find(SignInView)!.prop('primaryAction')!;
  expect(action.href).toMatch(new RegExp(`^${market.baseUrl}/oauth/authorize\\?.*state=`));
  const { browser } = sale;
  const consent = await browser.open(action.href!);
  const leadingBack = await browser.submit(consent, { allowed: 'true' }, { action: /oauth\/authorize/ });
  expect((await browser.followRefresh(leadingBack)).text).toContain('You are signed in');
  press(page.wrapper.find(SignInView)!.instance, 'I have signed in');
  await until(page, () => page.wrapper.find(ContextView)?.prop('title') === `Order ${order.reference}`);
  const words = wordsOf(page.wrapper.find(ContextView)!.instance);
  for (const text of ['Charles', 'charles@example.com', '€40.00', 'An Evening with the Engine'])
    expect(words).toContain(text);
  await leave();

  const elsewhere = await shown(at('pi_ofSomebodyElse'));
  await until(elsewhere, () => elsewhere.wrapper.find(Spinner) === null);
  expect(elsewhere.wrapper).toContainText('This payment is not one of Foyer’s orders');
  await leave();

  sign = () => signatureOf(dashboard.signed, ['absec_ofAnotherApp']);
  const forged = await shown(at(payment));
  await until(forged, () => forged.wrapper.find(Banner) !== null);
  expect(forged.wrapper.find(Banner)!.prop('description')).toEqual(
    (await dashboard.ask('/api/oauth/userinfo', { signature: sign() })).body.error.message,
  );
  await leave();
  sign = () => signatureOf(dashboard.signed);

  const settings = await shown(<FoyerSettings {...contextAt(null)} />);
  await until(settings, () => settings.wrapper.find(Spinner) === null);
  const view = () => settings.wrapper.find(SettingsView)!.instance;
  expect(wordsOf(view())).toContain(`Ada (${sale.email})`);
  press(view(), 'Sign out of Foyer');
  await until(settings, () => settings.wrapper.find(SignInView) !== null);
  expect((await dashboard.userinfo()).status).toBe(401);
});
