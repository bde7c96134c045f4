/** How often one may try. Kept by keyed hashes, so that the table of limits names nobody. */
import { networkOf } from '../http/network';
import { type Limit, type RateLimits } from '../http/rate-limits';
import { keyedHash } from '../lib/tokens';

const PER_ACCOUNT: Limit = { points: 10, seconds: 15 * 60 };
const PER_NETWORK: Limit = { points: 100, seconds: 15 * 60 };
const SIGN_UPS: Limit = { points: 60, seconds: 60 * 60 };
const CONFIRMATIONS: Limit = { points: 10, seconds: 15 * 60 };

/** Somebody who has the password guesses the code: three of a million count at a time. */
const CODES: Limit = { points: 10, seconds: 60 * 60 };
const RESETS_PER_ACCOUNT: Limit = { points: 4, seconds: 60 * 60 };
const RESETS_PER_NETWORK: Limit = { points: 30, seconds: 60 * 60 };
const ACCOUNT_MAILS: Limit = { points: 5, seconds: 60 * 60 };

const CODE_MESSAGE = 'There were too many tries with codes. Wait an hour, then sign in again.';
const RESET_MESSAGE =
  'A new password was asked for many times. Look into your mailbox and its spam folder, or wait an hour and ask again.';
const MAIL_MESSAGE =
  'We sent you several mails within an hour. Look into your mailbox and its spam folder, or wait an hour and ask again.';
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
    /** Counted before anything is looked up: an address that nobody has is closed just the same. */
    async countResetRequest(email: string, address: string | undefined): Promise<void> {
      await rateLimits.consume('reset-network', key(networkOf(address)), RESETS_PER_NETWORK, RESET_MESSAGE);
      await rateLimits.consume('reset-account', key(email), RESETS_PER_ACCOUNT, RESET_MESSAGE);
    },
    async countAccountMail(userId: string): Promise<void> {
      await rateLimits.consume('account-mail', key(userId), ACCOUNT_MAILS, MAIL_MESSAGE);
    },
    async countCode(userId: string): Promise<void> {
      await rateLimits.consume('sign-in-code', key(userId), CODES, CODE_MESSAGE);
    },
    async forgetCodes(userId: string): Promise<void> {
      await rateLimits.reset('sign-in-code', key(userId), CODES);
    },
    async forgetConfirmations(userId: string): Promise<void> {
      await rateLimits.reset('confirm-password', key(userId), CONFIRMATIONS);
    },
  };
}

export type AccountLimits = ReturnType<typeof createAccountLimits>;
