import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const TAG_BYTES = 16;

/**
 * AES-256-GCM with a list of keys: the first encrypts, all decrypt. The text is `v1.<key id>.<iv>.<tag>.<data>`;
 * `context` (such as the row's id) is authenticated with it, so that a value can't be moved to another row.
 */
export function createEncryption(keysInBase64: string[]) {
  const keys = keysInBase64.map((text) => {
    const key = Buffer.from(text, 'base64');
    return { id: createHash('sha256').update(key).digest('base64url').slice(0, 8), key };
  });

  return {
    /** What every text begins with that the first key encrypted: the others wait for `npm run tokens:reencrypt`. */
    firstKeyPrefix: `v1.${keys[0]!.id}.`,

    encrypt(plain: string, context: string): string {
      const { id, key } = keys[0]!;
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
      const data = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      return [
        'v1',
        id,
        iv.toString('base64url'),
        cipher.getAuthTag().toString('base64url'),
        data.toString('base64url'),
      ].join('.');
    },
    /** Throws when the key is gone, the text was changed, or the context is another. */
    decrypt(text: string, context: string): string {
      const [version, id, iv, tag, data, ...rest] = text.split('.');
      const known = keys.find((candidate) => candidate.id === id);
      if (version !== 'v1' || !known || !iv || !tag || data === undefined || rest.length > 0)
        throw new Error('This value was not encrypted with a key we have');
      // Node would take a tag of four bytes for a tag, which can be guessed.
      const decipher = createDecipheriv('aes-256-gcm', known.key, Buffer.from(iv, 'base64url'), {
        authTagLength: TAG_BYTES,
      }).setAAD(Buffer.from(context));
      decipher.setAuthTag(Buffer.from(tag, 'base64url'));
      return Buffer.concat([decipher.update(Buffer.from(data, 'base64url')), decipher.final()]).toString(
        'utf8',
      );
    },
  };
}

export type Encryption = ReturnType<typeof createEncryption>;
