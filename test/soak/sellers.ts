/** What organizers, admins and Stripe's Dashboard do meanwhile: give money back, cancel events, end connections. */
import { signIn } from '../faults/rig/people';
import { type Sale } from '../faults/rig/sales';
import { pause } from '../support/built-app';
import { type Random } from './random';
import { type Stage } from './stage';

const TROUBLED_MS: [number, number] = [800, 2500];

/** Holds that nobody comes back to run out: the clock of a few orders is put forward. */
export async function letHoldsRunOut({ world, over }: Stage, random: Random): Promise<void> {
  while (!over()) {
    await pause(random.whole(300, 900));
    const minutes = random.whole(2, 20);
    const orders = await world
      .db('orders')
      .where({ inventory: 'held' })
      .orderByRaw('random()')
      .limit(random.whole(1, 8))
      .select('id')
      .catch(() => []);
    for (const { id } of orders) await age(world.db, id, minutes).catch(() => 'somebody has it');
  }
}

async function age(db: Stage['world']['db'], orderId: string, minutes: number): Promise<void> {
  const back = (columns: string[]) =>
    Object.fromEntries(
      columns.map((column) => [column, db.raw('?? - make_interval(mins => ?)', [column, minutes])]),
    );
  await db('orders')
    .where({ id: orderId })
    .update(back(['hold_expires_at', 'created_at', 'opened_at']));
  await db('payment_attempts')
    .where({ order_id: orderId })
    .update(back(['created_at', 'last_sent_at', 'answered_at', 'checked_at']));
}

/** Somebody gives money back in Stripe's Dashboard. */
export async function refundAtStripe({ world, over, note }: Stage, random: Random): Promise<void> {
  while (!over()) {
    await pause(random.whole(...TROUBLED_MS));
    const paid = await world
      .db('payment_attempts')
      .join('orders', 'orders.id', 'payment_attempts.order_id')
      .where({ 'orders.status': 'paid', 'payment_attempts.status': 'paid' })
      .orderByRaw('random()')
      .first('payment_intent_id', 'payment_attempts.stripe_account_id', 'amount')
      .catch(() => undefined);
    if (!paid) continue;
    const form: Record<string, string> = { payment_intent: paid.payment_intent_id };
    if (random.chance(0.4)) form['amount'] = String(random.whole(1, Number(paid.amount)));
    await world
      .stripeApi('POST', '/refunds', paid.stripe_account_id, form)
      .catch(() => 'Stripe had a fault to play');
    note('refundAtStripe');
  }
}

/** An organizer refunds at the desk: an order, one of its tickets, or an amount; twice pressed now and then. */
export async function refundAtDesk({ world, sales, over, note }: Stage, random: Random): Promise<void> {
  const desks = new Map<string, Organizer>();
  while (!over()) {
    await pause(random.whole(...TROUBLED_MS));
    const sale = random.pick(sales);
    const order = await world
      .db('orders')
      .where({ event_id: sale.id })
      .whereIn('status', ['paid', 'partially_refunded'])
      .where('total_amount', '>', 0)
      .orderByRaw('random()')
      .first('id')
      .catch(() => undefined);
    if (!order) continue;
    try {
      const organizer = desks.get(sale.organizerId) ?? (await signIn(world, sale.organizerId));
      desks.set(sale.organizerId, organizer);
      const choice = random.pick(['scope=order', 'scope=tickets&ticket.1=on', 'scope=amount&amount=1.00']);
      const preview = await organizer.open(
        `${world.url}/organizer/orders/${order.id}/refunds/preview?${choice}`,
      );
      const press = () => organizer.submit(preview, {}, { action: /\/refunds$/ });
      await Promise.all(random.chance(0.3) ? [press(), press()] : [press()]);
      note('refundAtDesk');
    } catch {
      note('refundAtDesk was not possible');
    }
  }
}

/** A cardholder goes to their bank, which decides one way or the other. */
export async function disputeNowAndThen({ world, over, note }: Stage, random: Random): Promise<void> {
  while (!over()) {
    await pause(random.whole(3000, 9000));
    const paid = await world
      .db('payment_attempts')
      .where({ status: 'paid' })
      .orderByRaw('random()')
      .first('payment_intent_id')
      .catch(() => undefined);
    if (!paid) continue;
    const dispute = (await world
      .control('POST', '/disputes', { payment_intent: paid.payment_intent_id, reason: 'fraudulent' })
      .catch(() => null)) as { id: string } | null;
    if (!dispute) continue; // it was refunded or disputed before
    note('dispute');
    await pause(random.whole(200, 2000));
    await world
      .control('POST', `/disputes/${dispute.id}`, { status: random.pick(['won', 'lost']) })
      .catch(() => 'its account is gone');
  }
}

/** A house that comes and goes: it sells, and then its event is cancelled, or its connection is ended by either side. */
export async function comeAndGo(stage: Stage, random: Random): Promise<void> {
  const { world, sales, over, note } = stage;
  while (!over()) {
    const sale = await world.sales.open({ places: [random.whole(5, 40)] });
    sales.push(sale);
    const organizer = await signIn(world, sale.organizerId).catch(() => null);
    await pause(random.whole(2500, 6000));
    const end = random.pick([cancelEvent, disconnect, revokeAtStripe]);
    if (!over() && organizer) {
      note(end.name);
      await end(stage, sale, organizer).catch(() => note(`${end.name} was cut`));
    }
    await pause(random.whole(500, 2000));
    sales.splice(sales.indexOf(sale), 1);
  }
}

type Organizer = Awaited<ReturnType<typeof signIn>>;

async function cancelEvent({ world }: Stage, sale: Sale, organizer: Organizer): Promise<void> {
  const page = await organizer.open(`${world.url}/organizer/events/${sale.id}/cancellation`);
  await organizer.submit(page, { reason: 'The hall has no roof any more.' }, { action: /cancellation/ });
  const refunds = await organizer.open(`${world.url}/organizer/events/${sale.id}/refunds`);
  await organizer.submit(refunds, {}, { action: /\/refunds$/ });
}

async function disconnect({ world }: Stage, sale: Sale, organizer: Organizer): Promise<void> {
  const page = await organizer.open(`${world.url}/stripe/connections/${sale.connectionId}/disconnection`);
  await organizer.submit(page, {}, { action: /disconnection/ });
}

async function revokeAtStripe({ world }: Stage, sale: Sale): Promise<void> {
  await world.control('POST', `/accounts/${sale.account}/revoke`);
}
