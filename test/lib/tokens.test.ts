import { newId } from '../../src/lib/ids';
import { createIdTokens, derive, hashToken, keyedHash, newSecretToken } from '../../src/lib/tokens';

const [OLD, NEW] = ['the-old-secret-of-this-test', 'the-new-secret-of-this-test'];
const ID = '0193a5c0-0123-7456-89ab-cdef01234567';
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

describe('a token that carries an id', () => {
  const tokens = createIdTokens([NEW], 'order-address');
  const token = tokens.sign(ID);

  it('gives back the id, and fits into an address', () => {
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(tokens.verify(token)).toBe(ID);
    expect(tokens.sign(ID)).toBe(token); // so that web, worker and mails write the same address
  });

  it('is refused when any of its characters is another', () => {
    const tampered = [...token].flatMap((letter, place) =>
      [...BASE64URL.replace(letter, '')].map(
        (other) => token.slice(0, place) + other + token.slice(place + 1),
      ),
    );
    expect(tampered).toHaveLength(43 * 63);
    expect(tampered.filter((other) => tokens.verify(other) !== null)).toEqual([]);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['empty', ''],
    ['a list', [token]],
    ['an object', { toString: () => token }],
    ['cut short', token.slice(0, -1)],
    ['made longer', `${token}A`],
    ['padded', `${token}=`],
    ['a line longer', `${token}\n`],
    ['an id', ID],
    ['10 kB', 'A'.repeat(10_000)],
  ])('is refused when it is %s', (_name, value) => {
    expect(tokens.verify(value)).toBeNull();
  });

  it('of one order is of no use for another', () => {
    const [one, other] = [tokens.sign(newId()), tokens.sign(newId())];
    expect(tokens.verify(one.slice(0, 22) + other.slice(22))).toBeNull();
  });

  it('is good after a rotation, and new ones are signed with the new secret', () => {
    const before = createIdTokens([OLD], 'order-address');
    const rotated = createIdTokens([NEW, OLD], 'order-address');
    expect(rotated.verify(before.sign(ID))).toBe(ID);
    expect(rotated.sign(ID)).toBe(token);
    expect(before.verify(token)).toBeNull();
    expect(tokens.verify(before.sign(ID))).toBeNull();
  });

  it('is of no use for another purpose', () => {
    expect(createIdTokens([NEW], 'mail-link').verify(token)).toBeNull();
  });
});

describe('a random token', () => {
  it('has 256 bits and is another each time', () => {
    const made = Array.from({ length: 100 }, newSecretToken);
    expect(new Set(made).size).toBe(100);
    for (const one of made) expect(Buffer.from(one, 'base64url')).toHaveLength(32);
  });

  it('is kept as its SHA-256', () => {
    expect(hashToken('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});

test('a keyed hash can not be made without the secret, nor used for another purpose', () => {
  const hash = keyedHash(NEW, 'visitor', '192.0.2.1');
  expect(hash).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(keyedHash(NEW, 'visitor', '192.0.2.1')).toBe(hash);
  expect(keyedHash(OLD, 'visitor', '192.0.2.1')).not.toBe(hash);
  expect(keyedHash(NEW, 'limits', '192.0.2.1')).not.toBe(hash);
  expect(keyedHash(NEW, 'visitor', '192.0.2.2')).not.toBe(hash);
});

test('each purpose has a key of its own', () => {
  expect(derive(NEW, 'a')).toHaveLength(32);
  expect(derive(NEW, 'a').equals(derive(NEW, 'b'))).toBe(false);
});
