import fc from 'fast-check';
import { z } from 'zod';
import {
  cleanText,
  emailField,
  isWebAddress,
  optionalText,
  parseForm,
  readFields,
  textField,
  wholeNumber,
} from '../../src/http/forms';

const NUL = '\u0000';
/** any UTF-16 code unit, and the ones that do harm more often */
const nastyText = fc.string({
  unit: fc.oneof(
    fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    fc.constantFrom(NUL, '\ud83c', '\u0301', '\u202e', '\u200b', '\r', '\n', ' ', 'a', '👩'),
  ),
  maxLength: 40,
});

describe('the fields of a body', () => {
  it('are plain strings, without the token', () => {
    expect(readFields({ name: 'Ada', note: '', _csrf: 'x' })).toEqual({ name: 'Ada', note: '' });
    expect(readFields(undefined)).toEqual({});
    expect(readFields(null)).toEqual({});
  });

  it.each([
    ['came twice', ['a', 'b']],
    ['came twice the same', ['a', 'a']],
    ['is an object', { a: 'b' }],
    ['is a number', 7],
    ['is nothing', null],
  ])('are refused with 400 when one %s', (_name, value) => {
    expect(() => readFields({ ok: 'a', name: value })).toThrow(
      expect.objectContaining({
        status: 400,
        publicMessage:
          'The field "name" came more than once. Nothing was changed. Go back and send the form again.',
      }),
    );
  });

  it('do not reach the prototype of anything', () => {
    const body = Object.assign(Object.create(null), JSON.parse('{"__proto__": "x", "constructor": "y"}'));
    const fields = readFields(body);
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
    expect(fields.constructor).toBe('y');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe('a form', () => {
  const schema = z.object({
    name: textField({ required: 'Enter a name', max: 5 }),
    password: textField({ required: 'Enter a password', max: 50 }),
  });

  it('gives what was typed back with an error for each field, and never a secret', () => {
    const parsed = parseForm(schema, { name: ' Ada Byron ', password: '' }, { secret: ['password'] });
    expect(parsed).toEqual({
      ok: false,
      form: {
        values: { name: ' Ada Byron ' },
        errors: { name: 'Use at most 5 characters', password: 'Enter a password' },
      },
    });
  });

  it('asks for what is missing as for what is empty', () => {
    expect(parseForm(schema, {})).toMatchObject({
      ok: false,
      form: { errors: { name: 'Enter a name', password: 'Enter a password' } },
    });
  });

  it('lets nothing through that the schema does not name', () => {
    const parsed = parseForm(schema, { name: 'Ada', password: 'x', is_admin: 'true', role: 'owner' });
    expect(parsed.ok && parsed.data).toEqual({ name: 'Ada', password: 'x' });
  });

  it('says one thing for each field, the first', () => {
    const twice = z.object({ name: textField({ max: 1, tooLong: 'first' }).refine(() => false, 'second') });
    expect(parseForm(twice, { name: 'ab' })).toMatchObject({ form: { errors: { name: 'first' } } });
  });
});

describe('text is cleaned', () => {
  it.each([
    ['spaces around', '  Ada \u00a0', 'Ada'],
    ['a NUL', `A${NUL}da`, 'Ada'],
    ['controls and an escape sequence', '\u0007\u001b[31mA\u007f\u0085da', '[31mAda'],
    ['half a letter', 'A\ud83cda', 'A\ufffdda'],
    ['a direction override', 'Ada\u202egnp.exe', 'Adagnp.exe'],
    ['direction isolates and embeddings', '\u2066a\u2069\u202ab\u202c', 'ab'],
    ['a byte order mark', '\ufeffAda', 'Ada'],
    ['a decomposed letter', 'Ku\u0308nste', 'K\u00fcnste'],
    ['a mark that a control kept apart', `Ku${NUL}\u0308nste`, 'K\u00fcnste'],
    ['five hundred marks on a letter', `x${'\u0336'.repeat(500)}y`, `x${'\u0336'.repeat(8)}y`],
    ['marks that an alphabet needs', 'ก็\u0e49 नि', 'ก็\u0e49 नि'],
    ['a family, held together by joiners', '👩‍👩‍👧', '👩‍👩‍👧'],
    ['a non-joiner, which Persian needs', 'می‌خواهم', 'می‌خواهم'],
    ['Hebrew and Arabic', 'שלום سلام', 'שלום سلام'],
    ['line breaks in one line', 'a\r\nb\n\nc\td\u2028e', 'a b c d e'],
  ])('%s', (_name, text, clean) => {
    expect(cleanText(text)).toBe(clean);
  });

  it('keeps lines where there may be several', () => {
    expect(cleanText(' a\r\nb\rc\n\n\td ', { multiline: true })).toBe('a\nb\nc\n\n\td');
  });

  it('takes no longer on megabytes than their length, or this would not end in time', () => {
    expect(cleanText('x\u0301'.repeat(250_000)).length).toBeGreaterThan(0);
    expect(cleanText('\u0301'.repeat(500_000)).length).toBeGreaterThan(0);
    expect(cleanText(' '.repeat(1_000_000))).toBe('');
  });

  it('into something that Postgres can store and that is clean already', () => {
    fc.assert(
      fc.property(nastyText, fc.boolean(), (text, multiline) => {
        const clean = cleanText(text, { multiline });
        expect(clean.isWellFormed()).toBe(true);
        expect(clean).not.toMatch(/[\u0000\u202e]/);
        if (!multiline) expect(clean).not.toMatch(/[\r\n]/);
        expect(cleanText(clean, { multiline })).toBe(clean);
        expect(clean.normalize('NFC')).toBe(clean);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a text field', () => {
  const name = textField({ required: 'Enter a name', max: 5 });

  it.each([
    ['as many letters as it may', 'Künst', 'Künst'],
    ['letters of four bytes, each counted once', '🎻🎻🎻🎻🎻', '🎻🎻🎻🎻🎻'],
    ['what fits when it is clean', `  ${NUL}Künst\r\n`, 'Künst'],
    ['one letter', 'x', 'x'],
    ['punctuation', '?!', '?!'],
  ])('takes %s', (_name, text, value) => {
    expect(name.parse(text)).toBe(value);
  });

  it.each([
    ['nothing', '', 'Enter a name'],
    ['spaces', ' \t\u3000', 'Enter a name'],
    ['controls', `${NUL}\u202e`, 'Enter a name'],
    ['what nobody can see', '\u200b\u200d\u2060\u00ad', 'Enter a name'],
    ['a letter that is blank', '\u3164\u115f', 'Enter a name'],
    ['marks on nothing', '\u0301\u0302', 'Enter a name'],
    ['too much', 'Künste', 'Use at most 5 characters'],
    ['nothing at all', undefined, 'Enter a name'],
    ['a list', ['Ada'], 'Enter a name'],
  ])('refuses %s', (_name, text, message) => {
    expect(name.safeParse(text).error?.issues.map((issue) => issue.message)).toEqual([message]);
  });

  it('that is optional is empty when it is left out', () => {
    const note = optionalText({ max: 5 });
    expect([note.parse(undefined), note.parse(''), note.parse(' a ')]).toEqual(['', '', 'a']);
    expect(note.safeParse('Künste').success).toBe(false);
  });
});

describe('a mail address', () => {
  const email = emailField();

  it.each([
    ['ada@people.example', 'ada@people.example'],
    [' Ada.Byron+tickets@People.Example ', 'ada.byron+tickets@people.example'],
    ["o'brien@people.example", "o'brien@people.example"],
    ['käthe@künste.example', 'käthe@künste.example'],
    ['ka\u0308the@people.example', 'käthe@people.example'],
    ['用户@例子.example', '用户@例子.example'],
    [`${'a'.repeat(64)}@people.example`, `${'a'.repeat(64)}@people.example`],
    ['ada@people.example\r\n', 'ada@people.example'],
  ])('%j is %s', (text, value) => {
    expect(email.parse(text)).toBe(value);
  });

  it.each([
    'ada',
    'ada@',
    '@people.example',
    'ada@people',
    'ada@people.',
    'ada@.example',
    'ada@people..example',
    'ada@@people.example',
    'ada@b@people.example',
    'ada byron@people.example',
    'ada@people.example,grace@people.example',
    'ada@people.example;grace@people.example',
    'ada@people.example grace@people.example',
    'Ada <ada@people.example>',
    '"Ada" <ada@people.example>',
    '"ada"@people.example',
    '<ada@people.example>',
    'ada(comment)@people.example',
    'ada@[192.0.2.1]',
    'mailto:ada@people.example',
    'ada@people.example\r\nBcc: grace@people.example',
    'ada@people.example\nBcc:grace@people.example',
    'ada\r@people.example',
    `ada${NUL}@people.example`,
    'ada\u202e@people.example',
    'ada\u200b@people.example',
    'ada\ud83c@people.example',
    `${'a'.repeat(250)}@people.example`,
  ])('%j is refused', (text) => {
    expect(email.safeParse(text).error?.issues.map((issue) => issue.message)).toEqual([
      'Enter an email address in the correct format, like name@example.com',
    ]);
  });

  it('that is empty is asked for', () => {
    for (const text of ['', '  ', undefined])
      expect(emailField('Enter your email').safeParse(text).error?.issues[0]?.message).toBe(
        'Enter your email',
      );
  });

  it('is in lower case for good, as the database asks for', () => {
    fc.assert(
      fc.property(nastyText, (local) => {
        const parsed = email.safeParse(`${local}@people.example`);
        if (parsed.success) expect(parsed.data).toBe(parsed.data.normalize('NFC').toLowerCase());
      }),
    );
  });

  it('is checked in time, whatever is sent', () => {
    for (const text of [`a@${'a.'.repeat(50_000)}`, `${'a'.repeat(100_000)}@`, `a@${'.'.repeat(100_000)}`])
      expect(email.safeParse(text).success).toBe(false);
  });
});

describe('a whole number', () => {
  const quantity = wholeNumber({ required: 'Enter how many', min: 1, max: 100 });

  it.each([
    ['1', 1],
    ['100', 100],
    [' 7 ', 7],
    ['007', 7],
  ])('%j is %d', (text, value) => {
    expect(quantity.parse(text)).toBe(value);
  });

  it.each([
    '0',
    '101',
    '-1',
    '+1',
    '1.5',
    '1.0',
    '1,5',
    '1 000',
    '1e9',
    '1e1',
    'NaN',
    'Infinity',
    '0x10',
    '0b1',
    '１',
    '٣',
    '1n',
    '9007199254740993',
    '99999999999999999999',
    '1;2',
    '[1,2]',
  ])('%j is refused', (text) => {
    expect(quantity.safeParse(text).error?.issues.map((issue) => issue.message)).toEqual([
      'Enter a whole number from 1 to 100',
    ]);
  });

  it.each([
    ['', ['Enter how many']],
    [' ', ['Enter how many']],
    [undefined, ['Enter how many']],
    [[1, 2], ['Enter how many']],
    [7, ['Enter how many']],
  ])('%j is asked for', (value, messages) => {
    expect(quantity.safeParse(value).error?.issues.map((issue) => issue.message)).toEqual(messages);
  });

  it('is never anything but a whole number between its ends', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.maxSafeInteger().map(String)), (text) => {
        const parsed = quantity.safeParse(text);
        if (parsed.success)
          expect(Number.isInteger(parsed.data) && parsed.data >= 1 && parsed.data <= 100).toBe(true);
      }),
    );
  });
});

test.each([
  ['https://people.example', true],
  ['http://people.example/a?b#c', true],
  ['https://künste.example', true],
  ['people.example', false],
  ['javascript:alert(1)//people.example', false],
  [' javascript:alert(1)', false],
  ['data:text/html,people.example', false],
  ['ftp://people.example', false],
  ['https://localhost', false],
  ['https://ada:secret@people.example', false],
  ['https://', false],
  ['', false],
])('%j can be linked to: %s', (text, expected) => {
  expect(isWebAddress(text)).toBe(expected);
});
