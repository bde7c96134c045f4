/**
 * Keeps what we ask of Stripe within its limit of requests per second, for each endpoint and mode of its own, over all
 * processes: an endpoint has one row that says when its next request may go out, and whoever asks moves it on (GCRA,
 * without bursts). By the database's clock alone. Source of the limit: docs.stripe.com/rate-limits.
 */
import { type Knex } from 'knex';
import { setTimeout as pause } from 'node:timers/promises';
import { StripeFailure } from './stripe-errors';

/** Each has a limit of its own. */
export type Endpoint =
  | 'POST /v1/checkout/sessions'
  | 'GET /v1/checkout/sessions'
  | 'GET /v1/checkout/sessions/:id'
  | 'POST /v1/checkout/sessions/:id/expire'
  | 'POST /v1/refunds'
  | 'GET /v1/refunds'
  | 'GET /v1/disputes'
  | 'GET /v1/charges'
  | 'GET /v1/events'
  | 'GET /v1/application_fees'
  | 'GET /v1/accounts/:id'
  | 'GET /v1/country_specs/:id'
  | 'POST /v1/apps/secrets'
  | 'GET /v1/apps/secrets/find'
  | 'POST /v1/apps/secrets/delete';

/** The endpoint that a rush on tickets is a rush on: it has a queue (`checkout/payment-queue.ts`). */
export const CREATE_SESSION: Endpoint = 'POST /v1/checkout/sessions';

/** Requests are sent at even distances, and bunch up a little on their way: what is left keeps them under the limit. */
const SHARE_USED = 0.98;

/** Who finds so many requests before theirs is told to come back, as Stripe would. */
const PATIENCE_MS = 5000;

/** How long an endpoint rests after a 429 that does not say. */
const REST_MS = 1000;

export interface Slot {
  endpoint: Endpoint;
  livemode: boolean;
}

export function createRequestPace({ db, perSecond }: { db: Knex; perSecond: number }) {
  const spacing = 1 / (perSecond * SHARE_USED);

  return {
    /** seconds from one request to the next */
    spacing,

    /** Waits until this request may go out. Throws StripeFailure `rate_limited` when that is too far away. */
    async wait({ endpoint, livemode }: Slot): Promise<void> {
      const { rows } = await db.raw(
        `INSERT INTO stripe_request_slots AS slot (livemode, endpoint, next_free_at)
         VALUES (:livemode, :endpoint, clock_timestamp() + make_interval(secs => :spacing))
         ON CONFLICT (livemode, endpoint) DO UPDATE
           SET next_free_at = greatest(slot.next_free_at, clock_timestamp()) + make_interval(secs => :spacing)
           WHERE slot.next_free_at <= clock_timestamp() + make_interval(secs => :patience)
         RETURNING (1000 * extract(epoch FROM next_free_at - clock_timestamp()))::float AS ms`,
        { livemode, endpoint, spacing, patience: PATIENCE_MS / 1000 },
      );
      if (rows.length === 0)
        throw new StripeFailure('rate_limited', 'Too many requests to Stripe wait before this one');
      await pauseFor(rows[0].ms - spacing * 1000);
    },

    /** Stripe has asked to slow down: nothing goes to this endpoint for a while, from no process. */
    async rest({ endpoint, livemode }: Slot, seconds: number | null): Promise<void> {
      await db.raw(
        `INSERT INTO stripe_request_slots AS slot (livemode, endpoint, next_free_at)
         VALUES (:livemode, :endpoint, clock_timestamp() + make_interval(secs => :rest))
         ON CONFLICT (livemode, endpoint) DO UPDATE
           SET next_free_at = greatest(slot.next_free_at, excluded.next_free_at)`,
        { livemode, endpoint, rest: seconds ?? (REST_MS * (1 + Math.random())) / 1000 },
      );
    },
  };
}

export type RequestPace = ReturnType<typeof createRequestPace>;

/** The next slot of an endpoint: when, and how many milliseconds away that is. */
export interface NextSlot {
  at: string;
  awayMs: number;
}

/** Reads the next slot under the lock of its endpoint: nobody else takes one until the commit. */
export async function lockNextSlot(trx: Knex.Transaction, { endpoint, livemode }: Slot): Promise<NextSlot> {
  const read = async () =>
    (
      await trx.raw(
        `SELECT at::text, (1000 * extract(epoch FROM at - clock_timestamp()))::float AS "awayMs"
           FROM (SELECT greatest(next_free_at, clock_timestamp()) AS at FROM stripe_request_slots
                  WHERE livemode = :livemode AND endpoint = :endpoint FOR UPDATE) slot`,
        { endpoint, livemode },
      )
    ).rows[0] as NextSlot | undefined;
  const slot = await read();
  if (slot) return slot;
  await trx('stripe_request_slots')
    .insert({ endpoint, livemode, next_free_at: trx.fn.now() })
    .onConflict(['livemode', 'endpoint'])
    .ignore();
  return (await read())!;
}

/** Takes all slots from the given one on for so many seconds, under their lock. Answers when the next one is. */
export async function takeSlots(
  trx: Knex.Transaction,
  { endpoint, livemode }: Slot,
  taken: { from: NextSlot; seconds: number },
): Promise<string> {
  const { rows } = await trx.raw(
    `UPDATE stripe_request_slots SET next_free_at = CAST(:at AS timestamptz) + make_interval(secs => :seconds)
      WHERE livemode = :livemode AND endpoint = :endpoint RETURNING next_free_at::text AS at`,
    { endpoint, livemode, at: taken.from.at, seconds: taken.seconds },
  );
  return rows[0].at;
}

export async function pauseFor(ms: number): Promise<void> {
  if (ms >= 1) await pause(ms);
}
