/** The inbox of Stripe's events: stored by id, together with the job that works it off, before Stripe is answered. */
import { type Knex } from 'knex';
import { addJob } from '../jobs/jobs';
import { type StripeEvent } from '../stripe/webhook-signature';

/**
 * Keeps an event. A second delivery is only counted, and hurries one that was not worked off yet. Event and job are one
 * statement: after a 2xx both exist. One that nobody acts on is kept as done, with the reason in `ignored`, and without a job.
 */
export async function keepEvent(
  db: Knex,
  event: StripeEvent,
  payload: unknown,
  ignored: string | null = null,
): Promise<void> {
  await db.raw(
    `WITH kept AS (
       INSERT INTO stripe_events (id, account, type, livemode, created_at, payload, outcome, attempts, processed_at)
       VALUES (:id, :account, :type, :livemode, :createdAt, CAST(:payload AS jsonb), CAST(:ignored AS text),
               CASE WHEN CAST(:ignored AS text) IS NOT NULL THEN 1 ELSE 0 END,
               CASE WHEN CAST(:ignored AS text) IS NOT NULL THEN now() END)
       ON CONFLICT (id) DO UPDATE SET deliveries = stripe_events.deliveries + 1
       RETURNING id, processed_at
     )
     SELECT graphile_worker.add_job('work_off_stripe_event', json_build_object('eventId', id), job_key := 'stripe-event-' || id, max_attempts := 12)
       FROM kept WHERE processed_at IS NULL`,
    {
      id: event.id,
      account: event.account,
      type: event.type,
      livemode: event.livemode,
      createdAt: event.createdAt,
      payload: storableJson(payload),
      ignored,
    },
  );
}

/** JSON that Postgres takes as jsonb: no NUL, no lone surrogates, in values nor in names. */
function storableJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'string') return storable(inner);
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).map(([name, field]) => [storable(name), field]));
  });
}

function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/** The same job for an event that is stored already. */
export async function addWorkOffJob(db: Knex, eventId: string): Promise<void> {
  await addJob(db, 'work_off_stripe_event', { eventId }, { key: `stripe-event-${eventId}` });
}

/** An event that was tried this often is parked: it waits for a person. */
export const MOST_ATTEMPTS = 20;

/** Events whose job was lost: stored more than a minute ago and not worked off, not tried too often. */
export async function listWaitingEvents(db: Knex): Promise<string[]> {
  const rows = await db('stripe_events')
    .whereNull('processed_at')
    .where('received_at', '<', db.raw("now() - interval '1 minute'"))
    .where('attempts', '<', MOST_ATTEMPTS)
    .orderBy('received_at')
    .limit(100)
    .select('id');
  return rows.map((row) => row.id);
}
