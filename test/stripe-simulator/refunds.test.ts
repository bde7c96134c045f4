import type Stripe from 'stripe';
import { type Harness, startHarness } from './harness';

let harness: Harness;
let account: string;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());
beforeEach(async () => {
  account = await harness.connectedAccount();
  harness.received.length = 0;
});

async function payment(fee: number | undefined = 225): Promise<string> {
  const session = await harness.stripe.checkout.sessions.create(
    {
      mode: 'payment',
      line_items: [
        { price_data: { currency: 'eur', unit_amount: 4500, product_data: { name: 'Seat' } }, quantity: 1 },
      ],
      ...(fee ? { payment_intent_data: { application_fee_amount: fee } } : {}),
      success_url: 'http://localhost:3000/',
    },
    { stripeAccount: account },
  );
  const paid = await harness.control<{ payment_intent: string }>(`/sessions/${session.id}/pay`, {
    outcome: 'success',
  });
  return paid.payment_intent;
}
function refund(
  payment_intent: string,
  params: Stripe.RefundCreateParams = {},
  options: Stripe.RequestOptions = {},
) {
  return harness.stripe.refunds.create({ payment_intent, ...params }, { stripeAccount: account, ...options });
}
async function ledger() {
  const all = await harness.control<{
    accounts: Record<string, { balance: object[] }>;
    platform: { application_fees: Stripe.ApplicationFee[] };
  }>('/ledger');
  const fee = all.platform.application_fees.find((one) => one.account === account);
  return { balance: all.accounts[account]!.balance[0], feeRefunded: fee?.amount_refunded };
}

describe('refunds', () => {
  it('give back all of a payment with its fee', async () => {
    const intent = await payment();
    const made = await refund(intent, {
      refund_application_fee: true,
      reason: 'requested_by_customer',
      metadata: { order: 'o1' },
    });
    expect(made).toMatchObject({
      object: 'refund',
      amount: 4500,
      status: 'succeeded',
      payment_intent: intent,
      metadata: { order: 'o1' },
    });
    expect(await ledger()).toEqual({
      balance: { currency: 'eur', gross: 4500, refunds: 4500, application_fees: 0, net: 0 },
      feeRefunded: 225,
    });
    const event = await harness.event('charge.refunded');
    expect(event).toMatchObject({
      account,
      data: { object: { id: made.charge, amount_refunded: 4500, refunded: true } },
    });
    expect(event.request?.id).toBe(made.lastResponse.requestId);
    expect((await harness.event('refund.created')).data.object).toMatchObject({ id: made.id });
  });

  it('leave the fee with the platform unless it gives it back', async () => {
    await refund(await payment());
    expect(await ledger()).toMatchObject({
      balance: { refunds: 4500, application_fees: 225, net: -225 },
      feeRefunded: 0,
    });
  });

  it('give back parts, with a share of the fee, up to what was paid', async () => {
    const intent = await payment();
    await refund(intent, { amount: 1000, refund_application_fee: true });
    await refund(intent, { amount: 2000, refund_application_fee: true });
    expect(await ledger()).toMatchObject({
      balance: { refunds: 3000, application_fees: 75 },
      feeRefunded: 150,
    });
    await expect(refund(intent, { amount: 1501 })).rejects.toMatchObject({
      statusCode: 400,
      param: 'amount',
      message: 'Refund amount (€15.01) is greater than unrefunded amount on charge (€15.00)',
    });
    await refund(intent);
    await expect(refund(intent)).rejects.toMatchObject({ statusCode: 400, code: 'charge_already_refunded' });
    const list = await harness.stripe.refunds.list({ payment_intent: intent }, { stripeAccount: account });
    expect(list.data.map(({ amount }) => amount)).toEqual([1500, 2000, 1000]);
    const charge = await harness.stripe.charges.retrieve(
      list.data[0]!.charge as string,
      { expand: ['refunds'] },
      { stripeAccount: account },
    );
    expect(charge).toMatchObject({ amount_refunded: 4500, refunded: true });
    expect(charge.refunds?.data).toHaveLength(3);
  });

  it('refuse to give back a fee that was never taken', async () => {
    await expect(refund(await payment(0), { refund_application_fee: true })).rejects.toMatchObject({
      statusCode: 400,
      message: expect.stringMatching(
        /^Attempting to refund_application_fee on ch_\w+, but it has no application fee$/,
      ),
    });
  });

  it.each([
    [
      'a payment of another account',
      { payment_intent: 'pi_other' },
      { statusCode: 404, code: 'resource_missing' },
    ],
    ['an amount of zero', { amount: 0 }, { statusCode: 400, code: 'parameter_invalid_integer' }],
    ['an unknown reason', { reason: 'changed_mind' }, { statusCode: 400, param: 'reason' }],
    ['an unknown parameter', { refund_fee: true }, { statusCode: 400, code: 'parameter_unknown' }],
  ])('refuse %s', async (_what, params, expected) => {
    await expect(refund(await payment(), params as Stripe.RefundCreateParams)).rejects.toMatchObject(
      expected,
    );
    expect(await ledger()).toMatchObject({ balance: { refunds: 0 } });
  });

  it('refuse when the account has no money left, and do nothing then', async () => {
    const intent = await payment();
    await harness.control(`/accounts/${account}`, { insufficient_balance: true });
    await expect(refund(intent)).rejects.toMatchObject({ statusCode: 400, code: 'balance_insufficient' });
    await harness.control(`/accounts/${account}`, { insufficient_balance: false });
    await refund(intent);
    expect(await ledger()).toMatchObject({ balance: { refunds: 4500 } });
  });

  it('can not be made once the connection has ended', async () => {
    const intent = await payment();
    await harness.control(`/accounts/${account}/revoke`, {});
    await expect(refund(intent)).rejects.toMatchObject({ statusCode: 403, code: 'account_invalid' });
  });

  it('can fail later, and then the money is back on the account', async () => {
    const intent = await payment();
    const made = await refund(intent, { amount: 1000 });
    await harness.control(`/refunds/${made.id}`, { status: 'failed' });
    expect((await harness.event('refund.updated')).data).toMatchObject({
      object: { id: made.id, status: 'failed', failure_reason: expect.any(String) },
      previous_attributes: { status: 'succeeded' },
    });
    expect(await ledger()).toMatchObject({ balance: { refunds: 0, net: 4275 } });
    await refund(intent);
  });
});

describe('the dashboard of an account', () => {
  it('shows a payment, and its owner can refund it there', async () => {
    const intent = await payment();
    const address = `/dashboard/${account}`;
    const page = await (await fetch(harness.url + address)).text();
    expect(page).toContain('€45.00');
    expect(page).toContain(intent);
    const charge = /name="charge" value="(\w+)"/.exec(page)![1]!;
    expect((await harness.post(`${address}/refunds`, { charge })).status).toBe(303);
    const event = await harness.event('charge.refunded');
    expect(event).toMatchObject({
      account,
      request: { id: null },
      data: { object: { amount_refunded: 4500 } },
    });
    expect(await (await fetch(harness.url + address)).text()).toContain('Refunded');
    expect((await harness.post(`${address}/refunds`, { charge })).status).toBe(400);
  });

  it('switches charges off and on', async () => {
    await harness.post(`/dashboard/${account}/charges`, {});
    expect(await harness.stripe.accounts.retrieve(account)).toMatchObject({ charges_enabled: false });
    await harness.post(`/dashboard/${account}/charges`, {});
    expect(await harness.stripe.accounts.retrieve(account)).toMatchObject({
      charges_enabled: true,
      requirements: { currently_due: [] },
    });
  });

  it('shows the connected application and revokes it', async () => {
    const address = `/dashboard/${account}/applications`;
    const page = await (await fetch(harness.url + address)).text();
    expect(page).toContain('read_write');
    await harness.post(`${address}/revoke`, {});
    expect((await harness.event('account.application.deauthorized')).account).toBe(account);
    expect(await (await fetch(harness.url + address)).text()).toContain('No application is connected');
    await expect(harness.stripe.accounts.retrieve(account)).rejects.toMatchObject({
      code: 'account_invalid',
    });
  });

  it('does not know other accounts', async () => {
    expect((await fetch(`${harness.url}/dashboard/acct_unknown`)).status).toBe(404);
  });
});
