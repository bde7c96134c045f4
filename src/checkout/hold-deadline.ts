/**
 * How long tickets stay held (promise 3: a deadline alone frees only what Stripe never heard of).
 *
 * A buyer has 15 minutes to choose and to say who they are, and at least 10 to pay. Time in the queue for payment is not
 * theirs: it stops the clock, for an hour at most, and the ten minutes begin when the payment can be made. So a hold
 * lives 25 minutes while Stripe keeps up, and 85 in the worst rush.
 */
import { type Knex } from 'knex';

/** How long tickets stay held while the buyer decides. */
export const HOLD_MINUTES = 15;
/** While somebody pays, the tickets are theirs for at least this long. */
export const PAYMENT_MINUTES = 10;
/** The longest wait that a hold survives. */
const LONGEST_WAIT_MINUTES = 60;

/** The deadline of an order whose payment has just been asked for, and waits for its turn. */
export function deadlineWhileWaiting(db: Knex): Knex.Raw {
  return db.raw('now() + make_interval(mins => ?)', [LONGEST_WAIT_MINUTES]);
}

/** The deadline of an order that can be paid from now on. */
export function deadlineToPay(db: Knex): Knex.Raw {
  return db.raw('greatest(created_at + make_interval(mins => ?), now() + make_interval(mins => ?))', [
    HOLD_MINUTES,
    PAYMENT_MINUTES,
  ]);
}
