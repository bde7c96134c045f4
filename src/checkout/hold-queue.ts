/**
 * Holds for one event wait for each other anyway, on the event's row. Here they wait in the process instead, and those
 * that came while a batch was being written go into the next one together: many orders, one commit. Nothing is
 * confirmed before its commit, so a crash loses only what nobody was told.
 */
import { type Knex } from 'knex';
import { isDatabaseUnavailable } from '../db/connection';
import { AppError } from '../errors';
import { type FeePolicy } from '../payments/fees';
import { type OrderRequest } from './allocate';
import { type Placement, placeOrders } from './place-orders';

const LARGEST_BATCH = 200;

interface Waiting {
  request: OrderRequest;
  resolve(placement: Placement): void;
  reject(error: unknown): void;
}

export function createHoldQueue(db: Knex, fees: FeePolicy) {
  const waitingByEvent = new Map<string, Waiting[]>();

  async function workOff(eventId: string, waiting: Waiting[]): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, LARGEST_BATCH);
      await place(eventId, batch);
    }
    waitingByEvent.delete(eventId);
  }

  async function place(eventId: string, batch: Waiting[]): Promise<void> {
    try {
      const placements = await placeOrders(
        db,
        eventId,
        batch.map((entry) => entry.request),
        fees,
      );
      batch.forEach((entry, index) => entry.resolve(placements[index]!));
    } catch (error) {
      if (batch.length === 1 || error instanceof AppError || isDatabaseUnavailable(error))
        return batch.forEach((entry) => entry.reject(error));
      // One of them made the statement fail: each for itself, so that the others get their tickets.
      for (const entry of batch) await place(eventId, [entry]);
    }
  }

  return {
    /** Holds tickets for one caller, together with whoever asks for the same event at the same moment. */
    placeOrder(eventId: string, request: OrderRequest): Promise<Placement> {
      return new Promise((resolve, reject) => {
        const entry = { request, resolve, reject };
        const waiting = waitingByEvent.get(eventId);
        if (waiting) {
          waiting.push(entry);
          return;
        }
        const queue = [entry];
        waitingByEvent.set(eventId, queue);
        void workOff(eventId, queue);
      });
    },
  };
}
