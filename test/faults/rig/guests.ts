/** Buyers without a browser: they ask, and each comes from an address of its own. */
import { type Answer, ask } from './ask';
import { type Sale } from './sales';
import { until, type World } from './world';

let guests = 0;

export interface Guest {
  email: string;
  headers: Record<string, string>;
}

export function newGuest(): Guest {
  guests += 1;
  const address = `10.${(guests >> 16) & 255}.${(guests >> 8) & 255}.${guests & 255}`;
  return { email: `guest${guests}@buyers.example`, headers: { 'X-Forwarded-For': address } };
}

export interface GuestOrder {
  guest: Guest;
  id: string;
  url: string;
}

/** Chooses tickets; at another address than the load balancer's on demand. */
export function choose(
  world: World,
  sale: Sale,
  options: { quantities?: number[]; at?: string; guest?: Guest } = {},
): Promise<Answer> {
  const quantities = options.quantities ?? [1];
  const form = Object.fromEntries(
    quantities.map((n, index) => [`quantity.${sale.typeIds[index]}`, String(n)]),
  );
  const guest = options.guest ?? newGuest();
  return ask('POST', `${options.at ?? world.url}/events/${sale.slug}/orders`, {
    form,
    headers: guest.headers,
  });
}

/** Holds tickets; throws where that did not succeed. */
export async function hold(
  world: World,
  sale: Sale,
  options: { quantities?: number[]; at?: string } = {},
): Promise<GuestOrder> {
  const guest = newGuest();
  const answer = await choose(world, sale, { ...options, guest });
  if (answer.status !== 303)
    throw new Error(`Nothing was held (${answer.status}): ${answer.text.slice(0, 300)}`);
  const url = new URL(answer.location!, options.at ?? world.url).href;
  return { guest, url, id: world.orderTokens.verify(/\/orders\/([^/?]+)/.exec(url)![1])! };
}

/** Gives details: the payment is begun. */
export function giveDetails(order: GuestOrder): Promise<Answer> {
  return ask('POST', `${order.url}/payment`, {
    form: { name: 'Charles', email: order.guest.email },
    headers: order.guest.headers,
  });
}

/** Pays at Stripe, as its page would. */
export async function payAtStripe(
  world: World,
  orderId: string,
  options: Record<string, unknown> = {},
): Promise<void> {
  let session: string | null = null;
  await until(async () => {
    const attempt = await world
      .db('payment_attempts')
      .where({ order_id: orderId })
      .whereNotNull('checkout_session_id')
      .orderBy('n', 'desc')
      .first('checkout_session_id');
    session = attempt?.checkout_session_id ?? null;
    return session !== null;
  }, 'there is a session to be paid');
  await world.control('POST', `/sessions/${session}/pay`, options);
}

/** A whole order, from the choice until Foyer knows that it is paid. */
export async function buy(world: World, sale: Sale, quantities?: number[]): Promise<GuestOrder> {
  const order = await hold(world, sale, { quantities });
  await giveDetails(order);
  await untilStatus(world, order.id, 'awaiting_payment');
  await payAtStripe(world, order.id);
  await untilStatus(world, order.id, 'paid');
  return order;
}

export async function untilStatus(
  world: World,
  orderId: string,
  status: string,
  seconds = 15,
): Promise<void> {
  let seen = '';
  await until(
    async () => {
      seen = (await world.db('orders').where({ id: orderId }).first('status')).status;
      return seen === status;
    },
    `the order is ${status}`,
    world.started.at(-1)?.app,
    seconds,
  ).catch((error: Error) => {
    throw new Error(`It is ${seen}. ${error.message}`);
  });
}

/**
 * Ours ends while the session at Stripe stays payable, as after a mistake, an override or a hand in the database. What is
 * paid from now on is late.
 */
export async function endHere({ db }: World, orderId: string): Promise<void> {
  await db.transaction(async (trx) => {
    const order = await trx('orders').where({ id: orderId }).first();
    await trx('payment_attempts').where({ order_id: orderId }).update({ status: 'expired' });
    const lines = await trx('order_lines').where({ order_id: orderId });
    for (const line of lines) {
      await trx('ticket_types').where({ id: line.ticket_type_id }).decrement('held', line.quantity);
      await trx('events').where({ id: order.event_id }).decrement('held', line.quantity);
    }
    await trx('orders').where({ id: orderId }).update({ status: 'expired', inventory: 'none' });
    await trx('order_timeline').insert({
      order_id: orderId,
      from_status: order.status,
      to_status: 'expired',
      actor: 'system',
      reason: 'ended by the test',
    });
  });
}
