/**
 * Completes package-lock.json with the optional packages of other platforms (`node .ci/complete-lock.mjs`). Where the
 * package source offers only those of the platform at hand, `npm install` leaves the others out of the lock, and
 * `npm ci` then refuses it everywhere. Run it after each `npm install`.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = 'package-lock.json';
const SYSTEMS = [
  ...['darwin', 'linux', 'win32', 'freebsd', 'android', 'openharmony'],
  ...['openbsd', 'netbsd', 'sunos', 'aix'],
];

const lock = JSON.parse(readFileSync(FILE, 'utf8'));
const { packages } = lock;
let added = 0;
for (const [path, meta] of Object.entries({ ...packages })) {
  for (const [name, version] of Object.entries(meta.optionalDependencies ?? {})) {
    if (packages[`${path}/node_modules/${name}`] || packages[`node_modules/${name}`]) continue;
    const entry = /^\d/.test(version) ? entryOf(name, version, meta.dev) : null;
    if (!entry) {
      console.error(`Left out, its platform can't be read: ${name} ${version}`);
      continue;
    }
    packages[`node_modules/${name}`] = entry;
    added += 1;
  }
}
const [root, ...others] = Object.entries(packages);
others.sort(([a], [b]) => a.localeCompare(b, 'en'));
lock.packages = Object.fromEntries([root, ...others]);
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} added`);

/** "@swc/core-linux-x64-musl" → its system, processor and C library. */
function entryOf(name, version, dev) {
  const words = name
    .split('/')
    .pop()
    .replace(/^(resolver-)?(binding|core)-/, '')
    .split('-');
  const at = words.findIndex((word) => SYSTEMS.includes(word));
  const [os, cpu, abi = ''] = at < 0 ? [] : words.slice(at);
  if (!os || !cpu) return null;
  const libc = os === 'linux' && /^(gnu|musl)/.test(abi) ? [abi.startsWith('gnu') ? 'glibc' : 'musl'] : null;
  return {
    version,
    cpu: [cpu],
    ...(dev ? { dev } : {}),
    ...(libc ? { libc } : {}),
    optional: true,
    os: [os],
  };
}
