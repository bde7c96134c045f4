import { bytesToUuid, isUuid, newId, newReference, uuidToBytes } from '../../src/lib/ids';

describe('an id', () => {
  it('is a UUID of version 7 that carries the time', () => {
    const before = Date.now();
    const id = newId();
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const time = parseInt(id.replaceAll('-', '').slice(0, 12), 16);
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
  });

  it('comes after those that were made before, as text and as bytes', () => {
    const now = jest.spyOn(Date, 'now');
    const ids = [1_700_000_000_000, 1_700_000_000_001, 1_795_000_000_000, 0xffff_ffff_ffff].map((time) => {
      now.mockReturnValue(time);
      return newId();
    });
    now.mockRestore();
    expect([...ids].sort()).toEqual(ids);
    expect([...ids].sort((a, b) => Buffer.compare(uuidToBytes(a), uuidToBytes(b)))).toEqual(ids);
  });

  it('is another each time, also in one millisecond', () => {
    expect(new Set(Array.from({ length: 10_000 }, newId)).size).toBe(10_000);
  });

  it('comes back from its bytes', () => {
    const id = newId();
    expect(uuidToBytes(id)).toHaveLength(16);
    expect(bytesToUuid(uuidToBytes(id))).toBe(id);
  });

  it.each([
    ['an id', newId(), true],
    ['an id in capitals', newId().toUpperCase(), false],
    ['an id in braces', `{${newId()}}`, false],
    ['an id and a line', `${newId()}\n`, false],
    ['a list of an id', [newId()], false],
    ['nothing', undefined, false],
    ['a number', 7, false],
    ['empty', '', false],
  ])('%s', (_name, value, expected) => {
    expect(isUuid(value)).toBe(expected);
  });
});

test('a reference can be read aloud', () => {
  const references = Array.from({ length: 2000 }, newReference);
  expect(references.filter((reference) => !/^[2-9A-HJKMNP-TV-Z]{8}$/.test(reference))).toEqual([]);
  expect(new Set(references).size).toBe(2000);
});
