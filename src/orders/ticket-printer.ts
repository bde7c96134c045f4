/** Tickets as PDF, drawn one after the other in a thread that starts when it is needed and ends when it is not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Unavailable } from '../errors';
import type * as Drawing from './tickets-pdf';

const IDLE_MS = 30_000;
const MOST_WAITING = 50;
const PATIENCE_MS = 10_000;

interface Waiting {
  resolve(pdf: Buffer): void;
  reject(error: unknown): void;
  timer: NodeJS.Timeout;
}

/** The built thread; where Foyer runs from its sources (in tests) there is none, and the process draws by itself. */
const SCRIPT = join(__dirname, 'tickets-pdf-worker.js');

export function createTicketPrinter() {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | null = null;
  let idle: NodeJS.Timeout | undefined;
  let last = 0;

  function thread(): Worker {
    clearTimeout(idle);
    if (worker) return worker;
    const started = new Worker(SCRIPT);
    started.on('message', (answer: { id: number; pdf?: Uint8Array; problem?: string }) => {
      const asked = waiting.get(answer.id);
      if (!asked) return;
      forget(answer.id, asked);
      if (answer.pdf) asked.resolve(Buffer.from(answer.pdf));
      else asked.reject(new Error(`Tickets could not be drawn: ${answer.problem}`));
      if (waiting.size === 0) idle = setTimeout(() => void stop(), IDLE_MS).unref();
    });
    started.on('error', failAll);
    started.on('exit', () => {
      if (worker === started) worker = null;
    });
    started.unref();
    return (worker = started);
  }

  function forget(id: number, asked: Waiting): void {
    clearTimeout(asked.timer);
    waiting.delete(id);
  }

  function failAll(error: unknown): void {
    worker = null;
    for (const [id, asked] of waiting) {
      forget(id, asked);
      asked.reject(error);
    }
  }

  async function stop(): Promise<void> {
    const stopped = worker;
    failAll(new Unavailable());
    clearTimeout(idle);
    await stopped?.terminate();
  }

  return {
    /** Throws Unavailable when too many are asked for at once. */
    async print(paper: Drawing.TicketsOnPaper): Promise<Buffer> {
      if (!existsSync(SCRIPT)) return drawHere(paper);
      if (waiting.size >= MOST_WAITING) throw new Unavailable();
      const id = (last += 1);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(id);
          reject(new Unavailable());
        }, PATIENCE_MS);
        waiting.set(id, { resolve, reject, timer });
        thread().postMessage({ id, paper });
      });
    },
    close: stop,
  };
}

/** Loaded when it is needed: the drawing library and its fonts are large, and only the thread has a use for them. */
async function drawHere(paper: Drawing.TicketsOnPaper): Promise<Buffer> {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- what import() becomes differs between build and tests
  const { drawTickets } = require('./tickets-pdf') as typeof Drawing;
  return drawTickets(paper);
}

export type TicketPrinter = ReturnType<typeof createTicketPrinter>;
