/** What keeps money and places from going back twice, and what happens where that is taken out. */
import { Client } from 'pg';
import { inTransaction } from '../../src/db/connection';
import { newId } from '../../src/lib/ids';
import { voidTickets } from '../../src/orders/inventory';
import { moveOrder } from '../../src/orders/move-order';
import { createOrdersStore } from '../../src/orders/orders-store';
import { quoteRefund } from '../../src/payments/refund';
import { createRefundsStore } from '../../src/payments/refunds-store';
import { markOf, requestAutomaticRefund, requestRefund } from '../../src/payments/request-refund';
import { type Market, openMarket } from '../support/market';

let market: Market;
let sale: Awaited<ReturnType<Market['eventOnSale']>>;
let userId: string;
beforeAll(async () => {
  market = await openMarket();
  sale = await market.eventOnSale();
  userId = (await market.db('users').where({ email: sale.email }).first('id')).id;
});
afterAll(() => market.close());

async function paidOrder() {
  const { url } = await market.buy(sale.slug, 2);
  await market.settle();
  return createOrdersStore(market.db).get((await market.orderOf(url)).id);
}

/** Four people with the same page open ask for €30.00 of €40.00 at the same moment, each with a form of their own. */
async function fourAtOnce() {
  const order = await paidOrder();
  const refunds = createRefundsStore(market.db);
  const payment = await refunds.readRefundable(order, (await refunds.findPayment(order.id))!);
  const choice = { scope: 'amount', amount: 3000n } as const;
  const quoted = quoteRefund(payment, choice, 'proportional');
  if (!('quote' in quoted)) throw new Error('no quote');
  const outcomes = await Promise.allSettled(
    [1, 2, 3, 4].map(() =>
      requestRefund(market.testApp.dependencies, {
        orderId: order.id,
        choice,
        by: { as: 'organizer', userId },
        reason: '',
        formKey: newId(),
        seen: markOf(quoted.quote),
      }),
    ),
  );
  return {
    asked: (await refunds.listOfOrder(order.id)).length,
    refused: outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value.state === 'refused')
      .length,
    stopped: outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason.constraint] : [],
    ),
  };
}

/** Statements go out changed, as if they had been written without a guard. */
async function without<T>(guard: (sql: string) => string, work: () => Promise<T>): Promise<T> {
  const send = Client.prototype.query as (...args: unknown[]) => unknown;
  const careless = jest.spyOn(Client.prototype, 'query').mockImplementation(function (
    this: Client,
    ...args: unknown[]
  ) {
    const [query, ...others] = args as [{ text?: string } | undefined];
    const text = query?.text && guard(query.text);
    // a name stands for the text that it was given first
    const changed = text === query?.text ? query : { ...query, text, name: undefined };
    return send.call(this, changed, ...others) as never;
  });
  try {
    return await work();
  } finally {
    careless.mockRestore();
  }
}
const noOrderLock = (sql: string) => (sql.includes('from "orders"') ? sql.replace(/ for update$/i, '') : sql);

test('four refunds at once of one order: one is asked for, three are told how much is left', async () => {
  expect(await fourAtOnce()).toEqual({ asked: 1, refused: 3, stopped: [] });
});

test('twin: without the order’s lock the database still refuses; without that too, more is asked for than was paid', async () => {
  const walled = await without(noOrderLock, fourAtOnce);
  expect(walled.asked).toBe(1);
  expect(walled.stopped).toContain('refunds_fit_the_payment');
  await market.db.raw('ALTER TABLE refunds DISABLE TRIGGER refunds_fit_the_payment_when_made');
  try {
    expect((await without(noOrderLock, fourAtOnce)).asked).toBeGreaterThan(1);
  } finally {
    await market.db.raw('ALTER TABLE refunds ENABLE TRIGGER refunds_fit_the_payment_when_made');
  }
});

/** The same refund is said twice. */
async function voidTwice() {
  const { id } = await paidOrder();
  const before = (await market.db('events').where({ id: sale.id }).first('sold')).sold;
  const once = () =>
    inTransaction(market.db, async (trx) =>
      voidTickets(trx, await createOrdersStore(trx).lock(id), { all: true }),
    );
  const counts = [await once(), await once()];
  return { counts, places: before - (await market.db('events').where({ id: sale.id }).first('sold')).sold };
}

test('places come back once, however often it is said', async () => {
  expect(await voidTwice()).toEqual({ counts: [2, 0], places: 2 });
});

test('giving all of a payment back takes in what somebody asked for and what has stopped', async () => {
  const order = await paidOrder();
  const refunds = createRefundsStore(market.db);
  const payment = (await refunds.findPayment(order.id))!;
  const readable = await refunds.readRefundable(order, payment);
  const quoted = quoteRefund(readable, { scope: 'order' }, 'proportional');
  if (!('quote' in quoted)) throw new Error('no quote');
  const asked = await requestRefund(market.testApp.dependencies, {
    orderId: order.id,
    choice: { scope: 'order' },
    by: { as: 'organizer', userId },
    reason: '',
    formKey: newId(),
    seen: markOf(quoted.quote),
  });
  expect(asked.state).toBe('requested');
  await market.db('refunds').where({ order_id: order.id }).update({ status: 'needs_attention' });
  const giveBack = () =>
    inTransaction(market.db, (trx) => requestAutomaticRefund(trx, order, payment, 'late_payment'));
  expect([await giveBack(), await giveBack()]).toEqual([true, true]);
  const amounts = (await refunds.listOfOrder(order.id)).map(({ origin, status, amount }) => [
    origin,
    status,
    amount,
  ]);
  expect(amounts).toEqual([
    ['request', 'failed', 4000n],
    ['late_payment', 'requested', 4000n],
  ]);
});

test('an order that was refunded, and that a person accepts after all, takes all of its places again', async () => {
  const { id } = await paidOrder();
  const sold = async () => (await market.db('events').where({ id: sale.id }).first('sold')).sold as number;
  const before = await sold();
  await inTransaction(market.db, async (trx) => {
    const order = await createOrdersStore(trx).lock(id);
    await voidTickets(trx, order, { all: true });
    await moveOrder(trx, order, 'refunded', { actor: 'stripe', reason: 'refunded' });
    await moveOrder(trx, order, 'needs_attention', { actor: 'stripe', reason: 'it came back' });
  });
  expect(await sold()).toBe(before - 2);
  await inTransaction(market.db, async (trx) => {
    const order = await createOrdersStore(trx).lock(id);
    expect(await moveOrder(trx, order, 'paid', { actor: 'admin', reason: 'accepted' })).toBe(true);
  });
  expect(await sold()).toBe(before);
  expect(await market.db('order_lines').where({ order_id: id }).first()).toMatchObject({
    refunded_quantity: 0,
  });
});

test('twin: without the condition on the ticket only the CHECK keeps the places from coming back again', async () => {
  const careless = (sql: string) =>
    sql.startsWith('update "tickets"') ? sql.replace('"status" = $3', "$3::text = 'valid'") : sql;
  await expect(without(careless, voidTwice)).rejects.toMatchObject({
    constraint: 'order_lines_refunded_is_sane',
  });
});
