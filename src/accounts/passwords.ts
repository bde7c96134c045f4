import { hash, verify } from '@node-rs/argon2';
import { Unavailable } from '../errors';
import { isTooLongToHash, normalizePassword } from './password-rules';

/** Argon2id at the strength that OWASP's Password Storage Cheat Sheet names first: 19 MiB, two passes, one lane. */
const STRENGTH = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Of a random password that nobody knows, with the same strength: what an unknown address is compared with. */
const NOBODYS_HASH =
  '$argon2id$v=19$m=19456,t=2,p=1$E12Pg17GyXu+6f897YjzEg$nZ4k+3DVaKjnaRl1ZCKaGpAFY1qIGkMnV6dlWyZsOt4';

/**
 * Hashes and checks passwords, a few at a time: each takes a processor for some 15 ms and 19 MiB, and a wave of
 * sign-ins must not stall people who are paying. Who would wait too long is told so (503).
 */
export function createPasswords(limits = { atOnce: 2, waiting: 100 }) {
  const inTurn = createTurnstile(limits);

  return {
    async hash(password: string): Promise<string> {
      return inTurn(() => hash(normalizePassword(password), STRENGTH));
    },

    /** Takes as long for nobody's password (`null`) as for somebody's. */
    async matches(storedHash: string | null, password: string): Promise<boolean> {
      const candidate = isTooLongToHash(password) ? '' : normalizePassword(password);
      const same = await inTurn(() => verify(storedHash ?? NOBODYS_HASH, candidate));
      return same && storedHash !== null && candidate !== '';
    },
  };
}

export type Passwords = ReturnType<typeof createPasswords>;

function createTurnstile({ atOnce, waiting }: { atOnce: number; waiting: number }) {
  let inside = 0;
  const queue: (() => void)[] = [];

  return async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (inside < atOnce) inside += 1;
    else {
      if (queue.length >= waiting)
        throw new Unavailable(
          'Many people are signing in right now. Wait a moment, then send the form again.',
        );
      await new Promise<void>((admit) => queue.push(admit));
    }
    try {
      return await work();
    } finally {
      // the place is handed on, so that nobody slips in between
      const next = queue.shift();
      if (next) next();
      else inside -= 1;
    }
  };
}
