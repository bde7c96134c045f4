import { csvLine } from '../../src/lib/csv';

it('quotes every field and doubles quotes inside', () => {
  expect(csvLine(['Ada', 'says "no", twice', 3, 20n, null, 'two\nlines'])).toBe(
    '"Ada","says ""no"", twice","3","20","","two\nlines"\r\n',
  );
});

it.each(['=1+1', '+49', '-2', '@SUM(A1)', ' =1', '\t=1', '\r=1', '\n1', '＝1+1', '|calc', '\u00a0=1'])(
  'keeps a spreadsheet from reading %j as a formula',
  (text) => {
    expect(csvLine([text])).toBe(`"'${text}"\r\n`);
  },
);

it.each(['a=b', 'Ada - Byron', '2026-11-20T10:00:00.000Z', '{"a":1}'])('leaves %j as it is', (text) => {
  expect(csvLine([text])).toBe(`"${text.replaceAll('"', '""')}"\r\n`);
});
