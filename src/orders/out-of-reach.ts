/**
 * Orders whose account Foyer can't reach any more, because its connection has ended: a payment that is still with a bank
 * is shown to a person, and when the same account is connected again Stripe is asked anew (promises 2 and 3).
 */
import { type Knex } from 'knex';
import { findSessionOf } from '../checkout/send-attempt';
import { inTransaction } from '../db/connection';
import { type PaymentAttempt } from './order';
import { moveOrder } from './move-order';
import { createOrdersStore } from './orders-store';
import { ACCOUNT_UNREACHABLE, applySession, type SettleDependencies } from './settle-order';

/** A living connection of the order's account; one that lost its access may have it again tomorrow. */
const LIVING_CONNECTION = `SELECT 1 FROM stripe_connections living
  WHERE living.stripe_user_id = orders.stripe_account_id AND living.livemode = orders.livemode
    AND living.status IN ('active', 'disconnecting')`;

/** Payments that are with a bank, on accounts that nobody has connected any more. */
export async function listPaymentsOutOfReach(db: Knex): Promise<string[]> {
  const rows = await db('orders')
    .where({ status: 'processing' })
    .whereNotNull('stripe_account_id')
    .whereRaw(`NOT EXISTS (${LIVING_CONNECTION})`)
    .limit(100)
    .select('id');
  return rows.map((row) => row.id);
}

/** The tickets stay held: whether the money comes, only the account's owner can see. */
export async function flagOutOfReach({ db }: Pick<SettleDependencies, 'db'>, orderId: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    const order = await createOrdersStore(trx).lock(orderId);
    if (order.status !== 'processing') return;
    await moveOrder(
      trx,
      order,
      'needs_attention',
      {
        actor: 'system',
        reason: 'the connection ended while the payment was with a bank',
        details: { account: order.stripeAccountId },
      },
      { statusDetail: ACCOUNT_UNREACHABLE },
    );
  });
}

/** Orders that were given up as out of reach before their account was connected again. */
export async function listOrdersToAskAgain(db: Knex): Promise<string[]> {
  const rows = await db('orders')
    .where({ status: 'needs_attention', status_detail: ACCOUNT_UNREACHABLE })
    .whereRaw(
      `EXISTS (${LIVING_CONNECTION} AND living.status_detail IS NULL AND living.connected_at > orders.updated_at)`,
    )
    .orderBy('updated_at')
    .limit(100)
    .select('id');
  return rows.map((row) => row.id);
}

/** Asks Stripe about every attempt of such an order. Throws StripeFailure when Stripe can't say: it is asked again. */
export async function askAgain(dependencies: SettleDependencies, orderId: string): Promise<void> {
  const { db } = dependencies;
  const attempts = (await db('payment_attempts').where({ order_id: orderId }).orderBy('n').select('id')) as {
    id: string;
  }[];
  let dead = true;
  for (const { id } of attempts) {
    const attempt = await createOrdersStore(db).getAttempt(id);
    if (attempt.status === 'refused') continue;
    const session = await findSession(dependencies, attempt);
    if (!session) continue;
    if (!attempt.checkoutSessionId)
      await createOrdersStore(db).updateAttempt(id, { checkout_session_id: session.id });
    await applySession(dependencies, id, session);
    if (session.status === 'complete') dead = false;
  }
  await inTransaction(db, async (trx) => {
    const order = await createOrdersStore(trx).lock(orderId);
    if (order.status !== 'needs_attention' || order.statusDetail !== ACCOUNT_UNREACHABLE) return;
    const cause = {
      actor: 'stripe' as const,
      reason: 'the account is back, and nothing was paid',
      details: { account: order.stripeAccountId },
    };
    if (dead) await moveOrder(trx, order, 'expired', cause, { statusDetail: 'hold_over' });
    // asked once for each time that the account comes back
    else await trx('orders').where({ id: orderId }).update({ updated_at: trx.fn.now() });
  });
}

/** The session of an attempt as it is now, ended first where a buyer could still pay; null where there is none. */
async function findSession(dependencies: SettleDependencies, attempt: PaymentAttempt) {
  const { stripe } = dependencies;
  const call = { account: attempt.stripeAccountId, livemode: attempt.livemode };
  const session = attempt.checkoutSessionId
    ? await stripe.retrieveCheckoutSession({ ...call, id: attempt.checkoutSessionId })
    : await findSessionOf(dependencies, attempt);
  return session?.status === 'open' ? stripe.expireCheckoutSession({ ...call, id: session.id }) : session;
}
