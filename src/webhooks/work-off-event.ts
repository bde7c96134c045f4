/**
 * What an event makes us do. An event is a hint that something happened, never the truth: handlers fetch what they act
 * on. All of them may run twice and in any order.
 */
import { refreshConnection } from '../connect/account-health';
import { createConnectionsStore } from '../connect/connections-store';
import { endRevokedConnection } from '../connect/revoked-at-stripe';
import { adoptUnanswered } from '../checkout/adopt-session';
import { type Dependencies } from '../dependencies';
import { isUuid } from '../lib/ids';
import { type PaymentAttempt } from '../orders/order';
import { createOrdersStore } from '../orders/orders-store';
import { settleAttempt } from '../orders/settle-order';
import { bookDisputes } from '../payments/book-disputes';
import { bookRefunds, isBookedAlready } from '../payments/book-refunds';
import { endUninstalled } from '../stripe-app/uninstalled';
import { readStripeEvent, type StripeEvent } from '../stripe/webhook-signature';

type Handler = (dependencies: Dependencies, event: StripeEvent & { account: string }) => Promise<string>;

const HANDLERS: Record<string, Handler> = {
  'checkout.session.completed': settleSession,
  'checkout.session.expired': settleSession,
  'checkout.session.async_payment_succeeded': settleSession,
  'checkout.session.async_payment_failed': settleSession,
  'charge.refunded': bookPaymentsRefunds,
  'refund.created': bookPaymentsRefunds,
  'refund.updated': bookPaymentsRefunds,
  'refund.failed': bookPaymentsRefunds,
  'charge.dispute.created': bookPaymentsDisputes,
  'charge.dispute.updated': bookPaymentsDisputes,
  'charge.dispute.closed': bookPaymentsDisputes,
  'charge.dispute.funds_withdrawn': bookPaymentsDisputes,
  'charge.dispute.funds_reinstated': bookPaymentsDisputes,
  'account.updated': readAccount,
  'account.application.authorized': noteGrant,
  'account.application.deauthorized': endConnection,
};

/** What we listen to: the endpoint at Stripe is set to these (README), and the reconciliation asks for them. */
export const USED_EVENT_TYPES = Object.keys(HANDLERS);
export const NOT_USED = 'ignored: not a type we use';

/** Works off one event of the inbox. Throws when it can't be finished now: it is tried again. */
export async function workOffEvent(dependencies: Dependencies, eventId: string): Promise<void> {
  const { db } = dependencies;
  const [row] = await db('stripe_events')
    .where({ id: eventId })
    .whereNull('processed_at')
    .update({ attempts: db.raw('attempts + 1') })
    .returning('payload');
  if (!row) return;
  try {
    const outcome = await handle(dependencies, readStripeEvent(row.payload));
    await db('stripe_events')
      .where({ id: eventId })
      .update({ processed_at: db.fn.now(), outcome, last_error: null });
  } catch (error) {
    await db('stripe_events')
      .where({ id: eventId })
      .update({ last_error: error instanceof Error ? error.message.slice(0, 300) : 'unknown' });
    throw error;
  }
}

async function handle(dependencies: Dependencies, event: StripeEvent | null): Promise<string> {
  if (!event) return 'ignored: not an event we understand';
  const handler = Object.hasOwn(HANDLERS, event.type) ? HANDLERS[event.type] : undefined;
  if (!handler) return NOT_USED;
  if (!event.account) return 'ignored: not of a connected account';
  if (!dependencies.config.stripe.modes.some((mode) => mode.livemode === event.livemode))
    return 'ignored: not our mode';
  await createConnectionsStore(dependencies.db).noteEvent(event.account, event.livemode);
  return handler(dependencies, { ...event, account: event.account });
}

async function settleSession(
  dependencies: Dependencies,
  event: StripeEvent & { account: string },
): Promise<string> {
  const sessionId = textOf(event.object['id']);
  const attempt = await createOrdersStore(dependencies.db).findAttemptByStripe({
    account: event.account,
    sessionId,
  });
  if (!attempt) {
    // The event came before our own record of the session, or the answer was lost.
    const { account, livemode } = event;
    const orderId = event.object['client_reference_id'];
    return ADOPTED[await adoptUnanswered(dependencies, { account, livemode, sessionId, orderId })];
  }
  if (attempt.livemode !== event.livemode) return 'ignored: another mode than the payment';
  await settleAttempt(dependencies, attempt.id);
  return 'settled';
}

const ADOPTED = {
  adopted: 'adopted and settled',
  no_payment: 'ignored: no payment of ours',
  another_session: 'ignored: not the session of this payment',
};

async function bookPaymentsRefunds(
  dependencies: Dependencies,
  event: StripeEvent & { account: string },
): Promise<string> {
  const attempt = await findPaidAttempt(dependencies, event);
  if (!attempt) return 'ignored: no payment of ours';
  // the news of what we have just done ourselves: a hundred refunds must not make a hundred readings more
  if (await isBookedAlready(dependencies.db, attempt.id, event.object)) return 'booked before';
  await bookRefunds(dependencies, attempt.id);
  return 'booked';
}

async function bookPaymentsDisputes(
  dependencies: Dependencies,
  event: StripeEvent & { account: string },
): Promise<string> {
  const attempt = await findPaidAttempt(dependencies, event);
  if (!attempt) return 'ignored: no payment of ours';
  await bookDisputes(dependencies, attempt.id);
  return 'booked';
}

/**
 * The attempt of the payment that an event is about. News of a refund can come before our own of the payment: then the
 * order named in the charge tells which session to ask Stripe about, and Stripe's answer whose payment it was.
 */
async function findPaidAttempt(
  dependencies: Dependencies,
  event: StripeEvent & { account: string },
): Promise<PaymentAttempt | null> {
  const orders = createOrdersStore(dependencies.db);
  const ids = { account: event.account, paymentIntentId: textOf(event.object['payment_intent']) };
  const known = await orders.findAttemptByStripe(ids);
  if (known) return known.livemode === event.livemode ? known : null;
  const hint = (event.object['metadata'] as Record<string, unknown> | null | undefined)?.['foyer_order'];
  const attempt = isUuid(hint) ? await orders.findLivingAttempt(hint) : null;
  if (!attempt || attempt.stripeAccountId !== event.account || attempt.livemode !== event.livemode)
    return null;
  await settleAttempt(dependencies, attempt.id);
  return orders.findAttemptByStripe(ids);
}

async function readAccount(
  dependencies: Dependencies,
  event: StripeEvent & { account: string },
): Promise<string> {
  const connection = await createConnectionsStore(dependencies.db).findByAccount(
    event.account,
    event.livemode,
  );
  if (!connection) return 'ignored: not connected here';
  if ((await refreshConnection(dependencies, connection)) === 'unanswered')
    throw new Error('Stripe can not be asked about this account');
  return 'read';
}

/**
 * Somebody allowed Foyer. Nothing follows from it: who connects here comes back with a code. Of an account that nobody
 * here knows the admins read among the connections (`connect/unknown-grants`).
 */
async function noteGrant(
  dependencies: Dependencies,
  event: StripeEvent & { account: string },
): Promise<string> {
  if (await createConnectionsStore(dependencies.db).findByAccount(event.account, event.livemode))
    return 'connected here';
  if (dependencies.appOAuth.isApp(event.object['id'], event.livemode)) return 'the Stripe App was installed';
  dependencies.logger.warn(
    { account: event.account, stripeEventId: event.id },
    'an account allowed this platform at Stripe, and nobody here has connected it',
  );
  return 'not connected here: shown to admins';
}

async function endConnection(
  dependencies: Dependencies,
  event: StripeEvent & { account: string },
): Promise<string> {
  const application = textOf(event.object['id']);
  if (dependencies.appOAuth.isApp(application, event.livemode)) return endUninstalled(dependencies, event);
  const keys = dependencies.config.stripe.modes.find((mode) => mode.livemode === event.livemode);
  if (application?.startsWith('ca_') && application !== keys?.clientId) return 'ignored: another application';
  return endRevokedConnection(dependencies, event);
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const id = (value as { id?: unknown } | null | undefined)?.id;
  return typeof id === 'string' ? id : null;
}
