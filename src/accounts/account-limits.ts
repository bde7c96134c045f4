/** How often one may try. Kept by keyed hashes, so that the table of limits names nobody. */
import { isIPv6 } from 'node:net';
import { type Limit, type RateLimits } from '../http/rate-limits';
import { keyedHash } from '../lib/tokens';

const PER_ACCOUNT: Limit = { points: 10, seconds: 15 * 60 };
const PER_NETWORK: Limit = { points: 100, seconds: 15 * 60 };
const SIGN_UPS: Limit = { points: 60, seconds: 60 * 60 };
const CONFIRMATIONS: Limit = { points: 10, seconds: 15 * 60 };

const ACCOUNT_MESSAGE =
  'There were too many tries to sign in with this email address. Wait 15 minutes, then sign in again.';
const NETWORK_MESSAGE =
  'There were too many tries to sign in from your network. Wait 15 minutes, then sign in again.';
const SIGN_UP_MESSAGE =
  'Many accounts were created from your network within an hour. Wait a while, then send the form again.';
const CONFIRMATION_MESSAGE =
  'There were too many tries to confirm your password. Wait 15 minutes, then confirm it again.';

export function createAccountLimits(rateLimits: RateLimits, secret: string) {
  const key = (value: string) => keyedHash(secret, 'rate-limits', value);

  return {
    /** Counted before the password is looked at, so that tries side by side count as well as tries in a row. */
    async countSignIn(email: string, address: string | undefined): Promise<void> {
      await rateLimits.consume('sign-in-network', key(networkOf(address)), PER_NETWORK, NETWORK_MESSAGE);
      await rateLimits.consume('sign-in-account', key(email), PER_ACCOUNT, ACCOUNT_MESSAGE);
    },
    /** Only failures count for the account. Its network keeps the count: the guesser may own an account too. */
    async forgetSignIns(email: string): Promise<void> {
      await rateLimits.reset('sign-in-account', key(email), PER_ACCOUNT);
    },
    async countSignUp(address: string | undefined): Promise<void> {
      await rateLimits.consume('sign-up', key(networkOf(address)), SIGN_UPS, SIGN_UP_MESSAGE);
    },
    /** A password tried at signing up is a try on the account that has the address. */
    async countTryOnAccount(email: string): Promise<void> {
      await rateLimits.consume('sign-in-account', key(email), PER_ACCOUNT, ACCOUNT_MESSAGE);
    },
    async countConfirmation(userId: string): Promise<void> {
      await rateLimits.consume('confirm-password', key(userId), CONFIRMATIONS, CONFIRMATION_MESSAGE);
    },
    async forgetConfirmations(userId: string): Promise<void> {
      await rateLimits.reset('confirm-password', key(userId), CONFIRMATIONS);
    },
  };
}

export type AccountLimits = ReturnType<typeof createAccountLimits>;

/** A household or a server has one IPv4 address, or 2^64 of IPv6: those count as one. */
export function networkOf(address: string | undefined): string {
  if (!address || !isIPv6(address)) return address ?? 'unknown';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  const [head = '', tail = ''] = address.split('%')[0]!.split('::');
  const front = head.split(':').filter(Boolean);
  const back = tail.split(':').filter(Boolean);
  const groups = address.includes('::')
    ? [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back]
    : front;
  return groups
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(':');
}
