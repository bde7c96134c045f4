/** One outcome per account and idempotency key, for 24 hours: replayed whatever it was, errors included. */
import { type Simulator } from './context';
import { type Answer, Refusal, refusedAtOnce } from './refusal';

const KEPT_SECONDS = 24 * 60 * 60;
const LONGEST_KEY = 255;

export async function answerOnce(
  simulator: Simulator,
  request: { account: string; key: string | null; fingerprint: string },
  carryOut: () => Promise<Answer | null>,
): Promise<Answer | null> {
  const { account, key, fingerprint } = request;
  if (key === null) return carryOut();
  if (key.length > LONGEST_KEY) throw refusedAtOnce(`Idempotency keys have up to ${LONGEST_KEY} characters.`);
  forgetOld(simulator);

  const id = `${account}:${key}`;
  const inProgress = keysInUse(simulator);
  const kept = simulator.state.get('replies', id);
  const first = kept?.fingerprint ?? inProgress.get(id);
  if (first !== undefined && first !== fingerprint) {
    const message = `This idempotency key was first used with another request. Use another key than '${key}' for a different one.`;
    throw refusedAtOnce(message, { type: 'idempotency_error' });
  }
  if (inProgress.has(id)) {
    const message = `There is another request in progress with the idempotency key '${key}'. Try again later.`;
    throw refusedAtOnce(message, { status: 409, type: 'idempotency_error', code: 'idempotency_key_in_use' });
  }
  if (kept) return { ...kept.answer, headers: { ...kept.answer.headers, 'Idempotent-Replayed': 'true' } };

  inProgress.set(id, fingerprint);
  try {
    const answer = await carryOut();
    if (answer) keep(answer);
    return answer;
  } catch (error) {
    if (error instanceof Refusal && !error.beforeExecution) keep(error.answer);
    throw error;
  } finally {
    inProgress.delete(id);
  }

  function keep(answer: Answer): void {
    simulator.state.put('replies', { id, account, fingerprint, created: simulator.clock.seconds(), answer });
  }
}

const inUse = new WeakMap<Simulator, Map<string, string>>();

function keysInUse(simulator: Simulator): Map<string, string> {
  if (!inUse.has(simulator)) inUse.set(simulator, new Map());
  return inUse.get(simulator)!;
}

/** Replies are kept in the order they were made, so the old ones stand in front. */
function forgetOld({ state, clock }: Simulator): void {
  const limit = clock.seconds() - KEPT_SECONDS;
  for (
    let oldest = state.oldest('replies');
    oldest && oldest.created < limit;
    oldest = state.oldest('replies')
  ) {
    state.remove('replies', oldest.id);
  }
}
