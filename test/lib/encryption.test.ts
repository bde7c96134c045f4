import fc from 'fast-check';
import { createEncryption } from '../../src/lib/encryption';

const [OLD, NEW] = [Buffer.alloc(32, 1).toString('base64'), Buffer.alloc(32, 2).toString('base64')];
const CONTEXT = 'stripe_connections:1';
const encryption = createEncryption([NEW]);

/** The text with one part (0 version, 1 key, 2 iv, 3 tag, 4 data) changed. */
function withPart(text: string, index: number, change: (part: Buffer) => Buffer): string {
  const parts = text.split('.');
  parts[index] = change(Buffer.from(parts[index]!, 'base64url')).toString('base64url');
  return parts.join('.');
}

test('whatever is encrypted comes back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, context) => {
      expect(encryption.decrypt(encryption.encrypt(plain, context), context)).toBe(plain);
    }),
  );
});

test('the text says nothing of what is in it, and is another each time', () => {
  const [one, two] = [encryption.encrypt('rt_secret', CONTEXT), encryption.encrypt('rt_secret', CONTEXT)];
  expect(one).not.toBe(two);
  expect(one).toMatch(/^v1(\.[A-Za-z0-9_-]+){4}$/);
  expect(one).not.toContain(Buffer.from('rt_secret').toString('base64url'));
});

test('it can not be moved to another row', () => {
  const text = encryption.encrypt('rt_secret', CONTEXT);
  expect(() => encryption.decrypt(text, 'stripe_connections:2')).toThrow();
  expect(() => encryption.decrypt(text, '')).toThrow();
});

test('a flipped bit of the iv, the tag or the data is noticed', () => {
  const text = encryption.encrypt('rt_secret', CONTEXT);
  for (const part of [2, 3, 4]) {
    const { length } = Buffer.from(text.split('.')[part]!, 'base64url');
    for (let bit = 0; bit < length * 8; bit += 1) {
      const changed = withPart(text, part, (bytes) => {
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        return bytes;
      });
      expect(() => encryption.decrypt(changed, CONTEXT)).toThrow();
    }
  }
});

test.each([16, 12, 8, 4, 0])(
  'a tag of which only %d bytes are left is enough only when it is whole',
  (length) => {
    const text = encryption.encrypt('rt_secret', CONTEXT);
    const cut = () =>
      encryption.decrypt(
        withPart(text, 3, (tag) => tag.subarray(0, length)),
        CONTEXT,
      );
    if (length === 16) expect(cut()).toBe('rt_secret');
    else expect(cut).toThrow();
  },
);

test.each([
  ['nothing', ''],
  ['plain text', 'rt_secret'],
  ['another version', encryption.encrypt('x', CONTEXT).replace('v1', 'v2')],
  ['no data', encryption.encrypt('x', CONTEXT).split('.').slice(0, 4).join('.')],
  ['more than there is', `${encryption.encrypt('x', CONTEXT)}.x`],
])('%s is not decrypted', (_name, text) => {
  expect(() => encryption.decrypt(text, CONTEXT)).toThrow('not encrypted with a key we have');
});

test('a rotation reads the old and writes with the new key', () => {
  const before = createEncryption([OLD]);
  const rotated = createEncryption([NEW, OLD]);
  expect(rotated.decrypt(before.encrypt('rt_secret', CONTEXT), CONTEXT)).toBe('rt_secret');
  expect(encryption.decrypt(rotated.encrypt('rt_secret', CONTEXT), CONTEXT)).toBe('rt_secret');
});

test('without the key there is an error that says nothing', () => {
  const text = createEncryption([OLD]).encrypt('rt_secret', CONTEXT);
  expect(() => encryption.decrypt(text, CONTEXT)).toThrow(
    /^This value was not encrypted with a key we have$/,
  );
});
