/** docs/promises.md names tests: they are there, and every fault that we speak of has its row. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const text = readFileSync(join(ROOT, 'docs/promises.md'), 'utf8');

const ROWS = {
  C: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 17, 18],
  S: [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18],
  W: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 18, 19, 20],
  P: [1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 14, 15, 16, 17, 18],
};

const named = [...text.matchAll(/`(test\/[\w./-]+\.test\.ts)`((?: ?“[^”]*”)+)/g)].flatMap(([, file, names]) =>
  [...names!.matchAll(/“([^”]*)”/g)].map(([, name]) => [file!, name!] as const),
);

test('it names many tests', () => {
  expect(named.length).toBeGreaterThan(80);
});

test.each(named)('%s has “%s”', (file, name) => {
  expect(existsSync(join(ROOT, file))).toBe(true);
  expect(readFileSync(join(ROOT, file), 'utf8').includes(name)).toBe(true);
});

test.each(Object.entries(ROWS))('every fault of group %s has a row', (group, numbers) => {
  const rows = [...text.matchAll(/^\| ((?:[CSWP]\d+(?:, )?)+) /gm)].flatMap(([, ids]) => ids!.split(', '));
  expect(numbers.map((n) => `${group}${n}`).filter((id) => !rows.includes(id))).toEqual([]);
});
