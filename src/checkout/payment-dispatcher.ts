/**
 * Works off the queue for payment, in every process: takes the head, each attempt with a slot of its own, and sends it in
 * time. Several processes take turns by the lock of the slots; one that dies leaves nothing but a lease that runs out.
 * A send that gets no answer is due again later, and those behind it go on meanwhile.
 */
import { type Dependencies } from '../dependencies';
import { StripeFailure } from '../stripe/stripe-errors';
import { pauseFor } from '../stripe/request-pace';
import { type Claim } from './payment-queue-store';
import { sendClaimed, type SendDependencies } from './send-attempt';

/**
 * Slots are taken this far ahead, so that none passes unused while a busy process makes its next round; not further, for
 * it may die.
 */
const AHEAD_SECONDS = 0.2;
const TAKEN_SECONDS = 0.25;
const MOST_AT_ONCE = 50;
/**
 * A send may be late by so much: its limit is by the second, so that what a busy process sends a moment late still fits
 * into it, and whoever gave up a slot would only come later, behind others.
 */
const TOLERANCE_MS = 400;
/** How often somebody looks whether another process has left an attempt behind. */
const LOOK_EVERY_MS = 1000;
/** What is due but locked by somebody at this moment. */
const LOOK_AGAIN_MS = 25;

/** Claims what is due, within the limits of one round, and begins to send it. Answers how long the next round can wait. */
async function beginRound(dependencies: SendDependencies, begin: (claim: Claim) => void): Promise<number> {
  const { config, paymentQueue, stripe } = dependencies;
  const limit = Math.min(MOST_AT_ONCE, Math.max(1, Math.round(TAKEN_SECONDS / paymentQueue.spacing)));
  let waitMs = LOOK_EVERY_MS;
  for (const { livemode } of config.stripe.modes) {
    if (stripe.isAway(livemode) || !(await paymentQueue.store.isAnybodyDue(livemode))) continue;
    const { claims, claimableMs } = await paymentQueue.store.claimHead(livemode, {
      limit,
      ahead: AHEAD_SECONDS,
    });
    claims.forEach(begin);
    const shortest = claims.length > 0 ? 1 : LOOK_AGAIN_MS;
    waitMs = Math.min(waitMs, Math.max(shortest, claimableMs));
  }
  return waitMs;
}

/** One round, to its end: for the sweep, which finds what stands still where no dispatcher runs. */
export async function sendDueAttempts(dependencies: SendDependencies): Promise<void> {
  const sends: Promise<void>[] = [];
  await beginRound(dependencies, (claim) => sends.push(sendInTime(dependencies, claim)));
  await Promise.all(sends);
}

/**
 * Waits for the slot, and sends. A slot that has long passed (this process stood still) is lost: late sends would bunch up
 * with those of the next ones. What goes wrong is on the attempt, and due again.
 */
export async function sendInTime(dependencies: SendDependencies, claim: Claim): Promise<void> {
  const slotAt = performance.now() + claim.waitMs;
  await pauseFor(claim.waitMs);
  const inTime = performance.now() - slotAt <= TOLERANCE_MS;
  await sendClaimed(dependencies, claim.attempt, { slotTaken: inTime }).catch((error: unknown) => {
    dependencies.logger[error instanceof StripeFailure ? 'warn' : 'error'](
      { err: error, attemptId: claim.attempt.id },
      'a payment attempt could not be sent',
    );
  });
}

export function startPaymentDispatcher(dependencies: Dependencies): { stop(): Promise<void> } {
  const { logger, paymentQueue } = dependencies;
  const sends = new Set<Promise<void>>();
  let stopped = false;
  let wake = () => {};
  let arrived = false;
  const endArrivals = paymentQueue.onArrival(() => {
    arrived = true;
    wake();
  });
  const running = run();

  async function run(): Promise<void> {
    while (!stopped) {
      arrived = false;
      const waitMs = await beginRound(dependencies, begin).catch((error: unknown) => {
        logger.error({ err: error }, 'a round of the payment queue failed');
        return LOOK_EVERY_MS;
      });
      // a slot that is not free yet comes no sooner by an arrival
      if (waitMs < LOOK_EVERY_MS) await pauseFor(waitMs);
      else if (!arrived && !stopped) await untilWoken();
    }
  }

  function begin(claim: Claim): void {
    const send = sendInTime(dependencies, claim).finally(() => sends.delete(send));
    sends.add(send);
  }

  function untilWoken(): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, LOOK_EVERY_MS);
      wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  return {
    async stop() {
      stopped = true;
      endArrivals();
      wake();
      await running;
      await Promise.all(sends);
    },
  };
}
