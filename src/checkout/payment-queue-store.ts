/**
 * SQL of the queue for payments: attempts that have no answer of Stripe yet, in the order of their numbers. There is no
 * other record of it, so nothing can be lost from it: whoever comes next takes the head, and an attempt that a killed
 * process had taken is due again after its lease.
 *
 * Claiming commits that a send is about to happen: from here on Stripe may have acted. The request is frozen by the first
 * claim, with an expiry that is counted from then (an attempt may have waited for minutes); it never changes afterwards.
 */
import { type Knex } from 'knex';
import { inTransaction } from '../db/connection';
import { toAttempt } from '../orders/orders-store';
import { type PaymentAttempt } from '../orders/order';
import { CREATE_SESSION, lockNextSlot, takeSlots } from '../stripe/request-pace';
import { SESSION_MINUTES } from './checkout-session-request';

/** A send is answered within Stripe's eight seconds, or sixteen where a cut connection is tried again. */
const LEASE_SECONDS = 20;
/** However the times of a send came to stand where they are, it is tried again after this long. */
const LONGEST_SILENCE_SECONDS = 30;

export interface Claim {
  attempt: PaymentAttempt;
  /** until its slot; milliseconds from now */
  waitMs: number;
}

/** What a claim writes. `slot_in`: seconds until the attempt's slot. */
const CLAIMED = `
  unanswered_sends = attempt.unanswered_sends + 1,
  first_sent_at = coalesce(attempt.first_sent_at, now() + make_interval(secs => slot_in)),
  last_sent_at = now() + make_interval(secs => slot_in),
  next_send_at = now() + make_interval(secs => slot_in + :lease),
  session_expires_at = CASE WHEN attempt.first_sent_at IS NULL
    THEN now() + make_interval(secs => slot_in, mins => :sessionMinutes) ELSE attempt.session_expires_at END,
  request = CASE WHEN attempt.first_sent_at IS NULL
    THEN jsonb_set(attempt.request, '{expires_at}',
                   to_jsonb(floor(extract(epoch FROM now() + make_interval(secs => slot_in, mins => :sessionMinutes)))::bigint))
    ELSE attempt.request END`;

const IS_DUE = `status = 'created' AND (next_send_at IS NULL OR next_send_at <= now()
  OR last_sent_at < now() - make_interval(secs => :silence))`;

const bindings = {
  lease: LEASE_SECONDS,
  sessionMinutes: SESSION_MINUTES,
  silence: LONGEST_SILENCE_SECONDS,
};

// Nobody is passed: no slot for this attempt while one with a lower number waits for its first send. One that was sent and
// got no answer is tried again at its own times.
const CLAIM_AT_ONCE = `
  WITH slot AS (
    INSERT INTO stripe_request_slots AS slot (livemode, endpoint, next_free_at)
    SELECT livemode, :endpoint, clock_timestamp() + make_interval(secs => :spacing)
      FROM payment_attempts mine
     WHERE id = :id AND status = 'created' AND unanswered_sends = 0
       AND NOT EXISTS (SELECT 1 FROM payment_attempts
                        WHERE livemode = mine.livemode AND queue_number < mine.queue_number
                          AND status = 'created' AND first_sent_at IS NULL)
    ON CONFLICT (livemode, endpoint) DO UPDATE
      SET next_free_at = greatest(slot.next_free_at, clock_timestamp()) + make_interval(secs => :spacing)
      WHERE slot.next_free_at <= clock_timestamp() + make_interval(secs => :patience)
    RETURNING greatest(0, extract(epoch FROM next_free_at - clock_timestamp())::float - :spacing) AS slot_in
  )
  UPDATE payment_attempts attempt SET ${CLAIMED}
    FROM slot WHERE attempt.id = :id AND attempt.status = 'created' AND attempt.unanswered_sends = 0
  RETURNING attempt.*, slot_in`;

const CLAIM_HEAD = `
  WITH head AS (
    SELECT id, queue_number FROM payment_attempts WHERE livemode = :livemode AND ${IS_DUE}
     ORDER BY queue_number LIMIT :limit FOR UPDATE SKIP LOCKED
  ), slots AS (
    SELECT id, :away + :spacing * (row_number() OVER (ORDER BY queue_number) - 1)::float AS slot_in FROM head
  )
  UPDATE payment_attempts attempt SET ${CLAIMED} FROM slots WHERE attempt.id = slots.id
  RETURNING attempt.*, slot_in`;

const CLAIM_ONE = `
  UPDATE payment_attempts attempt SET ${CLAIMED}
    FROM (SELECT 0.0::float AS slot_in) slot WHERE attempt.id = :id AND attempt.status = 'created'
  RETURNING attempt.*, slot_in`;

const IS_ANYBODY_DUE = `
  SELECT EXISTS (SELECT 1 FROM payment_attempts WHERE livemode = :livemode AND ${IS_DUE}) AS due`;

export function createPaymentQueueStore(db: Knex, spacing: number) {
  /** Up to where this process has taken the slots of a mode, if it was the last to take any. */
  const takenUntil = new Map<boolean, string>();

  return {
    /** This attempt, if nobody waits before it and a slot is free within `patience` seconds; else null. */
    async claimAtOnce(id: string, patience: number): Promise<Claim | null> {
      const { rows } = await db.raw(CLAIM_AT_ONCE, {
        ...bindings,
        ...{ id, spacing, patience, endpoint: CREATE_SESSION },
      });
      return rows[0] ? toClaim(rows[0]) : null;
    },

    /**
     * The first attempts that are due, each with a slot of its own, if the next slot is at most `ahead` seconds away.
     * Answers with them in how many milliseconds the slots after theirs can be claimed.
     *
     * The process that took slots last takes the next ones ahead of their time; others come in only once a slot stands
     * free. So in a rush one process sends, in order, as long as it lives and keeps up: of two that take turns, one that
     * is late would be passed by the other.
     */
    async claimHead(
      livemode: boolean,
      options: { limit: number; ahead: number },
    ): Promise<{ claims: Claim[]; claimableMs: number }> {
      return inTransaction(db, async (trx) => {
        const slot = { endpoint: CREATE_SESSION, livemode };
        const next = await lockNextSlot(trx, slot);
        const aheadMs = takenUntil.get(livemode) === next.at ? options.ahead * 1000 : 0;
        if (next.awayMs > aheadMs) return { claims: [], claimableMs: next.awayMs - aheadMs };
        const { rows } = await trx.raw(CLAIM_HEAD, {
          ...bindings,
          ...{ livemode, limit: options.limit, away: next.awayMs / 1000, spacing },
        });
        const seconds = rows.length * spacing;
        if (rows.length > 0) takenUntil.set(livemode, await takeSlots(trx, slot, { from: next, seconds }));
        return {
          claims: rows.map(toClaim),
          claimableMs: next.awayMs + (seconds - options.ahead) * 1000,
        };
      });
    },

    /** This attempt, out of turn and without a slot: its order can't wait for it any longer. */
    async claim(id: string): Promise<PaymentAttempt | null> {
      const { rows } = await db.raw(CLAIM_ONE, { ...bindings, id });
      return rows[0] ? toAttempt(rows[0]) : null;
    },

    async isAnybodyDue(livemode: boolean): Promise<boolean> {
      const { rows } = await db.raw(IS_ANYBODY_DUE, { livemode, silence: LONGEST_SILENCE_SECONDS });
      return rows[0].due;
    },

    /** The numbers of all who wait, the first in front. */
    async listWaiting(livemode: boolean): Promise<bigint[]> {
      return db('payment_attempts')
        .where({ livemode, status: 'created', unanswered_sends: 0 })
        .whereNotNull('queue_number')
        .orderBy('queue_number')
        .pluck('queue_number');
    },
  };
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
function toClaim(row: any): Claim {
  return { attempt: toAttempt(row), waitMs: row.slot_in * 1000 };
}
