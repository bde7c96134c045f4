import fc from 'fast-check';
import { parseChoice } from '../../src/checkout/checkout-forms';

const TYPE = '0198c1f2-0000-7000-8000-0123456789ab';
const choose = (quantity: string, others: Record<string, string> = {}) =>
  parseChoice({ [`quantity.${TYPE}`]: quantity, ...others }, 'eur');

describe('B1: a quantity', () => {
  test.each([
    ...[
      '-1',
      '+1',
      '1.5',
      '1,5',
      '1e9',
      '1e0',
      'NaN',
      'Infinity',
      '-0',
      '0x10',
      '0b1',
      '01',
      '00',
      '１',
      '٣',
    ],
    ...['1 ', ' 1', '1\n', '1\u0000', '1n', '[1,2]', '1,2', '1000', '9007199254740993', 'null', 'true', '²'],
  ])('%j is refused with words at its field', (text) => {
    expect(choose(text)).toMatchObject({
      ok: false,
      form: { errors: { [`quantity.${TYPE}`]: 'Choose a number of tickets from the list.' } },
    });
  });

  test.each(['', ' ', '0'])('%j chooses nothing', (text) => {
    expect(choose(text)).toMatchObject({ ok: true, lines: [] });
  });

  test('is refused as a list (400)', () => {
    expect(() => parseChoice({ [`quantity.${TYPE}`]: ['1', '2'] }, 'eur')).toThrow('more than once');
  });

  test('is a whole number from 1 to 999 or no line, whatever is sent', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.double().map(String), fc.bigInt().map(String)),
        (text) => {
          const choice = choose(text);
          if (choice.ok)
            for (const { quantity } of choice.lines)
              expect(Number.isInteger(quantity) && quantity >= 1 && quantity <= 999).toBe(true);
        },
      ),
    );
  });
});

test('B3: fifty kinds of tickets at most, so that no sum can grow without end', () => {
  const many = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, n) => [
        `quantity.0198c1f2-0000-7000-8000-${String(n).padStart(12, '0')}`,
        '1',
      ]),
    );
  expect(parseChoice(many(50), 'eur').ok).toBe(true);
  expect(parseChoice(many(51), 'eur').ok).toBe(false);
});
