/** What docs/security.md refers to is there, and dependencies are what it says. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

test('every file that docs/security.md names exists', () => {
  const named = [
    ...read('docs/security.md').matchAll(/`([\w.-]+(?:\/[\w.-]*)+|[\w-]+\.mjs|\.env\.example)`/g),
  ]
    .map((match) => match[1]!)
    .filter((name) => !/^(?:Sec-|[A-Z])/.test(name));
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
});

test('each section of it says what is held, and by which test; what is not fully held says why', () => {
  const rows = read('docs/security.md')
    .split('\n')
    .filter((line) => /^\| \d/.test(line))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\||\|$/g, '').trim()));
  expect(rows.length).toBeGreaterThan(55);
  for (const [section, held, how, shown] of rows) {
    expect([section, held]).toEqual([section, expect.stringMatching(/^(yes|partly|no|outside|n\/a)$/)]);
    if (held === 'yes') expect([section, shown]).toEqual([section, expect.stringMatching(/`test\//)]);
    if (held !== 'n/a') expect([section, how!.length > 20]).toEqual([section, true]);
  }
});

test('dependencies are pinned exactly, and by hash in the lock', () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json'));
  const versions = Object.entries<string>({ ...dependencies, ...devDependencies, ...optionalDependencies });
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  // binaries of other platforms, which nobody has downloaded here, have no hash
  const locked = Object.entries<{ integrity?: string; optional?: boolean }>(
    JSON.parse(read('package-lock.json')).packages,
  );
  expect(
    locked
      .filter(([name, { integrity, optional }]) => name !== '' && !integrity && !optional)
      .map(([name]) => name),
  ).toEqual([]);
});

test('the lint rules that keep out what tests can not see are in force', () => {
  const rules = read('eslint.config.mjs');
  for (const rule of [
    'No template literal with values inside .raw(',
    'Locals are passed by name, never from a request',
    'z.coerce turns',
  ])
    expect(rules).toContain(rule);
});

test('views put out as it is only what is made by them or by a tested helper', () => {
  const folder = join(ROOT, 'views');
  const views = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /ejs$/.test(name),
  );
  const raw = views.flatMap((name) =>
    [...readFileSync(join(folder, name), 'utf8').matchAll(/<%-\s*([\w.]+)/g)].map((match) => match[1]!),
  );
  // a new one stands here once its maker escapes what strangers typed, and test/walked/stored-text.test.ts has seen it
  const made = [
    'include',
    'icon',
    'body',
    'page.jsonLd',
    'story',
    'qr',
    'setup.qr',
    'section.html',
    'button',
    'chart',
    'field',
  ];
  expect([...new Set(raw)].sort()).toEqual(made.sort());
});
