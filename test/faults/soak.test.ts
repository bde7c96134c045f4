/** The soak can fail: without a guard it finds the damage, and says so with its exit code. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildApp } from '../support/built-app';

test('twin: if payments were not settled, a soak would end with exit code 1, and name what is lost', async () => {
  const built = await buildApp({ entries: ['test/soak', 'test/faults/rig', 'test/support'] });
  try {
    const json = join(built.folder, 'report.json');
    const words = ['--minutes', '0.6', '--seed', '4', '--without', 'settling', '--json', json];
    const code = await new Promise((done) => {
      const soak = execFile(
        process.execPath,
        [join(built.folder, 'dist/test/soak/main.js'), ...words],
        (error) => done(error ? error.code : 0),
      );
      soak.stdout!.resume();
    });
    expect(code).toBe(1);
    const { mustBeZero } = JSON.parse(readFileSync(json, 'utf8')) as { mustBeZero: Record<string, number> };
    expect(mustBeZero['unmatchedPayments']).toBeGreaterThan(0);
  } finally {
    built.remove();
  }
}, 300_000);
