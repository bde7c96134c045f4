import fc from 'fast-check';
import { slugFrom, slugWithTail } from '../../src/lib/slugs';

test.each([
  ["Ada's Lecture – Künste", 'adas-lecture-kunste'],
  ['Ada’s Lecture', 'adas-lecture'],
  ['  What?!  Now…  ', 'what-now'],
  ['Straße', 'strasse'],
  ['STRAẞE', 'strasse'],
  ['Ærø & Łódź', 'aero-lodz'],
  ['Smørrebrød', 'smorrebrod'],
  ['Œuvre', 'oeuvre'],
  ['Ünïcödé e\u0301tude', 'unicode-etude'],
  ['ﬁrst ½ ２０２６', 'first-1-2-2026'],
  ['100 % free', '100-free'],
  ['../../etc/passwd', 'etc-passwd'],
  ['<script>alert(1)</script>', 'script-alert-1-script'],
  ['東京の夜', 'event'],
  ['🎻', 'event'],
  ['---', 'event'],
  ['', 'event'],
  ['\0\ud83c', 'event'],
])('%j is %s in an address', (text, slug) => {
  expect(slugFrom(text)).toBe(slug);
});

test('a long title is cut, and does not end in a dash', () => {
  expect(slugFrom('a'.repeat(100))).toBe('a'.repeat(60));
  expect(slugFrom(`${'a'.repeat(59)} b`)).toBe('a'.repeat(59));
});

/** Any UTF-16 code unit: halves of letters, too. */
const codeUnit = fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit));

test('whatever the title, the address needs no escaping', () => {
  fc.assert(
    fc.property(fc.string({ unit: codeUnit }), (text) => {
      const slug = slugFrom(text);
      return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(slug) && slugFrom(slug) === slug;
    }),
  );
});

test('a tail makes it another each time', () => {
  const slugs = Array.from({ length: 50 }, () => slugWithTail('A lecture'));
  for (const slug of slugs) expect(slug).toMatch(/^a-lecture-[0-9a-f]{6}$/);
  expect(new Set(slugs).size).toBe(50);
});
