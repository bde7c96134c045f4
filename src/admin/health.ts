/** Whether the machinery runs: the worker, what Stripe sends, what jobs do, and whether Stripe lets the platform in. */
import { type Knex } from 'knex';
import { claimAsking, type PlatformSign, readSign, writeSign } from '../connect/platform-signs';
import { askRegistration } from '../connect/platform-standing';
import { type Dependencies } from '../dependencies';
import { StripeFailure } from '../stripe/stripe-errors';
import { listRounds, type Round } from '../jobs/heartbeat';
import { type CircuitState } from '../stripe/stripe-circuit';
import { MOST_ATTEMPTS } from '../webhooks/inbox';

export interface Health {
  workerAt: Date | null;
  workerSilent: boolean;
  lastEventAt: Date | null;
  eventsWaiting: number;
  eventsParked: number;
  failedJobs: { task: string; count: number; lastError: string | null }[];
  jobsWaiting: number;
  stripe: PlatformSign | null;
  oauth: PlatformSign | null;
  /** of this process alone */
  circuits: CircuitState[];
  rounds: Round[];
  /** how far this process' clock is from the database's, in seconds; positive: ahead */
  clockAheadSeconds: number;
  reconciledAt: Date | null;
  reconciledLate: number;
  eventSilence: EventSilence | null;
  /** whether Stripe lets organizers connect at all */
  registration: PlatformSign | null;
  /** what Stripe last said to the developer's key of the Stripe App; null where nothing was exchanged yet */
  app: PlatformSign | null;
}

/** A worker that has not reported for this long is not answering; `/readyz` says the same. */
const WORKER_SILENT_SECONDS = 150;

export async function readHealth(
  dependencies: Pick<Dependencies, 'db' | 'stripe' | 'connectOAuth' | 'config' | 'logger'>,
): Promise<Health> {
  const { db } = dependencies;
  await askStripe(dependencies);
  await askRegistration(dependencies);
  const { rows } = await db.raw(
    `SELECT (SELECT at FROM worker_heartbeats WHERE name = 'worker') AS worker_at,
            NOT EXISTS (SELECT 1 FROM worker_heartbeats
                         WHERE name = 'worker' AND at > now() - make_interval(secs => ?)) AS worker_silent,
            (SELECT max(received_at) FROM stripe_events) AS last_event_at,
            (SELECT min(ran_at) FROM reconciliations) AS reconciled_at,
            (SELECT count(*)::int FROM reconciliations WHERE ran_at < now() - interval '3 hours' OR last_error IS NOT NULL) AS reconciled_late,
            clock_timestamp() AS clock,
            (SELECT count(*)::int FROM stripe_events WHERE processed_at IS NULL AND attempts < ?) AS events_waiting,
            (SELECT count(*)::int FROM stripe_events WHERE processed_at IS NULL AND attempts >= ?) AS events_parked,
            (SELECT count(*)::int FROM graphile_worker.jobs WHERE attempts < max_attempts AND run_at <= now()) AS jobs_waiting`,
    [WORKER_SILENT_SECONDS, MOST_ATTEMPTS, MOST_ATTEMPTS],
  );
  const row = rows[0];
  return {
    workerAt: row.worker_at,
    workerSilent: row.worker_silent,
    lastEventAt: row.last_event_at,
    eventsWaiting: row.events_waiting,
    eventsParked: row.events_parked,
    failedJobs: await listFailedJobs(db),
    jobsWaiting: row.jobs_waiting,
    stripe: await readSign(db, 'stripe_api'),
    oauth: await readSign(db, 'connect_oauth'),
    circuits: dependencies.stripe.circuits(),
    rounds: await listRounds(db),
    clockAheadSeconds: Math.round((Date.now() - row.clock.getTime()) / 1000),
    reconciledAt: row.reconciled_at,
    reconciledLate: row.reconciled_late,
    eventSilence: await readEventSilence(db),
    registration: await readSign(db, 'oauth_registration'),
    app: await readSign(db, 'app_oauth'),
  };
}

export interface EventSilence {
  minutes: number;
  /** payments that we found without being told */
  payments: number;
}

/** No event came for ten minutes although Stripe took payments, which it reports within seconds: null when all is well. */
export async function readEventSilence(db: Knex): Promise<EventSilence | null> {
  const { rows } = await db.raw(
    `SELECT count(*)::int AS payments,
            extract(epoch FROM now() - coalesce((SELECT max(received_at) FROM stripe_events), min(paid_at)))::int / 60 AS minutes
       FROM payment_attempts
      WHERE paid_at BETWEEN now() - interval '1 day' AND now() - interval '10 minutes'
        AND paid_at > coalesce((SELECT max(received_at) FROM stripe_events), '-infinity') + interval '5 minutes'`,
  );
  return rows[0].payments > 0 ? { minutes: rows[0].minutes, payments: rows[0].payments } : null;
}

/** At most once a minute over all processes, however many look; the rest read what was seen. */
async function askStripe({
  db,
  stripe,
  config,
  logger,
}: Pick<Dependencies, 'db' | 'stripe' | 'config' | 'logger'>): Promise<void> {
  if (!(await claimAsking(db, 'stripe_api'))) return;
  try {
    const { livemode } = config.stripe.primary;
    const platform = await stripe.retrievePlatformAccountId(livemode);
    const elsewhere = await db('stripe_connections')
      .where({ status: 'active', livemode })
      .whereNot({ platform_account_id: platform })
      .first('id');
    await writeSign(db, 'stripe_api', { ok: !elsewhere, detail: elsewhere ? 'other_platform' : null });
  } catch (error) {
    if (!(error instanceof StripeFailure)) throw error;
    logger.warn({ problem: error.problem, code: error.code }, 'Stripe did not answer for the platform');
    await writeSign(db, 'stripe_api', { ok: false, detail: error.problem });
  }
}

/** Jobs that are given up, by what they were to do. */
async function listFailedJobs(db: Knex): Promise<Health['failedJobs']> {
  const { rows } = await db.raw<{
    rows: { task: string; count: number; last_error: string | null }[];
  }>(
    `SELECT task_identifier AS task, count(*)::int AS count,
            (array_agg(last_error ORDER BY updated_at DESC))[1] AS last_error
       FROM graphile_worker.jobs WHERE attempts >= max_attempts
      GROUP BY task_identifier ORDER BY task_identifier`,
  );
  return rows.map(({ task, count, last_error }) => ({
    task,
    count,
    // the stack is for the log
    lastError: last_error?.split('\n')[0]?.slice(0, 200) ?? null,
  }));
}
