/** Thrown into a start that goes on while the end has been asked for. */
export class EndedMeanwhile extends Error {}

/**
 * What a process has started, so that it can be stopped in the opposite order, each thing once, whenever the end comes:
 * also in the middle of the start, which then gets no further than to its next step.
 */
export function createLifetime({ onStopError }: { onStopError: (error: unknown) => void }) {
  const stops: (() => Promise<void>)[] = [];
  let starting: Promise<void> = Promise.resolve();
  let ending: Promise<void> | null = null;

  /** Runs `start`, which calls `started` after each thing that will have to be stopped. */
  async function begin(start: () => Promise<void>): Promise<void> {
    starting = start();
    await starting;
  }

  function started(stop: () => Promise<void>): void {
    stops.push(stop);
    if (ending) throw new EndedMeanwhile();
  }

  /** Never throws: what can't be stopped must not keep the rest from being stopped. */
  function end(): Promise<void> {
    ending ??= stopAll();
    return ending;
  }

  async function stopAll(): Promise<void> {
    await starting.catch(() => {}); // whoever called `begin` hears of it
    for (const stop of stops.reverse()) await stop().catch(onStopError);
  }

  return { begin, started, end };
}
