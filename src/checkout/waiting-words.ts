/** What somebody is told who waits for their payment page: their place, an honest estimate, and when to look again. */
import { formatDuration } from '../lib/dates';
import { PAYMENT_MINUTES } from './hold-deadline';
import { type Place } from './payment-queue';

export interface WaitingWords {
  title: string;
  lead: string;
  /** the two figures of the queue, where there is one */
  queue: { before: string; wait: string } | null;
  next: string;
  /** seconds until the page looks again by itself */
  lookAgain: number;
}

/** A wait as short as this is told as no wait. */
const NEARLY_THERE_SECONDS = 4;
const SHORTEST_PAUSE = 3;
const LONGEST_PAUSE = 15;

/** `place`: null when Stripe has been asked already, and has not answered. `away`: Stripe answers nobody at the moment. */
export function waitingWords(place: Place | null, away = false): WaitingWords {
  if (away)
    return {
      title: 'Stripe does not answer right now',
      lead: 'Stripe, which takes the payments, is interrupted for everybody at this moment. We go on trying, and this page leads you on as soon as it answers.',
      queue: null,
      next: 'They are held until the time on the page of your order; if Stripe is not back by then, they are released and nothing is charged.',
      lookAgain: 10,
    };
  if (!place)
    return {
      title: 'Preparing your payment',
      lead: 'Stripe is taking a little longer than usual. This page looks again every few seconds and leads you on by itself.',
      queue: null,
      next: `Then you have ${PAYMENT_MINUTES} minutes to pay.`,
      lookAgain: 3,
    };
  const nearly = place.seconds !== null && place.seconds <= NEARLY_THERE_SECONDS;
  return {
    title: nearly ? 'You are almost there' : 'You are in the queue to pay',
    lead: nearly
      ? 'Your payment page opens in a few seconds, by itself.'
      : 'Many people are buying at this moment. Everybody pays in the order they came, and nobody passes you.',
    queue: {
      before:
        place.before === 0
          ? 'Nobody'
          : place.before === 1
            ? '1 buyer'
            : `${formatCount(place.before)} buyers`,
      wait: waitInWords(place.seconds),
    },
    next: `When it is your turn, this page takes you to Stripe by itself. From then on you have ${PAYMENT_MINUTES} minutes to pay.`,
    lookAgain:
      place.seconds === null
        ? LONGEST_PAUSE
        : Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, Math.round(place.seconds / 2))),
  };
}

/** Rounded up to what can be kept: to five seconds, from a minute on to minutes. */
function waitInWords(seconds: number | null): string {
  if (seconds === null) return 'Longer than usual';
  if (seconds <= NEARLY_THERE_SECONDS) return 'A few seconds';
  const step = seconds <= 55 ? 5 : 60;
  return `About ${formatDuration(Math.ceil(seconds / step) * step)}`;
}

function formatCount(count: number): string {
  return count.toLocaleString('en-GB');
}
