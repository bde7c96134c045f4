/** Loaded before the app where the bench wants to know how long its event loop is kept from turning. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 5;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
process.on('message', () => {
  // what it measures is the time between two turns: the pause that was asked for is in it
  process.send!(Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MS));
  delays.reset();
});
// nobody waits for it
process.channel?.unref();
