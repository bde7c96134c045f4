import { randomInt } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { hashToken } from '../lib/tokens';

const PERIOD_SECONDS = 30;
/** A clock may be one step off (RFC 6238 section 5.2). */
const STEPS_EITHER_WAY = 1;

/** 160 bits, in base32 as apps take it (RFC 4226 section 4, requirement 6). */
export function newTotpSecret(): string {
  return new Secret({ size: 20 }).base32;
}

/** What an app reads from the QR code. */
export function totpAddress(secret: string, email: string): string {
  return totp(secret, email).toString();
}

/** The time step that this code belongs to, or null where it is no code of now. `now` in milliseconds of the epoch. */
export function stepOfCode(secret: string, code: string, now: number): number | null {
  if (!/^\d{6}$/.test(code)) return null;
  const delta = totp(secret).validate({ token: code, timestamp: now, window: STEPS_EITHER_WAY });
  return delta === null ? null : Math.floor(now / 1000 / PERIOD_SECONDS) + delta;
}

/** Sixteen characters that can't be taken for one another: 78 random bits. */
const ALPHABET = '23456789ABCDEFGHJKMNPQRSTVWXYZ';
const HOW_MANY = 10;

export function newRecoveryCodes(): string[] {
  return Array.from({ length: HOW_MANY }, () =>
    Array.from({ length: 4 }, () =>
      Array.from({ length: 4 }, () => ALPHABET[randomInt(ALPHABET.length)]).join(''),
    ).join('-'),
  );
}

/** How it is kept. Bound to its owner, and the same for small letters and without dashes. */
export function hashRecoveryCode(userId: string, code: string): string {
  return hashToken(`${userId}:${code.toUpperCase().replace(/[^0-9A-Z]/g, '')}`);
}

function totp(secret: string, label = 'Foyer'): TOTP {
  return new TOTP({
    issuer: 'Foyer',
    label,
    secret: Secret.fromBase32(secret),
    algorithm: 'SHA1', // the one that every app knows
    digits: 6,
    period: PERIOD_SECONDS,
  });
}
