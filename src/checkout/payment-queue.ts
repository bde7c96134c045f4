/**
 * The queue for payment, as one process sees it. Stripe makes so many sessions in a second and no more; in a rush buyers
 * hold their tickets and wait for theirs in the order they came, over all processes. The queue itself is in the database
 * (`payment-queue-store`); here is what a request needs of it: a slot at once, or a place and an honest estimate.
 */
import { type Knex } from 'knex';
import { type PaymentAttempt } from '../orders/order';
import { type Claim, createPaymentQueueStore } from './payment-queue-store';

/** A buyer whose slot is this close waits for it in their request: there is no rush. */
const AT_ONCE_SECONDS = 0.2;
/** Thousands may ask for their place in the same second; they are told what was true at most this long ago. */
const SNAPSHOT_MS = 1000;
/** Who has only just come is not in it yet, or others before them are not. */
const NEWCOMERS_MS = 100;
/** How far back it is looked how fast the queue really goes. */
const MEASURED_MS = 20_000;
const MEASURED_AT_LEAST_MS = 4000;

export interface Place {
  /** buyers who wait in front */
  before: number;
  /** until their turn; null: nothing has moved lately, and nobody can say */
  seconds: number | null;
}

interface Snapshot {
  at: number;
  numbers: bigint[];
}

export function createPaymentQueue({ db, spacing }: { db: Knex; spacing: number }) {
  const store = createPaymentQueueStore(db, spacing);
  const listeners = new Set<() => void>();
  const snapshots = new Map<boolean, { recent: Snapshot[]; reading: Promise<void> | null }>();

  return {
    spacing,
    store,

    /** Claims an attempt if it can be sent now without passing anybody; else it waits in the queue. */
    async claimAtOnce(attemptId: string): Promise<Claim | null> {
      const claim = await store.claimAtOnce(attemptId, AT_ONCE_SECONDS);
      if (!claim) for (const listener of listeners) listener();
      return claim;
    },

    claim: (attemptId: string) => store.claim(attemptId),

    /** Calls `listener` when this process has put somebody into the queue. Answers how to end that. */
    onArrival(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    /** Where an attempt stands that waits for its first send; null when it is not (or no longer) waiting. */
    async placeOf(attempt: Pick<PaymentAttempt, 'livemode' | 'queueNumber'>): Promise<Place | null> {
      return placeIn(await read(attempt.livemode, attempt.queueNumber), attempt.queueNumber, spacing);
    },
  };

  async function read(livemode: boolean, number: bigint | null): Promise<Snapshot[]> {
    const known = snapshots.get(livemode) ?? { recent: [], reading: null };
    snapshots.set(livemode, known);
    const last = known.recent.at(-1);
    const isNew = number !== null && number > (last?.numbers.at(-1) ?? 0n);
    if (!last || Date.now() - last.at >= (isNew ? NEWCOMERS_MS : SNAPSHOT_MS)) {
      known.reading ??= store
        .listWaiting(livemode)
        .then((numbers) => {
          const at = Date.now();
          if (at - (known.recent.at(-2)?.at ?? 0) < SNAPSHOT_MS) known.recent.pop();
          known.recent = [...known.recent.filter((old) => at - old.at < MEASURED_MS), { at, numbers }];
        })
        .finally(() => {
          known.reading = null;
        });
      await known.reading;
    }
    return known.recent;
  }
}

export type PaymentQueue = ReturnType<typeof createPaymentQueue>;

/**
 * A place among those who wait, and the time until it is reached: at the pace that Stripe allows, or at the one that was
 * seen, where that was slower. Pure. `spacing`: seconds from one send to the next.
 */
export function placeIn(recent: Snapshot[], number: bigint | null, spacing: number): Place | null {
  const now = recent.at(-1);
  if (!now || number === null) return null;
  const before = countBelow(now.numbers, number);
  // one that came after the snapshot stands at its end, one that left it before has no place
  if (now.numbers[before] !== number && before < now.numbers.length) return null;
  const seen = secondsForEach(recent);
  if (seen === Infinity) return { before, seconds: null };
  return { before, seconds: Math.ceil((before + 1) * Math.max(spacing, seen)) };
}

/** From the oldest snapshot to the newest: how long each of those took who left the queue meanwhile. 0 when not known. */
function secondsForEach(recent: Snapshot[]): number {
  const [first, last] = [recent[0]!, recent.at(-1)!];
  const elapsed = last.at - first.at;
  if (elapsed < MEASURED_AT_LEAST_MS || first.numbers.length === 0 || last.numbers.length === 0) return 0;
  const newest = first.numbers.at(-1)!;
  const left = first.numbers.length - countBelow(last.numbers, newest + 1n);
  // all who were there are gone: it went at least as fast, and how much faster is not known
  if (left >= first.numbers.length) return 0;
  return left <= 0 ? Infinity : elapsed / 1000 / left;
}

/** How many of these ascending numbers are smaller. */
function countBelow(numbers: bigint[], limit: bigint): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
