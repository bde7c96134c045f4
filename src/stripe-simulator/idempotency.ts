/** One outcome per account and idempotency key, for 24 hours: replayed whatever it was, errors included. */
import { type Simulator } from './context';
import { type Answer, refused } from './refusal';

const KEPT_SECONDS = 24 * 60 * 60;
const LONGEST_KEY = 255;

/** `keep: false`: refused before it was carried out, so the key may be used again. */
export interface Outcome {
  answer: Answer;
  keep: boolean;
}

export async function answerOnce(
  { state, clock, keysInUse }: Simulator,
  request: { account: string; key: string | null; fingerprint: string },
  carryOut: () => Promise<Outcome | null>,
): Promise<Answer | null> {
  const { account, key, fingerprint } = request;
  if (key === null) return (await carryOut())?.answer ?? null;
  if (key.length > LONGEST_KEY) throw refused(`Idempotency keys have up to ${LONGEST_KEY} characters.`);
  const now = clock.seconds();
  // Replies stand in the order they were made: the old ones in front.
  for (
    let reply = state.oldest('replies');
    reply && reply.created < now - KEPT_SECONDS;
    reply = state.oldest('replies')
  ) {
    state.remove('replies', reply.id);
  }

  const id = `${account}:${key}`;
  const kept = state.get('replies', id);
  if ((kept?.fingerprint ?? keysInUse.get(id) ?? fingerprint) !== fingerprint) {
    const message = `The idempotency key '${key}' was first used with other parameters. Use another key for another request.`;
    throw refused(message, { type: 'idempotency_error' });
  }
  if (keysInUse.has(id)) {
    const message = `Another request with the idempotency key '${key}' is in progress. Try again later.`;
    throw refused(message, { status: 409, type: 'idempotency_error', code: 'idempotency_key_in_use' });
  }
  if (kept) return { ...kept.answer, headers: { ...kept.answer.headers, 'Idempotent-Replayed': 'true' } };

  keysInUse.set(id, fingerprint);
  try {
    const outcome = await carryOut();
    if (outcome?.keep)
      state.put('replies', { id, account, fingerprint, created: now, answer: outcome.answer });
    return outcome?.answer ?? null;
  } finally {
    keysInUse.delete(id);
  }
}
