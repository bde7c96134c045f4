/**
 * A circuit breaker around the calls of one mode: while Stripe does not answer, calls fail at once instead of keeping
 * people and connections waiting for eight seconds each. Only answers that never came count; a refusal is an answer.
 * Each process has its own: what one has seen, another finds out within a few calls.
 */
import CircuitBreaker from 'opossum';
import { StripeFailure } from './stripe-errors';

export interface CircuitSettings {
  /** opens when half of at least this many calls within the window were not answered */
  calls: number;
  windowMs: number;
  /** how long Stripe is left alone before one call is let through to see */
  restMs: number;
}

export interface CircuitState {
  livemode: boolean;
  state: 'closed' | 'open' | 'half_open';
  /** when it last changed */
  since: Date | null;
}

export type OnCircuit = (circuit: CircuitState) => void;

const DEFAULTS: CircuitSettings = { calls: 6, windowMs: 30_000, restMs: 10_000 };

export function createCircuit(
  livemode: boolean,
  isUnanswered: (error: unknown) => boolean,
  options: { settings?: Partial<CircuitSettings>; onChange?: OnCircuit } = {},
) {
  const settings = { ...DEFAULTS, ...options.settings };
  let current: CircuitState = { livemode, state: 'closed', since: null };
  const breaker = new CircuitBreaker((ask: () => Promise<unknown>) => ask(), {
    // each call has its own time limit
    timeout: false,
    volumeThreshold: settings.calls,
    errorThresholdPercentage: 50,
    rollingCountTimeout: settings.windowMs,
    rollingPercentilesEnabled: false,
    resetTimeout: settings.restMs,
    errorFilter: (error: unknown) => !isUnanswered(error),
  });
  const change = (state: CircuitState['state']) => () => {
    current = { livemode, state, since: new Date() };
    options.onChange?.(current);
  };
  breaker.on('open', change('open'));
  breaker.on('halfOpen', change('half_open'));
  breaker.on('close', change('closed'));

  return {
    async run<T>(ask: () => Promise<T>): Promise<T> {
      try {
        return (await breaker.fire(ask)) as T;
      } catch (error) {
        if ((error as { code?: unknown } | null)?.code !== 'EOPENBREAKER') throw error;
        throw new StripeFailure('away', 'Stripe has not answered lately and was not asked');
      }
    },
    state: () => current,
    close: () => breaker.shutdown(),
  };
}
