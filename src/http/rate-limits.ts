/** Limits that hold over all processes, since they are counted in Postgres. */
import { type Knex } from 'knex';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import { TooManyRequests } from '../errors';

export interface Limit {
  /** how often … */
  points: number;
  /** … in how many seconds */
  seconds: number;
}

export function createRateLimits(db: Knex) {
  const limiters = new Map<string, RateLimiterPostgres>();

  function limiter(name: string, limit: Limit): RateLimiterPostgres {
    let known = limiters.get(name);
    if (!known) {
      known = new RateLimiterPostgres({
        storeClient: db,
        storeType: 'knex',
        tableName: 'rate_limits',
        tableCreated: true,
        keyPrefix: name,
        points: limit.points,
        duration: limit.seconds,
        clearExpiredByTimeout: false,
      });
      limiters.set(name, known);
    }
    return known;
  }

  return {
    /** Counts one try; throws TooManyRequests with `message` when there were too many. */
    async consume(name: string, key: string, limit: Limit, message: string): Promise<void> {
      try {
        await limiter(name, limit).consume(key.slice(0, 200));
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes)
          throw new TooManyRequests(message, Math.max(1, Math.ceil(refusal.msBeforeNext / 1000)));
        throw refusal;
      }
    },
    /** Takes one counted try back. */
    async giveBack(name: string, key: string, limit: Limit): Promise<void> {
      await limiter(name, limit).reward(key.slice(0, 200));
    },
    /** Forgets the tries, after a success. */
    async reset(name: string, key: string, limit: Limit): Promise<void> {
      await limiter(name, limit).delete(key.slice(0, 200));
    },
  };
}

export type RateLimits = ReturnType<typeof createRateLimits>;
