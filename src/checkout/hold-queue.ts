/**
 * Holds for one event wait for each other anyway, on the event's row. Here they wait in the process instead, and those
 * that came while others were being written go into the next batch together: many orders, of many events, one commit.
 * Nothing is confirmed before its commit, so a crash loses only what nobody was told.
 */
import { type Knex } from 'knex';
import { isDatabaseUnavailable } from '../db/connection';
import { AppError } from '../errors';
import { type FeePolicy } from '../payments/fees';
import { type OrderRequest } from './allocate';
import { type Placement, placeOrders, placeOrdersOfEvents, refuseOrdersOfEvents } from './place-orders';

/** Orders of one commit: more would make each of them wait longer, and hardly save anything. */
const LARGEST_BATCH = 200;
/** Commits under way at once: while one waits for the disk, the next is made. */
const MOST_AT_ONCE = 2;
/** Events whose lock somebody else has are waited for one by one, beside the others; this many connections at most. */
const MOST_WAITING_FOR_LOCKS = 4;
/** Events that are remembered to have nothing left. */
const MOST_EXHAUSTED = 1000;

interface Waiting {
  request: OrderRequest;
  resolve(placement: Placement): void;
  reject(error: unknown): void;
}

type Batches = Map<string, Waiting[]>;

export function createHoldQueue(db: Knex, fees: FeePolicy) {
  const waiting: Batches = new Map();
  /** Events with a batch under way: their next one waits, so that an event's buyers are served in their order. */
  const busy = new Set<string>();
  const locked: [string, Waiting[]][] = [];
  /**
   * Events of whose last batch nobody got anything. It decides nothing: only whether their next batch is first looked at
   * without the lock, which everybody but a lucky one is answered by once all is sold.
   */
  const exhausted = new Set<string>();
  let running = 0;
  let waitingForLocks = 0;

  function workOff(): void {
    while (running < MOST_AT_ONCE) {
      const batches = takeBatches();
      if (batches.size === 0) break;
      running += 1;
      void place(batches).finally(() => {
        running -= 1;
        workOff();
      });
    }
    while (waitingForLocks < MOST_WAITING_FOR_LOCKS && locked.length > 0) {
      const [eventId, batch] = locked.shift()!;
      waitingForLocks += 1;
      void placeOfEvent(eventId, batch).finally(() => {
        waitingForLocks -= 1;
        busy.delete(eventId);
        workOff();
      });
    }
  }

  function takeBatches(): Batches {
    const batches: Batches = new Map();
    let room = LARGEST_BATCH;
    for (const [eventId, entries] of waiting) {
      if (room === 0) break;
      if (busy.has(eventId)) continue;
      const batch = entries.splice(0, room);
      if (entries.length === 0) waiting.delete(eventId);
      busy.add(eventId);
      batches.set(eventId, batch);
      room -= batch.length;
    }
    return batches;
  }

  async function place(batches: Batches): Promise<void> {
    const done = new Map<string, Placement[]>();
    try {
      const hopeless = requestsOf(batches, (eventId) => exhausted.has(eventId));
      if (hopeless.size > 0) add(done, await refuseOrdersOfEvents(db, hopeless));
      const hopeful = requestsOf(batches, (eventId) => !done.has(eventId));
      if (hopeful.size > 0) add(done, await placeOrdersOfEvents(db, hopeful, fees));
    } catch (error) {
      if (isDatabaseUnavailable(error)) return rejectAll(batches, error);
      // One of them made the statement fail: each event for itself, so that the others get their tickets.
    }
    for (const [eventId, batch] of batches) {
      const placements = done.get(eventId);
      if (!placements) {
        locked.push([eventId, batch]);
        continue;
      }
      noteHowItWent(eventId, placements);
      batch.forEach((entry, index) => entry.resolve(placements[index]!));
      busy.delete(eventId);
    }
  }

  function noteHowItWent(eventId: string, placements: Placement[]): void {
    if (placements.some(({ ok }) => ok)) exhausted.delete(eventId);
    else if (exhausted.size < MOST_EXHAUSTED) exhausted.add(eventId);
    else exhausted.clear();
  }

  async function placeOfEvent(eventId: string, batch: Waiting[]): Promise<void> {
    try {
      const requests = batch.map((entry) => entry.request);
      const placements = await placeOrders(db, eventId, requests, fees);
      noteHowItWent(eventId, placements);
      batch.forEach((entry, index) => entry.resolve(placements[index]!));
    } catch (error) {
      if (batch.length === 1 || error instanceof AppError || isDatabaseUnavailable(error))
        return batch.forEach((entry) => entry.reject(error));
      for (const entry of batch) await placeOfEvent(eventId, [entry]);
    }
  }

  function rejectAll(batches: Batches, error: unknown): void {
    for (const [eventId, batch] of batches) {
      busy.delete(eventId);
      batch.forEach((entry) => entry.reject(error));
    }
  }

  return {
    /** Holds tickets for one caller, together with whoever asks at the same moment. */
    placeOrder(eventId: string, request: OrderRequest): Promise<Placement> {
      return new Promise((resolve, reject) => {
        const entries = waiting.get(eventId);
        if (entries) entries.push({ request, resolve, reject });
        else waiting.set(eventId, [{ request, resolve, reject }]);
        // after this round of the event loop, so that requests which arrived together are written together
        setImmediate(workOff);
      });
    },
  };
}

function requestsOf(batches: Batches, wanted: (eventId: string) => boolean): Map<string, OrderRequest[]> {
  const chosen = [...batches].filter(([eventId]) => wanted(eventId));
  return new Map(chosen.map(([eventId, batch]) => [eventId, batch.map((entry) => entry.request)]));
}

function add<K, V>(to: Map<K, V>, from: Map<K, V>): void {
  for (const [key, value] of from) to.set(key, value);
}
