/**
 * A code from a link or a form. Invariant: whoever guesses learns of a bounded number of codes, since every try is
 * counted before it is looked at, so that tries side by side count as well; only who named a code that there is gets
 * theirs back.
 */
import { type Dependencies } from '../dependencies';
import { networkOf } from '../http/network';
import { keyedHash } from '../lib/tokens';
import { type DiscountCode, isCode } from './discount-code';
import { createDiscountCodesStore } from './discount-codes-store';

const PER_NETWORK = { points: 60, seconds: 60 * 60 };
const TOO_MANY =
  'Many codes that do not exist were tried from your network. Wait an hour, or go on without a code.';

/** Null for a code that the event does not have. Throws TooManyRequests. */
export async function recognizeCode(
  { config, db, rateLimits }: Pick<Dependencies, 'config' | 'db' | 'rateLimits'>,
  asked: { eventId: string; code: string; address: string | undefined },
): Promise<DiscountCode | null> {
  const key = keyedHash(config.sessionSecrets[0]!, 'rate-limits', networkOf(asked.address));
  await rateLimits.consume('discount-codes', key, PER_NETWORK, TOO_MANY);
  if (!isCode(asked.code)) return null;
  const code = await createDiscountCodesStore(db).find(asked.eventId, asked.code);
  if (code) await rateLimits.giveBack('discount-codes', key, PER_NETWORK);
  return code;
}
