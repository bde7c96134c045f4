import { createHash, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { bytesToUuid, isUuid, uuidToBytes } from './ids';

/** 256 random bits for a state or a one-time link. Only its hash is stored. */
export function newSecretToken(): string {
  return randomBytes(32).toString('base64url');
}

/** SHA-256 in hex: how a random token is kept. (Tokens of 256 bits need no slow hash.) */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** A keyed hash for values that could be guessed, such as a network address. */
export function keyedHash(secret: string, purpose: string, value: string): string {
  return createHmac('sha256', derive(secret, purpose)).update(value).digest('base64url').slice(0, 22);
}

const MAC_BYTES = 16;

/**
 * Tokens that carry an id and prove that we wrote it: 16 bytes of id and 128 bits of HMAC-SHA256, base64url, 43
 * characters. The first secret signs, all verify, so that secrets can be rotated. `purpose` keeps kinds apart.
 */
export function createIdTokens(secrets: string[], purpose: string) {
  const keys = secrets.map((secret) => derive(secret, purpose));

  function mac(key: Buffer, id: Buffer): Buffer {
    return createHmac('sha256', key).update(id).digest().subarray(0, MAC_BYTES);
  }

  return {
    sign(id: string): string {
      const bytes = uuidToBytes(id);
      return Buffer.concat([bytes, mac(keys[0]!, bytes)]).toString('base64url');
    },
    /** The id in a token that is ours, else null. Compared in constant time. */
    verify(token: unknown): string | null {
      if (typeof token !== 'string' || !/^[A-Za-z0-9_-]{43}$/.test(token)) return null;
      const bytes = Buffer.from(token, 'base64url');
      const id = bytes.subarray(0, 16);
      if (bytes.toString('base64url') !== token) return null;
      if (!keys.some((key) => timingSafeEqual(mac(key, id), bytes.subarray(16)))) return null;
      const uuid = bytesToUuid(id);
      return isUuid(uuid) ? uuid : null;
    },
  };
}

export type IdTokens = ReturnType<typeof createIdTokens>;

/** A key for one purpose from a server secret (HKDF, RFC 5869). */
export function derive(secret: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'foyer', purpose, 32));
}
