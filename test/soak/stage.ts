/** What everybody in a soak shares: the world, the sales, what was seen, and when it is over. */
import { type Answer, ask } from '../faults/rig/ask';
import { type Sale } from '../faults/rig/sales';
import { type World } from '../faults/rig/world';

export interface Seen {
  requests: number;
  /** the other side went away: a process was killed, a connection cut */
  cut: number;
  /** 503 while a fault of the database was played, or just after, or while the machine had no time */
  unavailable: number;
  unexpected5xx: string[];
  troubles: Record<string, number>;
}

export interface Stage {
  world: World;
  sales: Sale[];
  seen: Seen;
  over(): boolean;
  /** A 503 is an honest answer from now on for so many seconds. */
  excuse(seconds: number): void;
  /** Asks, and notes how it went; null where no answer came. */
  visit(method: 'GET' | 'POST', url: string, options?: Parameters<typeof ask>[2]): Promise<Answer | null>;
  note(trouble: string): void;
}

/** What a proxy in front says when nothing behind it answers within reason. */
const SLOWEST_MS = 20_000;

export function createStage(world: World, endsAt: number): Stage {
  const seen: Seen = { requests: 0, cut: 0, unavailable: 0, unexpected5xx: [], troubles: {} };
  let excusedUntil = 0;
  return {
    world,
    sales: [],
    seen,
    over: () => Date.now() >= endsAt,
    excuse(seconds) {
      excusedUntil = Math.max(excusedUntil, Date.now() + seconds * 1000);
    },
    async visit(method, url, options = {}) {
      seen.requests += 1;
      const began = Date.now();
      const answer = await ask(method, url, { timeoutMs: SLOWEST_MS, ...options }).catch(() => null);
      if (!answer) seen.cut += 1;
      else if (answer.status === 503 && (began <= excusedUntil || Date.now() <= excusedUntil))
        seen.unavailable += 1;
      else if (answer.status >= 500)
        seen.unexpected5xx.push(
          `${answer.status} ${method} ${new URL(url).pathname.slice(0, 40)}: ${answer.text
            .replace(/<[^>]+>/g, ' ')
            .replace(/\s+/g, ' ')
            .slice(0, 200)}`,
        );
      return answer;
    },
    note(trouble) {
      seen.troubles[trouble] = (seen.troubles[trouble] ?? 0) + 1;
    },
  };
}
