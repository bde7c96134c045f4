import fc from 'fast-check';
import { detailsForm, parseChoice } from '../../src/checkout/checkout-forms';

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

describe('the other fields of a choice', () => {
  const chosen = (fields: Record<string, string>) => {
    const choice = choose('2', fields);
    return choice.ok ? choice.lines : choice.form.errors;
  };
  const line = { ticketTypeId: TYPE, quantity: 2, shownPrice: null, amount: null };

  test.each([
    ['2000', 2000n],
    ['0', 0n],
    ['123456789012', 123_456_789_012n],
    ['1234567890123', null],
    ['-1', null],
    ['20.00', null],
    ['20 €', null],
    ['', null],
  ])('the price that was shown: %j', (price, shownPrice) => {
    expect(chosen({ [`price.${TYPE}`]: price })).toEqual([{ ...line, shownPrice }]);
  });

  test('no price, and no amount, is none', () => {
    expect(chosen({})).toEqual([line]);
    expect(chosen({ [`amount.${TYPE}`]: ' ' })).toEqual([line]);
    expect(chosen({ [`amount.${TYPE}`]: '12.50' })).toEqual([{ ...line, amount: 1250n }]);
    expect(chosen({ [`amount.${TYPE}`]: 'a lot' })).toEqual({
      [`amount.${TYPE}`]: 'Enter an amount, such as 12 or 12.50.',
    });
  });

  test('what is no ticket of anybody is refused, and other fields are not looked at', () => {
    expect(chosen({ 'quantity.box': '1' })).toEqual({
      form: 'These tickets are not on sale here. Choose from the list.',
    });
    expect(chosen({ [`the quantity.${TYPE}`]: '1', name: 'Ada', 'quantity.': '1' })).toEqual([line]);
  });

  test('the version of the terms is kept, and an empty one is none', () => {
    const details = { name: 'Ada', email: 'ada@example.com' };
    expect(detailsForm.parse({ ...details, terms: 'v1' }).terms).toBe('v1');
    for (const terms of ['', undefined]) expect(detailsForm.parse({ ...details, terms }).terms).toBeNull();
  });
});
