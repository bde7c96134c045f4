/**
 * Sweeps find by the state of rows what jobs, webhooks or a killed process left undone. Each may run at once in several
 * workers: what they find is done under the row's own lock.
 */
import { claimDue, writeHeartbeat, writeRound } from './heartbeat';
import { addJob } from './jobs';
import { createMailedLinks } from '../accounts/mailed-links';
import { sendDueAttempts } from '../checkout/payment-dispatcher';
import { refreshConnection } from '../connect/account-health';
import { continueDisconnecting } from '../connect/disconnect';
import { createOAuthStates } from '../connect/oauth-states';
import { createConnectionsStore } from '../connect/connections-store';
import { type Dependencies } from '../dependencies';
import { createGrantsStore } from '../oauth-provider/grants-store';
import { queueCancellationMails } from '../events/cancel-event';
import {
  askAgain,
  flagOutOfReach,
  listOrdersToAskAgain,
  listPaymentsOutOfReach,
} from '../orders/out-of-reach';
import { releaseOrder, UNOPENED_SECONDS } from '../orders/release-order';
import { settleOrder } from '../orders/settle-order';
import { createMessagesStore } from '../messages/messages-store';
import { continueMessage } from '../messages/send-message';
import { bookRefunds } from '../payments/book-refunds';
import { listEventRefundsToContinue } from '../payments/event-payments';
import { continueEventRefund } from '../payments/refund-event';
import { checkCounters } from '../payments/check-counters';
import { listLedgerDays } from '../payments/check-ledger';
import { listAccountsToReconcile } from '../payments/reconcile-account';
import { sendRefund } from '../payments/send-refund';
import { checksOfOneRound } from '../stripe-app/check-installation';
import { createInstallationsStore } from '../stripe-app/installations-store';
import { StripeFailure } from '../stripe/stripe-errors';
import { createDashboardSignIns } from '../stripe-app/dashboard-sign-ins';
import { listWaitingEvents } from '../webhooks/inbox';
import { workOffEvent } from '../webhooks/work-off-event';

const AT_ONCE = 200;

/** One round of everything. A failure of one item is logged and does not keep the others from their turn. */
export async function sweepOnce(dependencies: Dependencies): Promise<void> {
  const { db } = dependencies;
  await writeHeartbeat(db);
  const sweeps: [string, () => Promise<string[]>, (id: string) => Promise<unknown>][] = [
    ['events of Stripe', () => listWaitingEvents(db), (id) => workOffEvent(dependencies, id)],
    ['holds that are over', () => listDueHolds(dependencies), (id) => releaseOrder(dependencies, id)],
    ['attempts to send', async () => ['due'], () => sendDueAttempts(dependencies)],
    [
      'payments that nobody reported',
      () => listUncheckedPayments(dependencies),
      (id) => settleOrder(dependencies, id),
    ],
    ['refunds to send', () => listRefundsToSend(dependencies), (id) => sendRefund(dependencies, id)],
    ['refunds on their way', () => listPendingRefunds(dependencies), (id) => bookRefunds(dependencies, id)],
    [
      'refunds of cancelled events',
      () => listEventRefundsToContinue(db),
      (id) => continueEventRefund(dependencies, id),
    ],
    [
      'messages to attendees',
      () => createMessagesStore(db).listUnfinished(),
      (id) => continueMessage(dependencies, id),
    ],
    [
      'connections to end',
      () => listConnectionsToEnd(dependencies),
      (id) => continueDisconnecting(dependencies, id),
    ],
    ['payments out of reach', () => listPaymentsOutOfReach(db), (id) => flagOutOfReach(dependencies, id)],
    ['accounts that came back', () => listOrdersToAskAgain(db), (id) => askAgain(dependencies, id)],
    ['accounts to read', () => listConnectionsToRead(dependencies), (id) => readConnection(dependencies, id)],
    [
      'installations of the Stripe App',
      () => createInstallationsStore(db).listToCheck(50),
      checksOfOneRound(dependencies),
    ],
    ['accounts to compare', () => addComparisons(dependencies), async () => undefined],
    [
      'counters',
      async () => ((await claimDue(db, 'counters', 20)) ? ['due'] : []),
      () => checkCounters(dependencies),
    ],
  ];
  for (const [name, list, work] of sweeps) await sweep(dependencies, name, list, work);
  await sweep(
    dependencies,
    'news of cancelled events',
    async () => ['due'],
    () => queueCancellationMails(dependencies),
  );
  await sweep(
    dependencies,
    'mails',
    async () => ['due'],
    () => dependencies.mailSender.sendDueMails(),
  );
  await sweep(
    dependencies,
    'old sessions and states',
    async () => ['old'],
    () => deleteOld(dependencies),
  );
}

async function sweep(
  dependencies: Dependencies,
  name: string,
  list: () => Promise<string[]>,
  work: (id: string) => Promise<unknown>,
): Promise<void> {
  const begun = Date.now();
  let items = 0;
  let problem: string | null = null;
  try {
    for (const id of await list()) {
      items += 1;
      await work(id).catch((error: unknown) => {
        problem = wordsOf(error);
        // Stripe being away is said where it matters; here it only means: next round.
        const level = error instanceof StripeFailure ? 'warn' : 'error';
        dependencies.logger[level]({ sweep: name, id, err: error }, 'a sweep could not finish an item');
      });
    }
  } catch (error) {
    problem = wordsOf(error);
    dependencies.logger.error({ sweep: name, err: error }, 'a sweep failed');
  }
  await writeRound(dependencies.db, { name, tookMs: Date.now() - begun, items, error: problem }).catch(
    (error: unknown) => dependencies.logger.error({ err: error }, 'a round could not be noted'),
  );
}

/** A kind of problem, never an answer's text. */
function wordsOf(error: unknown): string {
  if (error instanceof StripeFailure) return `Stripe: ${error.problem}`;
  return error instanceof Error ? error.message.split('\n')[0]!.slice(0, 200) : 'unknown';
}

/** Comparing takes many calls: jobs do it, a few accounts at a time. */
async function addComparisons(dependencies: Dependencies): Promise<string[]> {
  const { db } = dependencies;
  const accounts = await listAccountsToReconcile(dependencies, 50);
  for (const call of accounts)
    await addJob(db, 'reconcile_account', call, { key: `reconcile-${call.account}-${call.livemode}` });
  const days = await listLedgerDays(db, 20);
  for (const day of days)
    await addJob(db, 'check_ledger', day, { key: `ledger-${day.account}-${day.livemode}-${day.day}` });
  return [...accounts, ...days].map(({ account }) => account);
}

async function listDueHolds({ db }: Dependencies): Promise<string[]> {
  const rows = await db('orders')
    .where({ inventory: 'held' })
    .whereIn('status', ['held', 'creating_session', 'awaiting_payment', 'expiring'])
    .where((either) =>
      either
        .where('hold_expires_at', '<=', db.fn.now())
        .orWhere({ status: 'expiring' })
        .orWhere((unopened) =>
          unopened
            .where({ status: 'held' })
            .whereNull('opened_at')
            .where('created_at', '<=', db.raw('now() - make_interval(secs => ?)', [UNOPENED_SECONDS])),
        ),
    )
    .orderBy('hold_expires_at')
    .limit(AT_ONCE)
    .select('id');
  return rows.map((row) => row.id);
}

/** Orders whose payment Stripe may have decided without our hearing of it. */
async function listUncheckedPayments({ db }: Dependencies): Promise<string[]> {
  const rows = await db('payment_attempts')
    .where((either) =>
      either
        .where((open) =>
          open.where({ status: 'open' }).where('checked_at', '<', db.raw("now() - interval '4 minutes'")),
        )
        .orWhere((processing) =>
          processing
            .where({ status: 'processing' })
            .where('checked_at', '<', db.raw("now() - interval '10 minutes'")),
        ),
    )
    .orderBy('checked_at')
    .limit(AT_ONCE)
    .select('order_id');
  return rows.map((row) => row.order_id);
}

async function listRefundsToSend({ db }: Dependencies): Promise<string[]> {
  const rows = await db('refunds')
    .whereIn('status', ['requested', 'sent'])
    .where((either) =>
      either.whereNull('last_sent_at').orWhere('last_sent_at', '<', db.raw("now() - interval '1 minute'")),
    )
    .where('send_after', '<', db.raw("now() - interval '30 seconds'"))
    .orderBy('send_after')
    .limit(AT_ONCE)
    .select('id');
  return rows.map((row) => row.id);
}

/** Payments with a refund that Stripe has and has not finished: nobody may have told us the end. */
async function listPendingRefunds({ db }: Dependencies): Promise<string[]> {
  const rows = await db('refunds')
    .where({ status: 'pending' })
    .where(db.raw('coalesce(checked_at, updated_at)'), '<', db.raw("now() - interval '10 minutes'"))
    .orderByRaw('coalesce(checked_at, updated_at)')
    .limit(AT_ONCE)
    .select('payment_attempt_id');
  return [...new Set(rows.map((row) => row.payment_attempt_id as string))];
}

async function listConnectionsToEnd({ db }: Dependencies): Promise<string[]> {
  const rows = await db('stripe_connections')
    .where({ status: 'disconnecting' })
    .where('disconnect_requested_at', '<', db.raw("now() - interval '30 seconds'"))
    .select('id');
  return rows.map((row) => row.id);
}

/**
 * Accounts that Stripe was not asked about for a day; those that can't take charges after five minutes, and after an hour
 * once that has lasted for a day: Stripe tells us of changes, this is for what gets lost.
 */
async function listConnectionsToRead({ db }: Dependencies): Promise<string[]> {
  const rows = await db('stripe_connections')
    .where({ status: 'active' })
    .where((either) =>
      either
        .whereNull('checked_at')
        .orWhere('checked_at', '<', db.raw("now() - interval '1 day'"))
        .orWhere((restricted) =>
          restricted
            .where((why) => why.where({ charges_enabled: false }).orWhereNotNull('status_detail'))
            .where(
              'checked_at',
              '<',
              db.raw(
                "now() - CASE WHEN coalesce(health_changed_at, connected_at) > now() - interval '1 day' THEN interval '5 minutes' ELSE interval '1 hour' END",
              ),
            ),
        ),
    )
    .orderByRaw('checked_at NULLS FIRST')
    .limit(50)
    .select('id');
  return rows.map((row) => row.id);
}

async function readConnection(dependencies: Dependencies, id: string): Promise<void> {
  const connection = await createConnectionsStore(dependencies.db).find(id);
  if (connection) await refreshConnection(dependencies, connection);
}

async function deleteOld({ db, encryption }: Dependencies): Promise<void> {
  await db('sessions').where('expires_at', '<', db.fn.now()).delete();
  await db('rate_limits').where('expire', '<', Date.now()).delete();
  await createOAuthStates(db).deleteOld();
  await createMailedLinks(db).deleteOld();
  await createGrantsStore(db).deleteOld();
  await createDashboardSignIns({ db, encryption }).deleteOld();
}
