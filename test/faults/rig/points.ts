/**
 * Named points of a process, seen from outside by the proxies before Stripe and Postgres: the app has no hook for tests.
 * `asks`: what is asked has not arrived there · `hears`: it was done there, and the process does not know it yet.
 */
import { type TcpProxy } from './tcp-proxy';

export interface Point {
  at: 'stripe' | 'database';
  side: 'asks' | 'hears';
  /** Is the connection at this point with this chunk? */
  reached(chunk: Buffer, memory: Record<string, string>): boolean;
}

/** A request to Stripe, by its first line: /^POST \/v1\/refunds /. */
export function stripe(request: RegExp, side: Point['side']): Point {
  return { at: 'stripe', side, reached: (chunk) => request.test(chunk.toString('latin1')) };
}

/** The COMMIT of a transaction in which something was sent that matches: SQL text, or the name of a prepared statement. */
export function commitOf(pattern: RegExp, side: Point['side']): Point {
  return {
    at: 'database',
    side,
    reached(chunk, memory) {
      const text = chunk.toString('latin1');
      memory['said'] = /\bBEGIN\b/i.test(text) ? text : (memory['said'] ?? '') + text;
      return /\bCOMMIT\b/.test(text) && pattern.test(memory['said']);
    },
  };
}

/**
 * Calls `act` when somebody behind these proxies is there, `times` times. What was on its way is lost, unless `act`
 * answers `pass`; until then it waits.
 */
export function when(
  proxies: { stripe: TcpProxy; database: TcpProxy },
  point: Point,
  act: () => unknown,
  times = 1,
): { reached: Promise<void>; forget(): void } {
  let left = times;
  let done: () => void;
  const reached = new Promise<void>((resolve) => (done = resolve));
  const forget = proxies[point.at].watch(async (chunk, direction, memory) => {
    if (direction === 'out' && left > 0 && point.reached(chunk, memory)) {
      if (point.side === 'asks') return strike();
      memory['asked'] = 'yes';
    } else if (direction === 'back' && memory['asked']) {
      delete memory['asked'];
      return strike();
    }
  });

  async function strike(): Promise<void | 'drop'> {
    if (left <= 0) return;
    left -= 1;
    const answer = await act();
    if (left === 0) {
      forget();
      done();
    }
    return answer === 'pass' ? undefined : 'drop';
  }
  return { reached, forget };
}
