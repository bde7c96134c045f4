/**
 * The text in a ticket's QR code: ticket id (16 bytes), event id (16), key id (the first 4 bytes of the public key's
 * hash) and an Ed25519 signature (64), base64url. A door that has the public key can check it without network.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { bytesToUuid, uuidToBytes } from './ids';
import { derive } from './tokens';

const PKCS8_ED25519_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const LENGTH = 16 + 16 + 4 + 64;

export function createTicketCodes(secrets: string[]) {
  const keys = secrets.map((secret) => {
    const privateKey = createPrivateKey({
      key: Buffer.concat([PKCS8_ED25519_PREFIX, derive(secret, 'ticket-codes')]),
      format: 'der',
      type: 'pkcs8',
    });
    const publicKey = createPublicKey(privateKey);
    return { id: keyId(publicKey), privateKey, publicKey };
  });

  return {
    sign(ticket: { id: string; eventId: string }): string {
      const { id, privateKey } = keys[0]!;
      const text = Buffer.concat([uuidToBytes(ticket.id), uuidToBytes(ticket.eventId), id]);
      return Buffer.concat([text, sign(null, text, privateKey)]).toString('base64url');
    },
    /** Ticket and event of a code that we signed, else null. */
    verify(code: unknown): { id: string; eventId: string } | null {
      if (typeof code !== 'string' || !/^[A-Za-z0-9_-]{134}$/.test(code)) return null;
      const bytes = Buffer.from(code, 'base64url');
      // The last character carries bits that nothing is made of: one ticket has one code.
      if (bytes.length !== LENGTH || bytes.toString('base64url') !== code) return null;
      const text = bytes.subarray(0, 36);
      const key = keys.find((candidate) => candidate.id.equals(text.subarray(32)));
      if (!key || !verify(null, text, key.publicKey, bytes.subarray(36))) return null;
      return { id: bytesToUuid(text.subarray(0, 16)), eventId: bytesToUuid(text.subarray(16, 32)) };
    },
  };
}

export type TicketCodes = ReturnType<typeof createTicketCodes>;

function keyId(publicKey: KeyObject): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest()
    .subarray(0, 4);
}
